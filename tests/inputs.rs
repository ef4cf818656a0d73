//! Lines in every form that they come in: JSON, the journal, without header, in parts, with passwords, in any zone.

use std::sync::Arc;

use mailtrail::line::{Dating, Digest, Evidence, Line, Moment, Reader, Said, Taken, TimeZone};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::lines::{dating, lab};
use crate::tool::tool;

/// All that a reader makes of a log.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) lines: Vec<Line>,
    pub(crate) joined: u64,
    pub(crate) unreadable: u64,
}

pub(crate) fn read(log: &[u8], dating: Dating) -> Read {
    let mut reader = Reader::new(Arc::from("test"), dating, Evidence::default());
    reader.look_ahead(log);
    let mut read = Read::default();
    for (number, raw) in (1..).zip(log.split(|byte| *byte == b'\n')) {
        if raw.is_empty() && !reader.wants_empty_lines() {
            continue;
        }
        match reader.take(raw, number) {
            Taken::Line(line) => read.lines.push(line),
            Taken::Joined => read.joined += 1,
            Taken::Unreadable => read.unreadable += 1,
            Taken::Field => {}
        }
        read.lines.extend(std::iter::from_fn(|| reader.pending()));
    }
    reader.end();
    read.lines.extend(std::iter::from_fn(|| reader.pending()));
    for line in &read.lines {
        let again = Line::again(&line.raw, line.at, line.ordinal).unwrap();
        assert_eq!(again.digest(), line.digest(), "a stored line is the same line");
    }
    read
}

pub(crate) fn utc(log: &str) -> Read {
    read(log.as_bytes(), dating(TimeZone::Utc))
}

pub(crate) fn said(said: Said) -> Dating {
    Dating {
        said: Box::leak(Box::new(said)),
        ..dating(TimeZone::Utc)
    }
}

pub(crate) fn digests(lines: &[Line]) -> Vec<Digest> {
    lines.iter().map(Line::digest).collect()
}

pub(crate) fn raws(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .map(|line| String::from_utf8_lossy(&line.raw).into_owned())
        .collect()
}

pub(crate) fn texts(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .map(|line| String::from_utf8_lossy(line.text()).into_owned())
        .collect()
}

/// The real lines of a log, with time in microseconds.
pub(crate) fn real() -> Vec<Line> {
    let lines = read(&lab("postfix-short/mail.rfc3339.log"), dating(TimeZone::Utc)).lines;
    assert_eq!(lines.len(), 4579);
    lines
}

pub(crate) fn text(line: &Line) -> String {
    String::from_utf8(line.text().to_vec()).unwrap()
}

pub(crate) fn pid(line: &Line) -> Option<String> {
    line.pid.map(|pid| pid.to_string())
}

#[test]
fn lines_without_a_header_are_read_where_a_person_says_the_rest() {
    let host: Option<Arc<str>> = Some("mx1".into());
    let at = Some(Moment(1_795_485_844_000));
    let expected = utc("Nov 24 02:04:04 mx1 postfix/qmgr[252]: 757F89D60C0: removed");
    let tagged = Said {
        host: host.clone(),
        at,
        ..Said::default()
    };
    let told = read(b"postfix/qmgr[252]: 757F89D60C0: removed", said(tagged));
    assert_eq!(digests(&told.lines), digests(&expected.lines));
    let bare = Said {
        host: host.clone(),
        at,
        program: Some("postfix/qmgr".into()),
        pid: Some(252),
        ..Said::default()
    };
    let told = read(b"757F89D60C0: removed\n\n757F89D60C0: removed", said(bare));
    assert_eq!(told.lines[0].digest(), expected.lines[0].digest());
    assert_eq!((told.lines.len(), told.lines[1].ordinal), (2, 1));
    // A line that tells its time is believed, and only its host is said.
    let daemon = Said {
        host,
        at,
        ..Said::default()
    };
    let told = read(b"Nov 24 02:04:05 postfix/qmgr[252]: A: removed", said(daemon));
    assert_eq!(
        raws(&told.lines),
        ["2026-11-24T02:04:05.000Z mx1 postfix/qmgr[252]: A: removed"]
    );
    // Nothing was said.
    assert_eq!(utc("postfix/qmgr[252]: 757F89D60C0: removed").unreadable, 1);
}

