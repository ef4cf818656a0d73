//! The small server of these tests is like Graylog: every recorded request, answered again.
//!
//! The recordings were made with the lines of lab/multihop, sent through inputs of every kind; the same lines are put into
//! the index here. So not only the shapes must agree: how many messages match, how many bytes an export has, each
//! message that was recorded. What differs of necessity: the ids and times that Graylog makes itself.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::graylog_server::{Corpus, GraylogServer, Input, MessageIndex, Version, client, search_server};
use crate::lines::lab;

/// What Graylog makes itself.
const OWN: &[&str] = &[
    "_id",
    "gl2_message_id",
    "gl2_accounted_message_size",
    "gl2_receive_timestamp",
    "gl2_processing_timestamp",
    "gl2_processing_duration_ms",
    "gl2_remote_port",
    "gl2_source_input",
    "gl2_source_node",
];

#[test]
fn the_small_server_answers_as_the_genuine_ones_were_recorded() {
    let Some(url) = search_server() else {
        return;
    };
    for version in Version::ALL {
        let corpus = feed(version);
        let name = format!("likeness_{}", version.folder().replace('.', "_"));
        let mapping = version.recording("index-mapping");
        let index = Arc::new(MessageIndex::new(&url, &name, &mapping, &corpus.documents));
        let server = GraylogServer::start(version, index);
        let known = Known::of(&corpus);
        let mut replayed = 0;
        for name in recordings(version) {
            replay(&server, &name, &known);
            replayed += 1;
        }
        let least = if version == Version::V5_1 { 8 } else { 36 };
        assert!(replayed >= least, "{} has {replayed} recordings", version.folder());
    }
}

/// The requests of a version that were recorded.
fn recordings(version: Version) -> Vec<String> {
    let folder = format!("{}/tests/data/graylog/{}", env!("CARGO_MANIFEST_DIR"), version.folder());
    let names = std::fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
        .filter(|name| name != "index-mapping")
        .collect();
    names.sort();
    names
}

/// All that was sent when the recordings were made, in the same order.
pub(crate) fn feed(version: Version) -> Corpus {
    let text = |name: &str| String::from_utf8(lab(name)).unwrap();
    let (traditional, fine) = (text("multihop/mail.log"), text("multihop/mail.rfc3339.log"));
    let traditional: Vec<String> = traditional.lines().map(|line| format!("<22>{line}")).collect();
    let new: Vec<String> = fine.lines().map(rfc5424).collect();
    let fine: Vec<String> = fine.lines().map(|line| format!("<22>{line}")).collect();
    let mut corpus = Corpus::new(version);
    corpus.send(Input::Syslog, traditional.iter().map(String::as_str));
    corpus.send(Input::Syslog, new.iter().map(String::as_str));
    for lines in [&traditional, &new, &fine] {
        corpus.send(Input::SyslogFull, lines.iter().take(50).map(String::as_str));
    }
    corpus.send(Input::Raw, traditional.iter().take(20).map(|line| &line[4..]));
    corpus.gelf(
        1_795_487_273_123,
        "mx9",
        "ABC123: from=<a@b.example>, size=1, nrcpt=1 (queue active)",
        &json!({ "program": "postfix/qmgr", "pid": "77", "multi": "l1\nl2 \"q\", x" }),
    );
    corpus.send(Input::Syslog, fine.iter().take(200).map(String::as_str));
    corpus.send(Input::Syslog, ODD);
    let many: Vec<String> = (0..12_000).map(one_of_many).collect();
    corpus.send(Input::Syslog, many.iter().map(String::as_str));
    corpus
}

const ODD: [&str; 8] = [
    "<22>Nov 24 02:27:53 mx1.site.example postfix/smtpd[5]: warning: multi",
    "<22>1 2026-11-24T02:30:00.123456Z mx1 postfix/smtpd 99 ID47 [ex@32473 iut=\"3\" eventSource=\"App\"][origin ip=\"1.2.3.4\"] BOMless text",
    "<22>1 2026-11-24T02:30:00Z mx1 - - - - no app name",
    "<22>postfix/smtpd[7]: no date no host",
    "no pri at all postfix/x[1]: hi",
    "<22>Nov 24 02:27:53 postfix/smtpd[7]: no host",
    "<22>Jan  3 02:27:53 mx1 postfix/smtpd[5]: single digit day",
    "<22>2026-11-24T02:27:53.826473+02:00 mx1 postfix/smtpd[5]: zone +2",
];

