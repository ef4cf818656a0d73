//! `mailtrail search`: finds messages.

use std::io::Write as _;

use anyhow::Result;
use serde_json::json;

use crate::answer::{self, Searched, TimeFrame, shown};
use crate::cli::{Global, SearchArgs};
use crate::query::{Order, Page, Query};

use super::output::Output;
use super::{Ending, asked, columns, looked, opened, table, when};

/// Runs it.
pub(super) fn run(global: &Global, args: &SearchArgs, output: &mut Output) -> Result<Ending> {
    let text = args.query.join(" ");
    let frame = when::frame(&args.time)?;
    let page = Page {
        limit: args.limit,
        offset: args.offset,
        order: if args.oldest_first {
            Order::Oldest
        } else {
            Order::Newest
        },
        after: None,
    };
    let columns = match (&args.columns, args.csv) {
        (Some(list), _) => Some(columns::columns(list)?),
        (None, true) => Some(columns::columns(columns::USUAL)?),
        (None, false) => None,
    };
    let ask = asked(&super::config(global)?, args.lines)?;
    let query = read(&text)?;
    let store = opened(global)?;
    let found = answer::search(store.as_ref(), query, frame, &page, ask)?;
    let total = found.total;
    if output.json {
        let (gaps, searched) = (found.gaps, looked::span(frame, found.held));
        for document in found.documents {
            output.object(&shown(document, args.lines))?;
        }
        output.object(&json!({
            "total": total, "from": frame.from, "to": frame.until, "gaps": gaps,
            "searched": searched.map(|(from, to)| json!({"from": from, "to": to})),
        }))?;
    } else if total == 0 {
        let what = looked::nothing(frame, &found, ask.now);
        output.note(&format!("nothing found for `{text}`{what}"));
    } else if let Some(columns) = columns.as_ref().filter(|_| args.csv) {
        columns::print_csv(columns, &found.documents, output)?;
        // Standard output is the file.
        if total > (args.offset + found.documents.len()) as u64 {
            output.note(&position(&found, args.offset, frame));
        }
    } else {
        match &columns {
            Some(columns) => table::print_columns(columns, &found.documents, output)?,
            None => table::print_documents(&found.documents, output)?,
        }
        writeln!(output, "\n{}", position(&found, args.offset, frame))?;
    }
    Ok(if total > 0 { Ending::Done } else { Ending::No })
}

/// `1 to 50 of 213; --offset 50 shows the next; searched ...`
fn position(found: &Searched, offset: usize, frame: TimeFrame) -> String {
    let (total, shown) = (found.total, found.documents.len());
    let last = offset + shown;
    let looked = looked::words(frame, found.held);
    if shown == 0 {
        return format!("{total} found, but none behind --offset {offset}; {looked}");
    }
    let more = if total > last as u64 {
        format!("; --offset {last} shows the next")
    } else {
        String::new()
    };
    format!("{} to {last} of {total}{more}; {looked}", offset + 1)
}

/// The query, with the place of a mistake.
pub(super) fn read(text: &str) -> Result<Query> {
    Ok(text.parse::<Query>()?)
}
