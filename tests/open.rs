//! What waits by the log waits in truth.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::tool::{lab, tool};
use crate::truth::truth;

/// Recipients of mail without a last word, days later, as `open` tells them.
fn waiting(corpus: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let log = lab(corpus, "mail.rfc3339.log.gz");
    tool(folder.path()).arg("index").arg(log).succeeds();
    let out = tool(folder.path())
        .args(["open", "--json", "--at", "2026-11-26"])
        .succeeds();
    let mails = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let recipients = mails.flat_map(|mail| mail["to"].as_array().cloned().unwrap_or_default());
    recipients
        .map(|to| to["address"].as_str().unwrap().to_owned())
        .collect()
}

/// Recipients of the truth that ended so.
fn ended(corpus: &str, end: &str) -> BTreeSet<String> {
    let recipients = truth(corpus)
        .into_iter()
        .flat_map(|entry| entry["rcpts"].as_array().cloned().unwrap_or_default());
    recipients
        .filter(|to| to["final"] == end)
        .map(|to| to["addr"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn only_held_mail_waits_in_a_queue_that_was_emptied() {
    assert_eq!(waiting("postfix-short"), ended("postfix-short", "held"));
}

/// A message whose file a person removed, and one that was given up for a sender who wanted no notice: sendmail writes
/// no line of either.
#[test]
fn what_ended_without_a_line_waits_and_nothing_else() {
    let waiting = waiting("sendmail");
    let removed = ended("sendmail", "deleted");
    assert_eq!(removed.len(), 1);
    assert!(waiting.is_superset(&removed), "{waiting:?}");
    let rest: BTreeSet<String> = waiting.difference(&removed).cloned().collect();
    assert_eq!(rest, BTreeSet::from(["x@busy.example".to_owned()]));
    assert!(rest.is_subset(&ended("sendmail", "expired")));
}
