//! `2026-11-24T02:04:04.455556+00:00`: rsyslog's default since Debian 12, and the stamp of RFC 5424.
//!
//! Also with a blank instead of `T`, with `Z`, `+0100` or `+01`, with a comma before the fraction, and without a
//! zone, which is then the reader's.

use super::civil::midnight;
use super::stamp::{Cursor, Stamp};

/// Reads the stamp at the cursor. None if there is none.
pub(crate) fn stamp(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let year = cursor.digits(4)?;
    let month = cursor.take(b'-').then(|| cursor.digits(2))??;
    let day = cursor.take(b'-').then(|| cursor.digits(2))??;
    if !(cursor.take(b'T') || cursor.take(b't') || cursor.take(b' ')) {
        return None;
    }
    let wall = midnight(i64::from(year), month, day)? * 1000 + cursor.time()?;
    let mut after = *cursor;
    // `2026-11-24 02:04:04 +0100 mx1 ...`
    if after.blanks()
        && matches!(after.peek(), Some(b'+' | b'-'))
        && let Some(offset) = offset(&mut after)
    {
        *cursor = after;
        return Some(Stamp::Absolute(wall - offset * 1000));
    }
    if matches!(cursor.peek(), None | Some(b' ' | b'\t')) {
        return Some(Stamp::Wall(wall));
    }
    Some(Stamp::Absolute(wall - offset(cursor)? * 1000))
}

/// `Z`, `+01:00`, `-0500` or `+01` before a blank or the end, in seconds east of Greenwich.
fn offset(cursor: &mut Cursor<'_>) -> Option<i64> {
    let seconds = if cursor.take(b'Z') || cursor.take(b'z') {
        0
    } else {
        let west = cursor.take(b'-');
        if !west && !cursor.take(b'+') {
            return None;
        }
        let hours = cursor.digits(2)?;
        let minutes = if cursor.take(b':') || cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            cursor.digits(2)?
        } else {
            0
        };
        if hours > 23 || minutes > 59 {
            return None;
        }
        let seconds = i64::from(hours * 3600 + minutes * 60);
        if west { -seconds } else { seconds }
    };
    matches!(cursor.peek(), None | Some(b' ' | b'\t')).then_some(seconds)
}
