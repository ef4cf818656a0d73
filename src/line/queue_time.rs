//! Queue ids that tell their own time.
//!
//! Postfix's long ids (`enable_long_queue_ids = yes`) and sendmail's ids are made from the clock and do not come
//! back. Postfix's short ids hold only the microseconds of a second and are reused: nothing is guessed from them.
//!
//! In: a queue id as logged. Out: the [`Moment`] that it tells.

use super::Moment;
use super::civil::{DAY, midnight};

/// The time that a queue id tells. None for an id that tells none (Postfix's short ids), is none, or tells a time
/// outside 2000 to 2059.
///
/// * Postfix, long (`src/global/mail_queue.h`, `MQID_LG_*`): six letters of seconds, four of microseconds, both base
///   52, then `z` and the inode, base 51, which has no `z`. The moment that the queue file was made.
///   `4jYRVX2ky8z1Wg27` is 1795487124.386576.
/// * sendmail (`sendmail/queue.c`, `assign_queueid`): year since 1900 modulo 60, month from 0, day, hour, minute and
///   second in UTC, each one letter of `0-9A-Za-x`; two letters of a sequence; six or more digits of a process id.
///   `6AO2PNgV000084` is 2026-11-24 02:25:23. The moment that the *process* took its base: never later than the
///   mail, at times much earlier, so not a time of arrival.
///
/// A sendmail id in which only `0-9A-F` occur (one in 600) could be a short Postfix id with a long inode, so it tells
/// nothing.
pub fn of_queue_id(id: &str) -> Option<Moment> {
    of_bytes(id.as_bytes())
}

fn of_bytes(bytes: &[u8]) -> Option<Moment> {
    if bytes.len() < 12 || bytes.len() > 32 {
        return None;
    }
    of_postfix(bytes)
        .or_else(|| of_sendmail(bytes))
        .filter(|at| (YEAR_2000..YEAR_2060).contains(&at.second()))
}

/// The queue id at the head of a message, `ID: ...`, if it has the form of one that tells its time. `leading`: how many
/// letters and digits the message begins with.
pub(crate) fn at_head_of(text: &[u8], leading: Option<usize>) -> Option<Moment> {
    let end = leading.filter(|end| *end >= 12 && text.get(*end) == Some(&b':'))?;
    of_bytes(text.get(..end)?)
}

const YEAR_2000: i64 = 946_684_800;
const YEAR_2060: i64 = 2_840_140_800;
const SECOND_LETTERS: usize = 6;
const MICROSECOND_LETTERS: usize = 4;

fn of_postfix(id: &[u8]) -> Option<Moment> {
    let time = SECOND_LETTERS + MICROSECOND_LETTERS;
    let (seconds, rest) = id.split_at_checked(SECOND_LETTERS)?;
    let (microseconds, inode) = rest.split_at_checked(MICROSECOND_LETTERS)?;
    // The last `z` is the separator; until the year 2596 it stands here.
    if memchr::memrchr(b'z', id) != Some(time) || inode.len() < 2 {
        return None;
    }
    if !inode.iter().all(|letter| base_52(*letter).is_some()) {
        return None;
    }
    let number = |letters: &[u8]| {
        letters
            .iter()
            .try_fold(0_i64, |sum, letter| Some(sum * 52 + base_52(*letter)?))
    };
    let microseconds = number(microseconds).filter(|count| *count < 1_000_000)?;
    Some(Moment(number(seconds)? * 1000 + microseconds / 1000))
}

/// `0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z`: digits and consonants, so that no id is a word.
fn base_52(letter: u8) -> Option<i64> {
    /// By letter: its value, or 52.
    const VALUES: [u8; 256] = {
        const LETTERS: &[u8; 52] = b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
        let mut values = [52; 256];
        let mut value = 0_u8;
        while value < 52 {
            values[LETTERS[value as usize] as usize] = value;
            value += 1;
        }
        values
    };
    let value = VALUES[usize::from(letter)];
    (value < 52).then_some(i64::from(value))
}

fn of_sendmail(id: &[u8]) -> Option<Moment> {
    let (letters, process) = id.split_at_checked(8)?;
    if !(6..=10).contains(&process.len()) || !process.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let [year, month, day, hour, minute, second, high, low] = *letters else {
        return None;
    };
    if letters.iter().all(|letter| matches!(letter, b'0'..=b'9' | b'A'..=b'F')) {
        return None;
    }
    base_60(high)?;
    base_60(low)?;
    let (hour, minute, second) = (base_60(hour)?, base_60(minute)?, base_60(second)?);
    if hour > 23 {
        return None;
    }
    // Modulo 60: 40 to 59 are 2000 to 2019, 0 to 39 are 2020 to 2059.
    let year = match base_60(year)? {
        count @ 40.. => 1960 + count,
        count => 2020 + count,
    };
    let date = midnight(i64::from(year), base_60(month)? + 1, base_60(day)?)?;
    let time = i64::from(hour * 3600 + minute * 60 + second);
    debug_assert!(time < DAY, "hour, minute and second are bounded by their letters");
    Some(Moment::from_second(date + time))
}

/// `0-9A-Za-x`.
fn base_60(letter: u8) -> Option<u32> {
    Some(match letter {
        b'0'..=b'9' => u32::from(letter - b'0'),
        b'A'..=b'Z' => u32::from(letter - b'A') + 10,
        b'a'..=b'x' => u32::from(letter - b'a') + 36,
        _ => return None,
    })
}