#[test]
fn solaris_and_bsd_write_the_same_lines() {
    let expected = utc("Nov 24 02:04:04 sm1 sendmail[83]: 6AO2Rr6q000083: from=<a@b>");
    for raw in [
        "Nov 24 02:04:04 sm1 sendmail[83]: [ID 801593 mail.info] 6AO2Rr6q000083: from=<a@b>",
        "<22>Nov 24 02:04:04 sm1 sendmail[83]: [ID 801593 mail.notice] 6AO2Rr6q000083: from=<a@b>",
        "<mail.notice>Nov 24 02:04:04 sm1 sendmail[83]: 6AO2Rr6q000083: from=<a@b>",
        "Nov 24 02:04:04 <mail.notice> sm1 sendmail[83]: 6AO2Rr6q000083: from=<a@b>",
        "<22>1 2026-11-24T02:04:04Z sm1 sendmail 83 - - [ID 801593 mail.info] 6AO2Rr6q000083: from=<a@b>",
    ] {
        assert_eq!(digests(&utc(raw).lines), digests(&expected.lines), "{raw}");
    }
    for text in ["[ID 7]", "[ID x mail.info] y", "[ID 7 mail] y", "[ID 7 mail.info y"] {
        let told = utc(&format!("Nov 24 02:04:04 sm1 sendmail[83]: {text}"));
        assert_eq!(texts(&told.lines), [text]);
    }
}

#[test]
fn the_last_message_of_a_host_is_repeated() {
    let smtpd = "postfix/smtpd[277]: connect from unknown[203.0.113.6]";
    let told = utc(&format!(
        "Nov 24 02:04:04 mx1 {smtpd}\nNov 24 02:04:05 mx2 postfix/qmgr[1]: A: removed\n\
         Nov 24 02:04:30 mx1 last message repeated 2 times\nNov 24 02:04:31 mx2 last message repeated 1 time\n\
         Nov 24 02:04:40 mx1 postfix/smtpd[277]: last message repeated 1 times"
    ));
    let expected = utc(&format!(
        "Nov 24 02:04:04 mx1 {smtpd}\nNov 24 02:04:05 mx2 postfix/qmgr[1]: A: removed\n\
         Nov 24 02:04:30 mx1 postfix/smtpd[277]: message repeated 2 times: [ connect from unknown[203.0.113.6]]\n\
         Nov 24 02:04:31 mx2 postfix/qmgr[1]: message repeated 1 times: [ A: removed]\n\
         Nov 24 02:04:40 mx1 {smtpd}"
    ));
    assert_eq!(told.lines.len(), 6);
    assert_eq!(digests(&told.lines), digests(&expected.lines));
    assert!(told.lines[2].repeated && told.lines[5].repeated);
    // Of another program, of a host that said nothing: nobody knows what was repeated.
    for raw in [
        "Nov 24 02:04:04 mx9 last message repeated 2 times",
        "Nov 24 02:04:04 mx1 postfix/qmgr[7]: a\nNov 24 02:04:04 mx1 postfix/smtpd[7]: last message repeated 2 times",
        "Nov 24 02:04:04 mx1 x: a\nNov 24 02:04:04 mx1 last message repeated 0 times",
    ] {
        let told = utc(raw);
        assert!(
            texts(&told.lines).last().unwrap().starts_with("last message repeated"),
            "{raw}"
        );
    }
}

