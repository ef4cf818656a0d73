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
use super::{Ending, columns, gaps, opened, queue_lifetime, table, when};

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
    let columns = match (&args.columns, args.csv) {
        (Some(list), _) => Some(columns::columns(list)?),
        (None, true) => Some(columns::columns(columns::USUAL)?),
        (None, false) => None,
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
    } else if let Some(columns) = columns.as_ref().filter(|_| args.csv) {
        columns::print_csv(columns, &found.documents, output)?;
    } else if total > 0 {
        let first = args.offset + 1;
        let last = args.offset + found.documents.len();
        match &columns {
            Some(columns) => table::print_columns(columns, &found.documents, output)?,
            None => table::print_documents(&found.documents, output)?,
        }
        let count = if total == 1 {
            "one".to_owned()
        } else {
            total.to_string()
        };
        let more = if total > last as u64 {
            format!("; --offset {last} shows the next")
        } else {
            String::new()
        };
        let looked = looked_at(store.as_ref(), frame)?;
        if found.documents.is_empty() {
            writeln!(
                output,
                "{count} found, but none behind --offset {}; {looked}",
                args.offset
            )?;
        } else {
            writeln!(output, "\n{first} to {last} of {count}{more}; {looked}")?;
        }
    } else {
        let looked = looked_at(store.as_ref(), frame)?;
        let silence = gaps::words(&gaps);
        let rest = if gaps.is_empty() {
            "; no host was silent in that time"
        } else {
            ", where lines are missing:"
        };
        output.note(&format!("nothing found for `{text}`: {looked}{rest}{silence}"));
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
}

/// What was looked at, in words: the time that was asked for, else the time that the index holds.
fn looked_at(store: &dyn Store, frame: TimeFrame) -> Result<String> {
    let minute = |at: Moment| at.rfc3339().replace('T', " ").chars().take(16).collect::<String>();
    let held = |page: Page, edge: fn(&Document) -> Moment| -> Result<Option<Moment>> {
        Ok(store.search(&Query::Everything, &page)?.documents.first().map(edge))
    };
    let (Some(first), Some(last)) = (
        held(Page::oldest(1), Document::at)?,
        held(Page::newest(1), Document::at)?,
    ) else {
        return Ok("nothing is indexed yet".to_owned());
    };
    let (from, until) = (frame.from.unwrap_or(first), frame.until.unwrap_or(last));
    let beyond = if from > last || until < first {
        format!(", but the index holds {} to {}", minute(first), minute(last))
    } else {
        String::new()
    };
    Ok(format!("searched {} to {} UTC{beyond}", minute(from), minute(until)))
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
