//! What was read: an empty answer is worth as much as the lines behind it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AnswerError, TimeFrame};
use crate::ledger::{Gap, gaps};
use crate::line::Moment;
use crate::query::{Page, Query};
use crate::store::Store;
use crate::transaction::{Document, SLICE_MS, Slice};

/// Where no time is searched in particular, so much before the newest line is looked at, in milliseconds.
const WITHOUT_FRAME_MS: i64 = 7 * DAY_MS;
/// A silence at an edge is one if there are lines so much before or after, in milliseconds.
const AROUND_MS: i64 = DAY_MS;
const DAY_MS: i64 = 24 * 3600 * 1000;
/// So many slices are looked at for the newest line.
const NEWEST: usize = 100;
/// So many slices are read, the newest ones.
const MOST: usize = 200_000;

/// What was read of a time, by the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Lines by host, in the order of their names. In whole slices of five minutes.
    pub hosts: Vec<HostLines>,
    /// The silences of hosts, the longest first.
    pub gaps: Vec<Gap>,
    /// The newest line that was ever read, of any time. None if none was.
    pub newest: Option<Moment>,
}

/// What was read of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostLines {
    /// As logged, lower case.
    pub host: String,
    /// How many lines.
    pub lines: u64,
    /// Lines that no rule knew, or that have no readable header.
    pub unmatched: u64,
    /// The earliest.
    pub first: Moment,
    /// The latest.
    pub last: Moment,
}

/// What was read of a time; without one, of the last seven days before the newest line.
pub fn coverage(store: &dyn Store, frame: TimeFrame) -> Result<Coverage, AnswerError> {
    // Programs share a slice's start.
    let newest = slices(store, TimeFrame::default(), NEWEST)?;
    let newest = newest.iter().map(|slice| slice.last).max();
    let Some((from, until)) = edges(store, frame)? else {
        return Ok(Coverage {
            newest,
            ..Coverage::default()
        });
    };
    let slices = around(store, from, until)?;
    let mut hosts: BTreeMap<&str, HostLines> = BTreeMap::new();
    let inside = slices.iter().filter(|slice| slice.last >= from && slice.first <= until);
    for slice in inside.filter(|slice| !slice.host.is_empty()) {
        let host = hosts.entry(&slice.host).or_insert_with(|| HostLines {
            host: slice.host.clone(),
            lines: 0,
            unmatched: 0,
            first: slice.first,
            last: slice.last,
        });
        host.lines += slice.counts.new;
        host.unmatched += slice.counts.unmatched + slice.counts.unreadable;
        host.first = host.first.min(slice.first);
        host.last = host.last.max(slice.last);
    }
    Ok(Coverage {
        hosts: hosts.into_values().collect(),
        gaps: gaps(&slices, from, until),
        newest,
    })
}

/// The silences of hosts in a time, the longest first.
pub fn silences(store: &dyn Store, frame: TimeFrame) -> Result<Vec<Gap>, AnswerError> {
    match edges(store, frame)? {
        Some((from, until)) => Ok(gaps(&around(store, from, until)?, from, until)),
        None => Ok(Vec::new()),
    }
}

/// The time that is looked at. None if no line was read before its end.
fn edges(store: &dyn Store, frame: TimeFrame) -> Result<Option<(Moment, Moment)>, AnswerError> {
    let before = TimeFrame { from: None, ..frame };
    let newest = slices(store, before, 1)?;
    Ok(newest.first().map(|newest| {
        let from = frame.from.unwrap_or(Moment(newest.last.0 - WITHOUT_FRAME_MS));
        (from, frame.until.unwrap_or(Moment(newest.at.0 + SLICE_MS)))
    }))
}

fn around(store: &dyn Store, from: Moment, until: Moment) -> Result<Vec<Slice>, AnswerError> {
    let frame = TimeFrame {
        from: Some(Moment(from.0.saturating_sub(AROUND_MS))),
        until: Some(Moment(until.0.saturating_add(AROUND_MS))),
    };
    slices(store, frame, MOST)
}

/// The newest slices of a time.
fn slices(store: &dyn Store, frame: TimeFrame, most: usize) -> Result<Vec<Slice>, AnswerError> {
    let query = Query::all([Query::is("kind", "slice")?, frame.query()]);
    let documents = store.newest(&query, most)?.into_iter();
    Ok(documents
        .filter_map(|document| match document {
            Document::Slice(slice) => Some(*slice),
            Document::Transaction(_) | Document::Record(_) | Document::Template(_) => None,
        })
        .collect())
}

/// The times of the oldest and the newest message, refusal, session or record. None if there is none.
pub fn held(store: &dyn Store) -> Result<Option<(Moment, Moment)>, AnswerError> {
    let everything = Query::Everything.of_messages()?;
    let edge = |page: Page| -> Result<Option<Moment>, AnswerError> {
        let found = store.search(&everything, &page)?;
        Ok(found.documents.first().map(Document::at))
    };
    Ok(edge(Page::oldest(1))?.zip(edge(Page::newest(1))?))
}
