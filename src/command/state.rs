//! `mailtrail state`: how far everything was read.

use std::io::Write as _;

use anyhow::Result;

use crate::cli::Global;
use crate::source::Place;
use crate::state::{self, State};

use super::escape::escape;
use super::output::Output;
use super::{Ending, data};

/// Runs it.
pub(super) fn run(global: &Global, output: &mut Output) -> Result<Ending> {
    let config = super::config(global)?;
    let folder = data::folder(global, &config)?;
    let (state, warning) = state::read(&folder)?;
    if let Some(warning) = warning {
        output.note(&warning);
    }
    if output.json {
        output.object(&state)?;
    } else if let Some(at) = state.saved_at {
        writeln!(
            output,
            "saved {at} in {} (generation {})",
            folder.display(),
            state.generation
        )?;
        print(&state, output)?;
    } else {
        output.note(&format!("nothing was read yet into {}", folder.display()));
    }
    Ok(if state.saved_at.is_some() {
        Ending::Done
    } else {
        Ending::No
    })
}

fn print(state: &State, output: &mut Output) -> Result<()> {
    if !state.files.is_empty() {
        writeln!(output, "\n{:>12} {:>14}  {:<24}  file", "line", "bytes", "where it is")?;
    }
    for Place {
        path,
        position,
        finished,
        ..
    } in &state.files
    {
        let note = if *finished { "" } else { " (not read to its end)" };
        let reached = position
            .restart
            .context
            .reached
            .map(|at| at.to_string())
            .unwrap_or_default();
        writeln!(
            output,
            "{:>12} {:>14}  {reached:<24}  {}{note}",
            position.lines,
            position.offset,
            escape(path)
        )?;
    }
    for (name, cursor) in &state.servers {
        let until = cursor
            .watermark
            .map_or_else(|| "nothing".to_owned(), |at| format!("everything until {at}"));
        let seen = cursor.seen_count();
        writeln!(
            output,
            "\n{}: {until} was read, {seen} messages of it are remembered",
            escape(name)
        )?;
    }
    let (sessions, ids): (Vec<_>, Vec<_>) = state.waiting.iter().partition(|line| line.queue_id.is_empty());
    if !sessions.is_empty() {
        let count = sessions.len();
        writeln!(
            output,
            "\n{count} lines of client sessions that go on wait for their end"
        )?;
    }
    if !ids.is_empty() {
        let count = ids.len();
        writeln!(
            output,
            "\n{count} lines with a queue id of which nothing else is known yet wait for it"
        )?;
    }
    Ok(())
}
