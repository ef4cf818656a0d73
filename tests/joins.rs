//! What belongs together is joined, and strangers never: clocks that differ, ids that come again, message ids that lie, filters
//! and what only looks like one. On the logs of three real hosts, changed as little as each claim needs.

use std::path::Path;

use chrono::{DateTime, Duration, SecondsFormat};
use serde_json::Value;

use crate::journeys::{differences, messages, traced};
use crate::tool::{lab, tool, unpacked};

const HOSTS: [&str; 3] = ["mx1", "mx2", "sm1"];

fn log_of(host: &str) -> String {
    unpacked(&lab("multihop", &format!("{host}.mail.rfc3339.log.gz")))
}

/// A store with one file per log.
fn store(logs: &[String]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut run = tool(folder.path()).arg("index");
    for (index, log) in logs.iter().enumerate() {
        let path = folder.path().join(format!("{index}.log"));
        std::fs::write(&path, log).unwrap();
        run = run.arg(path);
    }
    run.succeeds();
    folder
}

fn lines(lines: &[&str]) -> String {
    lines.join("\n") + "\n"
}

/// The same log, written by a clock that is ahead by so many seconds.
fn shifted(log: &str, seconds: i64) -> String {
    let shift = |line: &str| {
        let (stamp, rest) = line.split_once(' ').unwrap();
        let at = DateTime::parse_from_rfc3339(stamp).unwrap() + Duration::seconds(seconds);
        format!("{} {rest}\n", at.to_rfc3339_opts(SecondsFormat::Micros, false))
    };
    log.lines().map(shift).collect()
}

/// Host and queue id of the hops in their order, and the last word on each recipient.
fn told(data: &Path, what: &str) -> Vec<String> {
    let journeys = traced(data, what);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut told = Vec::new();
    for journey in &journeys {
        let hops = journey["hops"].as_array().unwrap().iter();
        told.extend(hops.map(|hop| format!("{} {}", text(&hop["host"]), text(&hop["queue_id"]))));
        let mut ends: Vec<_> = journey["recipients"].as_array().unwrap().iter().collect();
        ends.sort_by_key(|end| text(&end["address"]));
        told.extend(
            ends.into_iter()
                .map(|end| format!("{} {}", text(&end["address"]), text(&end["final"]))),
        );
    }
    told
}

/// The same log of other messages: their ids are others.
fn others(log: &str) -> String {
    log.replace("message-id=<", "message-id=<zz.")
}

