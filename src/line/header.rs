//! The header of a line, whatever its format: found out per line, since the week of an upgrade has both in one file.
//!
//! In: the bytes of a line. Out: [`Header`], which borrows from them.

use super::last_stamp::LastStamp;
use super::stamp::{Cursor, Stamp};
use super::{flow, rfc3164, rfc3339, rfc5424, tag};

/// What stands before the message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'a> {
    /// The time, as far as it is told.
    pub(crate) stamp: Stamp,
    /// As written; empty if there is none.
    pub(crate) host: &'a [u8],
    /// The tag without pid; empty if there is none.
    pub(crate) program: &'a [u8],
    /// Where the tag has a number.
    pub(crate) pid: Option<u32>,
    /// Where the message begins.
    pub(crate) text: usize,
}

impl<'a> Header<'a> {
    /// True if the stamp tells year and zone.
    pub(crate) fn is_absolute(&self) -> bool {
        matches!(self.stamp, Stamp::Absolute(_))
    }

    /// Reads a line without its line end. None if it has no header that tells a time.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        Self::noted(line, |_, _| {})
    }

    /// As [`Header::read`], quicker for a line that has the stamp of the line before it.
    pub(crate) fn read_after(line: &'a [u8], last: &mut LastStamp) -> Option<Self> {
        match last.at_head_of(line) {
            Some((stamp, at)) => Self::behind(stamp, 0, &mut Cursor { bytes: line, at }),
            None => Self::noted(line, |stamp, end| last.note(line, stamp, end)),
        }
    }

    /// Tells a stamp with which the line begins, and where it ends.
    fn noted(line: &'a [u8], note: impl FnOnce(Stamp, usize)) -> Option<Self> {
        // A log that was truncated under its writer's hands begins with a hole of NULs.
        let hole = line.iter().take_while(|byte| **byte == 0).count();
        let mut cursor = Cursor { bytes: line, at: hole };
        priority(&mut cursor);
        let begin = cursor.at;
        let stamp = match (cursor.peek()?, line.get(cursor.at + 4)) {
            (b'0'..=b'9', Some(b'-')) => rfc3339::stamp(&mut cursor)?,
            (b'0'..=b'9', _) => return rfc5424::header(&mut cursor),
            _ => rfc3164::stamp(&mut cursor)?,
        };
        if begin == 0 {
            note(stamp, cursor.at);
        }
        Self::behind(stamp, begin, &mut cursor)
    }

    /// What follows the stamp, which stands at `begin`.
    fn behind(stamp: Stamp, begin: usize, cursor: &mut Cursor<'a>) -> Option<Self> {
        if !cursor.blanks() {
            return None;
        }
        if cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) && flow::is_flow(cursor.rest()) {
            return Some(Self {
                stamp,
                host: &[],
                program: flow::PROGRAM,
                pid: None,
                text: begin,
            });
        }
        priority(cursor); // FreeBSD's `syslogd -v` writes it here.
        let before = cursor.at;
        let mut host = cursor.word()?;
        if tag::is_tag(host) {
            host = &[];
            cursor.at = before;
        }
        cursor.blanks();
        let (program, pid) = tag::tag(cursor);
        tag::message_id(cursor);
        Some(Self {
            stamp,
            host,
            program,
            pid,
            text: cursor.at,
        })
    }
}

/// Steps over `<22>` or `<mail.notice>` and blanks after it.
fn priority(cursor: &mut Cursor<'_>) {
    let rest = cursor.rest();
    if rest.first() != Some(&b'<') {
        return;
    }
    let head = rest.get(1..rest.len().min(20)).unwrap_or_default();
    let Some(end) = head.iter().position(|byte| *byte == b'>') else {
        return;
    };
    let inner = head.get(..end).unwrap_or_default();
    if inner.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.') {
        cursor.at += end + 2;
        cursor.blanks();
    }
}

/// `message repeated 3 times: [ TEXT]`: how often, and where in `line` the repeated text stands.
///
/// `text` is where the message begins. None for any other message, and for a count of 0.
pub(crate) fn repeated(line: &[u8], text: usize) -> Option<(u32, std::ops::Range<usize>)> {
    let rest = line.get(text..)?.strip_prefix(b"message repeated ")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let inner = rest.get(digits..)?.strip_prefix(b" times: [")?.strip_suffix(b"]")?;
    let count = super::stamp::number(rest.get(..digits)?).filter(|count| *count > 0)?;
    let blanks = inner.iter().take_while(|byte| **byte == b' ').count();
    let end = line.len() - 1;
    Some((count, end - inner.len() + blanks..end))
}