/// 10,500 lines of one millisecond, then 1,500 of the next tenths of a second.
fn one_of_many(number: u32) -> String {
    let millisecond = if number < 10_500 {
        500
    } else {
        600 + (number - 10_500) / 10
    };
    format!(
        "<22>1 2026-11-20T10:00:00.{millisecond:03}Z mx1 postfix/qmgr 7 - - {number:05X}B: from=<u{number}@b.example>, \
         size={number}, nrcpt=1 (queue active)"
    )
}

/// A line of a file as a host sends it in the new format.
pub(crate) fn rfc5424(line: &str) -> String {
    let mut words = line.splitn(3, ' ');
    let (stamp, host, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let (tag, text) = rest.split_once(':').unwrap();
    let (program, pid) = match tag.split_once('[') {
        Some((program, pid)) => (program, pid.trim_end_matches(']')),
        None => (tag, "-"),
    };
    format!(
        "<22>1 {stamp} {host} {program} {pid} - - {}",
        text.strip_prefix(' ').unwrap_or(text)
    )
}

/// Every message that could be in an answer.
struct Known {
    messages: HashSet<String>,
    values: Vec<Map<String, Value>>,
}

impl Known {
    fn of(corpus: &Corpus) -> Self {
        let mut values = Vec::new();
        for document in &corpus.documents {
            let mut message = document.as_object().unwrap().clone();
            let stamp = message["timestamp"].as_str().unwrap().replace(' ', "T") + "Z";
            message.insert("timestamp".into(), json!(stamp));
            values.push(message);
        }
        Self {
            messages: values.iter().map(bare).collect(),
            values,
        }
    }

    /// Is there a message with these values in these fields?
    fn has_row(&self, fields: &[String], row: &[String]) -> bool {
        self.values.iter().any(|message| {
            fields.iter().zip(row).all(|(field, value)| match message.get(field) {
                _ if OWN.contains(&field.as_str()) => true,
                Some(Value::String(text)) => text.replace('\n', "\\\\n") == *value || text == value || receipt(text),
                Some(Value::Array(list)) => format!("[{}]", list[0].as_str().unwrap()) == *value,
                Some(other) => other.to_string().as_str() == value.as_str(),
                None => value.is_empty(),
            })
        })
    }

    fn has(&self, message: &Map<String, Value>) -> bool {
        if self.messages.contains(&bare(message)) {
            return true;
        }
        // An answer with only some of the fields.
        self.values.iter().any(|known| {
            message
                .iter()
                .all(|(name, value)| OWN.contains(&name.as_str()) || same(known.get(name), value))
        })
    }
}

fn same(known: Option<&Value>, value: &Value) -> bool {
    let received = |value: &Value| value.as_str().is_some_and(receipt);
    known.is_some_and(|known| known == value || (received(known) && received(value)))
}

/// A time of receipt, which a raw message has for its own.
fn receipt(stamp: &str) -> bool {
    stamp > "2026-11-24T04:00:00.000Z" && stamp.starts_with("2026-11-24T0")
}

/// A message without what Graylog makes itself: the names of that, and all the rest.
fn bare(message: &Map<String, Value>) -> String {
    let mut bare = message.clone();
    for name in OWN {
        if bare.contains_key(*name) {
            bare.insert((*name).into(), Value::Null);
        }
    }
    if message["timestamp"].as_str().is_some_and(receipt) {
        bare.insert("timestamp".into(), json!("received"));
    }
    let mut names: Vec<(String, Value)> = bare.into_iter().collect();
    names.sort_by(|a, b| a.0.cmp(&b.0));
    format!("{names:?}")
}

/// Who asked, which the recordings tell by their names.
fn login(name: &str) -> &'static str {
    match name {
        "err-401" => "admin:no",
        "token-auth" => "1f0tok3n:token",
        "token-auth-wrong-word" => "1f0tok3n:x",
        name if name.starts_with("perm-ro") => "ro:passw0rd!",
        name if name.starts_with("perm-mt") => "mt:passw0rd!",
        _ => "admin:admin",
    }
}

