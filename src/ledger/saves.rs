//! Which counts were confirmed by a saved state.

use serde::{Deserialize, Serialize};

use crate::transaction::SliceMemory;

/// So many processes are told apart: a day of runs from cron.
const MOST: usize = 100;

/// The processes that saved a state, oldest first, each with the generations that it saved.
///
/// A generation's number alone does not tell whether what was counted for it was saved: a process that was killed before
/// it saved and the one that ran after it counted for the same number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saves(Vec<Saved>);

/// What one process saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Saved {
    attempt: String,
    from: u64,
    to: u64,
}

impl Saves {
    /// A process saves a generation.
    pub fn note(&mut self, attempt: &str, generation: u64) {
        match self.0.last_mut() {
            Some(last) if last.attempt == attempt => last.to = generation,
            _ => self.0.push(Saved {
                attempt: attempt.to_owned(),
                from: generation,
                to: generation,
            }),
        }
        if self.0.len() > MOST {
            self.0.remove(0);
        }
    }

    /// None saved yet, or a mailtrail that did not note it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Was the state saved with what this says was counted? Of what is older than all that is known, yes.
    pub(super) fn has(&self, memory: &SliceMemory) -> bool {
        let is_older = self.0.first().is_none_or(|oldest| memory.generation < oldest.from);
        let saved = |saved: &Saved| saved.attempt == memory.attempt && memory.generation <= saved.to;
        is_older || self.0.iter().any(saved)
    }
}
