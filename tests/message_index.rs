//! An index as a source: Graylog's own, Filebeat's, Logstash's, any other; every document once.

use std::sync::Arc;

use mailtrail::elastic_http::{Access, ElasticHttp};
use mailtrail::line::{Line, Moment, TimeZone};
use mailtrail::source::elasticsearch::TimeKind;
use mailtrail::source::{FieldNames, IndexQuery, Seen, Window, WindowSource};
use serde_json::{Value, json};

use crate::graylog::{all, counted, drain, file, modern, parts, traditional};
use crate::graylog_likeness::feed;
use crate::graylog_server::{Corpus, Input, Lack, MessageIndex, Version, proxy, search_server};
use crate::lines::{dating, lab};

/// 2026-11-24, the day of the lab.
const DAY: Window = Window {
    from: Moment(1_795_478_400_000),
    to: Moment(1_795_564_800_000),
};

fn graylog(version: Version, name: &str, fill: impl FnOnce(&mut Corpus)) -> Option<MessageIndex> {
    let mut corpus = Corpus::new(version);
    fill(&mut corpus);
    let mapping = version.recording("index-mapping");
    Some(MessageIndex::new(&search_server()?, name, &mapping, &corpus.documents))
}

/// An index with these fields; `_id` is made where a document has none.
fn plain(name: &str, fields: &Value, documents: Vec<Value>) -> Option<MessageIndex> {
    let mapping = json!({ "x": { "mappings": { "properties": fields } } });
    let with_id = documents.into_iter().enumerate().map(|(number, mut document)| {
        // Ids of which the order is another one.
        document["_id"] = json!(format!("{:x}", (number + 1) * 7919 % 1_000_003));
        document
    });
    Some(MessageIndex::new(
        &search_server()?,
        name,
        &mapping,
        &with_id.collect::<Vec<_>>(),
    ))
}

fn everything(index: &MessageIndex, kind: IndexQuery) -> IndexQuery {
    IndexQuery {
        index: index.name.clone(),
        query: Some("*".into()),
        dating: dating(TimeZone::Utc),
        ..kind
    }
}

fn at(url: &str, query: IndexQuery, window: Window, seen: Seen) -> WindowSource {
    let http = Arc::new(ElasticHttp::new(&Access::to(&[url])).unwrap());
    WindowSource::index(http, query, window, seen)
}

fn source(index: &MessageIndex, query: IndexQuery) -> WindowSource {
    at(&index.url, query, DAY, Seen::default())
}

fn digests(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| line.digest().to_string()).collect()
}

fn in_time(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_key(|line| line.at);
    lines
}

#[test]
fn lines_in_graylogs_own_indices_equal_those_of_the_file_in_their_order() {
    for version in [Version::V4_2, Version::V6_1] {
        for (input, name) in [(traditional(), "mail.log"), (modern(), "mail.rfc3339.log")] {
            let fill = |corpus: &mut Corpus| corpus.send(Input::Syslog, input.iter().map(String::as_str));
            let Some(index) = graylog(version, "own", fill) else {
                return;
            };
            let mut source = source(&index, everything(&index, IndexQuery::graylog()));
            let lines = all(&mut source);
            assert_eq!(digests(&lines), digests(&in_time(file(name))), "{version:?} {name}");
            assert_eq!(source.read_up_to(), DAY.to);
        }
    }
}

