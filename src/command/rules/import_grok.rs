//! `mailtrail rules import-grok`: grok patterns as rules.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::command::Ending;
use crate::command::output::Output;
use crate::rule::{RuleSource, grok};

/// Runs it.
pub(super) fn run(file: &Path, program: &str, output: &mut Output) -> Result<Ending> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let text = String::from_utf8_lossy(&text);
    let types = RuleSource::types(&RuleSource::builtin());
    let imported = grok::import(&text, program, &types);
    if output.json {
        let failed: Vec<_> = imported
            .failed
            .iter()
            .map(|failed| json!({"name": failed.name, "line": failed.line, "why": failed.why}))
            .collect();
        output.object(&json!({"types": imported.types, "rules": imported.rules, "failed": failed}))?;
    } else {
        write!(output, "{}", imported.yaml())?;
        let (types, rules, failed) = (imported.types.len(), imported.rules.len(), imported.failed.len());
        output.note(&format!(
            "{types} types and {rules} rules translated, {failed} patterns not"
        ));
        for failed in &imported.failed {
            output.note(&format!(
                "  {}:{}: {}: {}",
                file.display(),
                failed.line,
                failed.name,
                failed.why
            ));
        }
        if rules > 0 {
            output.note(
                "give each rule a sample and say in `emits:` what it means, then: mailtrail rules check; the part below `# types.yaml` goes into a file of that name",
            );
        }
    }
    Ok(if imported.failed.is_empty() {
        Ending::Done
    } else {
        Ending::No
    })
}
