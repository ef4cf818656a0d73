//! The same lines give the same documents, however and whenever they come.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::tool::{lab, tool, unpacked};

/// The documents of a log, by id.
fn documents(log: &Path, zone: &str) -> BTreeMap<String, Value> {
    let folder = tempfile::tempdir().unwrap();
    let run = tool(folder.path())
        .args([
            "index",
            "--store",
            "ndjson",
            &format!("--timezone={zone}"),
            "--year",
            "2026",
        ])
        .arg(log);
    by_id(&run.succeeds())
}

fn by_id(json_lines: &str) -> BTreeMap<String, Value> {
    let documents: Vec<Value> = json_lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    documents
        .into_iter()
        .filter(|document| document["kind"] != "slice")
        .filter_map(|document| Some((document["id"].as_str()?.to_owned(), document)))
        .collect()
}

/// What the embedded store of a folder holds, by id; earlier provisional ids tell the history, not the message.
fn stored(folder: &Path) -> BTreeMap<String, Value> {
    let found = tool(folder)
        .args(["search", "*", "--json", "--lines", "--limit", "100000"])
        .succeeds();
    let mut documents = by_id(&found);
    for document in documents.values_mut() {
        document.as_object_mut().unwrap().remove("was");
    }
    documents
}

/// Without what a header format decides: raw lines, times finer than a second, and with them the order in a second.
fn without_resolution(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            // The daemon's name is what stock RFC 5424 loses.
            .filter(|(key, _)| *key != "lines" && *key != "program")
            .map(|(key, value)| {
                let mut value = without_resolution(value);
                if let ("reject" | "warnings" | "history" | "verdicts", Value::Array(list)) = (key.as_str(), &mut value)
                {
                    list.sort_by_key(Value::to_string);
                }
                (key.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(values) => values.iter().map(without_resolution).collect(),
        Value::String(text) if text.len() == 24 && text.ends_with('Z') && text.as_bytes()[19] == b'.' => {
            text[..19].into()
        }
        other => other.clone(),
    }
}

/// The members of `one` that `other` does not have so.
fn difference(one: &Value, other: &Value) -> Value {
    let Some(map) = one.as_object() else { return one.clone() };
    map.iter()
        .filter(|(key, value)| other[*key] != **value)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[track_caller]
fn same(one: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>, name: &str) {
    let ids = |documents: &BTreeMap<String, Value>| documents.keys().cloned().collect::<Vec<_>>();
    let mut differences = Vec::new();
    for (id, document) in one {
        let (one, other) = (
            without_resolution(document),
            other.get(id).map_or(Value::Null, without_resolution),
        );
        if one != other {
            differences.push(format!(
                "{id}\n  one   {}\n  other {}",
                difference(&one, &other),
                difference(&other, &one)
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{name}: {} differ\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert_eq!(ids(one), ids(other), "{name}");
}

#[test]
fn rfc_3164_and_rfc_3339_tell_the_same() {
    for (corpus, zone) in [
        ("postfix-short", "UTC"),
        ("sendmail", "UTC"),
        ("postfix-repeated", "-05:00"),
    ] {
        let one = documents(&lab(corpus, "mail.rfc3339.log.gz"), "UTC");
        let other = documents(&lab(corpus, "mail.log.gz"), zone);
        same(&one, &other, corpus);
    }
}

/// Stock RFC 5424 loses the daemon. What the daemon alone tells is lost with it: nothing of sendmail, and of Postfix
/// what is listed here.
#[test]
fn rfc_5424_tells_the_same_but_for_the_daemon() {
    for corpus in ["postfix-short", "sendmail", "postfix-repeated"] {
        let one = documents(&lab(corpus, "mail.rfc3339.log.gz"), "UTC");
        let other = documents(&lab(corpus, "mail.rfc5424.log.gz"), "UTC");
        same(&one, &other, corpus);
    }
}

#[test]
fn reading_a_log_twice_changes_nothing() {
    for corpus in ["postfix-short", "sendmail", "multihop"] {
        let folder = tempfile::tempdir().unwrap();
        let log = lab(corpus, "mail.log.gz");
        tool(folder.path())
            .args(["index", "--year", "2026"])
            .arg(&log)
            .succeeds();
        let once = stored(folder.path());
        tool(folder.path())
            .args(["index", "--year", "2026"])
            .arg(&log)
            .succeeds();
        same(&once, &stored(folder.path()), corpus);
    }
}

#[test]
fn two_halves_in_either_order_give_the_whole() {
    for corpus in ["postfix-short", "sendmail", "multihop"] {
        let folder = tempfile::tempdir().unwrap();
        let halves = halves(&unpacked(&lab(corpus, "mail.log.gz")), folder.path());
        let whole = documents(&lab(corpus, "mail.log.gz"), "UTC");
        for order in [[0, 1], [1, 0]] {
            let data = tempfile::tempdir().unwrap();
            for half in order {
                tool(data.path())
                    .args(["index", "--timezone", "UTC", "--year", "2026"])
                    .arg(&halves[half])
                    .succeeds();
            }
            same(&whole, &stored(data.path()), &format!("{corpus}, halves {order:?}"));
        }
    }
}

/// Two files, cut where a second begins: equal lines of one second are told apart by their number.
fn halves(log: &str, folder: &Path) -> [PathBuf; 2] {
    let lines: Vec<&str> = log.lines().collect();
    let second = |line: &str| line.get(..15).map(str::to_owned);
    let middle = (lines.len() / 2..lines.len())
        .find(|at| second(lines[*at]) != second(lines[*at - 1]))
        .unwrap();
    [&lines[..middle], &lines[middle..]].map(|half| {
        let path = folder.join(format!("{}.log", half.len()));
        std::fs::write(&path, half.join("\n") + "\n").unwrap();
        path
    })
}
