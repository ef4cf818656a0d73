//! Client sessions: what they tell of their mails, and those that never became mail.

use std::path::Path;

use serde_json::Value;

use crate::tool::{lab, tool};
use crate::truth::truth;

fn documents(log: &Path) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let run = tool(folder.path())
        .args(["index", "--store", "ndjson", "--year", "2026"])
        .arg(log);
    run.succeeds()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The documents of these lines, but for the ledger.
fn of_lines(lines: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mail.log");
    std::fs::write(&log, lines.join("\n") + "\n").unwrap();
    let mut documents = documents(&log);
    documents.retain(|document| document["kind"] != "slice" && document["kind"] != "template");
    documents
}

fn mail<'a>(documents: &'a [Value], queue_id: &str) -> &'a Value {
    let is_it = |document: &&Value| document["kind"] == "mail" && document["queue_id"] == queue_id;
    documents.iter().find(is_it).unwrap()
}

#[test]
fn a_mail_has_the_tls_and_the_login_of_its_session() {
    let postfix = documents(&lab("postfix-short", "mail.log.gz"));
    let client = &mail(&postfix, "122D19D64B8")["client"];
    assert_eq!(client["tls"]["protocol"], "TLSv1.3");
    assert_eq!(client["tls"]["trust"], "Anonymous");
    assert_eq!(client["sasl_user"], "bob@site.example");
    let sendmail = documents(&lab("sendmail", "mail.log.gz"));
    let logged_in = |document: &&Value| document["kind"] == "mail" && document["client"]["sasl_user"].is_string();
    let client = &sendmail.iter().find(logged_in).unwrap()["client"];
    assert_eq!(client["ip"], "203.0.113.60");
    assert_eq!(client["sasl_method"], "PLAIN");
    assert_eq!(client["tls"]["cipher"], "TLS_AES_256_GCM_SHA384");
}

#[test]
fn hold_and_discard_before_the_id_are_told_by_the_mail_and_nowhere_else() {
    let documents = documents(&lab("postfix-short", "mail.log.gz"));
    for (queue_id, status, sender) in [
        ("E8EFA9D62C9", "held", "hold@senders.example"),
        ("E96129D6303", "discarded", "discard@senders.example"),
    ] {
        let mail = mail(&documents, queue_id);
        assert_eq!(mail["status"], status);
        assert_eq!(mail["from"], sender);
        assert_eq!(mail["to"][0]["address"], "ok-acc@good.example");
        assert_eq!(mail["to"][0]["status"], status);
        let alone = |document: &&Value| document["kind"] == "reject" && document["from"] == sender;
        assert_eq!(documents.iter().find(alone), None);
    }
}

/// The truth is what the clients did; the log tells their addresses.
#[test]
fn every_session_without_mail_has_its_document() {
    let documents = documents(&lab("postfix-short", "mail.rfc3339.log.gz"));
    let outcome = |ip: &str| -> Vec<&str> {
        let of_client = documents.iter().filter(|document| document["client"]["ip"] == ip);
        of_client.filter_map(|document| document["outcome"].as_str()).collect()
    };
    for session in truth("postfix-short").iter().filter(|entry| entry["kind"] == "session") {
        let ip = session["client_ip"].as_str().unwrap();
        assert!(!outcome(ip).is_empty(), "{ip} {}", session["notes"]);
    }
    for (ip, wanted) in [
        ("203.0.113.9", "pregreet"),
        ("203.0.113.7", "lost"),
        ("203.0.113.39", "tls_failed"),
        ("203.0.113.40", "too_many_errors"),
        ("203.0.113.41", "timeout"),
        ("203.0.113.63", "auth_failed"),
    ] {
        assert!(outcome(ip).contains(&wanted), "{ip} is {:?}, not {wanted}", outcome(ip));
    }
    let failed = documents
        .iter()
        .find(|document| document["outcome"] == "auth_failed")
        .unwrap();
    assert_eq!(failed["commands"]["auth"], serde_json::json!([0, 1]));
}

#[test]
fn a_client_that_leaves_amid_the_message_leaves_no_open_mail() {
    let documents = documents(&lab("postfix-short", "mail.log.gz"));
    for (queue_id, outcome) in [
        ("1904A9D6339", "timeout"),
        ("1A52A9D633A", "lost"),
        ("C1F459D6339", "lost"),
    ] {
        let mail = mail(&documents, queue_id);
        assert_eq!(mail["outcome"], outcome, "{queue_id}");
        assert_eq!(mail["open"], false, "{queue_id}");
    }
}

#[test]
fn a_process_that_serves_the_next_client_forgets_the_one_before() {
    let documents = of_lines(&[
        "2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[10]: connect from client-6.isp.example[203.0.113.6]",
        "2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[10]: Anonymous TLS connection established from client-6.isp.example[203.0.113.6]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)",
        "2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[10]: 4104E3D: client=client-6.isp.example[203.0.113.6]",
        "2026-11-24T02:00:01+00:00 mx1 postfix/smtpd[10]: disconnect from client-6.isp.example[203.0.113.6] ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7",
        "2026-11-24T02:00:01+00:00 mx1 postfix/smtpd[10]: connect from client-6.isp.example[203.0.113.6]",
        "2026-11-24T02:00:01+00:00 mx1 postfix/smtpd[10]: 5104E3D: client=client-6.isp.example[203.0.113.6]",
        "2026-11-24T02:00:01+00:00 mx1 postfix/smtpd[10]: disconnect from client-6.isp.example[203.0.113.6] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5",
        "2026-11-24T02:00:02+00:00 mx1 postfix/smtpd[10]: connect from client-7.isp.example[203.0.113.7]",
        "2026-11-24T02:00:02+00:00 mx1 postfix/smtpd[10]: disconnect from client-7.isp.example[203.0.113.7] ehlo=1 quit=1 commands=2",
    ]);
    assert_eq!(mail(&documents, "4104E3D")["client"]["tls"]["protocol"], "TLSv1.3");
    assert!(mail(&documents, "5104E3D")["client"]["tls"].is_null());
    let sessions: Vec<&Value> = documents
        .iter()
        .filter(|document| document["kind"] == "session")
        .collect();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["client"]["ip"], "203.0.113.7");
    assert_eq!(sessions[0]["outcome"], "no_mail");
    assert_eq!(sessions[0]["commands"], serde_json::json!({"ehlo": 1, "quit": 1}));
}