fn replay(server: &GraylogServer, name: &str, known: &Known) {
    let context = format!("{} {name}", server.version.folder());
    let recording = server.version.recording(name);
    let asked = &recording["request"];
    server.settings.lock().unwrap().limit = name.starts_with("limited-1h").then_some(3_600_000);
    let (user, password) = login(name).split_once(':').unwrap();
    let method = reqwest::Method::from_bytes(asked["method"].as_str().unwrap().as_bytes()).unwrap();
    let url = format!("{}{}", server.url, asked["path"].as_str().unwrap());
    let mut request = client().request(method, url);
    request = request.basic_auth(user, Some(password));
    let headers = asked["headers"].as_object().unwrap();
    for (name, value) in headers.iter().filter_map(|(name, value)| Some((name, value.as_str()?))) {
        request = request.header(name, value);
    }
    if !headers.contains_key("X-Requested-By") {
        request = request.header("X-Requested-By", "mailtrail");
    }
    if !asked["body"].is_null() {
        request = request.json(&asked["body"]);
    }
    let answer = request.send().unwrap();
    assert_eq!(json!(answer.status().as_u16()), recording["status"], "{context}");
    for header in ["Content-Type", "WWW-Authenticate", "Content-Disposition"] {
        let got = answer.headers().get(header).map(|value| value.to_str().unwrap());
        assert_eq!(got, recording["headers"][header].as_str(), "{context}: {header}");
    }
    let body = answer.text().unwrap();
    if recording["body_file"].is_null() {
        same_json(
            &context,
            &recording["body"],
            &serde_json::from_str(&body).unwrap(),
            known,
        );
    } else {
        same_text(&context, &recording, &body, known);
    }
}

fn same_json(context: &str, recorded: &Value, got: &Value, known: &Known) {
    let (Some(recorded), Some(got)) = (recorded.as_object(), got.as_object()) else {
        assert_eq!(recorded, got, "{context}");
        return;
    };
    let names: Vec<&String> = recorded.keys().collect();
    assert_eq!(names, got.keys().collect::<Vec<_>>(), "{context}");
    for (name, value) in recorded {
        match name.as_str() {
            "time" | "line" | "column" => assert!(got[name].is_number(), "{context}: {name}"),
            // Elasticsearch's own words.
            "built_query" if value.as_str().unwrap().starts_with('{') => {
                assert!(got[name].as_str().unwrap().starts_with('{'), "{context}");
            }
            "used_indices" => assert_eq!(value.as_array().unwrap().len(), got[name].as_array().unwrap().len()),
            "fields" => {
                let set = |value: &Value| value.as_array().unwrap().iter().map(ToString::to_string).collect();
                let (recorded, got): (HashSet<String>, HashSet<String>) = (set(value), set(&got[name]));
                // Of three messages where the recorded answer had six.
                assert!(
                    recorded == got || got.is_superset(&recorded) || recorded.is_superset(&got),
                    "{context}"
                );
            }
            "messages" => {
                let (recorded, got) = (value.as_array().unwrap(), got[name].as_array().unwrap());
                assert_eq!(recorded.len(), got.len().min(3), "{context}");
                for (recorded, got) in recorded.iter().zip(got) {
                    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<HashSet<_>>();
                    assert_eq!(keys(recorded), keys(got), "{context}");
                    let message = recorded["message"].as_object().unwrap();
                    assert!(known.has(message), "{context}: not among ours: {message:?}");
                    assert!(
                        known.has(got["message"].as_object().unwrap()),
                        "{context}: ours is not known"
                    );
                }
            }
            name => assert_eq!(*value, got[name], "{context}: {name}"),
        }
    }
}

fn same_text(context: &str, recording: &Value, got: &str, known: &Known) {
    let (version, name) = context.split_once(' ').unwrap();
    let path = format!(
        "{}/tests/data/graylog/{version}/{name}.body",
        env!("CARGO_MANIFEST_DIR")
    );
    let recorded = std::fs::read_to_string(path).unwrap();
    if recorded.starts_with('<') {
        assert_eq!(recorded, got, "{context}");
        return;
    }
    if recording["status"] != 200 || !recorded.contains('\n') || recorded.starts_with("\"OpenSearchException") {
        assert_eq!(recorded.trim_end(), got.trim_end(), "{context}");
        return;
    }
    // The ids have the same length, so what was cut from the recording is known by its length; not so where only some
    // of several messages of one time were asked for.
    if !name.contains("limit") && name != "absolute-csv" && !name.starts_with("perm-") {
        assert_eq!(recording["body_bytes"], json!(got.len()), "{context}");
    }
    let (recorded, got) = (rows(&recorded), rows(got));
    assert_eq!(recorded[0], got[0], "{context}");
    if recording["cut"] == false {
        assert_eq!(recorded.len(), got.len(), "{context}");
    }
    for row in recorded.iter().skip(1).take(30) {
        assert!(known.has_row(&recorded[0], row), "{context}: not among ours: {row:?}");
    }
    for row in got.iter().skip(1).take(30) {
        assert!(known.has_row(&got[0], row), "{context}: ours is not known: {row:?}");
    }
}

fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    for c in text.trim_end_matches('\n').replace("\"\"", "\u{1}").chars() {
        let row = rows.last_mut().unwrap();
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\n' if !quoted => rows.push(vec![String::new()]),
            '\u{1}' => row.last_mut().unwrap().push('"'),
            c => row.last_mut().unwrap().push(c),
        }
    }
    rows
}
