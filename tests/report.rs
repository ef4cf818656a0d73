//! The report counts what happened, once, and says the same of files and of the index.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::tool::{lab, tool, unpacked};

fn of_file(corpus: &str, log: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let out = tool(folder.path())
        .args(["report", "--json"])
        .arg(lab(corpus, log))
        .succeeds();
    serde_json::from_str(&out).unwrap()
}

/// Recipients of the truth that ended so.
fn truth(corpus: &str, end: &str) -> u64 {
    let text = unpacked(&lab(corpus, "truth.jsonl.gz"));
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let recipients = entries.flat_map(|entry| entry["rcpts"].as_array().cloned().unwrap_or_default());
    recipients.filter(|recipient| recipient["final"] == end).count() as u64
}

/// Messages of the truth that were accepted.
fn accepted(corpus: &str) -> u64 {
    let text = unpacked(&lab(corpus, "truth.jsonl.gz"));
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries
        .filter(|entry| entry["kind"] == "message" && entry["accepted"] == true)
        .count() as u64
}

#[test]
fn the_totals_are_those_of_the_truth() {
    let report = of_file("postfix-repeated", "mail.rfc3339.log.gz");
    assert_eq!(report["mails"], accepted("postfix-repeated"));
    for end in ["bounced", "expired"] {
        assert_eq!(report["recipients"][end], truth("postfix-repeated", end), "{end}");
    }
    let report = of_file("postfix-short", "mail.rfc3339.log.gz");
    // One client left after the final dot and never read that its message was taken (ps00221).
    assert_eq!(report["mails"], accepted("postfix-short") + 1);
    for end in ["expired", "deleted"] {
        assert_eq!(report["recipients"][end], truth("postfix-short", end), "{end}");
    }
    let report = of_file("sendmail", "mail.rfc3339.log.gz");
    // Another one did so (sm00183), and a program called sendmail, which took its message and said that it failed (sm00207).
    assert_eq!(report["mails"], accepted("sendmail") + 2);
    // One was given up without a line (tests/TRUTH.md).
    assert_eq!(report["recipients"]["expired"], truth("sendmail", "expired") - 1);
}

#[test]
fn what_passed_a_filter_counts_once() {
    let report = of_file("multihop", "mx2.mail.rfc3339.log.gz");
    let log = unpacked(&lab("multihop", "mx2.mail.rfc3339.log.gz"));
    // Each message that a client other than the filter handed in.
    let handed_in = log
        .lines()
        .filter(|line| line.contains(": client=") && !line.contains("orig_queue_id="))
        .count() as u64;
    let legs = log.lines().filter(|line| line.contains("orig_queue_id=")).count();
    assert!(legs > 40, "{legs}");
    assert_eq!(report["mails"], handed_in);
    // What a filter answered for is told by the leg behind it, or was kept by the filter; none is left in between.
    let told = report["recipients"].as_object().unwrap();
    let told: u64 = told.values().map(|count| count.as_u64().unwrap()).sum();
    let handed_over = log
        .lines()
        .filter(|line| line.contains("relay=127.0.0.1[") && line.contains("queued as"));
    assert_eq!(report["recipients"]["filtered"], Value::Null);
    assert!(told > handed_over.count() as u64, "{report}");
}

