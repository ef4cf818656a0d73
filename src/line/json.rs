//! A JSON object a line: Filebeat, Logstash, Docker's json-file, `journalctl -o json`, rsyslog, GELF.
//!
//! The hard part is that nobody agrees on names, and that the message may be a whole syslog line, whose own header then
//! tells more than what stands around it.
//!
//! In: the bytes of a line that begins with `{`. Out: [`Told`].

use serde_json::{Map, Value};

use super::Moment;
use super::entry::Entry;
use super::said::{JsonFields, USUAL_JSON_FIELDS};
use super::stamp::{Cursor, Stamp};
use super::{rfc3164, rfc3339, tag};

/// What the fields of a line tell.
#[derive(Debug)]
pub(crate) struct Told {
    /// When it was said. None if no field tells it.
    pub(crate) stamp: Option<Stamp>,
    /// The rest. Without a program the message may begin with one.
    pub(crate) entry: Entry,
}

/// Reads a line. None if it is no object, or has no message.
pub(crate) fn told(line: &[u8], fields: &JsonFields) -> Option<Told> {
    let Value::Object(object) = serde_json::from_slice(line).ok()? else {
        return None;
    };
    let [times, hosts, programs, pids, messages] = USUAL_JSON_FIELDS;
    let find = |own: &[String], usual: &[&str]| -> Option<Vec<u8>> {
        let own = own.iter().map(String::as_str);
        own.chain(usual.iter().copied())
            .find_map(|name| bytes(at(&object, name)?))
    };
    let text = find(&fields.message, messages)?;
    let stamp = find(&fields.time, times).and_then(|time| stamp(&time));
    let host = find(&fields.host, hosts).unwrap_or_default();
    let named = find(&fields.program, programs).unwrap_or_default();
    let (program, pid) = program_of(&named);
    let pid = pid.or_else(|| super::stamp::number(&find(&fields.pid, pids)?));
    Some(Told {
        stamp,
        entry: Entry {
            host,
            program,
            pid,
            text,
        },
    })
}

/// The field of this name, or of this path.
fn at<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    let (outer, inner) = name.split_once('.')?;
    at(object.get(outer)?.as_object()?, inner)
}

/// A value as bytes. journald writes what is not UTF-8 as an array of numbers. None for objects and for nothing.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    let bytes = match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Number(number) => number.to_string().into_bytes(),
        Value::Array(values) if values.iter().all(Value::is_u64) => values
            .iter()
            .map(|value| value.as_u64().and_then(|byte| u8::try_from(byte).ok()))
            .collect::<Option<_>>()?,
        // A field that was said several times.
        Value::Array(values) => return bytes(values.last()?),
        _ => return None,
    };
    (!bytes.is_empty()).then_some(bytes)
}

/// `postfix/smtpd`, or with pid as a tag: `postfix/smtpd[277]:`.
pub(crate) fn program_of(named: &[u8]) -> (Vec<u8>, Option<u32>) {
    let mut tagged = named.trim_ascii().to_vec();
    if !tagged.ends_with(b":") {
        tagged.push(b':');
    }
    let mut cursor = Cursor { bytes: &tagged, at: 0 };
    match tag::tag(&mut cursor) {
        (program, pid) if cursor.at == tagged.len() => (program.to_vec(), pid),
        _ => (named.to_vec(), None),
    }
}

/// A time as it is written in a field.
pub(crate) fn stamp(time: &[u8]) -> Option<Stamp> {
    let time = time.trim_ascii();
    if let Some(epoch) = epoch(time) {
        return Some(Stamp::Absolute(epoch.0));
    }
    let mut cursor = Cursor { bytes: time, at: 0 };
    let stamp = match time.get(4) {
        Some(b'-') => rfc3339::stamp(&mut cursor)?,
        _ => rfc3164::stamp(&mut cursor)?,
    };
    cursor.rest().is_empty().then_some(stamp)
}

/// A number since 1970, told by its size: seconds (with a fraction), milliseconds, microseconds, nanoseconds.
fn epoch(time: &[u8]) -> Option<Moment> {
    let whole = time.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, fraction) = time.split_at_checked(whole)?;
    let number: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    if fraction.is_empty() {
        return Some(Moment(match whole {
            ..=10 => number * 1000,
            11..=13 => number,
            14..=16 => number / 1000,
            _ => number / 1_000_000,
        }));
    }
    let fraction = fraction.strip_prefix(b".")?;
    if whole > 10 || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let thousandths = [100, 10, 1].iter().zip(fraction);
    let milliseconds: i64 = thousandths
        .map(|(weight, digit)| weight * i64::from(digit - b'0'))
        .sum();
    Some(Moment(number * 1000 + milliseconds))
}
