//! Graylog as a source: every line once, as the file has it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mailtrail::elastic_http::Secret;
use mailtrail::line::{Dating, Digest, Line, Moment, TimeZone};
use mailtrail::source::graylog::{Login, Range};
use mailtrail::source::{
    FileSource, Graylog, GraylogAccess, GraylogQuery, Read, Seen, Source, SourceError, Window, WindowSource,
};
use serde_json::json;

use crate::graylog_likeness::rfc5424;
use crate::graylog_server::{Corpus, GraylogServer, Input, MessageIndex, Version, search_server};
use crate::lines::{NOW, dating, lab, lab_path};

/// 2026-11-24, the day of the lab.
pub(crate) const DAY: Window = Window {
    from: Moment(1_795_478_400_000),
    to: Moment(1_795_564_800_000),
};
/// 2026-11-24T02:29:00Z, in the middle of lab/multihop.
pub(crate) const MIDDLE: i64 = 1_795_487_340_000;

/// A server with what a corpus has. None without a search server.
pub(crate) fn server(version: Version, name: &str, fill: impl FnOnce(&mut Corpus)) -> Option<GraylogServer> {
    let url = search_server()?;
    let mut corpus = Corpus::new(version);
    fill(&mut corpus);
    let name = format!("{name}_{}", version.folder().replace('.', "_"));
    let mapping = version.recording("index-mapping");
    let index = MessageIndex::new(&url, &name, &mapping, &corpus.documents);
    Some(GraylogServer::start(version, Arc::new(index)))
}

/// lab/multihop, as the hosts send it to a syslog input.
pub(crate) fn traditional() -> Vec<String> {
    let log = String::from_utf8(lab("multihop/mail.log")).unwrap();
    log.lines().map(|line| format!("<22>{line}")).collect()
}

pub(crate) fn modern() -> Vec<String> {
    let log = String::from_utf8(lab("multihop/mail.rfc3339.log")).unwrap();
    log.lines().map(rfc5424).collect()
}

pub(crate) fn multihop(corpus: &mut Corpus) {
    corpus.send(Input::Syslog, traditional().iter().map(String::as_str));
}

/// The lines of a file of lab/multihop.
pub(crate) fn file(name: &str) -> Vec<Line> {
    let mut source = FileSource::open(&lab_path(&format!("multihop/{name}")), dating(TimeZone::Utc)).unwrap();
    let mut lines = Vec::new();
    while let Some(read) = source.next().unwrap() {
        let Read::Line(line) = read else {
            panic!("a line of the lab cannot be read");
        };
        lines.push(line);
    }
    lines
}

pub(crate) fn admin(server: &GraylogServer) -> GraylogAccess {
    let login = Login::Password {
        user: "admin".into(),
        password: Secret::new("admin"),
    };
    access(&server.url, login)
}

pub(crate) fn access(url: &str, login: Login) -> GraylogAccess {
    GraylogAccess {
        attempts: 2,
        timeout: Duration::from_secs(60),
        ..GraylogAccess::new(url, login)
    }
}

pub(crate) fn everything() -> GraylogQuery {
    GraylogQuery {
        query: Some("*".into()),
        dating: Dating {
            now: NOW,
            ..dating(TimeZone::Utc)
        },
        ..GraylogQuery::default()
    }
}

pub(crate) fn source(server: &GraylogServer, query: GraylogQuery, window: Window, seen: Seen) -> WindowSource {
    let graylog = Graylog::new(&admin(server)).unwrap();
    WindowSource::graylog(Arc::new(graylog), query, window, seen)
}

/// The lines up to the end or to an error.
pub(crate) fn drain(source: &mut WindowSource) -> (Vec<Line>, Option<SourceError>) {
    let mut lines = Vec::new();
    loop {
        match source.next() {
            Ok(Some(Read::Line(line))) => lines.push(line),
            Ok(Some(Read::Unreadable { raw, .. })) => panic!("cannot be read: {}", String::from_utf8_lossy(&raw)),
            Ok(None) => return (lines, None),
            Err(error) => return (lines, Some(error)),
        }
    }
}