#[test]
fn everything_is_read_once_whatever_the_pages_and_the_server() {
    let Some(url) = search_server() else {
        return;
    };
    let corpus = feed(Version::V6_1);
    let mapping = Version::V6_1.recording("index-mapping");
    let index = MessageIndex::new(&url, "feed", &mapping, &corpus.documents);
    let window = Window {
        from: Moment(DAY.from.0 - 5 * 86_400_000),
        to: DAY.to,
    };
    let read = |url: &str, page: usize, unique: &str| {
        let query = IndexQuery {
            page,
            unique: unique.into(),
            ..everything(&index, IndexQuery::graylog())
        };
        let mut source = at(url, query, window, Seen::default());
        let lines = all(&mut source);
        assert_eq!(source.seen().len(), 17_258, "{url} {page} {unique}");
        lines.len()
    };
    // All but the one of January: 12,000 of one second, 10,500 of one millisecond.
    assert_eq!(read(&url, 5000, "gl2_message_id"), 17_258);
    assert_eq!(read(&url, 997, "gl2_message_id"), 17_258);
    // The server's own order.
    assert_eq!(read(&url, 997, ""), 17_258);
    let impatient = proxy(&url, Lack::Patience);
    assert_eq!(read(&impatient, 997, "gl2_message_id"), 17_258);
    let scroll = proxy(&url, Lack::PointInTime);
    assert_eq!(read(&scroll, 997, "gl2_message_id"), 17_258);
    let query = everything(&index, IndexQuery::graylog());
    let default = IndexQuery { query: None, ..query };
    assert_eq!(all(&mut at(&url, default, window, Seen::default())).len(), 17_258);
}

#[test]
fn whole_lines_that_filebeat_ships_equal_those_of_the_file() {
    let text = String::from_utf8(lab("multihop/mail.log")).unwrap();
    let documents = text.lines().enumerate().map(|(number, line)| {
        // Shipped later than said, three a millisecond.
        let shipped = Moment(1_795_490_000_000 + i64::try_from(number / 3).unwrap()).rfc3339();
        json!({
            "@timestamp": shipped, "message": line, "log": { "file": { "path": "/var/log/mail.log" } },
            "host": { "name": "loghost" }, "agent": { "hostname": "loghost" },
        })
    });
    let fields = json!({ "@timestamp": { "type": "date" } });
    let Some(index) = plain("filebeat", &fields, documents.collect()) else {
        return;
    };
    let query = IndexQuery {
        page: 300,
        query: None,
        ..everything(&index, IndexQuery::filebeat())
    };
    let lines = all(&mut source(&index, query));
    assert_eq!(counted(&lines), counted(&file("mail.log")));
}

