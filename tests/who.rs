//! Who is it: counts per client, login and sender are those of the truth, over how many hosts and filters mail went.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mailtrail::answer::who::Who;
use mailtrail::answer::{Ask, who};
use mailtrail::line::Moment;
use mailtrail::query::Query;
use mailtrail::store::embedded::EmbeddedStore;
use serde_json::Value;

use crate::tool::{lab, tool, unpacked};

fn indexed(folder: &Path, corpus: &str) -> EmbeddedStore {
    tool(folder)
        .arg("index")
        .arg(lab(corpus, "mail.rfc3339.log.gz"))
        .succeeds();
    EmbeddedStore::open(&folder.join("data")).unwrap()
}

fn ask(store: &EmbeddedStore, subject: &str) -> Who {
    let ask = Ask {
        now: Moment(1_795_500_000_000),
        lifetime_ms: 5 * 86_400_000,
        lines: false,
    };
    who(store, subject, &Query::Everything, ask).unwrap()
}

fn messages(corpus: &str) -> Vec<Value> {
    let text = unpacked(&lab(corpus, "truth.jsonl.gz"));
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.filter(|entry| entry["kind"] == "message").collect()
}

/// Messages of the truth by a field, where they were accepted.
fn accepted(corpus: &str, field: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for message in messages(corpus) {
        let name = message[field].as_str().unwrap_or_default().to_owned();
        let count = counts.entry(name).or_default();
        // A client that left after the final dot did not read that it was taken.
        let arrived = message["rcpts"]
            .as_array()
            .unwrap()
            .iter()
            .any(|to| to["final"] == "sent");
        if message["accepted"] == true || arrived {
            *count += 1;
        }
    }
    counts.remove("");
    counts
}

fn sent(who: &Who) -> u64 {
    who.mails.values().sum()
}

#[test]
fn each_client_sent_what_the_truth_says() {
    for (corpus, clients) in [("postfix-short", 30), ("sendmail", 5)] {
        let folder = tempfile::tempdir().unwrap();
        let store = indexed(folder.path(), corpus);
        let truth = accepted(corpus, "client_ip");
        assert!(truth.len() > clients, "{}", truth.len());
        let mut wrong = Vec::new();
        for (ip, count) in truth {
            let found = sent(&ask(&store, &ip));
            if found != count {
                wrong.push(format!("{ip}: {found} instead of {count}"));
            }
        }
        assert!(wrong.is_empty(), "{corpus}: {}", wrong.join("\n"));
    }
}

/// mx1, mx2 with a filter, sm1 and back: each has documents of the same message.
#[test]
fn a_message_counts_once_over_hosts_and_filters() {
    let folder = tempfile::tempdir().unwrap();
    let store = indexed(folder.path(), "multihop");
    let truth = accepted("multihop", "envelope_from");
    let mut wrong = Vec::new();
    for (sender, count) in truth {
        let found = sent(&ask(&store, &sender));
        if found != count {
            wrong.push(format!("{sender}: {found} instead of {count}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn failed_logins_are_counted_once_though_two_programs_tell_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = indexed(folder.path(), "postfix-short");
    let failed = |ip: &str| {
        let refused = |message: &&Value| {
            message["client_ip"] == ip
                && message["auth"]["reply"]
                    .as_str()
                    .is_some_and(|reply| reply.starts_with("535"))
        };
        messages("postfix-short").iter().filter(refused).count() as u64
    };
    let client = ask(&store, "203.0.113.60");
    assert_eq!(client.failed_logins, failed("203.0.113.60"));
    assert_eq!(client.failed_logins_before, 0, "it sent first");
    // Dovecot tells the same tries in lines of its own.
    assert!(
        client.record_rules["dovecot/auth-failed"] >= client.failed_logins,
        "{client:?}"
    );
    assert_eq!(sent(&client), 2);
    let alice = ask(&store, "alice");
    assert_eq!((sent(&alice), alice.failed_logins), (1, 2), "{alice:?}");
    let tried: Vec<&str> = alice.login_failures.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(
        tried,
        [
            "client-60.isp.example [203.0.113.60] as alice",
            "client-62.isp.example [203.0.113.62] as alice"
        ]
    );
    let warned: Vec<(&str, u64)> = alice
        .recipients
        .iter()
        .map(|to| (to.name.as_str(), to.reached))
        .collect();
    assert_eq!(warned, [("alice@site.example", 1), ("ok-sub@good.example", 1)]);
}

#[test]
fn refusals_sessions_and_records_of_a_client_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = indexed(folder.path(), "postfix-short");
    let mut refused = BTreeMap::<String, u64>::new();
    for message in messages("postfix-short") {
        let rejected = message["rcpts"].as_array().unwrap().iter();
        let rejected = rejected.filter(|to| {
            to["rcpt_reply"]
                .as_str()
                .is_some_and(|reply| reply.starts_with(['4', '5']))
        });
        *refused
            .entry(message["client_ip"].as_str().unwrap_or_default().to_owned())
            .or_default() += rejected.count() as u64;
    }
    // A client that tried unknown recipients and relaying.
    let ip = "203.0.113.28";
    let tried = ask(&store, ip);
    assert_eq!(tried.rejects, refused[ip]);
    let mut told: Vec<&str> = tried.reasons.iter().map(|reason| reason.example.as_str()).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "Recipient address rejected: User unknown in local recipient table",
            "Relay access denied"
        ]
    );
    // postscreen and the block list.
    let listed = ask(&store, "203.0.113.66");
    assert!(listed.record_rules.contains_key("postfix/dnsblog"), "{listed:?}");
    assert!(listed.records[0].lines.is_empty() && listed.records[0].memory.is_none());
    assert!(listed.rejects > 0 && sent(&listed) == 0, "{listed:?}");
    let network = ask(&store, "203.0.113.0/24");
    let domain = ask(&store, "isp.example");
    assert!(
        sent(&network) >= sent(&domain) && sent(&domain) > 20,
        "{} {}",
        sent(&network),
        sent(&domain)
    );
    let sessions: u64 = network.sessions.values().sum();
    assert!(sessions > 10, "{:?}", network.sessions);
}

#[test]
fn what_was_sent_to_an_address_is_told_by_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = indexed(folder.path(), "multihop");
    let mut truth = BTreeMap::<(String, String), u64>::new();
    for message in messages("multihop") {
        for to in message["rcpts"].as_array().unwrap() {
            let key = (
                to["addr"].as_str().unwrap().to_owned(),
                to["final"].as_str().unwrap().to_owned(),
            );
            *truth.entry(key).or_default() += 1;
        }
    }
    let mut checked = 0;
    for ((address, end), count) in truth
        .iter()
        .filter(|((_, end), _)| end == "bounced" || end == "expired")
    {
        let received = ask(&store, address).received;
        let found: u64 = received
            .iter()
            .filter(|(status, _)| status.word() == end)
            .map(|(_, count)| count)
            .sum();
        // The last hop may be a server of which we have no log, or the list of one.
        assert!(found == *count, "{address}: {received:?} instead of {count} {end}");
        checked += 1;
    }
    assert!(checked > 5, "{checked}");
}

