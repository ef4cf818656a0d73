//! Documents that a query means, with what was looked at.

use serde::Serialize;

use super::{AnswerError, Ask, Coverage, coverage, held, silences};
use crate::ledger::Gap;
use crate::line::Moment;
use crate::query::{Page, Query};
use crate::store::Store;
use crate::transaction::Document;

/// The time that is looked at: what began at `from` or later and before `until`. None: open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TimeFrame {
    /// From this moment on.
    pub from: Option<Moment>,
    /// Before this one.
    pub until: Option<Moment>,
}

impl TimeFrame {
    /// What began in it.
    pub fn query(self) -> Query {
        Query::between(self.from, self.until)
    }

    /// Is there any edge?
    pub fn is_open(self) -> bool {
        self.from.is_none() && self.until.is_none()
    }
}

/// What a search found, and where it looked.
#[derive(Debug, Clone, Default)]
pub struct Searched {
    /// One page of what was found. The hidden memory is in them until [`shown`].
    pub documents: Vec<Document>,
    /// How many there are on all pages.
    pub total: u64,
    /// The oldest and the newest document that the store holds. None if it holds none.
    pub held: Option<(Moment, Moment)>,
    /// The silences of hosts in that time, where a time was named or nothing was found; else empty.
    pub gaps: Vec<Gap>,
    /// What was read of that time. None where something was found.
    pub coverage: Option<Coverage>,
}

/// Searches messages, refusals, sessions and records; slices and templates only where the query asks for the kind.
pub fn search(
    store: &dyn Store,
    query: Query,
    frame: TimeFrame,
    page: &Page,
    ask: Ask,
) -> Result<Searched, AnswerError> {
    let asked = query.of_messages()?.with_ends(Moment(ask.now.0 - ask.lifetime_ms))?;
    let mut found = store.search(&Query::all([asked, frame.query()]), page)?;
    for document in &mut found.documents {
        if let Document::Transaction(transaction) = document {
            transaction.tell_end(ask.now, ask.lifetime_ms);
        }
    }
    let coverage = (found.total == 0).then(|| coverage(store, frame)).transpose()?;
    let gaps = match &coverage {
        Some(coverage) => coverage.gaps.clone(),
        None if frame.is_open() => Vec::new(),
        None => silences(store, frame)?,
    };
    Ok(Searched {
        documents: found.documents,
        total: found.total,
        held: held(store)?,
        gaps,
        coverage,
    })
}

/// As others may see it: never the hidden memory, the raw lines only on request.
#[must_use]
pub fn shown(document: Document, lines: bool) -> Document {
    let mut document = document.without_memory();
    match &mut document {
        Document::Transaction(transaction) if !lines => transaction.lines.clear(),
        Document::Record(record) if !lines => record.lines.clear(),
        _ => {}
    }
    document
}
