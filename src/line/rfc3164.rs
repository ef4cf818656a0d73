//! `Nov 24 02:04:04`: the traditional stamp, which tells neither year nor zone.
//!
//! Also with a single-digit day (`Nov  4`, `Nov 4`), with a fraction of a second, and with a year before or after the
//! time (`Nov 24 2026 02:04:04`, `Nov 24 02:04:04 2026`).

use super::civil::days_in;
use super::stamp::{Cursor, Stamp, Yearless};

/// Reads the stamp at the cursor. None if there is none.
pub(crate) fn stamp(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let month = month(cursor)?;
    if !cursor.blanks() {
        return None;
    }
    let first = cursor.digits(1)?;
    let day = match cursor.peek() {
        Some(b'0'..=b'9') => first * 10 + cursor.digits(1)?,
        _ => first,
    };
    if !cursor.blanks() || !(1..=31).contains(&day) {
        return None;
    }
    let before = year(cursor);
    let milliseconds = cursor.time()?;
    if !matches!(cursor.peek(), None | Some(b' ' | b'\t')) {
        return None;
    }
    let stamp = Yearless {
        month,
        day,
        milliseconds,
    };
    let year = before.or_else(|| {
        let mut after = *cursor;
        after.blanks();
        let year = year(&mut after)?;
        // Back to the blank, which the host needs before it.
        cursor.at = after.at - 1;
        Some(year)
    });
    match year {
        Some(year) => stamp.in_year(i64::from(year)).map(Stamp::Wall),
        // A leap year has every day that any year has.
        None => (day <= days_in(2000, month)).then_some(Stamp::Yearless(stamp)),
    }
}

/// `2026 ` and the blank after it. A host may have a name of digits, so the year must be a likely one.
fn year(cursor: &mut Cursor<'_>) -> Option<u32> {
    let mut ahead = *cursor;
    let year = ahead.digits(4).filter(|year| (1990..2100).contains(year))?;
    if !ahead.blanks() {
        return None;
    }
    *cursor = ahead;
    Some(year)
}

fn month(cursor: &mut Cursor<'_>) -> Option<u32> {
    let name = cursor.bytes.get(cursor.at..cursor.at + 3)?;
    cursor.at += 3;
    Some(match name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}
