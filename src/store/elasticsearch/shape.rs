//! A document as the server gets it, and back.
//!
//! The hard part is the rules' own names. As fields they are what dashboards want, but a hostile log may hold any number
//! of them, and each would be a field until the server refuses documents. So the first [`MAX_EXTRA_FIELDS`] names that
//! make good field names become fields `extra.NAME`; the others go, as `NAME=VALUE`, into the one field `extra_more`.
//! A search asks both.

use std::fmt::Write;

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

/// The JSON that is stored. `admit` says whether a name may be a field.
pub(super) fn to_server(document: &Document, admit: &mut dyn FnMut(&str) -> bool) -> Result<Value, StoreError> {
    let mut value = serde_json::to_value(document)
        .map_err(|error| StoreError::Index(format!("document {} cannot be written as JSON: {error}", document.id())))?;
    let Some(fields) = value.as_object_mut() else {
        return Err(StoreError::Index(format!(
            "document {} is no JSON object",
            document.id()
        )));
    };
    common_schema(fields);
    verdicts(fields);
    extra(fields, admit);
    Ok(value)
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

/// `source.*` and `user.name` of the Elastic Common Schema; records have their own.
fn common_schema(fields: &mut Map<String, Value>) {
    if !is_transaction(fields) {
        return;
    }
    let Some(client) = fields.get("client") else { return };
    let mut source = Map::new();
    for (from, to) in [("ip", "ip"), ("host", "domain"), ("port", "port")] {
        if let Some(value) = client.get(from) {
            source.insert(to.to_owned(), value.clone());
        }
    }
    let user = client.get("sasl_user").map(|name| json!({"name": name}));
    if !source.is_empty() {
        fields.insert("source".to_owned(), Value::Object(source));
    }
    if let Some(user) = user {
        fields.insert("user".to_owned(), user);
    }
}

/// What and result of one verdict belong together; in a list of objects the server mixes them.
fn verdicts(fields: &mut Map<String, Value>) {
    let Some(Value::Array(verdicts)) = fields.get("verdicts") else {
        return;
    };
    let mut terms = Vec::new();
    for verdict in verdicts {
        let text = |name: &str| verdict[name].as_str().unwrap_or_default();
        terms.push(json!(format!("{}={}", text("what"), text("result"))));
        terms.push(json!(format!("by={}", text("by"))));
    }
    terms.dedup();
    fields.insert("verdict".to_owned(), Value::Array(terms));
}

fn extra(fields: &mut Map<String, Value>, admit: &mut dyn FnMut(&str) -> bool) {
    let Some(Value::Object(extra)) = fields.get_mut("extra") else {
        return;
    };
    let mut rest = Vec::new();
    extra.retain(|name, value| {
        let field = is_field_name(name) && admit(name);
        if !field {
            rest.push(json!(format!(
                "{}={}",
                escaped(name),
                value.as_str().unwrap_or_default()
            )));
        }
        field
    });
    if extra.is_empty() {
        fields.remove("extra");
    }
    if !rest.is_empty() {
        fields.insert("extra_more".to_owned(), Value::Array(rest));
    }
}
