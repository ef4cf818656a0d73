//! mailtrail agrees with what really happened. Every difference, and everything that the log does not say, is explained
//! in `TRUTH.md`, one by one.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::agreement::{Agreement, Remark, agreement, reasons};
use crate::tool::{lab, tool, unpacked};

fn documents(corpus: &str, log: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let output = tool(folder.path())
        .args(["index", "--store", "ndjson"])
        .arg(lab(corpus, log))
        .succeeds();
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn truth(corpus: &str) -> Vec<Value> {
    unpacked(&lab(corpus, "truth.jsonl.gz"))
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn compare(corpus: &str, log: &str) -> Agreement {
    let agreement = agreement(&documents(corpus, log), &truth(corpus));
    eprintln!("{corpus}/{log}: {}", agreement.report());
    is_explained(&agreement);
    agreement
}

/// The page has a row with a reason for each remark, and no other row.
#[track_caller]
fn is_explained(what: &Agreement) {
    let row = |remark: &Remark| {
        let sign = if remark.differs { "differs" } else { "apart" };
        format!("| {sign} | {} | {} | {} |", remark.message, remark.about, remark.says)
    };
    let explained = reasons(&what.corpus);
    let found: BTreeSet<String> = what.remarks.iter().map(row).collect();
    let told: BTreeSet<String> = explained.iter().map(|(remark, _)| row(remark)).collect();
    let list = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        one.difference(other).cloned().collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        (list(&found, &told), list(&told, &found)),
        Default::default(),
        "{}: found and not in TRUTH.md, in TRUTH.md and not found",
        what.corpus
    );
    assert!(
        explained.iter().all(|(_, reason)| reason.len() > 20),
        "a row of {} without a reason",
        what.corpus
    );
}

/// Every accepted message has its one document with the right sender, message id and client, but for so many; of the
/// recipients that the log speaks of, this share has the true fate; all refused have their refusal; all notices but so
/// many are linked both ways.
#[track_caller]
fn agrees(what: &Agreement, slips: usize, share: f64, unlinked: usize) {
    assert_eq!(what.found, what.messages, "\n{}", what.report());
    assert!(what.envelope + slips >= what.messages, "\n{}", what.report());
    #[allow(clippy::cast_precision_loss)]
    let reached = what.agreed as f64 / what.recipients as f64;
    assert!(
        what.recipients > 0 && reached >= share,
        "{reached} is less than {share}:\n{}",
        what.report()
    );
    assert_eq!(what.refusals, what.refused, "\n{}", what.report());
    assert!(
        what.notices > 0 && what.linked + unlinked >= what.notices,
        "\n{}",
        what.report()
    );
}

/// The slips: of two messages that were thrown away before the queue manager saw them no line tells the message id.
#[test]
fn postfix_with_short_ids_is_told_as_it_happened() {
    for log in ["mail.log.gz", "mail.rfc3339.log.gz"] {
        agrees(&compare("postfix-short", log), 2, 1.0, 0);
    }
}

#[test]
fn postfix_with_repeated_lines_is_told_as_it_happened() {
    agrees(&compare("postfix-repeated", "mail.rfc3339.log.gz"), 0, 1.0, 0);
}

#[test]
fn sendmail_is_told_as_it_happened() {
    agrees(&compare("sendmail", "mail.log.gz"), 0, 0.99, 0);
}

/// One notice that is linked to nothing: amavis wrote it, under an id of its own.
#[test]
fn the_first_of_several_hosts_tells_what_happened() {
    agrees(&compare("multihop", "mail.log.gz"), 0, 1.0, 1);
}

#[test]
fn a_message_has_one_document_under_one_id() {
    for (corpus, log) in [
        ("postfix-short", "mail.log.gz"),
        ("postfix-repeated", "mail.log.gz"),
        ("sendmail", "mail.log.gz"),
    ] {
        let documents = documents(corpus, log);
        for message in truth(corpus).iter().filter(|entry| entry["accepted"] == true) {
            let (Some(queue_id), Some(sent)) = (message["queue_id"].as_str(), message["message_id"].as_str()) else {
                continue;
            };
            let ours = documents.iter().filter(|document| {
                document["kind"] == "mail"
                    && document["queue_id"] == queue_id
                    && document["message_id"] == sent.trim_matches(['<', '>'])
            });
            assert!(ours.count() <= 1, "{corpus}: {queue_id}");
        }
    }
}
