//! `<22>1 2026-11-24T02:04:04.455556+00:00 mx1 postfix/smtpd 277 - -  connect from ...`: the new syslog format.
//!
//! Stock rsyslog ends the program at a slash (`postfix` alone) and leaves the blank of the traditional form before
//! the text. Fields that are not told are `-`. Structured data is stepped over.

use super::header::Header;
use super::stamp::{Cursor, number};
use super::{rfc3339, tag};

/// Reads the header at the cursor, which stands on the version. None if it is none, or if it tells no time.
pub(crate) fn header<'a>(cursor: &mut Cursor<'a>) -> Option<Header<'a>> {
    let version = cursor.word()?;
    if version.len() > 2 || number(version).is_none_or(|version| version == 0) || !cursor.take(b' ') {
        return None;
    }
    let stamp = rfc3339::stamp(cursor)?;
    let host = field(cursor)?;
    let program = field(cursor)?;
    let pid = number(field(cursor)?);
    field(cursor)?; // MSGID
    cursor.blanks();
    structured_data(cursor)?;
    cursor.blanks();
    if cursor.rest().starts_with(b"\xef\xbb\xbf") {
        cursor.at += 3;
        cursor.blanks();
    }
    tag::message_id(cursor);
    Some(Header {
        stamp,
        host,
        program,
        pid,
        text: cursor.at,
    })
}

/// The next word after blanks; empty for `-`.
fn field<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    if !cursor.blanks() {
        return None;
    }
    let word = cursor.word()?;
    Some(if word == b"-" { &[] } else { word })
}

/// `-`, or `[id name="value"][id ...]`, where `\` escapes `"`, `\` and `]` in a value.
fn structured_data(cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.take(b'-') {
        return matches!(cursor.peek(), None | Some(b' ' | b'\t')).then_some(());
    }
    if cursor.peek() != Some(b'[') {
        return None;
    }
    while cursor.take(b'[') {
        let mut quoted = false;
        loop {
            let byte = cursor.peek()?;
            cursor.at += 1;
            match byte {
                b'\\' if quoted => cursor.at += 1,
                b'"' => quoted = !quoted,
                b']' if !quoted => break,
                _ => {}
            }
        }
    }
    Some(())
}
