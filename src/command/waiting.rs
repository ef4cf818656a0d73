//! Lines of queue ids of which no rule knew any line: no document holds them, so they wait until something is known.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use crate::assemble::Mentions;
use crate::state::Waiting;

/// So many lines wait at most; the latest are kept.
const MOST: usize = 10_000;
/// How long a line waits, in milliseconds of log time: longer than mail stays in a queue.
const LONGEST_MS: i64 = 7 * 24 * 3600 * 1000;

/// Host and queue id.
type Key = (Arc<str>, Arc<str>);

/// Lines that no document holds.
#[derive(Debug, Default)]
pub(super) struct WaitingLines {
    ids: HashMap<Key, Mentions>,
}

impl WaitingLines {
    /// Keeps the lines of a queue id.
    pub(super) fn add(&mut self, key: Key, mentions: Mentions) {
        self.ids.insert(key, mentions);
        if self.ids.len() > 2 * MOST {
            let latest = |mentions: &Mentions| mentions.iter().map(|mention| mention.line().at).max();
            let mut ages: Vec<_> = self.ids.values().map(latest).collect();
            let (_, limit, _) = ages.select_nth_unstable(MOST);
            let limit = *limit;
            self.ids.retain(|_, mentions| latest(mentions) >= limit);
        }
    }

    /// The lines of a queue id, which wait no longer.
    pub(super) fn take(&mut self, key: &Key) -> Option<Mentions> {
        self.ids.remove(key)
    }

    /// As a state keeps them.
    pub(super) fn to_save(&self) -> Vec<Waiting> {
        let of_id = |mentions: &Mentions| -> Vec<Waiting> {
            mentions
                .iter()
                .map(|mention| Waiting::of(mention.line(), &mentions.queue_id))
                .collect()
        };
        let mut lines: Vec<Waiting> = self.ids.values().flat_map(of_id).collect();
        lines.sort_by_key(|line| Reverse((line.at, line.host.clone(), line.queue_id.clone(), line.ordinal)));
        lines.truncate(MOST);
        let oldest = lines.first().map_or(0, |latest| latest.at.0 - LONGEST_MS);
        lines.retain(|line| line.at.0 >= oldest);
        lines
    }
}
