//! `mailtrail rules export` and `rules schema`.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::cause;
use crate::command::Ending;
use crate::command::output::Output;
use crate::rule::{BUILTIN, schema as rule_schema};

/// Prints the schema.
pub(super) fn schema(output: &mut Output) -> Result<Ending> {
    output.write_all(rule_schema::text().as_bytes())?;
    Ok(Ending::Done)
}

/// Writes the schema into a folder if it is not there as it is to be.
pub(super) fn write_schema(folder: &Path) -> Result<()> {
    let path = folder.join("schema.json");
    let text = rule_schema::text();
    if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes the built-in files into a folder.
pub(super) fn run(folder: &Path, output: &mut Output) -> Result<Ending> {
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        bail!(
            "{} is not empty: name a folder that is not there, so that nothing of yours is written over",
            folder.display()
        );
    }
    let files: Vec<_> = BUILTIN.iter().chain(cause::BUILTIN).collect();
    for (file, text) in &files {
        let path = folder.join(file.strip_prefix("rules/").unwrap_or(file));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    write_schema(folder)?;
    if output.json {
        output.object(&serde_json::json!({"folder": folder, "files": files.len()}))?;
    } else {
        writeln!(output, "{} files in {}", files.len(), folder.display())?;
        output.note(
            "used with --rules, a rule replaces the built-in one of the same id: keep the files that you change and delete the others, so that the next mailtrail can improve them",
        );
    }
    Ok(Ending::Done)
}
