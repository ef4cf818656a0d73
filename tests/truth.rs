//! mailtrail agrees with what really happened.

use serde_json::Value;

use crate::agreement::{Agreement, agreement};
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
    agreement
}

/// Every accepted message has its one document with the right sender, message id and client, but for so many; of the
/// recipients that the log speaks of, this share has the true fate; all refused have their refusal, but for so many.
#[track_caller]
fn agrees(what: &Agreement, slips: usize, share: f64, without_refusal: usize) {
    assert_eq!(what.found, what.messages, "\n{}", what.report());
    assert!(what.envelope + slips >= what.messages, "\n{}", what.report());
    #[allow(clippy::cast_precision_loss)]
    let reached = what.agreed as f64 / what.recipients as f64;
    assert!(
        what.recipients > 0 && reached >= share,
        "{reached} is less than {share}:\n{}",
        what.report()
    );
    assert!(what.refusals + without_refusal >= what.refused, "\n{}", what.report());
}

/// The slips: of two messages that were thrown away before the queue manager saw them no line tells the message id. The
/// refusal without a document: the driver asked for a sixth recipient after the server had hung up.
#[test]
fn postfix_with_short_ids_is_told_as_it_happened() {
    for log in ["mail.log.gz", "mail.rfc3339.log.gz"] {
        agrees(&compare("postfix-short", log), 2, 0.995, 1);
    }
}

#[test]
fn postfix_with_repeated_lines_is_told_as_it_happened() {
    agrees(&compare("postfix-repeated", "mail.rfc3339.log.gz"), 0, 0.995, 0);
}

/// Without a refusal: one that sendmail logs as trouble of its own, without the recipient.
#[test]
fn sendmail_is_told_as_it_happened() {
    agrees(&compare("sendmail", "mail.log.gz"), 0, 0.99, 1);
}

#[test]
fn the_first_of_several_hosts_tells_what_happened() {
    agrees(&compare("multihop", "mail.log.gz"), 0, 0.995, 0);
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
