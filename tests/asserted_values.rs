//! The values that grok patterns split a line into are in our fields, too, whole: measured on lines of the same shapes as
//! those that other projects test their patterns with. `examples/asserted` measures theirs.

use serde_json::{Value, json};

use crate::asserted::share;
use crate::tool::tool;

/// Lines, each with what a grok pattern for it gives by its own names.
const ASSERTED: &[(&str, &[(&str, &str)])] = &[
    (
        "postfix/smtp[12]: B0D9D9D60C0: to=<ok-2@good.example>, orig_to=<alice@site.example>, relay=mx.good.example[198.51.100.10]:25, conn_use=2, delay=0.11, delays=0.04/0/0.02/0.05, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4XPQ7F1K2zjx)",
        &[
            ("queueid", "B0D9D9D60C0"),
            ("to", "ok-2@good.example"),
            ("orig_to", "alice@site.example"),
            ("relay_hostname", "mx.good.example"),
            ("relay_ip", "198.51.100.10"),
            ("relay_port", "25"),
            ("conn_use", "2"),
            ("delay", "0.11"),
            ("delay_before_qmgr", "0.04"),
            ("delay_in_qmgr", "0"),
            ("delay_conn_setup", "0.02"),
            ("delay_transmission", "0.05"),
            ("dsn", "2.0.0"),
            ("status", "sent"),
            ("smtp_response", "250 2.0.0 Ok: queued as 4XPQ7F1K2zjx"),
        ],
    ),
    (
        "postfix/error[12]: 3E29030F8638: to=<user@good.example>, relay=none, delay=0.01, delays=0.01/0/0/0, dsn=5.1.1, status=undeliverable-but-not-cached (User unknown in virtual alias table)",
        &[
            ("status", "undeliverable-but-not-cached"),
            ("response", "User unknown in virtual alias table"),
        ],
    ),
    (
        "postfix/smtpd[12]: NOQUEUE: reject: RCPT from client-6.isp.example[203.0.113.6]: 554 5.7.1 <x@other.example>: Relay access denied; from=<a@senders.example> to=<x@other.example> proto=ESMTP helo=<client-6.isp.example>",
        &[
            ("action", "reject"),
            ("status_stage", "RCPT"),
            ("client_hostname", "client-6.isp.example"),
            ("client_ip", "203.0.113.6"),
            ("status_code", "554"),
            ("status_code_enhanced", "5.7.1"),
            ("status_message", "Relay access denied"),
            ("from", "a@senders.example"),
            ("to", "x@other.example"),
            ("proto", "ESMTP"),
            ("helo", "client-6.isp.example"),
        ],
    ),
    (
        "postfix/smtpd[12]: Anonymous TLS connection established from client-6.isp.example[203.0.113.6]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)",
        &[
            ("tls_cert_trust", "Anonymous"),
            ("client_ip", "203.0.113.6"),
            ("tls_version", "TLSv1.3"),
            ("tls_cipher", "TLS_AES_256_GCM_SHA384"),
        ],
    ),
    (
        "postfix/qmgr[12]: 7EE6680391A: from=<a@senders.example>, size=656, nrcpt=2 (queue active)",
        &[("from", "a@senders.example"), ("size", "656"), ("nrcpt", "2")],
    ),
    (
        "postfix/anvil[12]: statistics: max connection rate 7/60s for (smtp:203.0.113.6) at Nov 24 02:10:01",
        &[
            ("anvil_conn_rate", "7"),
            ("anvil_conn_period", "60s"),
            ("service", "smtp"),
            ("client_ip", "203.0.113.6"),
        ],
    ),
    (
        "postfix/smtpd[12]: disconnect from client-6.isp.example[203.0.113.6] ehlo=1 auth=0/1 quit=1 commands=2/3",
        &[
            ("client_hostname", "client-6.isp.example"),
            ("client_ip", "203.0.113.6"),
            ("ehlo", "1"),
            ("quit", "1"),
        ],
    ),
];

#[test]
fn the_values_of_grok_patterns_are_in_our_fields_whole() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = ASSERTED
        .iter()
        .map(|(line, _)| format!("2026-11-24T02:10:01.000000+00:00 mx1 {line}\n"))
        .collect();
    std::fs::write(folder.path().join("mail.log"), lines.concat()).unwrap();
    let parsed: Vec<Value> = tool(folder.path())
        .args(["parse", "--json", "mail.log"])
        .succeeds()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let asserted: Vec<Value> = (1..)
        .zip(ASSERTED)
        .map(|(number, (_, fields))| {
            let fields: serde_json::Map<String, Value> = fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect();
            json!({"line_no": number, "expected": {"fields": fields}})
        })
        .collect();
    let found = share(&parsed, &asserted);
    assert!(found.percent() >= 97.0, "{}", found.report());
    let unsplit =
        json!({"line_no": 1, "expected": {"fields": {"keyvalue_data": "to=<x>", "to": "nobody@else.example"}}});
    let missing = share(&parsed, &[unsplit]);
    assert_eq!((missing.found, missing.asserted), (0, 1), "{}", missing.report());
}
