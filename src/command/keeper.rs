//! The state of a run of `index`: taken when it begins, saved whenever the store has what was read.

use std::path::Path;

use anyhow::Result;

use crate::ledger::Counting;
use crate::line::Moment;
use crate::state::{self, State, StateFolder};

use super::when;

/// The state, which this process alone may change.
pub(super) struct Keeper {
    folder: StateFolder,
    /// What survives.
    pub(super) state: State,
    /// Names this process in what it counts.
    attempt: String,
}

impl Keeper {
    /// Takes the state of a folder. `from_scratch`: as if nothing had been read. Also what a person should know.
    pub(super) fn take(folder: &Path, from_scratch: bool) -> Result<(Self, Option<String>)> {
        let lock = StateFolder::take(folder)?;
        let (state, warning) = if from_scratch {
            (State::new(), None)
        } else {
            state::read(folder)?
        };
        let keeper = Self {
            folder: lock,
            state,
            attempt: state::random(),
        };
        Ok((keeper, warning))
    }

    /// For whom lines are counted until the state is saved again.
    pub(super) fn counting(&self) -> Counting {
        Counting {
            writer: self.state.writer.clone(),
            generation: self.state.generation + 1,
            attempt: self.attempt.clone(),
        }
    }

    /// Saves. What is in the state must be in the store.
    pub(super) fn save(&mut self) -> Result<()> {
        Ok(self.folder.save(&mut self.state, now())?)
    }
}

/// The time at which something was read.
fn now() -> Moment {
    when::now()
}