#[test]
fn fields_of_any_name_and_times_of_any_kind_are_read() {
    let ecs = json!({
        "@timestamp": "2026-11-24T02:04:04.483Z", "host": { "hostname": "mx1" },
        "process": { "name": "postfix/smtpd", "pid": 277 }, "message": "connect from unknown[192.0.2.9]",
    });
    let dotted = json!({
        "@timestamp": "2026-11-24T03:04:05.483+01:00", "host.hostname": "MX1", "process.name": "postfix/qmgr",
        "process.pid": "8", "message": "ABC123: removed",
    });
    let original = json!({
        "@timestamp": "2026-11-24T02:04:06Z", "host": { "hostname": "loghost" }, "message": "ABC124: removed",
        "event": { "original": "<22>Nov 24 02:04:06 mx1 postfix/qmgr[8]: ABC124: removed" },
    });
    let stash = json!({
        "@timestamp": "2026-11-24T02:04:04.000Z", "logsource": "mx2", "program": "sm-mta", "pid": "82",
        "message": "6AO2Rrhp000081: to=<a@b.example>, stat=Sent",
    });
    let old = json!({
        "created_at": 1_795_485_844.483, "host": "mx3", "_program": "postfix/qmgr", "message": "ABC125: removed",
    });
    let strange =
        json!({ "when": "24/Nov/2026:02:04:04 +0000", "box": "mx4", "text": "postfix/qmgr[8]: ABC126: removed" });
    let nanos =
        json!({ "when": "2026-11-24T02:04:04.483123456Z", "box": "mx5", "text": "postfix/qmgr[8]: ABC127: removed" });
    let date = json!({ "type": "date" });
    let names = |message: &str, host: &str, program: &str| FieldNames {
        message: vec![message.into()],
        host: vec![host.into()],
        program: vec![program.into()],
        ..FieldNames::ecs()
    };
    let own = |time: &str, kind, names| IndexQuery {
        kind,
        names,
        ..IndexQuery::new("", time)
    };
    let cases = [
        (
            json!({ "@timestamp": date }),
            vec![ecs, dotted, original],
            IndexQuery::filebeat(),
            vec![
                "2026-11-24T02:04:04.483Z|mx1|postfix/smtpd|277|connect from unknown[192.0.2.9]",
                "2026-11-24T02:04:05.483Z|mx1|postfix/qmgr|8|ABC123: removed",
                "2026-11-24T02:04:06.000Z|mx1|postfix/qmgr|8|ABC124: removed",
            ],
        ),
        (
            json!({ "@timestamp": date }),
            vec![stash],
            IndexQuery::logstash(),
            vec!["2026-11-24T02:04:04.000Z|mx2|sm-mta|82|6AO2Rrhp000081: to=<a@b.example>, stat=Sent"],
        ),
        (
            json!({ "created_at": { "type": "double" } }),
            vec![old],
            own(
                "created_at",
                TimeKind::EpochSeconds,
                names("message", "host", "_program"),
            ),
            vec!["2026-11-24T02:04:04.483Z|mx3|postfix/qmgr||ABC125: removed"],
        ),
        (
            json!({ "when": { "type": "date", "format": "dd/MMM/yyyy:HH:mm:ss Z" } }),
            vec![strange],
            own("when", TimeKind::Date, names("text", "box", "program")),
            vec!["2026-11-24T02:04:04.000Z|mx4|postfix/qmgr|8|ABC126: removed"],
        ),
        (
            json!({ "when": { "type": "date_nanos" } }),
            vec![nanos],
            own("when", TimeKind::Date, names("text", "box", "program")),
            vec!["2026-11-24T02:04:04.483Z|mx5|postfix/qmgr|8|ABC127: removed"],
        ),
    ];
    for (number, (fields, documents, kind, expected)) in cases.into_iter().enumerate() {
        let Some(index) = plain(&format!("names{number}"), &fields, documents) else {
            return;
        };
        let lines = all(&mut source(&index, everything(&index, kind)));
        assert_eq!(lines.iter().map(parts).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn windows_of_an_index_that_overlap_give_every_line_once() {
    let fill = |corpus: &mut Corpus| corpus.send(Input::Syslog, traditional().iter().map(String::as_str));
    let Some(index) = graylog(Version::V6_1, "overlap", fill) else {
        return;
    };
    let (mut lines, mut seen) = (Vec::new(), Seen::default());
    for minute in 0..8 {
        let window = Window::last(3, Moment(1_795_487_250_123 + minute * 60_000));
        let query = everything(&index, IndexQuery::graylog());
        let mut source = at(&index.url, query, window, seen);
        lines.extend(all(&mut source));
        seen = source.seen().clone();
        seen.forget_before(Moment(window.to.0 - 180_000));
    }
    assert_eq!(counted(&lines), counted(&file("mail.log")));
}

#[test]
fn what_is_wrong_with_an_index_is_said() {
    let fields = json!({ "@timestamp": { "type": "date" } });
    let document = json!({ "@timestamp": "2026-11-24T02:04:04.483Z", "message": "x" });
    let Some(index) = plain("wrong", &fields, vec![document]) else {
        return;
    };
    let failed = |query: IndexQuery| {
        let mut source = source(&index, query);
        let (lines, error) = drain(&mut source);
        assert!(lines.is_empty() && source.read_up_to() == DAY.from);
        error.map_or(String::new(), |error| error.to_string())
    };
    let query = everything(&index, IndexQuery::filebeat());
    for missing in ["mailtrail-no-such-index", "mailtrail-no-such-index-*"] {
        let error = failed(IndexQuery {
            index: missing.into(),
            ..query.clone()
        });
        assert!(error.contains(missing) && error.contains("_cat/indices"), "{error}");
    }
    let error = failed(IndexQuery {
        time: "timestamp".into(),
        ..query.clone()
    });
    assert!(error.contains("No mapping found for [timestamp]"), "{error}");
    let error = failed(IndexQuery {
        query: Some("source:(((".into()),
        ..query
    });
    assert!(error.contains("Failed to parse query"), "{error}");
}
