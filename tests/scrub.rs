//! A log for a stranger: who and where is gone, what happened is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use mailtrail::line::{Line, Moment};
use mailtrail::rule::RuleSet;
use mailtrail::scrub::{Pseudonyms, Scrubber};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::tool::{lab, tool, unpacked};

fn scrubbed(folder: &Path, log: &str, key: &str) -> (String, String) {
    fs::write(folder.join("in.log"), log).unwrap();
    tool(folder).args(["scrub", "--key", key, "in.log"]).ends_with(0)
}

/// What each line says: rule, kind, and the fields that are no names.
fn meanings(folder: &Path, log: &str) -> Vec<Value> {
    fs::write(folder.join("read.log"), log).unwrap();
    let told = tool(folder).args(["parse", "--json", "read.log"]).succeeds();
    told.lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let fields = &line["fields"];
            serde_json::json!([
                line["at"],
                line["program"],
                line["rule"],
                line["kind"],
                fields["queue_id"],
                fields["status"],
                fields["dsn"],
                fields["size"],
                fields["next_queue_id"],
                fields["notice_queue_id"],
                fields["code"],
                fields["stage"],
            ])
        })
        .collect()
}

fn lab_logs() -> Vec<String> {
    ["postfix-short", "sendmail"]
        .iter()
        .map(|corpus| {
            let log = unpacked(&lab(corpus, "mail.rfc3339.log.gz"));
            log.lines()
                .take(1_200)
                .map(|line| format!("{line}\n"))
                .collect::<Vec<_>>()
                .concat()
        })
        .collect()
}

#[test]
fn every_line_means_the_same_as_before() {
    let folder = tempfile::tempdir().unwrap();
    for log in lab_logs() {
        let (after, _) = scrubbed(folder.path(), &log, "k");
        let (before, after) = (meanings(folder.path(), &log), meanings(folder.path(), &after));
        assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before, after);
        }
    }
}

#[test]
fn no_address_host_or_ip_of_the_log_is_left() {
    let folder = tempfile::tempdir().unwrap();
    for log in lab_logs() {
        let (after, _) = scrubbed(folder.path(), &log, "k");
        let after = after.to_lowercase();
        fs::write(folder.path().join("read.log"), &log).unwrap();
        let told = tool(folder.path()).args(["parse", "--json", "read.log"]).succeeds();
        let mut secrets: BTreeSet<String> = BTreeSet::new();
        for line in told.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            for name in [
                "from",
                "to",
                "orig_to",
                "client_host",
                "client_ip",
                "relay_host",
                "relay_ip",
                "helo",
                "message_id",
            ] {
                let values = match &line["fields"][name] {
                    Value::Array(values) => values.clone(),
                    other => vec![other.clone()],
                };
                secrets.extend(values.iter().filter_map(|value| Some(value.as_str()?.to_lowercase())));
            }
        }
        // Loopback tells nothing, and neither does `unknown`; a bare word may be a word elsewhere.
        secrets.retain(|secret| {
            secret.len() > 5
                && secret.contains(['.', '@'])
                && !secret.starts_with("127.")
                && !secret.contains("localhost")
                && !secret.starts_with("root@")
        });
        assert!(secrets.len() > 20, "{}", secrets.len());
        let left: Vec<&String> = secrets
            .iter()
            .filter(|secret| after.contains(secret.as_str()))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn lengths_and_queue_ids_stay_and_a_key_gives_the_same_pseudonyms() {
    let folder = tempfile::tempdir().unwrap();
    let log = lab_logs().remove(0);
    let (one, _) = scrubbed(folder.path(), &log, "k");
    let (same, _) = scrubbed(folder.path(), &log, "k");
    let (other, _) = scrubbed(folder.path(), &log, "another");
    assert_eq!(one, same);
    assert_ne!(one, other);
    for (before, after) in log.lines().zip(one.lines()) {
        // IPv4 octets keep their digits, so everything does.
        assert_eq!(before.len(), after.len(), "{before}\n{after}");
    }
    assert!(log.contains("757F89D60C0") && one.matches("757F89D60C0").count() == log.matches("757F89D60C0").count());
}

#[test]
fn one_name_has_one_pseudonym_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let log = "2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[1]: 757F89D60C0: client=app1.site.example[192.0.2.50], sasl_method=PLAIN, sasl_username=annabel\n\
               2026-11-24T02:00:00+00:00 mx1 postfix/qmgr[2]: 757F89D60C0: from=<annabel@site.example>, size=1, nrcpt=1 (queue active)\n\
               2026-11-24T02:00:01+00:00 mx1 postfix/smtp[3]: 757F89D60C0: to=<Bob@dest.example>, relay=mx.dest.example[198.51.100.7]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.dest.example[198.51.100.7] said: 550 5.1.1 <Bob@dest.example>: annabel at mx1.site.example may not write to bob@dest.example (in reply to RCPT TO command))\n\
               2026-11-24T02:00:02+00:00 mx1 sitefilter[4]: annabel asked 192.0.2.50 about mx1\n";
    let (after, said) = scrubbed(folder.path(), log, "k");
    insta::assert_snapshot!(format!("{after}\n{said}"));
}

/// Any bytes come out as long as they went in, and the same again for the same key.
#[test]
fn any_bytes_keep_their_length() {
    let rules = RuleSet::builtin().unwrap();
    let mut scrubber = Scrubber::new(&rules, Pseudonyms::new("k"));
    let near = r#"[<>\[\]@.:=,;"' a-c0-9äß/%(){}|*?~-]{0,120}"#;
    let texts = (near, proptest::collection::vec(proptest::num::u8::ANY, 0..40));
    let mut seen = Vec::new();
    let mut runner = TestRunner::deterministic();
    for _ in 0..400 {
        let (text, bytes) = texts.new_tree(&mut runner).unwrap().current();
        let raw = [
            b"2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[1]: 757F89D60C0: ",
            text.as_bytes(),
            &bytes,
        ]
        .concat();
        let Some(line) = Line::again(&raw, Moment(0), 0) else {
            continue;
        };
        let line = Arc::new(line);
        scrubber.learn(&line);
        seen.push(line);
    }
    for line in seen {
        let shown = scrubber.scrub(&line).line;
        assert_eq!(shown.len(), line.raw.len(), "{}", String::from_utf8_lossy(&line.raw));
        assert_eq!(shown, scrubber.scrub(&line).line);
    }
}

/// 30 KB of near-delimiters take no longer than other lines do.
#[test]
fn a_hostile_line_takes_linear_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = String::new();
    for mark in ["~", "@", "<", "\"", "a@", "1.", "[1", "=,", "/a", ":"] {
        let body = mark.repeat(30_000 / mark.len());
        log.push_str("2026-11-24T02:00:00+00:00 mx1 site[1]: ");
        log.push_str(&body);
        log.push('\n');
    }
    let began = std::time::Instant::now();
    let (after, _) = scrubbed(folder.path(), &log, "k");
    tool(folder.path()).args(["unmatched", "in.log"]).succeeds();
    assert_eq!(after.lines().count(), 10);
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}