#[track_caller]
fn nothing_differs(data: &Path) {
    let found = differences(data);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn clocks_that_differ_by_seconds_do_not_reorder_cause_and_effect() {
    let right = store(&HOSTS.map(log_of));
    for seconds in [-9, 9] {
        let wrong = store(&[log_of("mx1"), shifted(&log_of("mx2"), seconds), log_of("sm1")]);
        for (id, _) in messages().into_iter().step_by(5) {
            assert_eq!(told(wrong.path(), &id), told(right.path(), &id), "{id}, {seconds} s");
        }
    }
}

/// By message id alone, too: the next hop's reply names no id, and its clock is late.
#[test]
fn a_late_clock_does_not_turn_a_link_by_message_id_around() {
    let folder = store(&[lines(&[
        "2026-11-24T02:00:10+00:00 mx1 postfix/smtpd[10]: 4104E3D: client=client-6.isp.example[203.0.113.6]",
        "2026-11-24T02:00:10+00:00 mx1 postfix/cleanup[11]: 4104E3D: message-id=<a1@senders.example>",
        "2026-11-24T02:00:10+00:00 mx1 postfix/qmgr[12]: 4104E3D: from=<a@senders.example>, size=400, nrcpt=1 (queue active)",
        "2026-11-24T02:00:11+00:00 mx1 postfix/smtp[13]: 4104E3D: to=<alice@corp.example>, relay=mx2.site.example[192.0.2.12]:25, delay=1, delays=0/0/0.5/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok)",
        "2026-11-24T02:00:11+00:00 mx1 postfix/qmgr[12]: 4104E3D: removed",
        "2026-11-24T02:00:03+00:00 mx2 postfix/smtpd[20]: 9204E3D: client=mx1.site.example[192.0.2.11]",
        "2026-11-24T02:00:03+00:00 mx2 postfix/cleanup[21]: 9204E3D: message-id=<a1@senders.example>",
        "2026-11-24T02:00:03+00:00 mx2 postfix/qmgr[22]: 9204E3D: from=<a@senders.example>, size=500, nrcpt=1 (queue active)",
        "2026-11-24T02:00:04+00:00 mx2 postfix/local[23]: 9204E3D: to=<alice@corp.example>, relay=local, delay=1, delays=0/0/0.5/0.5, dsn=2.0.0, status=sent (delivered to maildir)",
        "2026-11-24T02:00:04+00:00 mx2 postfix/qmgr[22]: 9204E3D: removed",
    ])]);
    for id in ["4104E3D", "9204E3D"] {
        assert_eq!(
            told(folder.path(), id),
            ["mx1 4104E3D", "mx2 9204E3D", "alice@corp.example delivered"]
        );
    }
    let journey = &traced(folder.path(), "4104E3D")[0];
    assert_eq!(journey["links"][0]["evidence"], "message id <a1@senders.example>");
    assert_eq!(journey["links"][0]["sure"], false);
    let story = tool(folder.path()).args(["trace", "4104E3D"]).succeeds();
    let link = "from mx1 4104E3D: message id <a1@senders.example> (likely: it could fit another message)";
    assert!(story.contains(link), "{story}");
}

/// Each link of the real journeys has its evidence, in JSON and in words; where the reply's id and the message id agree, both.
#[test]
fn every_link_tells_its_evidence_and_how_sure_it_is() {
    let folder = store(&HOSTS.map(log_of));
    let (mut by_both, mut by_id, mut by_log) = (0, 0, 0);
    for (id, _) in messages().into_iter().step_by(5) {
        let journey = &traced(folder.path(), &id)[0];
        let story = tool(folder.path()).args(["trace", &id]).succeeds();
        for link in journey["links"].as_array().unwrap() {
            let evidence = link["evidence"].as_str().unwrap();
            assert_eq!(link["sure"], true, "{id}: {evidence}");
            let both = evidence.starts_with("queued as ") && evidence.contains(", message id <");
            by_both += usize::from(both);
            by_id += usize::from(evidence.starts_with("queued as ") && !both);
            by_log += usize::from(!evidence.starts_with("queued as "));
            let is_notice = journey["notices"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|notice| notice["id"] == link["to"]);
            let told = if is_notice {
                "named by the log of ".to_owned()
            } else {
                format!(": {evidence} (certain)")
            };
            assert!(story.contains(&told), "{told} is not in\n{story}");
        }
    }
    assert!(by_both >= 20 && by_log > 10, "{by_both} {by_id} {by_log}");
}

/// Another server with the very queue ids of mx2, at the same times, of other messages from the same senders to the same
/// recipients.
#[test]
fn two_hosts_with_the_same_short_queue_ids_share_nothing() {
    let twin = others(&log_of("mx2").replace("mx2", "mx9"));
    assert!(twin.contains(" mx9 ") && twin.contains("message-id=<zz.mj00012"));
    let folder = store(&[log_of("mx1"), log_of("mx2"), log_of("sm1"), twin]);
    nothing_differs(folder.path());
}

/// The ids of mx2 come again the next day, of other messages.
#[test]
fn a_reused_short_id_is_another_message() {
    let again = shifted(&others(&log_of("mx2")), 26 * 3600);
    let folder = store(&[log_of("mx1"), log_of("mx2") + &again, log_of("sm1")]);
    nothing_differs(folder.path());
    let lives = tool(folder.path())
        .args(["search", "qid:541859F6304 kind:mail host:mx2", "--json"])
        .succeeds();
    let lives = lives
        .lines()
        .filter(|line| line.contains("\"queue_id\":\"541859F6304\",\"status\""));
    assert_eq!(lives.count(), 2);
}

/// A client that gives all its messages one id.
#[test]
fn a_message_id_that_comes_again_joins_no_two_messages() {
    let same = regex::Regex::new(r"mj000\d\d\.\d+@senders\.example").unwrap();
    let logs = HOSTS.map(|host| same.replace_all(&log_of(host), "same@bad.example").into_owned());
    assert!(logs[0].matches("message-id=<same@bad.example>").count() > 30);
    nothing_differs(store(&logs).path());
}

/// Of the documents' history, sent away to a pipe and handed in again by sendmail(1).
const PIPED: &[&str] = &[
    "2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[10]: 4104E3D: client=client-6.isp.example[203.0.113.6]",
    "2026-11-24T02:00:00+00:00 mx1 postfix/cleanup[11]: 4104E3D: message-id=<a1@senders.example>",
    "2026-11-24T02:00:00+00:00 mx1 postfix/qmgr[12]: 4104E3D: from=<a@senders.example>, size=400, nrcpt=1 (queue active)",
    "2026-11-24T02:00:02+00:00 mx1 postfix/pickup[14]: 5204E3D: uid=115 from=<a@senders.example>",
    "2026-11-24T02:00:02+00:00 mx1 postfix/cleanup[11]: 5204E3D: message-id=<a1@senders.example>",
    "2026-11-24T02:00:02+00:00 mx1 postfix/pipe[13]: 4104E3D: to=<alice@site.example>, relay=spamassassin, delay=2, delays=0.1/0/0/1.9, dsn=2.0.0, status=sent (delivered via spamassassin service)",
    "2026-11-24T02:00:02+00:00 mx1 postfix/qmgr[12]: 4104E3D: removed",
    "2026-11-24T02:00:02+00:00 mx1 postfix/qmgr[12]: 5204E3D: from=<a@senders.example>, size=700, nrcpt=1 (queue active)",
    "2026-11-24T02:00:03+00:00 mx1 postfix/local[15]: 5204E3D: to=<alice@site.example>, relay=local, delay=0.5, delays=0.3/0/0/0.2, dsn=2.0.0, status=sent (delivered to maildir)",
    "2026-11-24T02:00:03+00:00 mx1 postfix/qmgr[12]: 5204E3D: removed",
];

#[test]
fn a_message_through_a_pipe_filter_counts_once() {
    let folder = store(&[lines(PIPED)]);
    for id in ["4104E3D", "5204E3D"] {
        assert_eq!(
            told(folder.path(), id),
            ["mx1 4104E3D", "mx1 5204E3D", "alice@site.example delivered"]
        );
    }
    let link = &traced(folder.path(), "4104E3D")[0]["links"][0];
    assert_eq!((&link["rel"], &link["sure"]), (&"resent_as".into(), &false.into()));
    let log = folder.path().join("0.log");
    for report in [
        tool(folder.path()).args(["report", "--json"]).succeeds(),
        tool(folder.path()).args(["report", "--json"]).arg(log).succeeds(),
    ] {
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["mails"], 1, "{report}");
        assert_eq!(report["recipients"], serde_json::json!({"delivered": 1}), "{report}");
    }
    // Two that have nothing to do with each other are two.
    let other = lines(PIPED).replace("5204E3D: message-id=<a1@", "5204E3D: message-id=<b2@");
    let report = tool(store(&[other]).path()).args(["report", "--json"]).succeeds();
    assert!(report.contains("\"mails\":2"), "{report}");
}

