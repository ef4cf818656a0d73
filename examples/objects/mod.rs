//! Files of one JSON object a line.

use anyhow::{Context as _, Result};
use serde_json::Value;

/// The objects of a file. A line that is none is an error that names it.
pub(crate) fn objects(path: &str) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    text.lines()
        .enumerate()
        .map(|(index, line)| serde_json::from_str(line).with_context(|| format!("{path}:{} is no JSON", index + 1)))
        .collect()
}
