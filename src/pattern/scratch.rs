//! The memory of a match, kept from line to line so that nothing is allocated for a line.

use super::matcher::Frame;
use super::pairs::{LastKey, Next};
use super::program::{Slot, Span, UNKEPT};

/// The memory of a match, to be kept from line to line.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) spans: Vec<Span>,
    /// What may be tried again, of the running programs.
    pub(crate) frames: Vec<Frame>,
    /// For each open field of the running programs: it fails from here on.
    pub(crate) failed_from: Vec<u32>,
    /// Split and place that failed, of the running programs.
    pub(crate) failed: Vec<u64>,
    /// The captures of each key of a list, for `duplicate: last`.
    pub(crate) keys: Vec<(u32, u32, u32)>,
    /// Where the `last` key of a list stands.
    pub(crate) last_keys: Vec<LastKey>,
    /// How the list that is being read goes on behind the value that ended last.
    pub(crate) next: Option<Next>,
    /// How many keys were repeated in the lists of the line.
    pub(crate) repeated: u32,
    /// Work done, for the tests of linearity.
    pub(crate) steps: u64,
    /// The farthest place that a match came to.
    pub(crate) farthest: usize,
}

impl Scratch {
    /// The fields of the last match, in the order of the line.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// How many keys stood more than once in the lists of the last match: `relay=[a], relay=[b]` is an attack.
    pub fn repeated_keys(&self) -> u32 {
        self.repeated
    }

    /// The farthest byte that the last match came to; where a line that does not match begins to differ.
    pub fn farthest(&self) -> usize {
        self.farthest
    }

    /// Steps since the scratch was made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Replaces the spans by these; for matchers that are no patterns.
    pub fn take(&mut self, spans: impl Iterator<Item = (Slot, usize, usize)>) {
        self.clear();
        for (slot, start, end) in spans {
            self.keep(slot, start, end);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.spans.clear();
        self.frames.clear();
        self.failed_from.clear();
        self.failed.clear();
        self.keys.clear();
        self.last_keys.clear();
        self.next = None;
        self.repeated = 0;
        self.farthest = 0;
    }

    #[inline]
    pub(crate) fn keep(&mut self, slot: Slot, start: usize, end: usize) {
        if slot != UNKEPT {
            self.spans.push(Span {
                slot,
                start: place(start),
                end: place(end),
            });
        }
    }
}

/// Lines are at most 64 KiB; a text beyond 4 GiB cannot occur.
pub(crate) fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