/// amavis' own id names the message in its log and in the copies' Received lines, and is a hop of no journey; what it handed
/// back counts once.
#[test]
fn amavis_between_two_legs_is_no_hop_and_the_legs_count_once() {
    let folder = store(&HOSTS.map(log_of));
    let all = tool(folder.path())
        .args(["search", "host:mx2 kind:mail", "--json", "--limit", "1000"])
        .succeeds();
    let mails: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let links = |mail: &Value, rel: &str| -> Vec<String> {
        let links = mail["links"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|link| link["rel"] == rel);
        links
            .filter_map(|link| Some(link["queue_id"].as_str()?.to_owned()))
            .collect()
    };
    let by_id = |id: &str| mails.iter().find(|mail| mail["queue_id"] == id);
    let mut legs = 0;
    for mail in mails.iter().filter(|mail| mail["leg"] == true) {
        let from = links(mail, "filtered_from");
        assert_eq!(from.len(), 1, "{}", mail["queue_id"]);
        let before = by_id(&from[0]).unwrap();
        assert!(links(before, "filtered_to").contains(&mail["queue_id"].as_str().unwrap().to_owned()));
        assert_eq!(before["message_id"], mail["message_id"]);
        legs += 1;
    }
    assert!(legs > 40, "{legs}");
    for (id, message) in messages() {
        let of_amavis = message["queue_ids_seen"].as_array().into_iter().flatten();
        let of_amavis: Vec<_> = of_amavis
            .filter(|seen| seen["host"] == "localhost")
            .map(|seen| &seen["queue_id"])
            .collect();
        if let Some(own) = of_amavis.first().and_then(|own| own.as_str()) {
            tool(folder.path()).args(["trace", own]).ends_with(1);
            let hops = traced(folder.path(), &id)
                .into_iter()
                .filter_map(|journey| journey["hops"].as_array().cloned());
            assert!(
                hops.flatten()
                    .all(|hop| hop["queue_id"] != own && hop["host"] != "localhost")
            );
            return;
        }
    }
    panic!("no message went through amavis");
}

