//! Lines as JSON and as an export of the journal.

use mailtrail::line::{JsonFields, Line, Said, TimeZone};
use serde_json::{Value, json};

use crate::inputs::{digests, pid, raws, read, real, said, text, texts, utc};
use crate::lines::dating;

/// Each line as one JSON object.
fn as_json(lines: &[Line], object: impl Fn(&Line) -> Value) -> String {
    lines.iter().map(|line| object(line).to_string() + "\n").collect()
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
