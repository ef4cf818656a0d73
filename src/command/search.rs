//! `mailtrail search`: finds messages.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::cli::{Global, SearchArgs, TimeFrameArgs};
use crate::line::Moment;
use crate::query::{Order, Page, Query};
use crate::store::Store;
use crate::transaction::{Document, Transaction};

use super::output::Output;
use super::{Ending, gaps, opened, queue_lifetime, table, when};

/// Runs it.
pub(super) fn run(global: &Global, args: &SearchArgs, output: &mut Output) -> Result<Ending> {
    let text = args.query.join(" ");
    let frame = TimeFrame::of(&args.time)?;
    let TimeFrame { from, until } = frame;
    let (now, lifetime) = (when::now(), queue_lifetime(&super::config(global)?)?);
    let asked = read(&text)?.of_messages()?.with_ends(Moment(now.0 - lifetime))?;
    let query = Query::all([asked, frame.query()]);
    let store = opened(global)?;
    let order = if args.oldest_first {
        Order::Oldest
    } else {
        Order::Newest
    };
    let page = Page {
        limit: args.limit,
        offset: args.offset,
        order,
        after: None,
    };
    let mut found = store.search(&query, &page)?;
    for document in &mut found.documents {
        if let Document::Transaction(transaction) = document {
            transaction.tell_end(now, lifetime);
        }
    }
    let total = found.total;
    let framed = from.is_some() || until.is_some();
    let gaps = if total == 0 || (output.json && framed) {
        gaps::between(store.as_ref(), from, until)?
    } else {
        Vec::new()
    };
    if output.json {
        for document in found.documents {
            output.object(&shown(document, args.lines))?;
        }
        output.object(&json!({"total": total, "from": from, "to": until, "gaps": gaps}))?;
    } else if total > 0 {
        let first = args.offset + 1;
        let last = args.offset + found.documents.len();
        table::print_documents(&found.documents, output)?;
        let more = if total > last as u64 {
            format!(" of {total}; --offset {last} shows the next")
        } else {
            String::new()
        };
        writeln!(output, "\n{first} to {last}{more}")?;
    } else {
        let (frame, silence) = (frame.words(), gaps::words(&gaps));
        output.note(&format!("nothing found for `{text}`{frame}{silence}"));
    }
    Ok(if total > 0 { Ending::Done } else { Ending::No })
}

/// The query, with the place of a mistake.
pub(super) fn read(text: &str) -> Result<Query> {
    Ok(text.parse::<Query>()?)
}

/// The time that is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeFrame {
    pub(super) from: Option<Moment>,
    pub(super) until: Option<Moment>,
}

impl TimeFrame {
    /// Of the flags --last, --since and --until.
    pub(super) fn of(args: &TimeFrameArgs) -> Result<Self> {
        if let Some(last) = &args.last {
            let span = when::span(last).context("--last")?;
            return Ok(Self {
                from: Some(Moment(when::now().0 - span)),
                until: None,
            });
        }
        let read = |text: &Option<String>, flag| text.as_deref().map(when::moment).transpose().context(flag);
        let (from, until) = (read(&args.since, "--since")?, read(&args.until, "--until")?);
        if let (Some(from), Some(until)) = (from, until)
            && from >= until
        {
            anyhow::bail!("--since {from} is not before --until {until}");
        }
        Ok(Self { from, until })
    }

    /// What began in it.
    pub(super) fn query(self) -> Query {
        Query::between(self.from, self.until)
    }

    /// ` from ... until ...`; empty where all is looked at.
    fn words(self) -> String {
        let from = self.from.map(|at| format!(" from {at}")).unwrap_or_default();
        let until = self.until.map(|at| format!(" until {at}")).unwrap_or_default();
        format!("{from}{until}")
    }
}

/// As others may see it: never the hidden memory, the raw lines only on request.
pub(super) fn shown(document: Document, lines: bool) -> Document {
    let mut document = document.without_memory();
    match &mut document {
        Document::Transaction(transaction) => hide(transaction, lines),
        Document::Record(record) if !lines => record.lines.clear(),
        _ => {}
    }
    document
}

/// As others may see it.
pub(super) fn hide(transaction: &mut Transaction, lines: bool) {
    transaction.memory = None;
    if !lines {
        transaction.lines.clear();
    }
}

fn transaction(document: Document) -> Option<Transaction> {
    match document {
        Document::Transaction(transaction) => Some(*transaction),
        Document::Record(_) | Document::Slice(_) | Document::Template(_) => None,
    }
}

/// Documents of a store as transactions.
pub(super) fn transactions(store: &dyn Store, query: &Query, limit: usize) -> Result<Vec<Transaction>> {
    Ok(store
        .search(query, &Page::newest(limit))?
        .documents
        .into_iter()
        .filter_map(transaction)
        .collect())
}