/// What `index` and `parse` say of a log that is piped in.
fn piped(folder: &std::path::Path, arguments: &[&str], log: &str) -> String {
    use std::io::Write as _;
    let mut command = tool(folder).args(arguments).command();
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(log.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_form_comes_in_by_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let bare = [
        "parse",
        "--json",
        "--host",
        "MX1",
        "--at",
        "2026-11-24 02:04:04",
        "--program",
        "postfix/qmgr[252]:",
        "-",
    ];
    let told: Value = serde_json::from_str(&piped(folder.path(), &bare, "757F89D60C0: removed\n")).unwrap();
    assert_eq!(
        [
            &told["at"],
            &told["host"],
            &told["program"],
            &told["pid"],
            &told["kind"]
        ],
        [
            &json!("2026-11-24T02:04:04.000Z"),
            &json!("mx1"),
            &json!("postfix/qmgr"),
            &json!(252),
            &json!("removed")
        ]
    );
    // The time is lost, not the host.
    let bare = ["parse", "--json", "--host", "mx9", "--at", "2026-11-24 02:04:04", "-"];
    let log = "mx1 postfix/qmgr[252]: 757F89D60C0: removed\npostfix/qmgr[252]: 757F89D60C0: removed\n";
    let told: Vec<Value> = piped(folder.path(), &bare, log)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(told.len(), 2);
    for (told, host) in told.iter().zip(["mx1", "mx9"]) {
        assert_eq!([&told["host"], &told["kind"]], [&json!(host), &json!("removed")]);
    }
    // Names of fields from the configuration.
    std::fs::write(
        folder.path().join("m.yaml"),
        "json:\n  message: [body]\n  host: [srv]\n",
    )
    .unwrap();
    let log =
        r#"{"@timestamp":"2026-11-24T02:04:04Z","srv":"mx2","program":"postfix/qmgr","body":"757F89D60C0: removed"}"#;
    let told: Value = serde_json::from_str(&piped(
        folder.path(),
        &["--config", "m.yaml", "parse", "--json", "-"],
        log,
    ))
    .unwrap();
    assert_eq!([&told["host"], &told["kind"]], [&json!("mx2"), &json!("removed")]);
    // The parts of a record are counted, and every line is accounted for.
    let log = "Nov 24 02:04:04 sm1 sm-mta[1]: 6AO2Rr6q000083[1]: to=<a@b.example>, ...\n\
               Nov 24 02:04:04 sm1 sm-mta[1]: 6AO2Rr6q000083[2]:  delay=00:00:01, mailer=esmtp, ...\n\
               Nov 24 02:04:04 sm1 sm-mta[1]: 6AO2Rr6q000083[3]:  relay=mx.b.example. [192.0.2.1], dsn=2.0.0, stat=Sent (ok)\n";
    let summary: Value = serde_json::from_str(&piped(
        folder.path(),
        &["index", "--json", "--timezone", "UTC", "-"],
        log,
    ))
    .unwrap();
    let lines = &summary["lines"];
    assert_eq!(
        [&lines["read"], &lines["joined"], &lines["matched"]],
        [&json!(3), &json!(2), &json!(1)],
        "{summary}"
    );
    let found = tool(folder.path())
        .args(["search", "qid:6AO2Rr6q000083", "--json"])
        .succeeds();
    assert!(
        found.contains("\"a@b.example\"") && found.contains("\"relayed\""),
        "{found}"
    );
}

/// Bytes from which other forms are likely to come.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        proptest::sample::select(vec![
            "{\"message\":\"",
            "\",\"time\":\"2026-11-24T02:04:04Z\",\"host\":\"",
            "\",\"program\":\"",
            "\"}\n",
            "Nov 24 02:04:04 mx1 ",
            "sm-mta[1]: ",
            "6AO2Rr6q000083[1]: ",
            "6AO2Rr6q000083[2]: ",
            " ...",
            "\n",
            "\n\n",
            "__CURSOR=1\n",
            "__REALTIME_TIMESTAMP=1795485844000000\n",
            "_HOSTNAME=mx1\n",
            "SYSLOG_IDENTIFIER=x\n",
            "MESSAGE=",
            "MESSAGE\n",
            "\x03\0\0\0\0\0\0\0abc\n",
            "last message repeated 2 times\n",
            "message repeated 2 times: [ a]\n",
            "< x[1]: AUTH PLAIN ",
            "[ID 7 mail.info] ",
            "\\u0000\\n",
            " ",
            ":",
        ])
        .prop_map(|part| part.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    /// `read` itself checks that each line is the same when it is read again.
    #[test]
    fn any_form_of_any_bytes_is_read_without_harm(log in likely()) {
        let loud = Said { host: Some("mx1".into()), at: Some(Moment(1_795_485_844_000)), ..Said::default() };
        read(&log, dating(TimeZone::Utc));
        read(&log, said(loud));
    }
}
