//! `mailtrail open`: accepted, and no last word yet.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::answer::{self, OpenMail, shown};
use crate::cli::{Global, OpenArgs};
use crate::line::Moment;

use super::output::Output;
use super::search::read;
use super::{Ending, looked, opened, queue_lifetime, table, when};

/// Runs it.
pub(super) fn run(global: &Global, args: &OpenArgs, output: &mut Output) -> Result<Ending> {
    let now = args.at.as_deref().map(when::moment).transpose().context("--at")?;
    let now = now.unwrap_or_else(when::now);
    let before = Moment(now.0 - when::span(&args.after).context("--after")?);
    let lifetime = match &args.lifetime {
        Some(told) => when::span(told).context("--lifetime")?,
        None => queue_lifetime(&super::config(global)?)?,
    };
    let alive = Moment(now.0 - lifetime);
    let filter = args.filter.as_deref().map(read).transpose()?;
    let OpenMail { waiting, lost } =
        answer::open(opened(global)?.as_ref(), filter.as_ref(), before, alive, args.limit)?;
    let (count, lost_count) = (waiting.total, lost.total);
    if output.json {
        for document in waiting.documents.into_iter().chain(lost.documents) {
            output.object(&shown(document, false))?;
        }
        output.object(&json!({"total": count, "lost": lost_count, "before": before}))?;
    } else if count + lost_count > 0 {
        if count > 0 {
            table::print_documents(&waiting.documents, output)?;
            let more = more(count, waiting.documents.len());
            writeln!(
                output,
                "\n{count} accepted before {} and without a last word{more}",
                looked::minute(before)
            )?;
        }
        if lost_count > 0 {
            let gap = if count > 0 { "\n" } else { "" };
            writeln!(
                output,
                "{gap}Began before {}, and its end is missing in the log:",
                looked::minute(alive)
            )?;
            table::print_documents(&lost.documents, output)?;
            let more = more(lost_count, lost.documents.len());
            writeln!(
                output,
                "\n{lost_count} older than a queue keeps mail{more}: no queue has them any more, and the log does not tell how they ended"
            )?;
        }
    } else {
        output.note(&format!(
            "nothing is open: every message that was accepted before {} has its last word",
            looked::minute(before)
        ));
    }
    Ok(if count + lost_count > 0 {
        Ending::Done
    } else {
        Ending::No
    })
}

fn more(total: u64, shown: usize) -> String {
    if total > shown as u64 {
        format!(", the oldest {shown} of them shown (-n)")
    } else {
        String::new()
    }
}
