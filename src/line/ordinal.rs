//! The how-manieth of equal lines in one second.
//!
//! A log without fractions of seconds holds truly equal lines (23 `connect` of one process in a second were seen);
//! they are several events. Only the last seconds are remembered, since the lines of a host are nearly in order.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use super::Line;

/// Two generations are kept; the younger one becomes the older one after so many seconds of log time...
const SECONDS: i64 = 10;
/// ... or different lines.
const LINES: usize = 65_536;

/// Counts equal lines. The key is 64 bits of a seeded hash: nobody can make lines that meet in it.
#[derive(Debug, Default)]
pub(crate) struct Ordinals {
    hasher: RandomState,
    young: HashMap<u64, u16>,
    old: HashMap<u64, u16>,
    since: i64,
}

impl Ordinals {
    /// The ordinal of this line, which is counted. `line.ordinal` itself plays no part.
    pub(crate) fn next(&mut self, line: &Line) -> u16 {
        let second = line.at.second();
        if second >= self.since.saturating_add(SECONDS) || self.young.len() >= LINES {
            self.old.clear();
            std::mem::swap(&mut self.old, &mut self.young);
            self.since = self.since.max(second);
        }
        let key = self.key(line);
        let ordinal = match (self.young.get(&key), self.old.get(&key)) {
            (Some(last), _) | (None, Some(last)) => last.saturating_add(1),
            (None, None) => 0,
        };
        self.young.insert(key, ordinal);
        ordinal
    }

    /// What [`super::Digest::of_line`] looks at, without the ordinal.
    fn key(&self, line: &Line) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        line.at.second().hash(&mut hasher);
        line.pid.hash(&mut hasher);
        line.host.as_bytes().hash(&mut hasher);
        line.program_head().as_bytes().hash(&mut hasher);
        hasher.write(line.text());
        hasher.finish()
    }
}
