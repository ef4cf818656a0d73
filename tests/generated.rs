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

/// `   31   deferred  (142  deferrals)` of pflogsumm.
fn of_pflogsumm(text: &str, what: &str) -> u64 {
    let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = lines.find(|words| words.get(1) == Some(&what)).unwrap();
    line[0].parse().unwrap()
}

/// Three hosts, one with a filter: what is counted, what was made, and what pflogsumm counts where both mean the same.
#[test]
fn the_report_of_a_large_log_is_what_was_made_and_differs_from_pflogsumm_where_it_says() {
    let (bytes, told) = made(Mta::Postfix, 40_000, 3, Form::Rfc3339);
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mail.log");
    std::fs::write(&log, bytes).unwrap();
    let out = tool(folder.path()).args(["report", "--json"]).arg(&log).succeeds();
    let report: Value = serde_json::from_str(&out).unwrap();
    let made: BTreeMap<&str, u64> = told.recipients.into_iter().collect();
    let (delivered, filtered) = (made["delivered"] + made["relayed"], made["filtered"]);
    let count = |status: &str| report["recipients"][status].as_u64().unwrap_or_default();
    assert_eq!(report["lines"], told.lines);
    assert_eq!(report["rejects"], told.refused);
    assert_eq!(count("delivered") + count("relayed"), delivered);
    // The second leg tells the outcome.
    assert!(filtered > 100 && report["recipients"]["filtered"].is_null(), "{report}");
    for end in ["bounced", "expired"] {
        assert_eq!(count(end), made.get(end).copied().unwrap_or_default(), "{end}");
    }
    let Ok(theirs) = std::process::Command::new("pflogsumm").arg(&log).output() else {
        eprintln!("pflogsumm is not installed: nothing to compare with");
        return;
    };
    let theirs = String::from_utf8_lossy(&theirs.stdout).into_owned();
    assert_eq!(report["mails"], of_pflogsumm(&theirs, "received"));
    assert_eq!(report["deferred_mails"], of_pflogsumm(&theirs, "deferred"));
    assert_eq!(report["rejects"], of_pflogsumm(&theirs, "rejected"));
    assert_eq!(report["recipients"]["bounced"], of_pflogsumm(&theirs, "bounced"));
    assert_eq!(delivered + filtered, of_pflogsumm(&theirs, "delivered"));
}
