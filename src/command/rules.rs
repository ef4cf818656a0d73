//! `mailtrail rules`: the rules that read the lines.

use std::io::Write as _;

use anyhow::Result;
use serde_json::json;

use crate::cli::{Global, RulesCommand};
use crate::config::Config;
use crate::rule::RuleSet;

use super::output::Output;
use super::{Ending, Problems};

/// The built-in rules and those of the flags and the configuration.
pub(super) fn load(global: &Global, config: &Config) -> Result<RuleSet> {
    let folders = if global.rules.is_empty() {
        &config.rules
    } else {
        &global.rules
    };
    Ok(RuleSet::load(folders).map_err(Problems)?)
}

/// Runs it.
pub(super) fn run(global: &Global, command: RulesCommand, output: &mut Output) -> Result<Ending> {
    let config = super::config(global)?;
    match command {
        RulesCommand::Check { folders } => {
            let rules = if folders.is_empty() {
                load(global, &config)?
            } else {
                RuleSet::load(&folders).map_err(Problems)?
            };
            let count = rules.rules().len();
            if output.json {
                output.object(&json!({"rules": count, "problems": []}))?;
            } else {
                writeln!(output, "{count} rules, no problems")?;
            }
        }
        RulesCommand::List => {
            let rules = load(global, &config)?;
            for rule in rules.rules() {
                if output.json {
                    output.object(&json!({"id": rule.id(), "program": rule.programs(), "kind": rule.kind().name()}))?;
                } else {
                    writeln!(
                        output,
                        "{:<44} {:<14} {}",
                        rule.id(),
                        rule.kind().name(),
                        rule.programs().join(", ")
                    )?;
                }
            }
        }
    }
    Ok(Ending::Done)
}
