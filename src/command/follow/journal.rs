//! Follows a journal: `journalctl` waits for what is new, and is started again where it ends.

use std::sync::Arc;
use std::time::Duration;

use super::feeder::{News, Outlet, PIECE};
use crate::command::delivery::{Delivery, Reached};
use crate::command::when;
use crate::line::Dating;
use crate::source::{JournalPlace, JournalQuery, JournalSource, SourceError};

/// How long it is waited for more that belongs together.
const WAIT: Duration = Duration::from_millis(200);
/// After an end it is left alone for so long at most.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// A journal that is followed.
pub(super) struct Follower {
    pub(super) name: Arc<str>,
    pub(super) query: JournalQuery,
    pub(super) before: Option<JournalPlace>,
    pub(super) dating: Dating,
    pub(super) outlet: Outlet,
}

impl Follower {
    /// Until nobody takes what is read.
    pub(super) fn run(mut self) {
        let mut failures = 0_u32;
        loop {
            let dating = Dating {
                now: when::now(),
                ..self.dating
            };
            let opened = JournalSource::open(&self.query, self.before.clone(), dating, true);
            let failed = match opened {
                Ok(mut source) => match self.read(&mut source, &mut failures) {
                    Ok(failed) => failed,
                    Err(_) => return,
                },
                Err(error) => Some(error),
            };
            failures += 1;
            let text = failed.map_or_else(|| "`journalctl` has ended".to_owned(), |error| error.to_string());
            if self.outlet.send(News::Failed(self.name.to_string(), text)).is_err() {
                return;
            }
            let rest = Duration::from_secs(1) * 2_u32.saturating_pow(failures.min(6));
            self.outlet.signals.sleep(rest.min(LONGEST_REST));
        }
    }

    /// Until it ends, and why. An error: nobody takes what is read.
    fn read(&mut self, source: &mut JournalSource, failures: &mut u32) -> anyhow::Result<Option<SourceError>> {
        let mut reads = Vec::new();
        loop {
            let (none, failed) = match source.next_within(WAIT) {
                Ok(Some(read)) => {
                    reads.push(read);
                    (false, None)
                }
                Ok(None) => (true, None),
                Err(error) => (true, Some(error)),
            };
            if reads.len() >= PIECE || none && !reads.is_empty() {
                *failures = 0;
                self.before = source.place().cloned();
                let delivery = Delivery {
                    source: Arc::clone(&self.name),
                    reads: std::mem::take(&mut reads),
                    seen: 0,
                    reached: self.before.clone().map(Reached::Journal),
                    silence: None,
                };
                self.outlet.send(News::Lines { delivery, more: !none })?;
            }
            if failed.is_some() || source.has_ended() {
                return Ok(failed);
            }
            if none {
                self.outlet.send(News::Whole(self.name.to_string()))?;
            }
        }
    }
}
