//! What was read of one host's program in five minutes: the ledger that shows where lines are missing.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::event::{Event, Kind};
use crate::line::{Digest, Moment};

use super::SCHEMA;

/// How long a slice is, in milliseconds.
pub const SLICE_MS: i64 = 5 * 60 * 1000;

/// The lines of one host's program in five minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// Always `slice`.
    pub kind: SliceKind,
    /// Content only: period and a digest of host, program and start.
    pub id: String,
    /// Its start.
    #[serde(rename = "@timestamp")]
    pub at: Moment,
    /// As logged, lower case. Empty for lines without a readable header.
    pub host: String,
    /// The syslog tag. Empty where there is none; `(others)` where a log names too many.
    pub program: String,
    /// How many lines of which sort.
    pub counts: Counts,
    /// The earliest line.
    pub first: Moment,
    /// The latest line.
    pub last: Moment,
    /// What a later run needs to add to it. Hidden: stores keep it, nobody is shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<SliceMemory>,
}

/// The one kind of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SliceKind {
    /// The only one.
    #[default]
    Slice,
}

/// Lines by what became of them. `new` = `matched` + `noise` + `joined` + `unmatched` + `unreadable`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All that no earlier run had read.
    pub new: u64,
    /// A rule knew them, and they say something.
    pub matched: u64,
    /// A rule knew them, and they were only counted.
    pub noise: u64,
    /// Parts of a record that was split over several lines, beyond its first.
    pub joined: u64,
    /// No rule knew them.
    pub unmatched: u64,
    /// They have no readable header.
    pub unreadable: u64,
    /// Of the matched ones, those of which the rule knows no more than the queue id.
    pub generic: u64,
    /// Of the matched ones and noise, those that two rules claimed.
    pub ambiguous: u64,
}

/// Who counted what, so that a run that was killed and runs again does not count twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceMemory {
    /// The state that counted.
    pub writer: String,
    /// Of that state, the generation in which it counted last.
    pub generation: u64,
    /// The process that did.
    pub attempt: String,
    /// What that state had counted before that generation,
    pub before: Counts,
    /// and what with it.
    pub own: Counts,
}

impl Slice {
    /// A slice that begins at `at`, with nothing counted.
    pub fn new(host: &str, program: &str, at: Moment) -> Self {
        let digest = Digest::of_parts(&[
            b"slice",
            host.as_bytes(),
            program.as_bytes(),
            &at.second().to_le_bytes(),
        ]);
        Self {
            schema: SCHEMA,
            kind: SliceKind::Slice,
            id: digest.id_at(at),
            at,
            host: host.to_owned(),
            program: program.to_owned(),
            counts: Counts::default(),
            first: at,
            last: at,
            memory: None,
        }
    }

    /// The start of the slice that a moment is in.
    pub fn start_of(at: Moment) -> Moment {
        Moment(at.0.div_euclid(SLICE_MS) * SLICE_MS)
    }
}

impl Counts {
    /// Of a line that a rule knew.
    pub fn of_event(event: &Event) -> Self {
        let noise = event.kind == Kind::Noise && !event.generic;
        Self {
            new: 1,
            matched: u64::from(!noise),
            noise: u64::from(noise),
            generic: u64::from(event.generic),
            ambiguous: u64::from(event.ambiguous),
            ..Self::default()
        }
    }

    /// Of so many raw lines that were parts of another line.
    pub fn joined(count: u64) -> Self {
        Self {
            new: count,
            joined: count,
            ..Self::default()
        }
    }

    /// Of a line that no rule knew.
    pub fn unmatched() -> Self {
        Self {
            new: 1,
            unmatched: 1,
            ..Self::default()
        }
    }

    /// Of a line without a readable header.
    pub fn unreadable() -> Self {
        Self {
            new: 1,
            unreadable: 1,
            ..Self::default()
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.matched += other.matched;
        self.noise += other.noise;
        self.joined += other.joined;
        self.unmatched += other.unmatched;
        self.unreadable += other.unreadable;
        self.generic += other.generic;
        self.ambiguous += other.ambiguous;
    }
}
