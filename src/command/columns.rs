//! Columns to choose, and their values as text: for a table and for CSV.

use std::io::{self, Write};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::query::{Place, Query, named};
use crate::transaction::Document;

/// What is shown unless others are named.
pub(super) const USUAL: &str = "time,host,qid,status,from,to,said";

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// As it was asked for.
    pub(super) name: String,
    /// Where its values stand in the document's JSON. Several: the first that has any.
    paths: Vec<String>,
}

/// `time,from,to,dsn`: the names of the query language, paths, and `time` and `said`.
pub(super) fn columns(list: &str) -> Result<Vec<Column>> {
    let mut columns = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let paths = match name {
            "time" => vec!["@timestamp".to_owned()],
            "said" => vec!["reject.reason".to_owned(), "to.response".to_owned()],
            "qid" => vec!["queue_id".to_owned()],
            "verdict" => vec!["verdicts.result".to_owned()],
            _ => match named(name) {
                Some(places) => places.iter().map(Place::path).collect(),
                // The query language says what was meant.
                None => bail!(
                    "--columns: {}",
                    Query::is(name, "x")
                        .err()
                        .map(|error| error.to_string())
                        .unwrap_or_default()
                ),
            },
        };
        columns.push(Column {
            name: name.to_owned(),
            paths,
        });
    }
    if columns.is_empty() {
        bail!("--columns names none: write {USUAL}");
    }
    Ok(columns)
}

impl Column {
    /// The value in a document's JSON; several are joined by `; `.
    pub(super) fn of(&self, document: &Value) -> String {
        for path in &self.paths {
            let parts: Vec<&str> = path.split('.').collect();
            let mut found = Vec::new();
            collect(document, &parts, &mut found);
            if !found.is_empty() {
                found.dedup();
                return found.join("; ");
            }
        }
        String::new()
    }
}

fn collect(value: &Value, path: &[&str], found: &mut Vec<String>) {
    match (value, path) {
        (Value::Array(values), _) => values.iter().for_each(|value| collect(value, path, found)),
        (Value::Null, _) => {}
        (Value::String(text), []) => found.push(text.clone()),
        (value, []) => found.push(value.to_string()),
        (Value::Object(object), [first, rest @ ..]) => {
            // The rules' own names may hold dots.
            match object.get(&path.join(".")).filter(|_| !rest.is_empty()) {
                Some(value) => collect(value, &[], found),
                None => collect(object.get(*first).unwrap_or(&Value::Null), rest, found),
            }
        }
        _ => {}
    }
}

/// Prints documents as CSV (RFC 4180), with a head.
pub(super) fn print_csv(columns: &[Column], documents: &[Document], out: &mut impl Write) -> io::Result<()> {
    let line = |cells: Vec<String>| format!("{}\r\n", cells.join(","));
    let head = columns.iter().map(|column| cell(&column.name)).collect();
    out.write_all(line(head).as_bytes())?;
    for document in documents {
        let json = serde_json::to_value(document)?;
        let cells = columns.iter().map(|column| cell(&column.of(&json))).collect();
        out.write_all(line(cells).as_bytes())?;
    }
    Ok(())
}

/// Log text is the attacker's: a spreadsheet must not take it for a formula.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
