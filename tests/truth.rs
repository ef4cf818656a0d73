//! mailtrail agrees with what really happened.

use serde_json::Value;

use crate::agreement::{Agreement, agreement};
use crate::tool::{lab, tool, unpacked};

fn compare(corpus: &str, log: &str) -> Agreement {
    let folder = tempfile::tempdir().unwrap();
    let output = tool(folder.path())
        .args(["index", "--store", "ndjson"])
        .arg(lab(corpus, log))
        .succeeds();
    let documents: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let truth: Vec<Value> = unpacked(&lab(corpus, "truth.jsonl.gz"))
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let agreement = agreement(&documents, &truth);
    eprintln!("{corpus}/{log}: {}", agreement.report());
    agreement
}

#[track_caller]
fn at_least(share: f64, part: usize, whole: usize, what: &Agreement) {
    #[allow(clippy::cast_precision_loss)]
    let reached = part as f64 / whole as f64;
    assert!(
        whole > 0 && reached >= share,
        "{part} of {whole} is less than {share}:\n{}",
        what.report()
    );
}

#[test]
fn postfix_with_short_ids_is_told_as_it_happened() {
    let what = compare("postfix-short", "mail.rfc3339.log.gz");
    at_least(0.99, what.envelope, what.messages, &what);
    at_least(0.90, what.agreed, what.recipients, &what);
}

#[test]
fn sendmail_is_told_as_it_happened() {
    let what = compare("sendmail", "mail.log.gz");
    at_least(0.99, what.envelope, what.messages, &what);
    at_least(0.90, what.agreed, what.recipients, &what);
}
