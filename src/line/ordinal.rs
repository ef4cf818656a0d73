//! The how-manieth of equal lines in one second.
//!
//! A log without fractions of seconds holds truly equal lines (23 `connect` of one process in a second were seen);
//! they are several events. Only the last seconds are remembered, since the lines of a host are nearly in order.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use super::Line;
use super::polynomial::Polynomial;

/// Two generations are kept; the younger one becomes the older one after so many seconds of log time...
const SECONDS: i64 = 10;
/// ... or different lines.
const LINES: usize = 65_536;

type Counts = HashMap<u64, u16, BuildHasherDefault<Hashed>>;

/// Counts equal lines. The key is a hash with a secret: nobody can make lines that meet in it.
#[derive(Debug)]
pub(crate) struct Ordinals {
    /// Of this pass.
    secret: u64,
    young: Counts,
    old: Counts,
    since: i64,
    /// How many generations there were.
    generation: u64,
}

impl Default for Ordinals {
    fn default() -> Self {
        Self {
            secret: RandomState::new().build_hasher().finish(),
            young: Counts::default(),
            old: Counts::default(),
            since: 0,
            generation: 0,
        }
    }
}

impl Ordinals {
    /// Rises with the line that begins a generation. A reading that begins with the first line of the generation
    /// before this one counts on as if it had read everything.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The second at which this generation began.
    pub(crate) fn since(&self) -> i64 {
        self.since
    }

    /// Begins with the first line of a generation, of which [`Self::since`] was told.
    pub(crate) fn resume(&mut self, since: i64) {
        self.since = since;
    }

    /// The ordinal of this line, which is counted. `line.ordinal` itself plays no part.
    pub(crate) fn next(&mut self, line: &Line) -> u16 {
        let second = line.at.second();
        if second >= self.since.saturating_add(SECONDS) || self.young.len() >= LINES {
            self.old.clear();
            std::mem::swap(&mut self.old, &mut self.young);
            self.since = self.since.max(second);
            self.generation += 1;
        }
        let key = self.key(line);
        let before = self.old.get(&key).copied();
        match self.young.entry(key) {
            Entry::Occupied(mut entry) => {
                let ordinal = entry.get().saturating_add(1);
                *entry.get_mut() = ordinal;
                ordinal
            }
            Entry::Vacant(entry) => *entry.insert(before.map_or(0, |last| last.saturating_add(1))),
        }
    }

    /// What [`super::Digest::of_line`] looks at, without the ordinal.
    fn key(&self, line: &Line) -> u64 {
        let program = line.program_head();
        let text = line.text();
        let mut hash = Polynomial::at(self.secret);
        hash.text(line.host.as_bytes());
        hash.text(program.as_bytes());
        hash.text(text);
        hash.number(line.at.second().cast_unsigned());
        hash.number(u64::from(line.pid.map_or(0, |pid| pid + 1)));
        // The lengths keep the parts apart.
        hash.number(((line.host.len() as u64) << 40) | ((program.len() as u64) << 20) | text.len() as u64);
        hash.value()
    }
}

/// Keys are hashes already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Keys are u64, which come by `write_u64`.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}
