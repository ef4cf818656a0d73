//! The commands as their users meet them: good input, bad input, and what they say of it.

use std::fs;
use std::io::Write as _;

use serde_json::Value;

use crate::tool::{lab, tool, unpacked};

fn example() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/mail.log")
}

fn objects(json_lines: &str) -> Vec<Value> {
    json_lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_newcomer_indexes_a_log_and_traces_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let summary = tool(folder.path()).arg("index").arg(example()).succeeds();
    assert!(summary.starts_with("199 lines read"), "{summary}");
    let story = tool(folder.path()).args(["trace", "757F89D60C0"]).succeeds();
    insta::assert_snapshot!("story_of_an_expired_message", story);
    let table = tool(folder.path())
        .args(["search", "bounced:*@good.example"])
        .succeeds();
    insta::assert_snapshot!("search_for_bounces", table);
}

#[test]
fn the_summary_adds_up_and_agrees_with_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let summary: Value =
        serde_json::from_str(&tool(folder.path()).args(["index", "--json"]).arg(example()).succeeds()).unwrap();
    let count = |name: &str| summary["lines"][name].as_u64().unwrap();
    assert_eq!(count("read"), 199);
    assert_eq!(
        count("read"),
        ["matched", "noise", "joined", "unmatched", "unreadable"]
            .map(count)
            .iter()
            .sum::<u64>()
    );
    let found = objects(
        &tool(folder.path())
            .args(["search", "*", "--json", "-n", "1000"])
            .succeeds(),
    );
    let of_kind = |kind: &str| found.iter().filter(|document| document["kind"] == kind).count() as u64;
    let kinds = ["mail", "reject", "session", "record"];
    for kind in kinds {
        let written = summary["documents"][kind].as_u64().unwrap_or_default();
        assert_eq!(written, of_kind(kind), "{kind}");
    }
    assert_eq!(found.last().unwrap()["total"], kinds.map(of_kind).iter().sum::<u64>());
}

#[test]
fn search_shows_no_raw_lines_unless_asked_and_never_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    tool(folder.path()).arg("index").arg(example()).succeeds();
    let plain = objects(
        &tool(folder.path())
            .args(["search", "qid:757F89D60C0", "--json"])
            .succeeds(),
    );
    assert!(plain[0].get("lines").is_none());
    let with = objects(
        &tool(folder.path())
            .args(["search", "qid:757F89D60C0", "--json", "--lines"])
            .succeeds(),
    );
    let own = with
        .iter()
        .find(|document| document["queue_id"] == "757F89D60C0")
        .unwrap();
    assert_eq!(own["lines"].as_array().unwrap().len(), 21);
    assert_eq!(own["line_count"], 21);
    assert!(own.get("memory").is_none());
}

#[test]
fn nothing_found_is_no_and_a_wrong_query_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    tool(folder.path()).arg("index").arg(example()).succeeds();
    let (_, said) = tool(folder.path())
        .args(["search", "to:nobody@nowhere.example"])
        .ends_with(1);
    assert!(said.contains("nothing found"), "{said}");
    let (_, said) = tool(folder.path())
        .args(["search", "form:bob@example.com"])
        .ends_with(2);
    assert!(said.contains("did you mean `from`"), "{said}");
    let (_, said) = tool(folder.path()).args(["trace", "FFFFFFFFFFF"]).ends_with(1);
    assert!(said.contains("nothing found for `FFFFFFFFFFF`"), "{said}");
}

#[test]
fn searching_before_indexing_tells_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let (_, said) = tool(folder.path()).args(["search", "*"]).ends_with(2);
    assert!(said.contains("mailtrail index"), "{said}");
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(lab("sendmail", "mail.log.gz")).unwrap();
    let broken = folder.path().join("broken.log.gz");
    fs::write(&broken, &whole[..whole.len() / 2]).unwrap();
    let empty = folder.path().join("empty.log");
    fs::write(&empty, "").unwrap();
    let (summary, said) = tool(folder.path())
        .args(["index", "--json", "--timezone", "UTC", "missing.log"])
        .arg(folder.path())
        .arg(&broken)
        .arg(&empty)
        .arg(example())
        .ends_with(2);
    for name in ["missing.log", &folder.path().display().to_string(), "broken.log.gz"] {
        assert!(said.contains(name), "{name} in {said}");
    }
    assert!(!said.contains("empty.log"), "{said}");
    let summary: Value = serde_json::from_str(&summary).unwrap();
    // The example whole, and what the broken half of the other still tells.
    assert!(summary["lines"]["read"].as_u64().unwrap() > 199 + 300, "{summary}");
}

#[test]
fn bytes_that_are_no_text_are_kept_and_do_not_stop_anything() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("odd.log");
    let mut file = fs::File::create(&log).unwrap();
    file.write_all(&fs::read(example()).unwrap()).unwrap();
    file.write_all(b"2026-11-24T02:05:35.000000+00:00 mx1 postfix/smtpd[9]: 757F89D60C0: warning: \xff\xfe\0odd\n")
        .unwrap();
    file.write_all(b"\xff\xfe no header at all\n").unwrap();
    drop(file);
    let summary: Value =
        serde_json::from_str(&tool(folder.path()).args(["index", "--json"]).arg(&log).succeeds()).unwrap();
    assert_eq!(summary["lines"]["unreadable"], 1);
    // A second reading finds the line again, byte for byte: the document does not change.
    let lines = || {
        let found = tool(folder.path())
            .args(["search", "qid:757F89D60C0", "--json", "--lines"])
            .succeeds();
        let own = objects(&found)
            .into_iter()
            .find(|document| document["queue_id"] == "757F89D60C0")
            .unwrap();
        own["line_count"].as_u64().unwrap()
    };
    assert_eq!(lines(), 22);
    tool(folder.path()).arg("index").arg(&log).succeeds();
    assert_eq!(lines(), 22);
}

