//! A line that belongs to no message and is worth finding again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::line::Moment;

use super::Memory;

/// A warning that names no message, a panic, a login, what another kind of program said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Always [`super::SCHEMA`].
    pub schema: u32,
    /// Always `record`.
    pub kind: RecordKind,
    /// Content only: period and the line's digest.
    pub id: String,
    /// When it was said.
    #[serde(rename = "@timestamp")]
    pub at: Moment,
    /// The host as logged, lower case.
    pub host: String,
    /// The syslog tag.
    pub program: String,
    /// None where the tag has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// `info`, `warning`, `error`, `fatal`, `panic`.
    pub severity: String,
    /// The id of the rule that knew the line.
    pub rule: String,
    /// What was said, with its severity. Bytes that are not UTF-8 are replaced.
    pub text: String,
    /// The client that the line speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Whose login it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The Message-ID that the line names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The rule's other fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
    /// The fingerprint of the rule set that read the line.
    pub rules: String,
    /// The raw line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// What it takes to read the line again. Hidden: stores keep it, nobody is shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
}

/// The one kind of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// The only one.
    #[default]
    Record,
}

/// A client by the names of the Elastic Common Schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Its name. None where it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Its port, where logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// A login by the names of the Elastic Common Schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The name, as the client gave it.
    pub name: String,
}