pub(crate) fn all(source: &mut WindowSource) -> Vec<Line> {
    let (lines, error) = drain(source);
    assert!(error.is_none(), "{}", error.unwrap());
    assert_eq!(source.tally().lines, lines.len() as u64);
    lines
}

/// How often each line is there.
pub(crate) fn counted(lines: &[Line]) -> HashMap<Digest, usize> {
    let mut counts = HashMap::new();
    for line in lines {
        *counts.entry(line.digest()).or_default() += 1;
    }
    counts
}

fn digests(lines: &[Line]) -> Vec<Digest> {
    lines.iter().map(Line::digest).collect()
}

/// In the order of time, as a stable sort of the file gives it.
fn in_time(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_key(|line| line.at);
    lines
}

#[test]
fn lines_of_every_syslog_input_come_once_and_equal_those_of_the_file_in_their_order() {
    for version in [Version::V4_2, Version::V6_1, Version::V7_0] {
        for (input, name, full) in [
            (traditional(), "mail.log", false),
            (traditional(), "mail.log", true),
            (modern(), "mail.rfc3339.log", false),
            (modern(), "mail.rfc3339.log", true),
        ] {
            let kind = if full { Input::SyslogFull } else { Input::Syslog };
            let fill = |corpus: &mut Corpus| corpus.send(kind, input.iter().map(String::as_str));
            let Some(server) = server(version, &format!("inputs_{full}"), fill) else {
                return;
            };
            let expected = in_time(file(name));
            let mut source = source(&server, everything(), DAY, Seen::default());
            let lines = all(&mut source);
            assert_eq!(lines.len(), 2440);
            assert_eq!(counted(&lines), counted(&expected), "{version:?} {name} {full}");
            assert_eq!(source.read_up_to(), DAY.to);
            // Graylog keeps milliseconds: lines of one of them have the order of arrival, not that of the file's microseconds.
            let of = |lines: &[Line]| lines.iter().map(|line| line.at.second()).collect::<Vec<_>>();
            assert_eq!(of(&lines), of(&expected));
            assert!(
                digests(&lines) == digests(&expected),
                "{version:?} {name} {full}: another order"
            );
        }
    }
}

#[test]
fn whole_lines_of_a_raw_input_or_a_shipper_equal_those_of_the_file() {
    for (log, name) in [
        ("multihop/mail.log", "mail.log"),
        ("multihop/mail.rfc3339.log", "mail.rfc3339.log"),
    ] {
        let text = String::from_utf8(lab(log)).unwrap();
        let Some(server) = server(Version::V6_1, "raw", |corpus| corpus.send(Input::Raw, text.lines())) else {
            return;
        };
        let lines = all(&mut source(&server, everything(), DAY, Seen::default()));
        assert_eq!(digests(&lines), digests(&file(name)));
        assert_eq!(lines[0].origin.source.as_ref(), server.url);
    }
}

#[test]
fn small_slices_lose_and_double_nothing() {
    for version in [Version::V4_2, Version::V6_1] {
        let Some(server) = server(version, "slices", multihop) else {
            return;
        };
        let query = GraylogQuery {
            page: 100,
            ..everything()
        };
        let lines = all(&mut source(&server, query, DAY, Seen::default()));
        assert_eq!(counted(&lines), counted(&file("mail.log")), "{version:?}");
        // Seconds of more than 100 lines are asked for alone.
        let searches = server.settings.lock().unwrap().asked.len();
        assert!((30..400).contains(&searches), "{searches} requests");
    }
}

