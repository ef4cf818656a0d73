//! The reviewed meaning of every sample, in files that `cargo test` and `mailtrail rules test` both read and write.
//!
//! They are insta's snapshots: `samples_keep_their_meaning@postfix__qmgr.yaml.snap` holds the samples of
//! `postfix/qmgr.yaml`. The hard part is that both must write the same bytes: the YAML here is insta's dialect, which
//! quotes what could be read as anything but a text.
//!
//! In: [`Case`]s. Out: [`Meaning`]s, as text and back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sample::Case;
use crate::event::{Event, FIELDS};

/// What a sample says, as it stands in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meaning {
    /// The rule's id.
    pub rule: String,
    /// The message.
    pub sample: String,
    /// The kind of event.
    pub kind: String,
    /// `warning`, `error`, `fatal`, `panic`. `info` stands for none and is left out.
    #[serde(default = "info", skip_serializing_if = "is_info")]
    pub severity: String,
    /// Every field with its values.
    pub fields: BTreeMap<String, Vec<String>>,
}

fn info() -> String {
    "info".to_owned()
}

fn is_info(severity: &str) -> bool {
    severity == "info"
}

impl Meaning {
    /// Of a case whose sample its rule matches. None for others.
    pub fn of(case: &Case) -> Option<Self> {
        Some(Self::of_event(&case.sample, case.event.as_ref()?))
    }

    fn of_event(sample: &str, event: &Event) -> Self {
        Self {
            rule: event.rule_id().to_owned(),
            sample: sample.to_owned(),
            kind: event.kind.name().to_owned(),
            severity: event.severity.name().to_owned(),
            fields: fields(event),
        }
    }
}

/// Every field of an event with its values, by the names that rules use.
pub fn fields(event: &Event) -> BTreeMap<String, Vec<String>> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (field, name, _) in FIELDS {
        for value in event.texts(*field) {
            fields.entry((*name).to_owned()).or_default().push(value.into_owned());
        }
    }
    for (name, value) in event.extra() {
        fields
            .entry(format!("extra.{name}"))
            .or_default()
            .push(event.restored(value).into_owned());
    }
    fields
}

/// The name of the snapshot of a rule file, by its path in the folder of rules: `postfix/qmgr.yaml`.
pub fn file_name(path: &str) -> String {
    let path = path.replace(['/', '\\'], "__");
    format!("samples_keep_their_meaning@{path}.snap")
}

/// The text of a snapshot; `path` as for [`file_name`].
pub fn write(path: &str, meanings: &[Meaning]) -> String {
    let mut out = format!("---\nsource: tests/rules.rs\ninput_file: rules/{path}\n---\n");
    for meaning in meanings {
        let mut line = |indent: &str, name: &str, value: &str| {
            out.push_str(indent);
            out.push_str(name);
            out.push_str(": ");
            out.push_str(&scalar(value));
            out.push('\n');
        };
        line("- ", "rule", &meaning.rule);
        line("  ", "sample", &meaning.sample);
        line("  ", "kind", &meaning.kind);
        if !is_info(&meaning.severity) {
            line("  ", "severity", &meaning.severity);
        }
        if meaning.fields.is_empty() {
            out.push_str("  fields: {}\n");
            continue;
        }
        out.push_str("  fields:\n");
        for (name, values) in &meaning.fields {
            out.push_str("    ");
            out.push_str(&scalar(name));
            out.push_str(":\n");
            for value in values {
                out.push_str("      - ");
                out.push_str(&scalar(value));
                out.push('\n');
            }
        }
    }
    out
}

/// Reads a snapshot. Tells what is wrong with it.
pub fn read(text: &str) -> Result<Vec<Meaning>, String> {
    let body = text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"))
        .map(|(_, body)| body)
        .ok_or_else(|| "it does not begin with `---`, the source and `---`".to_owned())?;
    if body.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_yaml::from_str(body).map_err(|error| error.without_snippet().to_string())
}

/// A text as insta writes it: as it is, or in double quotes.
fn scalar(text: &str) -> String {
    if !needs_quotes(text) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || c == '\u{7f}' => out.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Words that YAML 1.1 takes for something else than texts.
const WORDS: &[&str] = &[
    "yes", "Yes", "YES", "no", "No", "NO", "true", "True", "TRUE", "false", "False", "FALSE", "on", "On", "ON", "off",
    "Off", "OFF", "null", "Null", "NULL", "~",
];

fn needs_quotes(text: &str) -> bool {
    let is_special = |c: char| {
        ":{}[],#`\"'\\".contains(c) || c.is_ascii_control() && !"\u{7}\u{8}\u{b}\u{c}\u{1b}\u{7f}".contains(c)
    };
    text.is_empty()
        || text.starts_with(' ')
        || text.ends_with(' ')
        || text.starts_with(['&', '*', '?', '|', '-', '<', '>', '=', '!', '%', '@', '.'])
        || text.contains(is_special)
        || WORDS.contains(&text)
        || text.starts_with("0x")
        || text.parse::<i64>().is_ok()
        || text.parse::<f64>().is_ok()
}
