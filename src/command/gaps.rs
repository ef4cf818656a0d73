//! Where lines are missing in the time that was searched: an empty answer may not be the truth.

use anyhow::Result;

use crate::ledger::{Gap, gaps};
use crate::line::Moment;
use crate::query::Query;
use crate::store::Store;
use crate::transaction::{Document, Slice};

use super::escape::escape;

/// Where no time is searched in particular, so much before the newest line is looked at, in milliseconds.
const WITHOUT_FRAME_MS: i64 = 7 * DAY_MS;
/// A silence at an edge is one if there are lines so much before or after, in milliseconds.
const AROUND_MS: i64 = DAY_MS;
const DAY_MS: i64 = 24 * 3600 * 1000;
/// So many slices are read, the newest ones.
const MOST: usize = 200_000;
/// So many silences are told to a person.
const TOLD: usize = 5;

/// The silences of hosts in a time frame, the longest first.
pub(super) fn between(store: &dyn Store, from: Option<Moment>, until: Option<Moment>) -> Result<Vec<Gap>> {
    let newest = read(store, None, until, 1)?;
    let Some(newest) = newest.first() else {
        return Ok(Vec::new());
    };
    let until = until.unwrap_or(newest.last);
    let from = from.unwrap_or(Moment(newest.last.0 - WITHOUT_FRAME_MS));
    let around = (Moment(from.0 - AROUND_MS), Moment(until.0.saturating_add(AROUND_MS)));
    let slices = read(store, Some(around.0), Some(around.1), MOST)?;
    Ok(gaps(&slices, from, until))
}

/// The newest slices of a time frame.
fn read(store: &dyn Store, from: Option<Moment>, until: Option<Moment>, most: usize) -> Result<Vec<Slice>> {
    let query = Query::all([Query::is("kind", "slice")?, Query::between(from, until)]);
    let documents = store.newest(&query, most)?.into_iter();
    Ok(documents
        .filter_map(|document| match document {
            Document::Slice(slice) => Some(*slice),
            Document::Transaction(_) | Document::Record(_) | Document::Template(_) => None,
        })
        .collect())
}

/// In words, a line each.
pub(super) fn words(gaps: &[Gap]) -> String {
    let told = gaps.iter().take(TOLD).map(|gap| {
        let host = escape(&gap.host);
        format!("\n  {host} has no lines between {} and {}", gap.from, gap.to)
    });
    let more = gaps.len().saturating_sub(TOLD);
    let rest = (more > 0).then(|| format!("\n  and {more} more silences; --json lists them"));
    told.chain(rest).collect()
}
