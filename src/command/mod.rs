//! One file a subcommand: the only place that joins the stages, and the only one that speaks to a person.

mod cluster;
mod columns;
mod data;
mod delivery;
mod doctor;
mod escape;
mod evidence;
mod follow;
mod index;
mod input;
mod inputs;
mod intake;
mod keeper;
mod looked;
mod manual;
mod notice;
mod open;
mod output;
mod parse;
mod progress;
mod reindex;
pub mod report;
mod retry;
mod rules;
mod scrub;
mod search;
mod servers;
mod setup;
mod slices;
mod state;
mod story;
mod summary;
mod table;
mod templates;
mod trace;
mod unmatched;
mod waiting;
mod when;
pub mod who;
mod windows;

use std::io;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::answer::Ask;
use crate::cli::{Cli, Command, Global};
use crate::config::{Config, StoreKind};
use crate::problem::Problem;
use crate::store::Store;
use crate::store::embedded::EmbeddedStore;
use crate::transaction::QUEUE_LIFETIME_MS;

use output::Output;

/// How a command ended, beside success and failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Did it.
    Done,
    /// Did it, and the answer is no.
    No,
    /// Did it, but some input could not be read; it was told.
    Incomplete,
}

/// Problems that a person must fix in files, as an error.
#[derive(Debug, thiserror::Error)]
#[error("{} problem(s)", .0.len())]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

/// Runs a command; says what went wrong on standard error.
pub fn run(cli: Cli) -> ExitCode {
    let mut output = Output::new(&cli.global);
    let result = match cli.command {
        Command::Index(args) => index::run(&cli.global, &args, &mut output),
        Command::Doctor(args) => doctor::run(&cli.global, &args, &mut output),
        Command::Follow(args) => Ok(follow::run(&cli.global, &args)),
        Command::Search(args) => search::run(&cli.global, &args, &mut output),
        Command::Trace(args) => trace::run(&cli.global, &args, &mut output),
        Command::Open(args) => open::run(&cli.global, &args, &mut output),
        Command::Who(args) => who::run(&cli.global, &args, &mut output),
        Command::Report(args) => report::run(&cli.global, &args, &mut output),
        Command::Parse(args) => parse::run(&cli.global, &args, &mut output),
        Command::Reindex(args) => reindex::run(&cli.global, &args, &mut output),
        Command::Scrub(args) => scrub::run(&cli.global, &args, &mut output),
        Command::Unmatched(args) => unmatched::run(&cli.global, &args, &mut output),
        Command::Setup(args) => setup::run(&cli.global, &args, &mut output),
        Command::Retry => retry::run(&cli.global, &mut output),
        Command::State => state::run(&cli.global, &mut output),
        Command::Rules(command) => rules::run(&cli.global, command, &mut output),
        Command::Completions { shell } => manual::completions(shell, &mut output),
        Command::Man => manual::man(&mut output),
    };
    let result = result.and_then(|ending| Ok(output.flush().map(|()| ending)?));
    match result {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::No) => ExitCode::from(1),
        Ok(Ending::Incomplete) => ExitCode::from(2),
        // The reader went away (`| head`): that is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(2)
        }
    }
}

/// What hangs on the day of a question.
fn asked(config: &Config, lines: bool) -> anyhow::Result<Ask> {
    Ok(Ask {
        now: when::now(),
        lifetime_ms: queue_lifetime(config)?,
        lines,
    })
}

/// How long the queues keep mail, in milliseconds.
fn queue_lifetime(config: &Config) -> anyhow::Result<i64> {
    let told = config.queue_lifetime.as_deref().map(when::span).transpose();
    Ok(told
        .context("`queue_lifetime` of the configuration")?
        .unwrap_or(QUEUE_LIFETIME_MS))
}

/// The configuration that the flags name, or the usual one.
fn config(global: &Global) -> anyhow::Result<Config> {
    Ok(Config::load(global.config.as_deref()).map_err(Problems)?)
}

/// The store, for reading.
fn opened(global: &Global) -> anyhow::Result<Box<dyn Store>> {
    let config = config(global)?;
    match global.store.flatten().unwrap_or(config.store) {
        StoreKind::Embedded => Ok(Box::new(EmbeddedStore::open(&data::folder(global, &config)?)?)),
        StoreKind::Elasticsearch => Ok(Box::new(cluster::store_to_search(global, &config)?)),
        StoreKind::Ndjson => anyhow::bail!("the store `ndjson` only writes: search with `--store embedded`"),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    })
}
