//! `mailtrail trace`: the story of one message over all its hops.

use std::io::Write as _;

use anyhow::Result;

use crate::answer::{self, Story};
use crate::cause::Causes;
use crate::cli::{Global, TraceArgs};
use crate::config::Config;
use crate::transaction::Transaction;

use super::output::Output;
use super::{Ending, Problems, asked, opened, rules, story, table};

/// Runs it.
pub(super) fn run(global: &Global, args: &TraceArgs, output: &mut Output) -> Result<Ending> {
    let config = super::config(global)?;
    let store = opened(global)?;
    let what = args.what.trim();
    let ask = asked(&config, args.lines)?;
    let stories = answer::trace(store.as_ref(), what, &causes(global, &config)?, ask)?;
    if stories.is_empty() {
        output.note(&format!(
            "nothing found for `{what}`: no message has it as id, queue id, message id or address"
        ));
        return Ok(Ending::No);
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
            "\n{} messages fit; trace one by its queue id, or all with --all",
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
