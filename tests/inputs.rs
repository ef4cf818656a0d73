//! Lines in every form that they come in: JSON, the journal, without header, in parts, with passwords, in any zone.

use std::sync::Arc;

use base64::Engine as _;
use mailtrail::line::{Dating, Digest, Evidence, JsonFields, Line, Moment, Reader, Said, Taken, TimeZone};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::lines::{dating, lab};
use crate::tool::tool;

/// All that a reader makes of a log.
#[derive(Debug, Default)]
struct Read {
    lines: Vec<Line>,
    joined: u64,
    unreadable: u64,
}

fn read(log: &[u8], dating: Dating) -> Read {
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

fn utc(log: &str) -> Read {
    read(log.as_bytes(), dating(TimeZone::Utc))
}

fn said(said: Said) -> Dating {
    Dating {
        said: Box::leak(Box::new(said)),
        ..dating(TimeZone::Utc)
    }
}

fn digests(lines: &[Line]) -> Vec<Digest> {
    lines.iter().map(Line::digest).collect()
}

fn raws(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .map(|line| String::from_utf8_lossy(&line.raw).into_owned())
        .collect()
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .map(|line| String::from_utf8_lossy(line.text()).into_owned())
        .collect()
}

/// The real lines of a log, with time in microseconds.
fn real() -> Vec<Line> {
    let lines = read(&lab("postfix-short/mail.rfc3339.log"), dating(TimeZone::Utc)).lines;
    assert_eq!(lines.len(), 4579);
    lines
}

/// Each line as one JSON object.
fn as_json(lines: &[Line], object: impl Fn(&Line) -> Value) -> String {
    lines.iter().map(|line| object(line).to_string() + "\n").collect()
}

fn text(line: &Line) -> String {
    String::from_utf8(line.text().to_vec()).unwrap()
}

fn pid(line: &Line) -> Option<String> {
    line.pid.map(|pid| pid.to_string())
}

/// What makes JSON of a line.
type Form = Box<dyn Fn(&Line) -> Value>;

#[test]
fn a_line_is_the_same_in_every_json_that_is_usual() {
    let real = real();
    let micros = |line: &Line| (line.at.0 * 1000).to_string();
    let forms: [(&str, Form); 6] = [
        (
            "journalctl -o json",
            Box::new(move |line| {
                json!({"__CURSOR": "s=1", "__REALTIME_TIMESTAMP": micros(line), "_HOSTNAME": &*line.host, "PRIORITY": "6",
                       "SYSLOG_IDENTIFIER": &*line.program, "SYSLOG_PID": pid(line), "MESSAGE": text(line), "_COMM": "x"})
            }),
        ),
        (
            "Logstash",
            Box::new(|line| {
                json!({"@timestamp": line.at, "@version": "1", "logsource": &*line.host, "program": &*line.program,
                       "pid": pid(line), "message": text(line) + "\n"})
            }),
        ),
        (
            "Filebeat with its syslog parser",
            Box::new(|line| {
                json!({"@timestamp": line.at, "host": {"name": &*line.host}, "agent": {"name": "x"},
                       "process": {"name": &*line.program, "pid": line.pid}, "message": text(line)})
            }),
        ),
        (
            "Filebeat with whole lines",
            Box::new(|line| {
                json!({"@timestamp": "2026-11-24T09:00:00.000Z", "host": {"name": "shipper"},
                       "message": String::from_utf8_lossy(&line.raw)})
            }),
        ),
        (
            "Docker, whose lines may have lost their header",
            Box::new(|line| {
                let tag = pid(line).map_or(format!("{}: ", line.program), |pid| {
                    format!("{}[{pid}]: ", line.program)
                });
                json!({"log": format!("{tag}{}\n", text(line)), "stream": "stdout", "hostname": &*line.host, "time": line.at})
            }),
        ),
        (
            "GELF",
            Box::new(|line| {
                json!({"version": "1.1", "host": &*line.host, "short_message": text(line),
                       "timestamp": format!("{}.{:03}", line.at.0 / 1000, line.at.0 % 1000).parse::<f64>().unwrap(),
                       "_application_name": &*line.program, "_process_id": pid(line)})
            }),
        ),
    ];
    // A repetition is one line of a log, but was made into several here.
    let once: Vec<Line> = real.iter().filter(|line| !line.repeated).cloned().collect();
    for (name, form) in forms {
        let told = read(as_json(&once, form).as_bytes(), dating(TimeZone::Fixed(7200)));
        assert_eq!((told.lines.len(), told.unreadable), (once.len(), 0), "{name}");
        assert!(digests(&told.lines) == digests(&once), "{name}");
    }
}

#[test]
fn the_raw_line_of_json_is_a_syslog_line() {
    let told = utc(
        r#"{"MESSAGE":"757F89D60C0: removed","__REALTIME_TIMESTAMP":"1795485844483482","SYSLOG_IDENTIFIER":"postfix/qmgr","SYSLOG_PID":"252","_HOSTNAME":"MX1"}"#,
    );
    assert_eq!(
        raws(&told.lines),
        ["2026-11-24T02:04:04.483Z MX1 postfix/qmgr[252]: 757F89D60C0: removed"]
    );
    assert_eq!(&*told.lines[0].host, "mx1");
    let file = utc("Nov 24 02:04:04 mx1 postfix/qmgr[252]: 757F89D60C0: removed");
    assert_eq!(digests(&told.lines), digests(&file.lines));
}

#[test]
fn json_fields_have_the_names_that_a_site_gives_them() {
    let log = r#"{"when":{"sent":1795485844},"srv":"mx1","message":"not this","app":"postfix/qmgr[252]:","body":"757F89D60C0: removed","a.b":1}"#;
    let names = |name: &str| vec![name.to_owned()];
    let json = JsonFields {
        time: names("when.sent"),
        host: vec!["none".to_owned(), "srv".to_owned()],
        program: names("app"),
        pid: Vec::new(),
        message: names("body"),
    };
    let told = read(
        log.as_bytes(),
        said(Said {
            json,
            ..Said::default()
        }),
    );
    assert_eq!(
        raws(&told.lines),
        ["2026-11-24T02:04:04.000Z mx1 postfix/qmgr[252]: 757F89D60C0: removed"]
    );
    // Without these names there is no time.
    assert_eq!(utc(log).unreadable, 1);
}

#[test]
fn json_of_any_kind_is_read_or_counted() {
    let bytes: Vec<u8> = b"to=<\xff@b>".to_vec();
    let binary = json!({"__REALTIME_TIMESTAMP": "1795485844000000", "SYSLOG_IDENTIFIER": "x", "MESSAGE": bytes});
    let told = utc(&binary.to_string());
    assert_eq!(told.lines[0].text(), b"to=<\xff@b>");
    // What rsyslog would have escaped is escaped; `Event` undoes it.
    let told =
        utc(r#"{"time":"2026-11-24T02:04:04Z","host":"mx1","program":"x","message":"  one\ntwo\tthree\u0000\n"}"#);
    assert_eq!(
        raws(&told.lines),
        ["2026-11-24T02:04:04.000Z mx1 x: one#012two#011three#000"]
    );
    // Without host or program the form is that of RFC 5424, or a word of the text would be taken for one.
    let told = utc(r#"{"time":"2026-11-24T02:04:04Z","message":"<-- no: program","host":"m x:"}"#);
    assert_eq!(
        raws(&told.lines),
        ["1 2026-11-24T02:04:04.000Z m_x: - - - - <-- no: program"]
    );
    assert_eq!((&*told.lines[0].host, &*told.lines[0].program), ("m_x:", ""));
    for raw in [
        "{",
        "{}",
        "{\"message\":\"x\"}",
        "{\"message\":[],\"time\":1795485844}",
        "{\"message\":null,\"time\":1795485844}",
        "{\"message\":\"x\",\"time\":\"tomorrow\"}",
        "{\"message\":\"x\",\"time\":-1}",
        "{\"message\":\"x\",\"time\":1e300}",
        "{\"message\":\"x\",\"time\":99999999999999999999999}",
        "[\"Nov 24 02:04:04 mx1 x: y\"]",
    ] {
        let told = utc(raw);
        assert_eq!((told.lines.len(), told.unreadable), (0, 1), "{raw}");
    }
    let deep = "{\"message\":".to_owned() + &"[".repeat(60_000);
    assert_eq!(utc(&deep).unreadable, 1);
}

/// Real lines in the journal's export format; what holds line ends is written with its length.
fn as_export(lines: &[Line]) -> Vec<u8> {
    let mut log = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let pid = line.pid.map(|pid| format!("_PID={pid}\n")).unwrap_or_default();
        log.extend_from_slice(
            format!(
                "__CURSOR=s=739ad463348b4ceca5a9e69c95a3c93f;i={index}\n__REALTIME_TIMESTAMP={}\n_BOOT_ID=1\n\
                 _HOSTNAME={}\nPRIORITY=6\n{pid}SYSLOG_IDENTIFIER={}\n",
                line.at.0 * 1000,
                line.host,
                line.program
            )
            .as_bytes(),
        );
        if index % 3 == 0 {
            log.extend_from_slice(b"MESSAGE\n");
            log.extend_from_slice(&(line.text().len() as u64).to_le_bytes());
        } else {
            log.extend_from_slice(b"MESSAGE=");
        }
        log.extend_from_slice(line.text());
        log.extend_from_slice(b"\n\n");
    }
    log
}

#[test]
fn a_line_is_the_same_in_an_export_of_the_journal() {
    let real: Vec<Line> = real().into_iter().filter(|line| !line.repeated).collect();
    let told = read(&as_export(&real), dating(TimeZone::Utc));
    assert_eq!((told.lines.len(), told.unreadable), (real.len(), 0));
    assert!(digests(&told.lines) == digests(&real));
}

#[test]
fn a_message_of_the_journal_may_hold_anything_and_end_anywhere() {
    let head =
        "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795485844483482\n_HOSTNAME=mx1\nSYSLOG_IDENTIFIER=x\nSYSLOG_PID=7\n";
    // Ten bytes: the length itself holds a line end. An empty line and another field stand inside.
    let mut log = format!("{head}COREDUMP\n").into_bytes();
    log.extend_from_slice(b"\x0a\0\0\0\0\0\0\0a\n\nMESSAGE=\n_HOSTNAME=mx1\nMESSAGE=one\n\n");
    // No empty line behind it, but a line of a file.
    log.extend_from_slice(format!("{head}MESSAGE=two\nNov 24 02:04:05 mx1 x[7]: three\n").as_bytes());
    // The end is missing.
    log.extend_from_slice(format!("{head}MESSAGE=four").as_bytes());
    let told = read(&log, dating(TimeZone::Utc));
    assert_eq!(texts(&told.lines), ["one", "two", "three", "four"]);
    // A message without text or time.
    let told = utc("__CURSOR=s=1\n_HOSTNAME=mx1\nMESSAGE=x\n\n__REALTIME_TIMESTAMP=1795485844483482\n\n");
    assert_eq!((told.lines.len(), told.unreadable), (0, 2));
    // A length that nobody has.
    let mut log = format!("{head}MESSAGE\n").into_bytes();
    log.extend_from_slice(&u64::MAX.to_le_bytes());
    log.extend_from_slice(b"\n\nNov 24 02:04:05 mx1 x[7]: three\n");
    assert!(read(&log, dating(TimeZone::Utc)).lines.is_empty());
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

/// As `sm_syslog` (`sendmail/conf.c`) splits a record.
fn split_by_sendmail(head: &str, id: &str, text: &str, buffer: usize) -> Vec<String> {
    let room = buffer - id.len() - 5 - 7;
    let (mut parts, mut rest) = (Vec::new(), text);
    while rest.len() + id.len() + 5 > buffer {
        let end = rest[..room].rfind([',', ' ']).map_or(room, |at| at + 1);
        parts.push(format!("{head}{id}[{}]: {} ...", parts.len() + 1, &rest[..end]));
        rest = &rest[end..];
    }
    parts.push(format!("{head}{id}[{}]: {rest}", parts.len() + 1));
    parts
}

#[test]
fn a_record_that_sendmail_split_is_one_line_again() {
    let log = lab("sendmail/mail.log");
    let real = read(&log, dating(TimeZone::Utc)).lines;
    let mut split = Vec::new();
    let mut parts = 0;
    for line in &real {
        let raw = String::from_utf8(line.raw.to_vec()).unwrap();
        let text = String::from_utf8(line.text().to_vec()).unwrap();
        let head = raw.strip_suffix(&text).unwrap();
        match text.split_once(": ") {
            Some((id, rest)) if id.len() == 14 && rest.is_ascii() && text.len() > 180 => {
                let pieces = split_by_sendmail(head, id, rest, 128);
                assert!(pieces.len() > 1);
                parts += pieces.len() as u64 - 1;
                split.extend(pieces);
            }
            _ => split.push(raw),
        }
    }
    assert!(parts > 500, "{parts}");
    let told = utc(&split.join("\n"));
    assert_eq!((told.lines.len(), told.joined), (real.len(), parts));
    assert!(digests(&told.lines) == digests(&real));
}

#[test]
fn parts_of_two_records_may_lie_between_each_other_and_a_lost_end_loses_nothing() {
    let told = utc("Nov 24 02:04:04 sm1 sm-mta[1]: 6AO2Rr6q000083[1]: to=<a@b>, ...\n\
         Nov 24 02:04:04 sm1 sm-mta[2]: 6AO2Rr6q000084[1]: to=<c@d>, ...\n\
         Nov 24 02:04:04 sm1 sm-mta[1]: 6AO2Rr6q000083[2]: <e@f>, stat=Sent\n\
         Nov 24 02:04:05 sm1 sm-mta[9]: 6AO2Rr6q000084[2]: of another process\n\
         Nov 24 02:04:05 sm1 sm-mta[9]: STARTTLS=server\n\
         Nov 24 02:04:30 sm1 sm-mta[9]: STARTTLS=client\n\
         Nov 24 02:04:31 sm1 sm-mta[9]: NOQUEUE[1]: a ...\n\
         Nov 24 02:04:31 sm1 sm-mta[9]: NOQUEUE[2]:  b");
    assert_eq!(
        texts(&told.lines),
        [
            "6AO2Rr6q000083: to=<a@b>,<e@f>, stat=Sent",
            "6AO2Rr6q000084[2]: of another process",
            "STARTTLS=server",
            "STARTTLS=client",
            "6AO2Rr6q000084: to=<c@d>,",
            "NOQUEUE: a b",
        ]
    );
    // The end of the log ends it as well.
    assert_eq!(
        texts(&utc("Nov 24 02:04:04 sm1 sm-mta[1]: 6AO2Rr6q000083[1]: a ...").lines),
        ["6AO2Rr6q000083: a"]
    );
    // Ever new records that never end need no memory.
    let endless: Vec<String> = (0..5_000)
        .map(|n| format!("Nov 24 02:04:04 sm1 sm-mta[{n}]: 6AO2Rr6q000083[1]: a ...\n"))
        .collect();
    assert_eq!(utc(&endless.concat()).lines.len(), 5_000);
}

#[test]
fn passwords_are_masked_before_anything_is_kept() {
    let smtpd = "Nov 24 02:04:04 mx1 postfix/submission/smtpd[277]:";
    let smtp = "Nov 24 02:04:04 mx1 postfix/smtp[277]:";
    let sendmail = "Nov 24 02:04:04 sm1 sm-mta[706]: 6AO2B8Ax000706:";
    let client = "unknown[203.0.113.60]";
    let secret = base64::engine::general_purpose::STANDARD.encode("\0sue\0Correct-Horse");
    for (raw, masked) in [
        (format!("{smtpd} < {client}: AUTH PLAIN {secret}"), format!("< {client}: AUTH PLAIN [masked]")),
        (format!("{smtpd} < {client}: auth plain {secret}"), format!("< {client}: auth plain [masked]")),
        (format!("{smtpd} < {client}: AUTH {secret}"), format!("< {client}: AUTH [masked]")),
        (format!("{smtpd} < {client}: {secret}"), format!("< {client}: [masked]")),
        (format!("{smtpd} < [203.0.113.60]:2525: AUTH LOGIN {secret}"), "< [203.0.113.60]:2525: AUTH LOGIN [masked]".to_owned()),
        (format!("{smtp} > mx.good.example[198.51.100.1]:587: AUTH PLAIN {secret}"), "> mx.good.example[198.51.100.1]:587: AUTH PLAIN [masked]".to_owned()),
        (format!("{smtp} > mx.good.example[198.51.100.1]:587: {secret}"), "> mx.good.example[198.51.100.1]:587: [masked]".to_owned()),
        (format!("{smtp} smtp_sasl_passwd_lookup: host `mx' user `sue' pass `{secret}'"), "smtp_sasl_passwd_lookup: host `mx' user `sue' pass `[masked]".to_owned()),
        (format!("{smtpd} xsasl_dovecot_server_first: sasl_method PLAIN, init_response {secret}"), "xsasl_dovecot_server_first: sasl_method PLAIN, init_response [masked]".to_owned()),
        (format!("{smtpd} xsasl_cyrus_server_next: decoded response: {secret}"), "xsasl_cyrus_server_next: decoded response: [masked]".to_owned()),
        (format!("{sendmail} <-- AUTH PLAIN {secret}"), "6AO2B8Ax000706: <-- AUTH PLAIN [masked]".to_owned()),
        (format!("{sendmail} <-- {secret}"), "6AO2B8Ax000706: <-- [masked]".to_owned()),
        (
            format!("Nov 24 02:04:04 mx1 dovecot: auth: Debug: client in: AUTH 1 PLAIN service=smtp resp={secret} x=y"),
            "auth: Debug: client in: AUTH 1 PLAIN service=smtp resp=[masked] x=y".to_owned(),
        ),
        (
            json!({"time": "2026-11-24T02:04:04Z", "host": "mx1", "program": "postfix/smtpd", "message": format!("< {client}: AUTH PLAIN {secret}")}).to_string(),
            format!("< {client}: AUTH PLAIN [masked]"),
        ),
    ] {
        let told = utc(&raw);
        assert_eq!(texts(&told.lines), [masked], "{raw}");
        assert!(!raws(&told.lines).concat().contains(&secret), "{raw}");
    }
    // Two passwords of one second are two equal lines, and no password is told by a digest.
    let two = utc(&format!(
        "{smtpd} < {client}: AUTH PLAIN {secret}\n{smtpd} < {client}: AUTH PLAIN AHN1ZQBvdGhlcg=="
    ));
    assert_eq!([two.lines[0].ordinal, two.lines[1].ordinal], [0, 1]);
    assert_eq!(two.lines[0].text(), two.lines[1].text());
    // What is no secret stays.
    for text in [
        "< unknown[203.0.113.60]: EHLO client",
        "< unknown[203.0.113.60]: STARTTLS",
        "< unknown[203.0.113.60]: quit",
        "< unknown[203.0.113.60]: MAIL FROM:<a@b> AUTH=<c@d>",
        "> unknown[203.0.113.60]: 334 VXNlcm5hbWU6",
        "< unknown[203.0.113.60]: AUTH LOGIN",
        "xsasl_dovecot_server_create: SASL service=smtp, realm=(null)",
        "AUTH=server, relay=client-60.isp.example [203.0.113.60], authid=sue, mech=PLAIN, bits=0",
    ] {
        assert_eq!(texts(&utc(&format!("{smtpd} {text}")).lines), [text]);
    }
    // A line that cannot be read is not kept with its password, either.
    let kept = Reader::unreadable(format!("garbage AUTH PLAIN {secret}").as_bytes());
    assert_eq!(&*kept, b"garbage AUTH PLAIN [masked]");
}

fn zone(name: &str) -> Dating {
    dating(TimeZone::named(name).unwrap())
}

fn times(log: &str, dating: Dating) -> Vec<String> {
    let told = read(log.as_bytes(), dating);
    told.lines
        .iter()
        .map(|line| line.at.rfc3339()[..19].to_owned())
        .collect()
}

#[test]
fn summer_time_is_known_by_the_zone_s_name() {
    let line = |stamp: &str| format!("{stamp} mx1 postfix/qmgr[252]: 757F89D60C0: removed\n");
    let log = line("2026-07-01 12:00:00") + &line("Nov 10 12:00:00");
    assert_eq!(
        times(&log, zone("Europe/Berlin")),
        ["2026-07-01T10:00:00", "2026-11-10T11:00:00"]
    );
    assert_eq!(
        times(&log, zone("america/new_york")),
        ["2026-07-01T16:00:00", "2026-11-10T17:00:00"]
    );
    assert_eq!(
        times(&log, zone("Asia/Kathmandu")),
        ["2026-07-01T06:15:00", "2026-11-10T06:15:00"]
    );
    // The hour that the spring leaves out, by a clock that was set by hand.
    assert_eq!(
        times(&line("Mar 29 02:30:00"), zone("Europe/Berlin")),
        ["2026-03-29T01:30:00"]
    );
    assert_eq!(TimeZone::named("Europe/Atlantis"), None);
    assert_eq!(TimeZone::like("Berlin"), Some("Europe/Berlin"));
}

#[test]
fn the_hour_that_the_autumn_has_twice_is_read_twice() {
    let line = |stamp: &str, id: &str| format!("{stamp} mx1 postfix/qmgr[252]: {id}: removed\n");
    let log: String = [
        "Oct 25 01:59:50",
        "Oct 25 02:00:10",
        "Oct 25 02:59:50",
        "Oct 25 02:59:49",
        "Oct 25 02:00:05",
        "Oct 25 02:40:00",
        "Oct 25 02:59:59",
        "Oct 25 03:00:05",
    ]
    .map(|stamp| line(stamp, "757F89D60C0"))
    .concat();
    assert_eq!(
        times(&log, zone("Europe/Berlin")),
        [
            "2026-10-24T23:59:50",
            "2026-10-25T00:00:10",
            "2026-10-25T00:59:50",
            "2026-10-25T00:59:49",
            "2026-10-25T01:00:05",
            "2026-10-25T01:40:00",
            "2026-10-25T01:59:59",
            "2026-10-25T02:00:05",
        ]
    );
    // A log that begins in the second of the two hours is told by a queue id: 01:15:00 UTC.
    let log = line("Oct 25 02:15:01", "757F89D60C0");
    assert_eq!(times(&log, zone("Europe/Berlin")), ["2026-10-25T00:15:01"]);
    let log = line("Oct 25 02:15:01", "69P1F0aa000083");
    assert_eq!(times(&log, zone("Europe/Berlin")), ["2026-10-25T01:15:01"]);
}

#[test]
fn a_wrong_zone_is_told_with_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let log = crate::tool::lab("multihop", "mx1.mail.log.gz");
    let said = |zone: &str| {
        let run = tool(folder.path())
            .args(["index", "--store", "ndjson", "--timezone", zone])
            .arg(&log);
        let said = run.ends_with(0).1;
        said.lines()
            .find(|line| line.starts_with("warning: the stamps"))
            .unwrap_or_default()
            .to_owned()
    };
    // The log is of a machine in UTC.
    assert_eq!(said("UTC"), "");
    assert_eq!(said("Europe/London"), "");
    assert_eq!(
        said("America/New_York"),
        "warning: the stamps are UTC, as the queue ids say, but were read as UTC-5: all times are wrong by 5 hours; \
         read them again with --timezone UTC, or with the name of their zone (--timezone Europe/Berlin)"
    );
    // The same log of a machine in Kathmandu, and in New York.
    for (shift, told) in [
        (
            5 * 60 + 45,
            "the stamps are UTC+5:45, the queue ids say UTC: all times are wrong by 5 hours 45 minutes; read them again with --timezone +05:45",
        ),
        (
            -5 * 60,
            "the stamps are UTC-5, the queue ids say UTC: all times are wrong by 5 hours; read them again with --timezone -05:00",
        ),
    ] {
        let lines = read(&lab("multihop/mx1.mail.log"), dating(TimeZone::Utc)).lines;
        let shifted: Vec<String> = lines
            .iter()
            .map(|line| {
                let at = Moment(line.at.0 + shift * 60_000).rfc3339();
                format!(
                    "{} {} {}: {}\n",
                    &at[..19],
                    line.host,
                    line.program,
                    String::from_utf8_lossy(line.text())
                )
            })
            .collect();
        std::fs::write(folder.path().join("shifted.log"), shifted.concat()).unwrap();
        let run = tool(folder.path()).args(["index", "--store", "ndjson", "--timezone", "UTC", "shifted.log"]);
        let said = run.ends_with(0).1;
        assert!(said.contains(told), "{said}");
    }
    let said = tool(folder.path())
        .args(["parse", "--timezone", "Berlin", "-"])
        .ends_with(2)
        .1;
    assert!(said.contains("did you mean Europe/Berlin?"), "{said}");
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

/// A record whose end is not written yet, and a message of the journal: the next run has them whole, once.
#[test]
fn what_is_in_parts_at_the_end_of_a_run_is_whole_after_the_next() {
    let head = "2026-11-24T02:04:04Z sm1 sm-mta[1]: 6AO2Rr6q000083";
    let record = format!(
        "{head}[1]: to=<a@b.example>, ...\n{head}[2]:  delay=00:00:01, mailer=esmtp, dsn=2.0.0, stat=Sent (ok)\n"
    );
    let field =
        "__CURSOR=1\n__REALTIME_TIMESTAMP=1795485844483482\n_HOSTNAME=mx1\nSYSLOG_IDENTIFIER=postfix/qmgr\n_PID=7\n";
    let journal = format!("{field}MESSAGE=757F89D60C0: removed\n\n{field}MESSAGE=757F89D60C1: removed\n\n");
    for log in [record, journal] {
        let wanted = {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("mail.log"), &log).unwrap();
            crate::state::index(folder.path(), &["mail.log".into()]);
            crate::state::stored(folder.path())
        };
        for (cut, _) in log.match_indices('\n') {
            let folder = tempfile::tempdir().unwrap();
            for part in [&log[..=cut], &log[..]] {
                std::fs::write(folder.path().join("mail.log"), part).unwrap();
                crate::state::index(folder.path(), &["mail.log".into()]);
            }
            let mails = |documents: crate::state::Documents| -> crate::state::Documents {
                documents
                    .into_iter()
                    .filter(|(_, document)| document["kind"] == "mail")
                    .collect()
            };
            crate::state::assert_same(
                &mails(crate::state::stored(folder.path())),
                &mails(wanted.clone()),
                &format!("cut at {cut}"),
            );
        }
    }
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