#[test]
fn a_message_through_a_before_queue_filter_is_one_mail_of_its_real_client() {
    let documents = of_lines(&[
        "2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[10]: connect from client-6.isp.example[203.0.113.6]",
        "2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[10]: NOQUEUE: client=client-6.isp.example[203.0.113.6]",
        "2026-11-24T02:00:01+00:00 mx1 postfix/after-proxy/smtpd[11]: connect from localhost[127.0.0.1]",
        "2026-11-24T02:00:01+00:00 mx1 postfix/after-proxy/smtpd[11]: DF66E940333: client=localhost[127.0.0.1]",
        "2026-11-24T02:00:01+00:00 mx1 postfix/cleanup[12]: DF66E940333: message-id=<a1@senders.example>",
        "2026-11-24T02:00:01+00:00 mx1 postfix/qmgr[13]: DF66E940333: from=<a@senders.example>, size=400, nrcpt=1 (queue active)",
        "2026-11-24T02:00:01+00:00 mx1 postfix/after-proxy/smtpd[11]: disconnect from localhost[127.0.0.1] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5",
        "2026-11-24T02:00:01+00:00 mx1 postfix/smtpd[10]: proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok: queued as DF66E940333; from=<a@senders.example> to=<alice@site.example> proto=ESMTP helo=<h.example>",
        "2026-11-24T02:00:01+00:00 mx1 postfix/smtpd[10]: disconnect from client-6.isp.example[203.0.113.6] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5",
        "2026-11-24T02:00:02+00:00 mx1 postfix/local[14]: DF66E940333: to=<alice@site.example>, relay=local, delay=0.9, delays=0.8/0/0/0.1, dsn=2.0.0, status=sent (delivered to maildir)",
        "2026-11-24T02:00:02+00:00 mx1 postfix/qmgr[13]: DF66E940333: removed",
    ]);
    assert_eq!(documents.len(), 1, "{documents:#?}");
    let mail = mail(&documents, "DF66E940333");
    assert_eq!(mail["client"]["ip"], "203.0.113.6");
    assert_eq!(mail["client"]["host"], "client-6.isp.example");
    assert_eq!(mail["client"]["helo"], "h.example");
    assert_eq!(mail["status"], "delivered");
}

#[test]
fn sessions_and_records_are_found() {
    let folder = tempfile::tempdir().unwrap();
    tool(folder.path())
        .args(["index", "--year", "2026"])
        .arg(lab("postfix-short", "mail.log.gz"))
        .succeeds();
    let first = |query: &str| -> Value {
        let found = tool(folder.path())
            .args(["search", query, "--json", "-n", "1"])
            .succeeds();
        serde_json::from_str(found.lines().next().unwrap()).unwrap()
    };
    let session = first("kind:session outcome:auth_failed ip:203.0.113.60");
    assert_eq!(session["client"]["ip"], "203.0.113.60");
    let record = first("kind:record user:alice ip:203.0.113.60");
    assert_eq!(record["rule"], "dovecot/auth-failed");
    assert_eq!(record["source"]["ip"], "203.0.113.60");
    assert_eq!(
        first("ip:203.0.113.66 rule:postfix/dnsblog")["program"],
        "postfix/dnsblog"
    );
    assert_eq!(first("kind:record text:\"password mismatch\"").get("lines"), None);
}

#[test]
fn mail_older_than_its_queue_without_a_last_word_misses_its_end() {
    let lines = [
        "2020-11-01T02:00:00+00:00 mx1 postfix/smtpd[10]: 4104E3D: client=client-6.isp.example[203.0.113.6]",
        "2020-11-01T02:00:00+00:00 mx1 postfix/qmgr[13]: 4104E3D: from=<a@senders.example>, size=400, nrcpt=1 (queue active)",
        "2020-11-01T02:00:01+00:00 mx1 postfix/smtp[14]: 4104E3D: to=<t4@good.example>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (connect to good.example[198.51.100.10]:25: Connection timed out)",
        "2020-11-08T02:00:00+00:00 mx1 postfix/smtpd[10]: 5104E3D: client=client-6.isp.example[203.0.113.6]",
        "2020-11-08T02:00:00+00:00 mx1 postfix/qmgr[13]: 5104E3D: from=<a@senders.example>, size=400, nrcpt=1 (queue active)",
    ];
    let documents = of_lines(&lines);
    assert_eq!(mail(&documents, "4104E3D")["missing"], serde_json::json!(["end"]));
    assert!(mail(&documents, "5104E3D")["missing"].is_null());

    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mail.log");
    std::fs::write(&log, lines.join("\n") + "\n").unwrap();
    tool(folder.path()).arg("index").arg(&log).succeeds();
    // Years later both are overdue.
    let found = tool(folder.path()).args(["search", "missing:end", "--json"]).succeeds();
    assert_eq!(found.lines().count(), 3, "{found}");
    assert!(found.contains("\"missing\":[\"end\"]"), "{found}");
    let other = tool(folder.path()).args(["search", "missing:start"]).ends_with(1);
    assert!(other.1.contains("nothing found"), "{}", other.1);
}
