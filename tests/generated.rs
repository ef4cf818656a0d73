//! The logs of the benchmarks: what was made and what was understood are the same.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::tool::tool;

#[path = "../benches/generated/mod.rs"]
mod site;

use site::{Form, Mta, Told, generate};

fn made(mta: Mta, lines: u64, seed: u64, form: Form) -> (Vec<u8>, Told) {
    let mut bytes = Vec::new();
    let told = generate(&mut bytes, mta, lines, seed, form).unwrap();
    (bytes, told)
}

/// The documents of a log, and what was counted.
fn understood(bytes: &[u8]) -> (Vec<Value>, Value) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mail.log");
    std::fs::write(&log, bytes).unwrap();
    let (documents, summary) = tool(folder.path())
        .args(["index", "--store", "ndjson", "--json", "--timezone", "UTC"])
        .arg(&log)
        .ends_with(0);
    let documents = documents.lines().map(|line| serde_json::from_str(line).unwrap());
    (documents.collect(), serde_json::from_str(&summary).unwrap())
}

#[test]
fn the_same_arguments_make_the_same_log() {
    for mta in [Mta::Postfix, Mta::Sendmail] {
        let one = made(mta, 3_000, 1, Form::Rfc3164);
        assert!(one == made(mta, 3_000, 1, Form::Rfc3164));
        assert!(one.0 != made(mta, 3_000, 2, Form::Rfc3164).0);
        assert!(
            one.1 == made(mta, 3_000, 1, Form::Rfc3339).1,
            "the form changes nothing"
        );
        let lines = one.0.split(|byte| *byte == b'\n').count() as u64 - 1;
        assert_eq!(lines, one.1.lines);
    }
}

#[test]
fn what_a_generated_log_holds_is_what_its_documents_say() {
    for (mta, form) in [
        (Mta::Postfix, Form::Rfc3164),
        (Mta::Postfix, Form::Rfc3339),
        (Mta::Sendmail, Form::Rfc3164),
    ] {
        let (bytes, told) = made(mta, 8_000, 1, form);
        let (documents, summary) = understood(&bytes);
        assert_eq!(summary["lines"]["read"], told.lines);
        assert_eq!(
            (&summary["lines"]["unmatched"], &summary["lines"]["unreadable"]),
            (&0.into(), &0.into())
        );
        let mut fates: BTreeMap<&str, u64> = BTreeMap::new();
        let (mut mails, mut refusals) = (0, 0);
        for document in &documents {
            match document["kind"].as_str() {
                // sendmail gives an id to a client that never sends anything.
                Some("mail") if document["from"].is_null() && document["to"].is_null() => {}
                Some("mail") => {
                    mails += 1;
                    for recipient in document["to"].as_array().into_iter().flatten() {
                        *fates.entry(recipient["status"].as_str().unwrap()).or_default() += 1;
                    }
                }
                Some("reject") => refusals += 1,
                _ => {}
            }
        }
        assert_eq!((mails, refusals), (told.messages, told.refused), "{mta:?}");
        let told: BTreeMap<&str, u64> = told.recipients.into_iter().collect();
        assert_eq!(fates, told, "{mta:?}");
    }
}
