//! Lines that speak of no message: each is a document of its own, with the source that it names.

use serde_json::Value;

use crate::companions::documents;
use crate::tool::tool;

/// The one record among the documents.
#[track_caller]
fn the_record(lines: &[&str]) -> Value {
    let documents = documents(lines);
    let records: Vec<&Value> = documents
        .iter()
        .filter(|document| document["kind"] == "record")
        .collect();
    let [record] = records[..] else {
        panic!("{documents:#?}")
    };
    record.clone()
}

#[test]
fn firewalls_and_watchmen_name_the_source() {
    for line in [
        "kernel: [ 4711.123456] [UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:12:34:56 SRC=203.0.113.25 DST=192.0.2.11 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=4711 DF PROTO=TCP SPT=52935 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 ",
        "sshd: Failed password for invalid user x from 6.6.6.6 port 1 ssh2 from 203.0.113.25 port 52938 ssh2",
        "fail2ban.actions: NOTICE [postfix-sasl] Ban 203.0.113.25",
        "suricata: [1:2010935:3] ET SCAN Suspicious inbound [Classification: Potentially Bad Traffic] [Priority: 2] {TCP} 203.0.113.25:52935 -> 192.0.2.11:25",
        "ossec: Alert Level: 5; Rule: 3301 - Attempt to use mail server as relay.; Location: (mx1) 192.0.2.11->/var/log/mail.log; srcip: 203.0.113.25; a line",
        "nfdump: 2026-11-24 10:05:07.123     0.512 TCP      203.0.113.25:52935 ->       192.0.2.11:25           12     1450     1",
    ] {
        assert_eq!(the_record(&[line])["source"]["ip"], "203.0.113.25", "{line}");
    }
}

#[test]
fn logins_and_delivery_programs_that_name_no_message_are_records() {
    let said = [
        (
            "saslauthd: do_auth         : auth failure: [user=mallory] [service=smtp] [realm=site.example] [mech=pam] [reason=PAM auth error]",
            "/user/name",
            "mallory",
        ),
        (
            "dovecot: imap-login: Disconnected (auth failed, 1 attempts in 6 secs): user=<toto@site.example>, method=PLAIN, rip=203.0.113.25, lip=192.0.2.11, TLS, session=<azdaDADSqqsvf-za>",
            "/source/ip",
            "203.0.113.25",
        ),
        (
            "dovecot: imap-login: Login: user=<sue@site.example>, method=PLAIN, rip=203.0.113.25, lip=192.0.2.11, mpid=19430, TLS, session=<jBCG09+1huxPakVq>",
            "/user/name",
            "sue@site.example",
        ),
        (
            "procmail: Program failure (75) of \"/usr/local/bin/filter\"",
            "/extra/reason",
            "Program failure",
        ),
        (
            "maildrop: Date: Tue Nov 24 02:28:04 2026 From: sender@senders.example Subj: hello File: /home/sue/Maildir (1234)",
            "/extra/folder",
            "/home/sue/Maildir",
        ),
    ];
    let lines: Vec<&str> = said.iter().map(|(line, ..)| *line).collect();
    let records: Vec<Value> = documents(&lines)
        .into_iter()
        .filter(|document| document["kind"] == "record")
        .collect();
    assert_eq!(records.len(), said.len(), "{records:#?}");
    for (line, path, value) in said {
        let text = line.split_once(": ").unwrap().1;
        let record = records.iter().find(|record| record["text"] == text).unwrap();
        assert_eq!(record.pointer(path).unwrap_or(&Value::Null), value, "{record:#}");
    }
}

#[test]
fn a_file_of_flows_needs_no_header_and_each_flow_is_a_record_of_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let flows = "\
Date first seen             Duration Proto      Src IP Addr:Port          Dst IP Addr:Port   Packets    Bytes Flows
2026-11-24 10:05:07.123     0.512 TCP      203.0.113.25:52935 ->       192.0.2.11:25           12     1450     1
2026-11-24 10:05:08.200     0.000 TCP       2001:db8::25.52935 ->       2001:db8::11.25         1       90     1
2026-11-24 10:05:09.000 00:01:00.512 TCP      203.0.113.25:52936 ->       192.0.2.11:25    ...AP.SF   0       12     1.2 M     23    22656    120     1
Summary: total flows: 3, total bytes: 1630, total packets: 25, avg bps: 22656, avg pps: 44, avg bpp: 120
";
    std::fs::write(folder.path().join("flows.txt"), flows).unwrap();
    for host in [&[][..], &["--host", "fw1", "--at", "2026-11-24", "--program", "nfdump"]] {
        let found: Vec<Value> = tool(folder.path())
            .args(["index", "--store", "ndjson", "flows.txt"])
            .args(host)
            .succeeds()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|document: &Value| document["kind"] == "record")
            .collect();
        let of = |path: &str| {
            let of = |document: &Value| document.pointer(path).and_then(Value::as_str).map(str::to_owned);
            found.iter().filter_map(of).collect::<Vec<_>>()
        };
        assert_eq!(
            of("/source/ip"),
            ["203.0.113.25", "2001:db8::25", "203.0.113.25"],
            "{found:#?}"
        );
        assert_eq!(
            of("/extra/destination_ip"),
            ["192.0.2.11", "2001:db8::11", "192.0.2.11"]
        );
        assert_eq!(
            of("/@timestamp"),
            [
                "2026-11-24T10:05:07.123Z",
                "2026-11-24T10:05:08.200Z",
                "2026-11-24T10:05:09.000Z"
            ]
        );
    }
}

/// Anybody may write a log line under a tag of his own; it must not become a verdict about somebody's mail.
#[test]
fn what_a_program_of_an_unknown_tag_says_of_a_message_id_is_a_record_and_never_joins_the_message() {
    let documents = documents(&[
        "postfix/smtpd: 4YqB1zJnz1g: client=client-25.isp.example[203.0.113.25]",
        "postfix/cleanup: 4YqB1zJnz1g: message-id=<pf00022.1795487282@senders.example>",
        "webapp: DKIM verify - pass; message-id=<pf00022.1795487282@senders.example>, signer=<@bank.example>, from=<ceo@bank.example>",
        "postfix/qmgr: 4YqB1zJnz1g: from=<sender@senders.example>, size=656, nrcpt=1 (queue active)",
        "webapp: connect from 203.0.113.25",
    ]);
    let of_kind = |kind: &str| {
        documents
            .iter()
            .filter(|document| document["kind"] == kind)
            .collect::<Vec<_>>()
    };
    let ([mail], records) = (&of_kind("mail")[..], of_kind("record")) else {
        panic!("{documents:#?}")
    };
    assert_eq!(
        (&mail["line_count"], &mail["verdicts"]),
        (&3.into(), &Value::Null),
        "{mail:#}"
    );
    assert_eq!(records.len(), 2, "{documents:#?}");
    assert!(records.iter().any(|record| record["source"]["ip"] == "203.0.113.25"));
}
