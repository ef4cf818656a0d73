//! Messages as Graylog's inputs write them into their index.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value, json};

use super::Version;

/// When the first message of a corpus was received: 2026-11-24T04:30:00Z.
const RECEIVED: i64 = 1_795_494_600_000;

/// An input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// Syslog, with RFC 3164 or RFC 5424 lines.
    Syslog,
    /// Syslog with "Store full message?".
    SyslogFull,
    /// Raw, plaintext; Beats keeps a line in the same way.
    Raw,
}

/// Writes messages one after the other.
pub(crate) struct Corpus {
    version: Version,
    pub(crate) documents: Vec<Value>,
    /// How many messages of one moment there are, for `gl2_message_id`.
    sequence: std::collections::HashMap<i64, u64>,
}

impl Corpus {
    pub(crate) fn new(version: Version) -> Self {
        Self {
            version,
            documents: Vec::new(),
            sequence: std::collections::HashMap::new(),
        }
    }

    /// Lines as they are sent to an input.
    pub(crate) fn send<'a>(&mut self, input: Input, lines: impl IntoIterator<Item = &'a str>) {
        for line in lines {
            let received = self.received();
            let mut message = match (input, line.split_once('>')) {
                (Input::Raw, _) => fields(received, "127.0.0.1", line),
                (_, Some((_, rest))) if rest.starts_with("1 ") => rfc5424(rest),
                (_, Some((_, rest))) if line.starts_with('<') => rfc3164(rest, received),
                _ => {
                    let mut message = fields(received, "127.0.0.1", line);
                    level(&mut message, -1, -1, "Unknown");
                    message
                }
            };
            if input == Input::SyslogFull {
                message.insert("full_message".into(), json!(line));
            }
            self.push(message);
        }
    }

    /// A GELF message, with further fields.
    pub(crate) fn gelf(&mut self, at: i64, host: &str, text: &str, more: &Value) {
        let mut message = fields(at, host, text);
        message.insert("level".into(), json!(6));
        message.extend(more.as_object().unwrap().clone());
        self.push(message);
    }

    fn received(&self) -> i64 {
        RECEIVED + i64::try_from(self.documents.len()).unwrap()
    }

    fn push(&mut self, mut message: Map<String, Value>) {
        let number = self.documents.len() as u64;
        let received = self.received();
        let at = message["timestamp"].as_i64().unwrap();
        message.insert("timestamp".into(), json!(stamp(at)));
        let sequence = self.sequence.entry(at).or_default();
        *sequence += 1;
        // Before, the id's time is that of the receipt, and the rest says nothing.
        let ulid = if self.version == Version::V4_2 {
            ulid(received, number.wrapping_mul(0x9e37_79b9_7f4a_7c15), number)
        } else {
            ulid(at, *sequence << 40, number)
        };
        message.insert("gl2_message_id".into(), json!(ulid));
        // Made by several threads, so neighbours may change places where nothing relies on it.
        let place = if self.version == Version::V4_2 {
            number
        } else {
            number ^ 1
        };
        message.insert("_id".into(), json!(uuid(RECEIVED, place)));
        message.insert("streams".into(), json!(["000000000000000000000001"]));
        message.insert("gl2_remote_ip".into(), json!("127.0.0.1"));
        message.insert("gl2_remote_port".into(), json!(50_000));
        message.insert("gl2_source_input".into(), json!("6b0512c338d2f56868d89b2f"));
        message.insert("gl2_source_node".into(), json!("05783963-a9b8-4246-834a-f49921561ece"));
        message.insert("gl2_accounted_message_size".into(), json!(300));
        if self.version.writes_receipt() {
            message.insert("gl2_receive_timestamp".into(), json!(stamp(received)));
            message.insert("gl2_processing_timestamp".into(), json!(stamp(received + 10)));
            message.insert("gl2_processing_duration_ms".into(), json!(10));
        }
        self.documents.push(Value::Object(message));
    }
}

/// `2026-11-24 02:27:53.000`, as in the index.
pub(crate) fn stamp(at: i64) -> String {
    let at = DateTime::from_timestamp_millis(at).unwrap();
    at.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

fn fields(at: i64, source: &str, message: &str) -> Map<String, Value> {
    let object = json!({ "timestamp": at, "source": source, "message": message });
    object.as_object().unwrap().clone()
}

fn level(message: &mut Map<String, Value>, level: i64, number: i64, name: &str) {
    message.insert("level".into(), json!(level));
    message.insert("facility_num".into(), json!(number));
    message.insert("facility".into(), json!(name));
}

/// `Nov 24 02:27:53 mx1 tag: text`, `2026-11-24T02:27:53.826473+00:00 mx1 tag: text`, or neither: host and tag stay.
fn rfc3164(line: &str, received: i64) -> Map<String, Value> {
    let (at, rest) = if let Some(rest) = line.get(16..).filter(|_| line.as_bytes().get(3) == Some(&b' ')) {
        let at = NaiveDateTime::parse_from_str(&format!("2026 {}", &line[..15]), "%Y %b %e %H:%M:%S");
        (at.unwrap().and_utc().timestamp_millis(), rest)
    } else {
        let (first, rest) = line.split_once(' ').unwrap();
        match DateTime::parse_from_rfc3339(first) {
            Ok(at) => (at.timestamp_millis(), rest),
            Err(_) => (received, line),
        }
    };
    let source = rest.split(' ').next().unwrap();
    let mut message = fields(at, source, rest);
    level(&mut message, 6, 2, "mail");
    message
}

/// `1 2026-11-24T02:27:53.826473+00:00 mx1 app pid msgid - text`: the tag goes into fields, structured data too.
fn rfc5424(line: &str) -> Map<String, Value> {
    let mut words = line.splitn(7, ' ').skip(1);
    let mut word = || words.next().unwrap();
    let at: DateTime<Utc> = word().parse().unwrap();
    let (host, app, pid, _, rest) = (word(), word(), word(), word(), word());
    let (data, text) = match rest.strip_prefix("- ") {
        Some(text) => ("", text),
        None => rest.split_once("] ").unwrap(),
    };
    let mut message = fields(at.timestamp_millis(), host, text.trim());
    level(&mut message, 6, 2, "mail");
    for (name, value) in [("application_name", app), ("process_id", pid)] {
        if value != "-" {
            message.insert(name.into(), json!(value));
        }
    }
    for pair in data.split(&['[', ']', ' '][..]) {
        if let Some((name, value)) = pair.split_once('=') {
            message.insert(name.into(), json!(value.trim_matches('"')));
        }
    }
    message
}

/// Time, then 80 bits.
fn ulid(at: i64, high: u64, low: u64) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let number = (u128::from(at.unsigned_abs()) << 80) | (u128::from(high >> 8) << 24) | u128::from(low & 0xff_ffff);
    let digit = |place: u32| char::from(DIGITS[(number >> (5 * place)) as usize & 31]);
    (0..26).rev().map(digit).collect()
}

/// Version 1: the time in units of 100 ns since 1582, a tenth of a millisecond for each message.
fn uuid(start: i64, number: u64) -> String {
    let time = start.unsigned_abs() * 10_000 + 122_192_928_000_000_000 + number * 1000;
    let (low, middle, high) = (time & 0xffff_ffff, (time >> 32) & 0xffff, time >> 48);
    format!("{low:08x}-{middle:04x}-1{high:03x}-83b2-02fc00000001")
}
