//! Where lines are missing: a host that has some before and after, and none between.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::line::Moment;
use crate::transaction::{SLICE_MS, Slice};

/// Silence of fewer slices is none.
const LEAST_SLICES: i64 = 2;

/// A host's silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// As logged, lower case.
    pub host: String,
    /// The last line before it.
    pub from: Moment,
    /// The first line after it, of this host, or, where it has none, the last line of all.
    pub to: Moment,
    /// The host has lines after it.
    #[serde(skip)]
    pub ended: bool,
}

/// The silences between `from` and `to` that are at least two slices long, the longest first.
///
/// A host of which lines stop while others go on is silent until the last line of all.
pub fn gaps<'a>(slices: impl IntoIterator<Item = &'a Slice>, from: Moment, to: Moment) -> Vec<Gap> {
    let mut hosts: BTreeMap<&str, Vec<(Moment, Moment)>> = BTreeMap::new();
    let mut last_of_all = Moment(i64::MIN);
    for slice in slices.into_iter().filter(|slice| !slice.host.is_empty()) {
        hosts.entry(&slice.host).or_default().push((slice.first, slice.last));
        last_of_all = last_of_all.max(slice.last);
    }
    let mut gaps = Vec::new();
    for (host, mut spans) in hosts {
        spans.sort_unstable();
        let back = spans.len();
        spans.push((last_of_all, last_of_all));
        let mut reached = spans.first().map_or(last_of_all, |span| span.1);
        for (index, (first, last)) in spans.into_iter().enumerate() {
            // Whole slices without a line.
            let empty = (slot(first) - slot(reached) - 1).max(0);
            if empty >= LEAST_SLICES && reached < to && first > from {
                gaps.push(Gap {
                    host: host.to_owned(),
                    from: reached,
                    to: first,
                    ended: index < back,
                });
            }
            reached = reached.max(last);
        }
    }
    gaps.sort_by_key(|gap| (gap.from.0 - gap.to.0, gap.host.clone(), gap.from));
    gaps
}

fn slot(at: Moment) -> i64 {
    at.0.div_euclid(SLICE_MS)
}