/// An outside server behind a filter of its own answers in the very words, with an id that this host has as well.
#[test]
fn a_foreign_reply_that_looks_like_a_filter_s_is_none() {
    let folder = store(&[lines(&[
        "2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[10]: 4104E3D: client=client-6.isp.example[203.0.113.6]",
        "2026-11-24T02:00:00+00:00 mx1 postfix/cleanup[11]: 4104E3D: message-id=<a1@senders.example>",
        "2026-11-24T02:00:00+00:00 mx1 postfix/qmgr[12]: 4104E3D: from=<a@senders.example>, size=400, nrcpt=1 (queue active)",
        "2026-11-24T02:00:01+00:00 mx1 postfix/smtp[13]: 4104E3D: to=<x@far.example>, relay=mx.far.example[198.51.100.77]:25, delay=1, delays=0/0/0.5/0.5, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 5204E3D)",
        "2026-11-24T02:00:01+00:00 mx1 postfix/qmgr[12]: 4104E3D: removed",
        "2026-11-24T02:00:01+00:00 mx1 postfix/smtpd[10]: 5204E3D: client=client-7.isp.example[203.0.113.7]",
        "2026-11-24T02:00:01+00:00 mx1 postfix/cleanup[11]: 5204E3D: message-id=<b2@senders.example>",
        "2026-11-24T02:00:01+00:00 mx1 postfix/qmgr[12]: 5204E3D: from=<a@senders.example>, size=400, nrcpt=1 (queue active)",
        "2026-11-24T02:00:02+00:00 mx1 postfix/local[15]: 5204E3D: to=<alice@site.example>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to maildir)",
        "2026-11-24T02:00:02+00:00 mx1 postfix/qmgr[12]: 5204E3D: removed",
    ])]);
    assert_eq!(told(folder.path(), "4104E3D"), ["mx1 4104E3D", "x@far.example relayed"]);
    assert_eq!(
        told(folder.path(), "5204E3D"),
        ["mx1 5204E3D", "alice@site.example delivered"]
    );
    assert!(traced(folder.path(), "5204E3D")[0]["hops"][0]["leg"].is_null());
}

/// Put off at the end of the log, delivered days later, in a log that is read when all the rest is long written.
#[test]
fn a_late_line_reopens_a_message_and_its_journey() {
    let log = unpacked(&lab("postfix-short", "mail.rfc3339.log.gz"));
    let of_it: Vec<&str> = log.lines().filter(|line| line.contains("A24689D6256")).collect();
    let last = of_it.iter().position(|line| line.contains("status=sent")).unwrap();
    let folder = store(&[of_it[..last].join("\n") + "\n"]);
    let before = &traced(folder.path(), "A24689D6256")[0];
    assert_eq!(before["recipients"][0]["final"], "deferred");
    assert_eq!(before["hops"][0]["open"], true);
    let later = shifted(&(of_it[last..].join("\n") + "\n"), 4 * 24 * 3600);
    let path = folder.path().join("later.log");
    std::fs::write(&path, later).unwrap();
    tool(folder.path()).arg("index").arg(&path).succeeds();
    let journeys = traced(folder.path(), "A24689D6256");
    assert_eq!(journeys.len(), 1);
    assert_eq!(journeys[0]["recipients"][0]["final"], "relayed");
    let hop = &journeys[0]["hops"][0];
    assert_eq!((&hop["id"], &hop["open"]), (&before["hops"][0]["id"], &false.into()));
    assert_eq!(
        hop["to"][0]["attempts"],
        before["hops"][0]["to"][0]["attempts"].as_u64().unwrap() + 1
    );
}

/// Eight messages at a time are kept in memory, of hundreds that go on at once: the others go to the store and come back.
#[test]
fn what_leaves_memory_for_others_comes_back_from_the_store() {
    let folder = tempfile::tempdir().unwrap();
    tool(folder.path())
        .args(["index", "--year", "2026", "--max-open", "8"])
        .arg(lab("multihop", "mail.log.gz"))
        .succeeds();
    nothing_differs(folder.path());
}