#[test]
fn files_and_the_index_are_reported_alike() {
    for (corpus, log) in [
        ("postfix-short", "mail.rfc3339.log.gz"),
        ("sendmail", "mail.rfc3339.log.gz"),
        ("multihop", "mail.rfc3339.log.gz"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        tool(folder.path()).arg("index").arg(lab(corpus, log)).succeeds();
        let out = tool(folder.path()).args(["report", "--json"]).succeeds();
        let stored: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(stored, of_file(corpus, log), "{corpus}");
    }
}

/// `   31   deferred  (142  deferrals)` of pflogsumm.
fn of_pflogsumm(text: &str, what: &str) -> u64 {
    let line = text
        .lines()
        .find(|line| line.split_whitespace().nth(1) == Some(what))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn the_totals_agree_with_pflogsumm_where_both_mean_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let log = unpacked(&lab("postfix-short", "mail.rfc3339.log.gz"));
    let file = folder.path().join("mail.log");
    fs::write(&file, &log).unwrap();
    let Ok(theirs) = Command::new("pflogsumm").arg(&file).output() else {
        eprintln!("pflogsumm is not installed: nothing to compare with");
        return;
    };
    let theirs = String::from_utf8_lossy(&theirs.stdout).into_owned();
    let ours = of_file("postfix-short", "mail.rfc3339.log.gz");
    assert_eq!(ours["forwarded"], of_pflogsumm(&theirs, "forwarded"));
    assert_eq!(ours["deferred_mails"], of_pflogsumm(&theirs, "deferred"));
    let deferrals = theirs.lines().find(|line| line.contains("deferrals)")).unwrap();
    assert!(
        deferrals.contains(&format!("({}  deferrals)", ours["deferrals"])),
        "{deferrals}"
    );
    assert_eq!(ours["recipients"]["bounced"], of_pflogsumm(&theirs, "bounced"));
    // The transport that throws mail away says `sent`, which pflogsumm takes for delivered.
    let silently = log
        .lines()
        .filter(|line| line.contains("status=sent (silently)"))
        .count() as u64;
    let count = |status: &str| ours["recipients"][status].as_u64().unwrap();
    assert_eq!(
        count("delivered") + count("relayed") + silently,
        of_pflogsumm(&theirs, "delivered")
    );
}

#[test]
fn the_page_has_nothing_of_the_log_that_a_browser_would_run() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("evil.log");
    let evil = "<script>alert(1)</script>";
    let line = format!(
        "2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[9]: NOQUEUE: reject: RCPT from unknown[203.0.113.6]: 550 5.1.1 \
         <a@site.example>: no {evil}\" onload=\"x such; from=<x@y.example> to=<a@site.example> proto=ESMTP helo=<h>\n"
    );
    fs::write(&log, line).unwrap();
    let page = tool(folder.path()).args(["report", "--html"]).arg(&log).succeeds();
    assert!(page.contains("&lt;script&gt;"), "{page}");
    assert!(!page.contains("<script") && !page.contains("\" onload"), "{page}");
    assert!(page.contains("default-src 'none'") && !page.contains("http://") && !page.contains("https://"));
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert_eq!(page.matches("<table").count(), page.matches("</table>").count());
}

#[test]
fn a_report_of_a_time_with_nothing_in_it_says_no() {
    let folder = tempfile::tempdir().unwrap();
    let log = lab("postfix-short", "mail.rfc3339.log.gz");
    let (out, _) = tool(folder.path())
        .args(["report", "--since", "2031-01-01"])
        .arg(&log)
        .ends_with(1);
    assert!(out.contains("No messages in this time"), "{out}");
    let (_, said) = tool(folder.path())
        .args(["report", "--since", "2031-01-01", "--until", "2030-01-01"])
        .arg(&log)
        .ends_with(2);
    assert!(said.contains("is not before"), "{said}");
}

#[test]
fn what_is_open_is_told_oldest_first_and_what_lost_its_end_apart() {
    let folder = tempfile::tempdir().unwrap();
    let log = unpacked(&lab("postfix-short", "mail.rfc3339.log.gz"));
    // The log of the first minute: what is deferred then is open.
    let first: Vec<&str> = log.lines().filter(|line| *line < "2026-11-24T02:04:40").collect();
    fs::write(folder.path().join("mail.log"), first.join("\n") + "\n").unwrap();
    tool(folder.path()).args(["index", "mail.log"]).succeeds();
    let open = |at: &str| -> Vec<Value> {
        let out = tool(folder.path())
            .args(["open", "--json", "--after", "15s", "--at", at])
            .succeeds();
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let now = open("2026-11-24T02:04:40Z");
    let (sum, mails) = now.split_last().unwrap();
    assert!(sum["total"].as_u64().unwrap() > 10, "{sum}");
    assert_eq!(sum["lost"], 0);
    assert!(mails.iter().any(|mail| mail["queue_id"] == "757F89D60C0"));
    assert!(
        mails
            .iter()
            .all(|mail| mail["open"] == true && mail["@timestamp"].as_str() < Some("2026-11-24T02:04:25"))
    );
    assert!(mails.is_sorted_by_key(|mail| mail["@timestamp"].as_str().unwrap().to_owned()));
    let later = open("2026-12-24T00:00:00Z");
    let (sum, mails) = later.split_last().unwrap();
    // What is on hold waits for a person, however long.
    let held = mails.iter().filter(|mail| mail["status"] == "held").count() as u64;
    assert_eq!(
        (&sum["total"], sum["lost"].as_u64() > Some(10)),
        (&held.into(), true),
        "{sum}"
    );
    assert!(held > 0, "{sum}");
}