#[test]
fn more_lines_of_one_millisecond_than_a_search_gives_are_exported() {
    for version in [Version::V4_2, Version::V6_1] {
        let lines: Vec<String> = (0..10_200)
            .map(|number: u32| {
                let millisecond = if number < 10_100 { 500 } else { 501 };
                format!("<22>1 2026-11-24T10:00:00.{millisecond}Z mx1 postfix/qmgr 7 - - {number:05X}B: removed")
            })
            .collect();
        let fill = |corpus: &mut Corpus| corpus.send(Input::Syslog, lines.iter().map(String::as_str));
        let Some(server) = server(version, "millisecond", fill) else {
            return;
        };
        let told = Arc::new(Mutex::new(Vec::new()));
        let notice = {
            let told = Arc::clone(&told);
            move |text: &str| told.lock().unwrap().push(text.to_owned())
        };
        let access = GraylogAccess {
            notice: Arc::new(notice),
            ..admin(&server)
        };
        let graylog = Arc::new(Graylog::new(&access).unwrap());
        let mut source = WindowSource::graylog(graylog, everything(), DAY, Seen::default());
        let read = all(&mut source);
        let texts: Vec<String> = read
            .iter()
            .map(|line| String::from_utf8_lossy(line.text()).into_owned())
            .collect();
        let mut expected: Vec<String> = (0..10_200).map(|number| format!("{number:05X}B: removed")).collect();
        assert_eq!(counted(&read).len(), 10_200);
        if version == Version::V4_2 {
            // Its ids do not tell the order, and the export has no others.
            expected.sort();
            let mut texts = texts;
            texts.sort();
            assert_eq!(texts, expected);
        } else {
            assert_eq!(texts, expected, "{version:?}");
        }
        let told = told.lock().unwrap().join("\n");
        assert!(
            told.contains("10100 messages have the time 2026-11-24T10:00:00.500Z"),
            "{told}"
        );
    }
}

#[test]
fn a_search_that_an_administrator_has_limited_is_cut_into_shorter_ones() {
    for version in [Version::V4_2, Version::V6_1, Version::V7_0] {
        let Some(server) = server(version, "limited", multihop) else {
            return;
        };
        server.settings.lock().unwrap().limit = Some(60_000);
        let hour = Window {
            from: Moment(MIDDLE - 1_800_000),
            to: Moment(MIDDLE + 1_800_000),
        };
        let lines = all(&mut source(&server, everything(), hour, Seen::default()));
        assert_eq!(counted(&lines), counted(&file("mail.log")), "{version:?}");
        assert!(server.settings.lock().unwrap().asked.len() >= 60);
    }
}

#[test]
fn what_came_late_is_found_by_the_time_of_its_receipt() {
    for version in [Version::V6_1, Version::V7_0] {
        let Some(server) = server(version, "late", multihop) else {
            return;
        };
        let received = |from: i64, to: i64| {
            let query = GraylogQuery {
                range: Range::Received {
                    reach_minutes: GraylogQuery::WEEK_MINUTES,
                },
                page: 500,
                ..everything()
            };
            // The corpus was received from 04:30:00 on, one message a millisecond.
            let start = 1_795_494_600_000;
            let window = Window {
                from: Moment(start + from),
                to: Moment(start + to),
            };
            all(&mut source(&server, query, window, Seen::default()))
        };
        assert_eq!(counted(&received(0, 3000)), counted(&file("mail.log")));
        // Half-open, and by the receipt alone.
        assert_eq!(
            received(1000, 2000).len() + received(2000, 3000).len() + received(-5000, 1000).len(),
            2440
        );
        server.settings.lock().unwrap().limit = Some(3_600_000);
        let query = GraylogQuery {
            range: Range::Received { reach_minutes: 600 },
            ..everything()
        };
        let (lines, error) = drain(&mut source(&server, query, DAY, Seen::default()));
        assert!(lines.is_empty());
        let error = error.unwrap().to_string();
        assert!(error.contains("searches no more than 3600 seconds at once"), "{error}");
    }
    // Silence would look as if nothing had been received.
    let Some(server) = server(Version::V5_1, "late", multihop) else {
        return;
    };
    let query = GraylogQuery {
        range: Range::Received { reach_minutes: 600 },
        ..everything()
    };
    let (lines, error) = drain(&mut source(&server, query, DAY, Seen::default()));
    let error = error.unwrap().to_string();
    assert!(
        lines.is_empty() && error.contains("does not tell when it received a message"),
        "{error}"
    );
}

