//! A document as the server gets it, and back.
//!
//! The hard part is the rules' own names. As fields they are what dashboards want, but a hostile log may hold any number
//! of them, and each would be a field until the server refuses documents. So the first [`MAX_EXTRA_FIELDS`] names that
//! make good field names become fields `extra.NAME`; the others go, as `NAME=VALUE`, into the one field `extra_more`.
//! A search asks both.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::store::StoreError;
use crate::transaction::Document;

/// So many names of `extra` become fields of one index.
pub(super) const MAX_EXTRA_FIELDS: usize = 400;

/// The longest name that becomes a field, in bytes.
const MAX_NAME_BYTES: usize = 100;

/// Can this name be a field at all? A dot would make an object of it, which another document's scalar contradicts.
pub(super) fn is_field_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.bytes().all(letter)
}

/// The name as it stands in `extra_more` in front of `=`: lower case letters, digits, `_`, `-` and `.` as they are, all
/// else escaped. So the first `=` ends it, and the field, which folds case, keeps names apart that differ in case.
pub(super) fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' => out.push(char::from(byte)),
            _ => {
                // Writing to a string does not fail.
                let _ = write!(out, "%{byte:02x}");
            }
        }
    }
    out
}

fn unescaped(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        bytes.extend_from_slice(before.as_bytes());
        let byte = escape.get(1..3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (byte, length) = byte.map_or((b'%', 1), |byte| (byte, 3));
        bytes.push(byte);
        rest = escape.get(length..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Appends the JSON that is stored. `admit` says whether a name may be a field.
pub(super) fn append(
    json: &mut Vec<u8>,
    document: &mut Document,
    admit: &mut dyn FnMut(&str) -> bool,
) -> Result<(), StoreError> {
    let more = take_more(document, admit);
    let written = append_with(json, document, &more);
    if let Some(extra) = document.extra_mut() {
        extra.extend(more);
    }
    written.map_err(|error| unwritable(document.id(), &error))
}

/// A document that is no JSON.
pub(super) fn unwritable(id: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Index(format!("document {id} cannot be written as JSON: {error}"))
}

fn append_with(
    json: &mut Vec<u8>,
    document: &Document,
    more: &BTreeMap<String, String>,
) -> Result<(), serde_json::Error> {
    serde_json::to_writer(&mut *json, document)?;
    let added = Added::of(document, more);
    if !added.is_nothing() {
        // Two objects become one.
        json.pop();
        let at = json.len();
        serde_json::to_writer(&mut *json, &added)?;
        if let Some(brace) = json.get_mut(at) {
            *brace = b',';
        }
    }
    Ok(())
}

/// What is added to a document for the search.
#[derive(Serialize)]
struct Added<'d> {
    /// `source.*` and `user.name` of the Elastic Common Schema; records have their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User<'d>>,
    /// What and result of one verdict belong together; in a list of objects the server mixes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verdict: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_more: Vec<String>,
}

#[derive(Serialize)]
struct Source<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

#[derive(Serialize)]
struct User<'d> {
    name: &'d str,
}

impl<'d> Added<'d> {
    fn of(document: &'d Document, more: &BTreeMap<String, String>) -> Self {
        let transaction = document.transaction();
        let client = transaction.and_then(|transaction| transaction.client.as_ref());
        let source = client.map(|client| Source {
            ip: client.ip.as_deref(),
            domain: client.host.as_deref(),
            port: client.port,
        });
        let name = client.and_then(|client| client.sasl_user.as_deref());
        let mut verdict = Vec::new();
        for said in transaction.into_iter().flat_map(|transaction| &transaction.verdicts) {
            verdict.push(format!("{}={}", said.what, said.result));
            verdict.push(format!("by={}", said.by));
        }
        verdict.dedup();
        Self {
            source: source.filter(|source| source.ip.is_some() || source.domain.is_some() || source.port.is_some()),
            user: name.map(|name| User { name }),
            verdict,
            extra_more: more
                .iter()
                .map(|(name, value)| format!("{}={value}", escaped(name)))
                .collect(),
        }
    }

    fn is_nothing(&self) -> bool {
        self.source.is_none() && self.user.is_none() && self.verdict.is_empty() && self.extra_more.is_empty()
    }
}

/// Takes those out of `extra` that go into `extra_more`.
fn take_more(document: &mut Document, admit: &mut dyn FnMut(&str) -> bool) -> BTreeMap<String, String> {
    let Some(extra) = document.extra_mut() else {
        return BTreeMap::new();
    };
    let (fields, more) = std::mem::take(extra)
        .into_iter()
        .partition(|(name, _)| is_field_name(name) && admit(name));
    *extra = fields;
    more
}

/// The document that was stored, and nothing that was added for the search.
pub(super) fn from_server(id: &str, mut value: Value) -> Result<Document, StoreError> {
    if let Some(fields) = value.as_object_mut() {
        let more = fields.remove("extra_more");
        fields.remove("verdict");
        if is_transaction(fields) {
            fields.remove("source");
            fields.remove("user");
        }
        if let Some(Value::Array(more)) = more {
            let extra = fields.entry("extra").or_insert_with(|| json!({}));
            for entry in &more {
                if let Some((name, text)) = entry.as_str().and_then(|entry| entry.split_once('=')) {
                    extra[unescaped(name)] = json!(text);
                }
            }
        }
    }
    serde_json::from_value(value).map_err(|error| {
        StoreError::Index(format!(
            "document {id} in the index cannot be read: {error}\n  help: something else than mailtrail wrote it, or a \
             newer mailtrail did"
        ))
    })
}

fn is_transaction(fields: &Map<String, Value>) -> bool {
    matches!(
        fields.get("kind").and_then(Value::as_str),
        Some("mail" | "reject" | "session")
    )
}
