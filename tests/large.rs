//! Much of everything: recipients, messages that are not over, years.

use std::fmt::Write as _;
use std::fs;

use mailtrail::line::{Dating, Evidence, Moment, Reader, Said, TimeZone};
use serde_json::Value;

use crate::hostile::{good_log, watched, written};
use crate::state::{assert_same, index, one_pass, stored};
use crate::tool::tool;

/// One message to so many recipients, a third of whom are deferred first.
fn large(recipients: usize) -> Vec<String> {
    let mut log = Vec::new();
    let stamp = |second: usize| {
        format!(
            "2026-11-24T{:02}:{:02}:{:02}Z mx1",
            2 + second / 3600,
            second / 60 % 60,
            second % 60
        )
    };
    log.push(format!(
        "{} postfix/smtpd[1]: 757F89D60C0: client=client.example[192.0.2.1]",
        stamp(0)
    ));
    log.push(format!(
        "{} postfix/cleanup[2]: 757F89D60C0: message-id=<large@senders.example>",
        stamp(0)
    ));
    log.push(format!(
        "{} postfix/qmgr[3]: 757F89D60C0: from=<ann@senders.example>, size=1000, nrcpt={recipients} (queue active)",
        stamp(1)
    ));
    let attempt = |n: usize, status: &str, second: usize| {
        format!(
            "{} postfix/smtp[{}]: 757F89D60C0: to=<user{n}@good.example>, relay=mx.good.example[198.51.100.1]:25, delay=1, \
             delays=0.1/0.1/0.3/0.5, {status}",
            stamp(second),
            n % 50 + 10
        )
    };
    for n in (0..recipients).step_by(3) {
        log.push(attempt(
            n,
            "dsn=4.2.0, status=deferred (host mx.good.example[198.51.100.1] said: 450 4.2.0 later)",
            2 + n / 50,
        ));
    }
    for n in 0..recipients {
        log.push(attempt(
            n,
            "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as X)",
            1000 + n / 10,
        ));
    }
    log.push(format!("{} postfix/qmgr[3]: 757F89D60C0: removed", stamp(2100)));
    log
}

#[test]
fn a_message_to_10000_is_one_document_and_its_halves_in_either_order_are_the_whole() {
    let log = large(10_000);
    let text = |lines: &mut dyn Iterator<Item = &String>| {
        lines.fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let whole = written(folder.path(), "whole.log", text(&mut log.iter()));
    let wanted: crate::state::Documents = one_pass(&[&whole])
        .into_iter()
        .filter(|(_, document)| document["kind"] == "mail")
        .collect();
    let document = wanted.values().next().unwrap();
    assert_eq!(wanted.len(), 1);
    assert_eq!(document["status"], "relayed");
    assert_eq!(document["line_count"], log.len());
    assert_eq!(document["to"].as_array().unwrap().len(), 2_000);
    // Every second line, and the two halves one after the other.
    let middle = log.len() / 2;
    let halves = [
        [
            text(&mut log.iter().step_by(2)),
            text(&mut log.iter().skip(1).step_by(2)),
        ],
        [text(&mut log[..middle].iter()), text(&mut log[middle..].iter())],
    ];
    for (how, [one, other]) in halves.iter().enumerate() {
        for (first, second) in [(one, other), (other, one)] {
            let folder = tempfile::tempdir().unwrap();
            let (first, second) = (
                written(folder.path(), "first.log", first),
                written(folder.path(), "second.log", second),
            );
            index(folder.path(), &[first]);
            index(folder.path(), &[second]);
            let found = stored(folder.path())
                .into_iter()
                .filter(|(_, document)| document["kind"] == "mail")
                .collect();
            assert_same(&found, &wanted, &format!("halves {how}"));
        }
    }
}

#[test]
fn a_hundred_thousand_open_messages_are_kept_without_their_memory() {
    let folder = tempfile::tempdir().unwrap();
    let id = |n: u64| format!("{:X}", 0x1_0000_0000_u64 + n * 7919);
    let mut log = String::new();
    for n in 0..100_000 {
        let _ = writeln!(
            log,
            "2026-11-24T02:{:02}:{:02}Z mx1 postfix/smtpd[{}]: {}: client=client.example[192.0.2.{}]",
            n / 2000,
            n / 100 % 20,
            n % 500,
            id(n),
            n % 250
        );
    }
    let log = written(folder.path(), "mail.log", log);
    let mut command = tool(folder.path())
        .args(["index", "--json", "--max-open", "2000"])
        .arg(&log)
        .command();
    let summary = folder.path().join("summary.json");
    command.stdout(fs::File::create(&summary).unwrap());
    let (code, said, most) = watched(command);
    assert_eq!(code, Some(0), "{said}");
    let summary: Value = serde_json::from_str(&fs::read_to_string(summary).unwrap()).unwrap();
    assert_eq!(
        (&summary["lines"]["matched"], &summary["documents"]["mail"]),
        (&100_000.into(), &100_000.into())
    );
    assert!(most < 450 << 20, "{} MB", most >> 20);
    // Each of them can be found.
    for n in [0, 1, 50_000, 99_999] {
        let found = tool(folder.path())
            .args(["search", &format!("qid:{}", id(n)), "--json"])
            .succeeds();
        assert!(found.contains(&format!("\"192.0.2.{}\"", n % 250)), "{found}");
    }
}

#[test]
fn a_clock_in_2038_is_a_clock() {
    // A second after 32 bits of seconds are used up; sendmail's ids have a letter for the year.
    let folder = tempfile::tempdir().unwrap();
    let log = good_log().replace("2026-11-24T02:04:04.100Z", "2038-01-19T03:14:08.100Z")
        + "2038-01-19T03:14:09Z sm1 sm-mta[83]: I0J3E8aa000083: from=<ann@senders.example>, size=1, class=0, nrcpts=1, \
           msgid=<a@b>, proto=ESMTP, daemon=MTA, relay=[192.0.2.1]\n";
    let log = written(folder.path(), "mail.log", log);
    index(folder.path(), &[log]);
    let found = tool(folder.path())
        .args(["search", "*", "--json", "--since", "2038-01-19"])
        .succeeds();
    assert!(
        found.matches("\"203801-").count() >= 2 && found.matches("\"@timestamp\":\"2038-01-19T03:14:0").count() == 2,
        "{found}"
    );
    let at = |second: i64| Dating {
        zone: TimeZone::Utc,
        year: None,
        now: Moment::from_second(second),
        said: Said::NOTHING,
    };
    // Without a year, and with an id of that time.
    for (raw, expected) in [
        (
            "Jan 19 03:14:08 mx1 postfix/qmgr[3]: 757F89D60C0: removed",
            "2038-01-19T03:14:08.000Z",
        ),
        (
            "Dec 31 23:59:59 mx1 postfix/qmgr[3]: 757F89D60C0: removed",
            "2037-12-31T23:59:59.000Z",
        ),
        (
            "Jan 19 03:14:09 sm1 sm-mta[83]: I0J3E8aa000083: from=<>",
            "2038-01-19T03:14:09.000Z",
        ),
    ] {
        let mut reader = Reader::new("test".into(), at(2_147_490_000), Evidence::default());
        assert_eq!(reader.read(raw.as_bytes(), 1).unwrap().at.rfc3339(), expected);
    }
}