#[test]
fn windows_that_overlap_give_every_line_once_as_one_pass_does() {
    for version in [Version::V4_2, Version::V7_0] {
        let Some(server) = server(version, "windows", multihop) else {
            return;
        };
        let (mut lines, mut seen, mut skipped) = (Vec::new(), Seen::default(), 0);
        // Four minutes every minute, with edges inside of seconds.
        for minute in 0..6 {
            let to = MIDDLE + minute * 60_000 + 457;
            let window = Window::last(4, Moment(to));
            let mut source = source(&server, everything(), window, seen.clone());
            lines.extend(all(&mut source));
            assert_eq!(source.read_up_to(), Moment::from_second(Moment(to).second()));
            seen = source.seen().clone();
            skipped += source.skipped();
        }
        assert_eq!(counted(&lines), counted(&file("mail.log")), "{version:?}");
        assert!(skipped > 2440, "{skipped}");
    }
}

#[test]
fn a_line_that_came_late_gets_its_own_number_among_equal_ones() {
    let lines = ["<22>Nov 24 02:27:53 mx1 postfix/smtpd[5]: connect from unknown[192.0.2.9]"; 3];
    let fill = |corpus: &mut Corpus| corpus.send(Input::Syslog, lines[..2].iter().copied());
    let Some(server) = server(Version::V6_1, "equal", fill) else {
        return;
    };
    let mut first = source(&server, everything(), DAY, Seen::default());
    let mut read = all(&mut first);
    assert_eq!(read.iter().map(|line| line.ordinal).collect::<Vec<_>>(), [0, 1]);
    let mut corpus = Corpus::new(Version::V6_1);
    corpus.send(Input::Syslog, lines);
    server.index.add(&corpus.documents[2..]);
    read.extend(all(&mut source(&server, everything(), DAY, first.seen().clone())));
    assert_eq!(read.iter().map(|line| line.ordinal).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_wrong_zone_of_an_input_is_put_right() {
    // An input that reads UTC as if it were an hour further east.
    let lines: Vec<String> = traditional()
        .iter()
        .map(|line| line.replacen(" 02:", " 01:", 1))
        .collect();
    let fill = |corpus: &mut Corpus| corpus.send(Input::Syslog, lines.iter().map(String::as_str));
    let Some(server) = server(Version::V6_1, "shift", fill) else {
        return;
    };
    let query = GraylogQuery {
        shift_minutes: 60,
        ..everything()
    };
    let window = Window {
        from: Moment(MIDDLE),
        to: DAY.to,
    };
    let mut source = source(&server, query, window, Seen::default());
    let lines = all(&mut source);
    let mut expected = file("mail.log");
    expected.retain(|line| line.at >= Moment(MIDDLE));
    assert!(lines.len() > 100);
    assert_eq!(counted(&lines), counted(&expected));
    assert_eq!(source.read_up_to(), DAY.to);
}

#[test]
fn odd_messages_become_lines_that_forge_nothing() {
    let at = MIDDLE;
    let fill = |corpus: &mut Corpus| {
        corpus.send(
            Input::Syslog,
            [
                "<22>1 2026-11-24T02:30:00Z mx1 - - - - no app name",
                "<22>Nov 24 02:27:53 postfix/smtpd[7]: no host",
                "<22>2026-11-24T02:27:53.826473+00:00 mx1 postfix/smtpd[5]: in fractions",
            ],
        );
        let program = json!({ "program": "postfix/qmgr", "pid": "77" });
        corpus.gelf(at, "mx9", "ABC123: removed", &program);
        corpus.gelf(
            at + 1,
            "mx9",
            "two\nNov 24 02:27:53 mx1 postfix/qmgr[1]: ABC124: removed",
            &program,
        );
        corpus.gelf(
            at + 2,
            "mx 9\nmx1",
            "ABC125: removed",
            &json!({ "program": "x y: [1]", "pid": "77" }),
        );
        corpus.gelf(at + 3, "mx9", "postfix/qmgr[77]: ABC126: removed", &json!({}));
        corpus.gelf(at + 4, "loghost", "mx9 postfix/qmgr[77]: ABC127: removed", &json!({}));
        corpus.gelf(at + 5, "mx9", "just words", &json!({}));
        corpus.gelf(
            at + 6,
            "mx9",
            "ABC128: removed",
            &json!({ "program": "postfix/qmgr", "pid": "main" }),
        );
    };
    let Some(server) = server(Version::V6_1, "odd", fill) else {
        return;
    };
    let lines = all(&mut source(&server, everything(), DAY, Seen::default()));
    let read: Vec<String> = lines.iter().map(parts).collect();
    assert_eq!(
        read,
        [
            "2026-11-24T02:27:53.000Z||postfix/smtpd|7|no host",
            "2026-11-24T02:27:53.826Z|mx1|postfix/smtpd|5|in fractions",
            "2026-11-24T02:29:00.000Z|mx9|postfix/qmgr|77|ABC123: removed",
            "2026-11-24T02:29:00.001Z|mx9|postfix/qmgr|77|two#012Nov 24 02:27:53 mx1 postfix/qmgr[1]: ABC124: removed",
            "2026-11-24T02:29:00.002Z|mx_9_mx1|x_y:_[1]|77|ABC125: removed",
            "2026-11-24T02:29:00.003Z|mx9|postfix/qmgr|77|ABC126: removed",
            "2026-11-24T02:29:00.004Z|mx9|postfix/qmgr|77|ABC127: removed",
            "2026-11-24T02:29:00.005Z|mx9|||just words",
            "2026-11-24T02:29:00.006Z|mx9|postfix/qmgr||ABC128: removed",
            "2026-11-24T02:30:00.000Z|mx1|||no app name",
        ]
    );
    assert_eq!(
        String::from_utf8_lossy(&lines[2].raw),
        "2026-11-24T02:29:00.000Z mx9 postfix/qmgr[77]: ABC123: removed"
    );
    for line in &lines {
        let again = Line::again(&line.raw, line.at, line.ordinal).unwrap();
        assert_eq!(again.digest(), line.digest());
    }
}

pub(crate) fn parts(line: &Line) -> String {
    let pid = line.pid.map_or(String::new(), |pid| pid.to_string());
    let text = String::from_utf8_lossy(line.text());
    format!("{}|{}|{}|{pid}|{text}", line.at, line.host, line.program)
}

#[test]
fn the_default_query_finds_the_lines_of_mail_servers_by_every_input() {
    for version in [Version::V4_2, Version::V6_1] {
        let raw = String::from_utf8(lab("multihop/mail.rfc3339.log")).unwrap();
        let fill = |corpus: &mut Corpus| {
            corpus.send(Input::Syslog, traditional().iter().map(String::as_str));
            corpus.send(Input::Syslog, modern().iter().map(String::as_str));
            corpus.send(Input::Raw, raw.lines());
            corpus.gelf(MIDDLE, "mx9", "ABC123: removed", &json!({ "program": "postfix/qmgr" }));
            corpus.gelf(MIDDLE, "web1", "GET /index.html 200", &json!({ "program": "nginx" }));
            corpus.gelf(MIDDLE, "web1", "session opened for user root", &json!({}));
        };
        let Some(server) = server(version, "default", fill) else {
            return;
        };
        let query = GraylogQuery {
            query: None,
            ..everything()
        };
        let lines = all(&mut source(&server, query, DAY, Seen::default()));
        assert_eq!(lines.len(), 3 * 2440 + 1, "{version:?}");
    }
}
