//! How many of the values that others assert of their lines are in our fields, whole, under whatever name?
//!
//! What others call a value that is not split further (`..._data`) and their tags say nothing of a field.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;

/// What the comparison found.
#[derive(Debug, Default)]
pub(crate) struct Share {
    /// Values that are asserted.
    pub(crate) asserted: usize,
    /// Those that are there.
    pub(crate) found: usize,
    /// Each of the others: line, name, value.
    pub(crate) missing: Vec<String>,
}

impl Share {
    /// In percent; 100 where nothing is asserted.
    #[allow(clippy::cast_precision_loss)] // Far fewer than 2^52 values.
    pub(crate) fn percent(&self) -> f64 {
        if self.asserted == 0 {
            return 100.0;
        }
        self.found as f64 * 100.0 / self.asserted as f64
    }

    /// The share, and what is missing, for a person.
    pub(crate) fn report(&self) -> String {
        let mut text = format!(
            "{} of {} asserted values are there: {:.1} %\n",
            self.found,
            self.asserted,
            self.percent()
        );
        for missing in &self.missing {
            let _ = writeln!(text, "  {missing}");
        }
        text
    }
}

/// Compares `parse --json` with lines of `{"line_no": 1, "expected": {"fields": {"name": "value"}}}`.
pub(crate) fn share(parsed: &[Value], asserted: &[Value]) -> Share {
    let by_line: HashMap<u64, &Value> = parsed
        .iter()
        .filter_map(|parsed| Some((parsed["line"].as_u64()?, parsed)))
        .collect();
    let mut share = Share::default();
    for asserted in asserted {
        let number = asserted["line_no"].as_u64().unwrap_or_default();
        let mut ours = Vec::new();
        if let Some(parsed) = by_line.get(&number) {
            for field in ["fields", "severity"] {
                values(&parsed[field], &mut ours);
            }
        }
        let fields = asserted.pointer("/expected/fields").and_then(Value::as_object);
        for (name, value) in fields.into_iter().flatten() {
            if name.ends_with("_data") || name == "tags" {
                continue;
            }
            share.asserted += 1;
            let value = plain(value);
            if ours.contains(&value) {
                share.found += 1;
            } else {
                share.missing.push(format!("line {number}: {name} {value:?}"));
            }
        }
    }
    share
}

/// Every value of a JSON tree, as text.
fn values(tree: &Value, all: &mut Vec<String>) {
    match tree {
        Value::Array(items) => items.iter().for_each(|item| values(item, all)),
        Value::Object(fields) => fields.values().for_each(|value| values(value, all)),
        other => all.push(plain(other)),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
