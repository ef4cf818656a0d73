//! `mailtrail rules list` and `rules show`.

use std::io::Write as _;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::cli::Global;
use crate::command::Ending;
use crate::command::output::Output;
use crate::problem::did_you_mean;
use crate::rule::{Rule, RuleSource};

/// Lists all rules.
pub(super) fn list(global: &Global, output: &mut Output) -> Result<Ending> {
    let config = crate::command::config(global)?;
    let rules = super::load(global, &config)?;
    for rule in rules.rules() {
        if output.json {
            output.object(&object(rule))?;
        } else {
            let (id, kind) = (rule.id(), rule.kind().name());
            writeln!(output, "{id:<44} {kind:<14} {}", rule.programs().join(", "))?;
        }
    }
    Ok(Ending::Done)
}

/// Shows one.
pub(super) fn run(global: &Global, id: &str, output: &mut Output) -> Result<Ending> {
    let config = crate::command::config(global)?;
    let rules = super::load(global, &config)?;
    let Some(rule) = rules.rules().iter().find(|rule| rule.id() == id) else {
        let near = did_you_mean(id, rules.rules().iter().map(Rule::id));
        bail!(
            "no rule is called `{id}`; {}",
            near.unwrap_or_else(|| "`mailtrail rules list` shows all".to_owned())
        );
    };
    let (sources, _) = RuleSource::all(super::folders(global, &config));
    let text = sources
        .iter()
        .filter(|source| source.file == rule.file())
        .find_map(|source| source.rule_text(id));
    let text = text.unwrap_or_default();
    if output.json {
        let mut object = object(rule);
        object["text"] = json!(text);
        output.object(&object)?;
        return Ok(Ending::Done);
    }
    let place = if rule.operator() { "" } else { ", built in" };
    writeln!(output, "# {}{place}", rule.file())?;
    writeln!(output, "{}", text.trim_end())?;
    Ok(Ending::Done)
}

fn object(rule: &Rule) -> Value {
    json!({
        "id": rule.id(), "program": rule.programs(), "kind": rule.kind().name(), "file": rule.file(),
        "operator": rule.operator(), "generic": rule.generic(), "fallback": rule.fallback(),
        "samples": rule.samples(),
    })
}
