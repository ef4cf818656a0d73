//! Stamps and the ids that tell the time.

/// Microseconds since 1970, UTC.
pub(crate) type Micros = u64;

pub(crate) const SECOND: Micros = 1_000_000;
pub(crate) const MILLI: Micros = 1_000;
pub(crate) const MINUTE: Micros = 60 * SECOND;

/// 2026-11-02T06:00:00Z, a Monday.
pub(crate) const BEGIN: Micros = 1_793_599_200 * SECOND;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Year, month (1 to 12), day, hour, minute, second.
pub(crate) fn civil(at: Micros) -> [u64; 6] {
    let seconds = at / SECOND;
    // Days since 0000-03-01, after Howard Hinnant's `civil_from_days`.
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let second = seconds % 86_400;
    [year, month, day, second / 3_600, second / 60 % 60, second % 60]
}

/// `Nov  2 06:00:00`
pub(crate) fn rfc3164(at: Micros) -> String {
    let [_, month, day, hour, minute, second] = civil(at);
    let month = MONTHS[usize::try_from(month - 1).unwrap_or_default()];
    format!("{month} {day:>2} {hour:02}:{minute:02}:{second:02}")
}

/// `2026-11-02T06:00:00.123456+00:00`, as rsyslog writes it.
pub(crate) fn rfc3339(at: Micros) -> String {
    let [year, month, day, hour, minute, second] = civil(at);
    let micros = at % SECOND;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}+00:00")
}

const LONG: &[u8] = b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

fn in_base(mut number: u64, base: u64, width: usize) -> String {
    let mut letters = Vec::new();
    while number > 0 || letters.len() < width {
        letters.push(char::from(LONG[usize::try_from(number % base).unwrap_or_default()]));
        number /= base;
    }
    letters.iter().rev().collect()
}

/// Postfix with `enable_long_queue_ids = yes`.
pub(crate) fn long_id(at: Micros, inode: u64) -> String {
    let (seconds, micros) = (in_base(at / SECOND, 52, 6), in_base(at % SECOND, 52, 4));
    format!("{seconds}{micros}z{}", in_base(inode, 51, 1))
}

/// Postfix without.
pub(crate) fn short_id(at: Micros, inode: u64) -> String {
    format!("{:05X}{inode:X}", at % SECOND)
}

/// sendmail: the time, a sequence of the process, and the process.
pub(crate) fn sendmail_id(at: Micros, sequence: u64, pid: u64) -> String {
    const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx";
    let letter = |number: u64| char::from(LETTERS[usize::try_from(number % 60).unwrap_or_default()]);
    let [year, month, day, hour, minute, second] = civil(at);
    let time: String = [year - 1900, month - 1, day, hour, minute, second]
        .map(letter)
        .iter()
        .collect();
    format!("{time}{}{}{pid:06}", letter(sequence / 60), letter(sequence))
}
