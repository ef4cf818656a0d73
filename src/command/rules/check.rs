//! `mailtrail rules check`: every mistake of every file.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use crate::cause::Causes;
use crate::cli::Global;
use crate::command::output::Output;
use crate::command::{Ending, Problems};
use crate::problem::Problem;
use crate::rule::{RuleSet, RuleSource};

/// Runs it.
pub(super) fn run(global: &Global, named: Vec<PathBuf>, output: &mut Output) -> Result<Ending> {
    let config = crate::command::config(global)?;
    let folders = if named.is_empty() {
        super::folders(global, &config).to_vec()
    } else {
        named
    };
    let (sources, mut problems) = RuleSource::all(&folders);
    if let Err(more) = Causes::load(&folders) {
        problems.extend(more);
    }
    let own = sources.iter().filter(|source| source.operator).count();
    let rules = match RuleSet::checked(&sources) {
        Ok(rules) => Some(rules),
        Err(more) => {
            problems.extend(more);
            None
        }
    };
    let count = rules.as_ref().map_or(0, |rules| rules.rules().len());
    if output.json {
        let shown: Vec<Value> = problems.iter().map(object).collect();
        output.object(&json!({"rules": count, "problems": shown}))?;
        return Ok(if problems.is_empty() {
            Ending::Done
        } else {
            Ending::Incomplete
        });
    }
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let yours = rules
        .as_ref()
        .map_or(0, |rules| rules.rules().iter().filter(|rule| rule.operator()).count());
    let of_yours = match own {
        0 => String::new(),
        files => format!(
            ", {yours} of them in {files} {} of yours",
            if files == 1 { "file" } else { "files" }
        ),
    };
    writeln!(output, "{count} rules{of_yours}, no problems")?;
    Ok(Ending::Done)
}

fn object(problem: &Problem) -> Value {
    let mut object = json!({"file": problem.file, "title": problem.title});
    if let Some(place) = &problem.place {
        object["line"] = json!(place.line);
        object["column"] = json!(place.column);
        object["length"] = json!(place.length);
    }
    if let Some(help) = &problem.help {
        object["help"] = json!(help);
    }
    object
}
