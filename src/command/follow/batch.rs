//! What was taken since the last commit, and when the next one is due.

use std::time::{Duration, Instant};

use crate::command::delivery::Delivery;
use crate::line::Moment;
use crate::source::Read;

/// While a source has more at once, commits are so far apart.
const COMMIT_BEHIND: Duration = Duration::from_secs(30);

/// What was taken since the last commit.
#[derive(Default)]
pub(super) struct Batch {
    /// None: nothing was.
    pub(super) since: Option<Instant>,
    pub(super) newest: Option<Moment>,
    /// A source has more at once.
    pub(super) behind: bool,
    pub(super) rest: Duration,
}

impl Batch {
    pub(super) fn note(&mut self, delivery: &Delivery, more: bool) {
        self.behind = more;
        // An untouched place need not be saved at once.
        if !delivery.reads.is_empty() || self.since.is_some() || delivery.reached.is_some() {
            self.since.get_or_insert_with(Instant::now);
        }
        self.newest = self.newest.max(newest(delivery));
    }

    pub(super) fn is_due(&self, every: Duration) -> bool {
        let every = if self.behind { every.max(COMMIT_BEHIND) } else { every };
        self.since.is_some_and(|since| since.elapsed() >= every.max(self.rest))
    }
}

pub(super) fn newest(delivery: &Delivery) -> Option<Moment> {
    let times = delivery.reads.iter().filter_map(|read| match read {
        Read::Line(line) => Some(line.at),
        Read::Unreadable { .. } => None,
    });
    times.max()
}