#[test]
fn a_bad_rule_file_stops_the_run_before_anything_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).unwrap();
    fs::write(
        rules.join("site.yaml"),
        "- id: site/x\n  program: postfix/smtpd\n  pattern: '%{qidd:queue_id}: x'\n  emits: record\n",
    )
    .unwrap();
    let (_, said) = tool(folder.path())
        .args(["index", "--rules", "rules"])
        .arg(example())
        .ends_with(2);
    assert!(said.contains("rules/site.yaml:3:"), "{said}");
    assert!(said.contains("did you mean `qid`"), "{said}");
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_rule_of_the_site_adds_a_field_that_can_be_searched() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).unwrap();
    fs::write(
        rules.join("site.yaml"),
        "- id: site/quota\n  program: postfix/smtpd\n  pattern: '%{qid:queue_id}: quota policy: %{int:extra.percent} percent'\n  emits: record\n",
    )
    .unwrap();
    let log = folder.path().join("mail.log");
    let mut text = fs::read_to_string(example()).unwrap();
    text.push_str("2026-11-24T02:05:34.600000+00:00 mx1 postfix/smtpd[9]: 757F89D60C0: quota policy: 97 percent\n");
    fs::write(&log, text).unwrap();
    // Without the rule the line is counted as unmatched and kept with its message.
    let summary: Value =
        serde_json::from_str(&tool(folder.path()).args(["index", "--json"]).arg(&log).succeeds()).unwrap();
    assert_eq!(summary["unmatched"][0]["program"], "postfix/smtpd");
    tool(folder.path()).args(["search", "extra.percent:97"]).ends_with(1);
    // With it, reading it again gains the field; a run that only goes on says so.
    let (_, said) = tool(folder.path())
        .args(["index", "--rules", "rules"])
        .arg(&log)
        .ends_with(0);
    assert!(said.contains("--from-scratch"), "{said}");
    tool(folder.path())
        .args(["index", "--rules", "rules", "--from-scratch"])
        .arg(&log)
        .succeeds();
    let found = objects(
        &tool(folder.path())
            .args(["search", "extra.percent:97", "--json"])
            .succeeds(),
    );
    assert_eq!(found[0]["queue_id"], "757F89D60C0");
}

#[test]
fn parse_says_what_each_line_says() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("two.log");
    let text = unpacked(&lab("postfix-short", "mail.rfc3339.log.gz"));
    let line = text.lines().find(|line| line.contains("status=deferred")).unwrap();
    fs::write(
        &log,
        format!("{line}\n2026-11-24T02:05:34+00:00 mx1 strange[1]: what is this\n"),
    )
    .unwrap();
    let lines = objects(&tool(folder.path()).args(["parse", "--json"]).arg(&log).succeeds());
    assert_eq!(lines[0]["kind"], "delivery");
    assert_eq!(lines[0]["fields"]["status"], "deferred");
    assert_eq!(lines[0]["program"], "postfix/smtp");
    assert_eq!(lines[1]["rule"], Value::Null);
    assert_eq!(lines[1]["text"], "what is this");
    let unmatched = tool(folder.path()).args(["parse", "--unmatched"]).arg(&log).succeeds();
    assert_eq!(unmatched.lines().count(), 1);
}

#[test]
fn the_configuration_file_is_read_and_its_mistakes_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("mailtrail.yaml");
    fs::write(&config, "hosts: {mx1: mx1.site.example}\n").unwrap();
    let with = ["--config", "mailtrail.yaml"];
    tool(folder.path()).args(with).arg("index").arg(example()).succeeds();
    let found = objects(
        &tool(folder.path())
            .args(with)
            .args(["search", "qid:757F89D60C0", "--json"])
            .succeeds(),
    );
    assert_eq!(found[0]["host"], "mx1.site.example");
    fs::write(&config, "storage: embedded\n").unwrap();
    let (_, said) = tool(folder.path()).args(with).args(["search", "*"]).ends_with(2);
    assert!(said.contains("mailtrail.yaml:1:1"), "{said}");
}

#[test]
fn log_text_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("evil.log");
    let line = "2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[9]: NOQUEUE: reject: RCPT from unknown[203.0.113.6]: 550 5.1.1 <a@site.example>: no \u{1b}[2J\u{202e}such; from=<x@y.example> to=<a@site.example> proto=ESMTP helo=<h>\n";
    fs::write(&log, line).unwrap();
    tool(folder.path()).arg("index").arg(&log).succeeds();
    for args in [
        ["search", "kind:reject"],
        ["trace", "x@y.example"],
        ["parse", "evil.log"],
    ] {
        let shown = tool(folder.path()).args(args).succeeds();
        assert!(
            !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
            "{args:?}: {shown}"
        );
    }
}
