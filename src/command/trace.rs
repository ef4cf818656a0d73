//! `mailtrail trace`: the story of one message over all its hops.

use std::io::Write as _;

use anyhow::{Result, bail};
use serde_json::json;

use crate::answer::{self, Story, TimeFrame};
use crate::cause::Causes;
use crate::cli::{Global, TraceArgs};
use crate::config::Config;
use crate::state;
use crate::transaction::Transaction;

use super::escape::escape;
use super::evidence::{self, Maker};
use super::output::Output;
use super::{Ending, Problems, asked, looked, opened, rules, story, table};

/// Runs it.
pub(super) fn run(global: &Global, args: &TraceArgs, output: &mut Output) -> Result<Ending> {
    let config = super::config(global)?;
    let store = opened(global)?;
    let what = args.what.trim();
    let ask = asked(&config, args.lines)?;
    let causes = causes(global, &config)?;
    let stories = answer::trace(store.as_ref(), what, &causes, ask)?;
    if stories.is_empty() {
        let coverage = answer::coverage(store.as_ref(), TimeFrame::default())?;
        output.note(&format!(
            "nothing found for `{}`: no message has it as id, queue id, message id or address{}",
            escape(what),
            looked::worth(&coverage, true, ask.now)
        ));
        return Ok(Ending::No);
    }
    if let Some(file) = &args.evidence {
        if stories.len() > 1 && !args.all {
            bail!(
                "{} messages fit `{what}`: name one by its queue id, or say --all",
                stories.len()
            );
        }
        let rules = rules::load(global, &config)?;
        let maker = Maker {
            store: store.as_ref(),
            rules: &rules,
            causes: &causes,
            config: &config,
            ask,
        };
        let random = || format!("{}{}", state::random(), state::random());
        let key = args.scrub.then(|| args.key.clone().unwrap_or_else(random));
        let packs = stories.iter().map(|story| maker.make(story, key.as_deref()));
        let packs = packs.collect::<Result<Vec<_>>>()?;
        evidence::write(&packs, file)?;
        let lines: usize = packs
            .iter()
            .flat_map(|pack| &pack.documents)
            .map(|one| one.lines.len())
            .sum();
        if output.json {
            output.object(&json!({"file": file, "messages": packs.len(), "lines": lines, "scrubbed": args.scrub}))?;
        } else {
            let count = packs.len();
            let messages = if count == 1 {
                "one message".to_owned()
            } else {
                format!("{count} messages")
            };
            writeln!(
                output,
                "evidence of {messages} with {lines} lines in {}",
                file.display()
            )?;
        }
        return Ok(Ending::Done);
    }
    if output.json {
        for story in stories {
            output.object(&story.shown(args.lines))?;
        }
    } else if stories.len() > 1 && !args.all {
        let newest: Vec<Transaction> = stories.into_iter().filter_map(first_hop).collect();
        table::print(&newest, output)?;
        writeln!(
            output,
            "\n{} messages fit; trace one by its queue id (or, where it has none, by the `id` that --json shows), or all with --all",
            newest.len()
        )?;
    } else {
        for (index, story) in stories.into_iter().enumerate() {
            if index > 0 {
                writeln!(output)?;
            }
            story::print(&story.shown(args.lines), output)?;
        }
    }
    Ok(Ending::Done)
}

fn first_hop(story: Story) -> Option<Transaction> {
    story.hops.into_iter().next()
}

/// The operator's causes and the built-in ones.
fn causes(global: &Global, config: &Config) -> Result<Causes> {
    Ok(Causes::load(rules::folders(global, config)).map_err(Problems)?)
}
