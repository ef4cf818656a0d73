//! How long a cluster is waited for that is busy, blocked, restarting or away.
//!
//! The hard part is to be loud without shouting: two requests under way at once meet the same trouble, and each new
//! attempt meets it again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::backoff;

/// One stretch of waiting: begins at the first trouble, ends with success or when it was long enough.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    began: Option<Instant>,
    number: u32,
}

impl Patience {
    /// Waits so long in all.
    pub(crate) fn of(limit: Duration) -> Self {
        Self {
            limit,
            began: None,
            number: 0,
        }
    }

    /// How long to wait before the next attempt; `asked` is what the server wishes. None: it was long enough. The last
    /// attempt is made when the time is over, not a long wait before.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.number += 1;
        let left = self.limit.checked_sub(self.waited())?;
        if left.is_zero() {
            return None;
        }
        Some(asked.unwrap_or_else(|| backoff::wait(self.number)).min(left))
    }

    /// How long it has lasted. Begins now if nothing went wrong before.
    pub(crate) fn waited(&mut self) -> Duration {
        self.began.get_or_insert_with(Instant::now).elapsed()
    }

    /// How often something went wrong.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Something went well: the next trouble is a new one.
    pub(crate) fn renew(&mut self) {
        *self = Self::of(self.limit);
    }
}

/// What was said last, so that it is not said twice at once.
#[derive(Debug, Default)]
pub(super) struct Said(Mutex<Option<(String, Instant)>>);

/// The same is said again after so long.
const AGAIN: Duration = Duration::from_secs(15);

impl Said {
    /// Is this news?
    pub(super) fn is_new(&self, text: &str) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last
            .as_ref()
            .is_some_and(|(said, at)| said == text && at.elapsed() < AGAIN);
        if !known {
            *last = Some((text.to_owned(), Instant::now()));
        }
        !known
    }

    /// All is well: whatever comes next is news. True if there was something to get over.
    pub(super) fn clear(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}

/// A span for a person: `40 s`, `12 min`.
pub(super) fn span(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}