#[test]
fn an_hour_that_stands_out_is_told_and_what_still_waits() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = String::new();
    let mut number = 0;
    for hour in 0..12 {
        let count = if hour == 9 { 40 } else { 2 };
        for minute in 0..count {
            number += 1;
            let id = format!("{:X}", 0x7_57F8_0000_0000_u64 + number);
            let at = format!("2026-11-24T{hour:02}:{minute:02}");
            let _ = writeln!(
                log,
                "{at}:01.000001+00:00 mx1 postfix/submission/smtpd[571]: {id}: client=client-60.isp.example[203.0.113.60], sasl_method=PLAIN, sasl_username=alice"
            );
            let _ = writeln!(
                log,
                "{at}:01.100001+00:00 mx1 postfix/qmgr[257]: {id}: from=<alice@site.example>, size=596, nrcpt=1 (queue active)"
            );
            if hour < 10 {
                let _ = writeln!(
                    log,
                    "{at}:02.000001+00:00 mx1 postfix/smtp[300]: {id}: to=<u{number}@good.example>, relay=mx.good.example[198.51.100.10]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4F0AF{number:04})"
                );
                let _ = writeln!(log, "{at}:02.100001+00:00 mx1 postfix/qmgr[257]: {id}: removed");
            }
        }
    }
    fs::write(folder.path().join("mail.log"), log).unwrap();
    tool(folder.path()).args(["index", "mail.log"]).succeeds();
    let story = tool(folder.path()).args(["who", "alice", "-n", "3"]).succeeds();
    insta::assert_snapshot!("who_of_a_stolen_login", story);
    let out = tool(folder.path()).args(["who", "alice", "--json"]).succeeds();
    let who: Value = serde_json::from_str(&out).unwrap();
    let hours = who["hours"].as_array().unwrap();
    let loud: Vec<&Value> = hours.iter().filter(|hour| hour["stands_out"] == true).collect();
    assert_eq!(
        loud,
        [&serde_json::json!({"hour": "2026-11-24T09", "mails": 40, "stands_out": true})]
    );
    assert_eq!(
        (&who["queued_total"], who["queued"].as_array().unwrap().len()),
        (&4.into(), 4)
    );
}

#[test]
fn nothing_known_is_no() {
    let folder = tempfile::tempdir().unwrap();
    let _ = indexed(folder.path(), "postfix-repeated");
    let (out, said) = tool(folder.path()).args(["who", "nobody@nowhere.example"]).ends_with(1);
    assert!(
        out.is_empty() && said.contains("nothing is known about `nobody@nowhere.example`"),
        "{said}"
    );
}
