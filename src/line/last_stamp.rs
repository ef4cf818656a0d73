//! The stamp of the line before: dozens of lines have the same one, which needs to be read once.

use super::stamp::Stamp;

/// The longest stamp that is kept; RFC 3339 with microseconds and zone has 32 bytes.
const LONGEST: usize = 40;

/// A stamp as written, with the blank behind it, and what it tells.
#[derive(Debug, Default)]
pub(crate) struct LastStamp {
    written: Vec<u8>,
    stamp: Option<Stamp>,
}

impl LastStamp {
    /// The stamp of this line and where it ends, if it is the one before.
    pub(crate) fn at_head_of(&self, line: &[u8]) -> Option<(Stamp, usize)> {
        let end = self.written.len().checked_sub(1)?;
        let same = line.starts_with(&self.written) && is_followed_by_a_letter(line, end);
        self.stamp.filter(|_| same).map(|stamp| (stamp, end))
    }

    /// Keeps the stamp with which the line begins, and which ends before `end`.
    pub(crate) fn note(&mut self, line: &[u8], stamp: Stamp, end: usize) {
        self.written.clear();
        if end < LONGEST && is_followed_by_a_letter(line, end) {
            self.written.extend_from_slice(line.get(..=end).unwrap_or_default());
            self.stamp = Some(stamp);
        }
    }
}

/// Anything else behind the blank may belong to the stamp: a zone, or the year in `Nov 24 02:04:04 2026`.
fn is_followed_by_a_letter(line: &[u8], end: usize) -> bool {
    line.get(end) == Some(&b' ') && line.get(end + 1).is_some_and(u8::is_ascii_alphabetic)
}
