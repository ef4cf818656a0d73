//! The state of a run of `index`: taken when it begins, saved whenever the store has what was read.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;

use crate::ledger::Counting;
use crate::line::Moment;
use crate::state::{self, State, StateFolder};

use super::delivery::{Reached, ServerReach};
use super::when;

/// The state, which this process alone may change.
pub(super) struct Keeper {
    folder: StateFolder,
    /// What survives.
    pub(super) state: State,
    /// Names this process in what it counts.
    attempt: String,
    /// How far servers are that were read since the state was saved.
    servers: HashMap<String, ServerReach>,
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
            servers: HashMap::new(),
        };
        Ok((keeper, warning))
    }

    /// For whom lines are counted until the state is saved again.
    pub(super) fn counting(&self) -> Counting {
        Counting {
            writer: self.state.writer.clone(),
            generation: self.state.generation + 1,
            attempt: self.attempt.clone(),
            saves: self.state.saves.clone(),
        }
    }

    /// Whose state it is.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Forgets what was not saved, as if this process had begun now. Also what a person should know.
    pub(super) fn begin_again(&mut self) -> Result<Option<String>> {
        let (state, warning) = state::read(self.folder.path())?;
        self.state = state;
        self.attempt = state::random();
        self.servers.clear();
        Ok(warning)
    }

    /// A source is so far, with all lines before it taken.
    pub(super) fn reached(&mut self, source: &str, reached: Reached) {
        match reached {
            Reached::Files(places) => self.state.files = places,
            Reached::Journal(place) => {
                self.state.journals.insert(source.to_owned(), place);
            }
            Reached::Server(reach) => match self.servers.get_mut(source) {
                Some(before) => {
                    before.watermark = reach.watermark;
                    before.since = reach.since;
                    before.new.extend(reach.new);
                }
                None => {
                    self.servers.insert(source.to_owned(), reach);
                }
            },
        }
    }

    /// Brings the state to what was reached. To be called before [`Keeper::save`].
    pub(super) fn settle(&mut self) {
        for (name, reach) in self.servers.drain() {
            let cursor = self.state.servers.entry(name).or_default();
            cursor.watermark = reach.watermark.max(cursor.watermark);
            if let Some(since) = reach.since {
                let all: Vec<_> = cursor.seen().chain(reach.new).collect();
                cursor.keep_seen(all.into_iter(), since);
            }
        }
    }

    /// Saves. What is in the state must be in the store.
    pub(super) fn save(&mut self) -> Result<()> {
        self.state.saves.note(&self.attempt, self.state.generation + 1);
        Ok(self.folder.save(&mut self.state, now())?)
    }
}

/// The time at which something was read.
fn now() -> Moment {
    when::now()
}
