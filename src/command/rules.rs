//! `mailtrail rules`: the rules that read the lines.

mod check;
mod coverage;
mod explain;
mod export;
mod import_grok;
mod new;
mod one_line;
mod preview;
mod show;
mod test;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::{Global, RulesCommand};
use crate::config::Config;
use crate::rule::RuleSet;

use super::output::Output;
use super::{Ending, Problems};

/// The operator's folders: those of the flags, else those of the configuration.
pub(super) fn folders<'a>(global: &'a Global, config: &'a Config) -> &'a [PathBuf] {
    if global.rules.is_empty() {
        &config.rules
    } else {
        &global.rules
    }
}

/// The built-in rules and those of the flags and the configuration.
pub(super) fn load(global: &Global, config: &Config) -> Result<RuleSet> {
    Ok(RuleSet::load(folders(global, config)).map_err(Problems)?)
}

/// The folder that a file is in, or the folder itself.
fn folder_of(path: &Path) -> &Path {
    if path.is_file() {
        path.parent().unwrap_or(path)
    } else {
        path
    }
}

/// Runs it.
pub(super) fn run(global: &Global, command: RulesCommand, output: &mut Output) -> Result<Ending> {
    match command {
        RulesCommand::Check { folders } => check::run(global, folders, output),
        RulesCommand::Test(args) => test::run(global, &args, output),
        RulesCommand::New(args) => new::run(global, &args, output),
        RulesCommand::Explain(args) => explain::run(global, &args, output),
        RulesCommand::List => show::list(global, output),
        RulesCommand::Show { id } => show::run(global, &id, output),
        RulesCommand::Schema => export::schema(output),
        RulesCommand::Export { folder } => export::run(&folder, output),
        RulesCommand::Preview(args) => preview::run(global, &args, output),
        RulesCommand::Coverage(args) => coverage::run(global, &args, output),
        RulesCommand::ImportGrok { file, program } => import_grok::run(&file, &program, output),
    }
}
