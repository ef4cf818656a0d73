//! Headers, years, ordinals and identities, on real lines and on lines that nobody should write.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::GzDecoder;
use mailtrail::line::queue_time::of_queue_id;
use mailtrail::line::{Dating, Digest, Evidence, Line, MAX_LINE_BYTES, MAX_REPEATED, Moment, Reader, TimeZone};
use proptest::prelude::*;

/// 2026-11-24T12:00:00Z
const NOW: Moment = Moment(1_795_521_600_000);

/// The bytes of a log of the lab.
pub(crate) fn lab(name: &str) -> Vec<u8> {
    let path = lab_path(name);
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

pub(crate) fn lab_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/lab")
        .join(format!("{name}.gz"))
}

pub(crate) fn dating(zone: TimeZone) -> Dating {
    Dating {
        zone,
        year: None,
        now: NOW,
    }
}

/// Every line of a log, with the look at its beginning that a file gets.
fn lines(log: &[u8], dating: Dating, evidence: Evidence) -> Vec<Line> {
    let mut reader = Reader::new(Arc::from("test"), dating, evidence);
    reader.look_ahead(log);
    let mut lines = Vec::new();
    for (number, raw) in (1..).zip(log.split(|byte| *byte == b'\n')) {
        lines.extend(reader.read(raw, number));
        lines.extend(std::iter::from_fn(|| reader.pending()));
    }
    lines
}

fn utc(log: &str) -> Vec<Line> {
    lines(log.as_bytes(), dating(TimeZone::Utc), Evidence::default())
}

/// `time host program pid text`, as short as a claim should be.
fn told(raw: &str) -> String {
    match utc(raw).as_slice() {
        [line] => format!(
            "{} {} {} {} {}",
            line.at,
            line.host,
            line.program,
            line.pid.map_or("-".to_owned(), |pid| pid.to_string()),
            String::from_utf8_lossy(line.text())
        ),
        none => format!("{} lines", none.len()),
    }
}

/// Every log of the lab, with the zone of its stamps.
const LOGS: &[(&str, i32)] = &[
    ("postfix-short/mail.log", 0),
    ("postfix-short/mail.rfc3339.log", 0),
    ("postfix-short/mail.rfc5424.log", 0),
    ("postfix-repeated/mail.log", -18_000),
    ("postfix-repeated/mail.rfc3339.log", -18_000),
    ("postfix-repeated/mail.rfc5424.log", -18_000),
    ("sendmail/mail.log", 0),
    ("sendmail/mail.rfc3339.log", 0),
    ("sendmail/mail.rfc5424.log", 0),
    ("multihop/mail.log", 0),
    ("multihop/mail.rfc3339.log", 0),
    ("multihop/mx1.mail.log", 0),
    ("multihop/mx1.mail.rfc3339.log", 0),
    ("multihop/mx2.mail.log", 0),
    ("multihop/mx2.mail.rfc3339.log", 0),
    ("multihop/sm1.mail.log", 0),
    ("multihop/sm1.mail.rfc3339.log", 0),
];

fn lab_lines(name: &str, offset: i32) -> Vec<Line> {
    lines(&lab(name), dating(TimeZone::Fixed(offset)), Evidence::default())
}

fn digests(lines: &[Line]) -> Vec<Digest> {
    lines.iter().map(Line::digest).collect()
}

#[test]
fn a_line_is_the_same_in_every_format_of_the_log() {
    // Nothing differs in the three files of a corpus: rsyslog's blanks before the text are not part of it, and the
    // daemon that RFC 5424 loses (`postfix` for `postfix/smtpd`) is not part of the identity.
    for (folder, offset, count) in [
        ("postfix-short", 0, 4579),
        ("postfix-repeated", -18_000, 583),
        ("sendmail", 0, 1014),
    ] {
        let traditional = digests(&lab_lines(&format!("{folder}/mail.log"), offset));
        assert_eq!(traditional.len(), count, "{folder}");
        for format in ["rfc3339", "rfc5424"] {
            // The zone of the reader plays no part where the stamps tell theirs.
            let other = digests(&lab_lines(&format!("{folder}/mail.{format}.log"), 7200));
            assert!(
                other == traditional,
                "{folder}: {format} differs from the traditional format"
            );
        }
    }
    for log in ["mail", "mx1.mail", "mx2.mail", "sm1.mail"] {
        let traditional = digests(&lab_lines(&format!("multihop/{log}.log"), 0));
        let rfc3339 = digests(&lab_lines(&format!("multihop/{log}.rfc3339.log"), 0));
        assert!(traditional == rfc3339, "multihop/{log}");
    }
}

#[test]
fn no_two_lines_of_a_log_are_taken_for_one() {
    for (name, offset) in LOGS {
        let mut digests = digests(&lab_lines(name, *offset));
        let count = digests.len();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), count, "{name}");
    }
}

#[test]
fn every_line_of_the_lab_is_read() {
    for (name, offset) in LOGS {
        let log = lab(name);
        let raw = log.split(|byte| *byte == b'\n').filter(|raw| !raw.is_empty()).count();
        let lines = lab_lines(name, *offset);
        let read = lines.last().unwrap().origin.number;
        assert_eq!(u64::try_from(raw).unwrap(), read, "{name}");
        assert!(lines.iter().all(|line| !line.host.is_empty()), "{name}");
        assert!(lines.iter().all(|line| !line.program.is_empty()), "{name}");
        assert!(
            lines.iter().all(|line| line.at.rfc3339().starts_with("2026-11-24T02:")),
            "{name}"
        );
    }
}

#[test]
fn a_host_s_own_log_and_the_central_log_tell_the_same_lines() {
    let central: std::collections::HashSet<Digest> = digests(&lab_lines("multihop/mail.log", 0)).into_iter().collect();
    let own = ["mx1", "mx2", "sm1"].map(|host| digests(&lab_lines(&format!("multihop/{host}.mail.rfc3339.log"), 0)));
    let own: Vec<Digest> = own.concat();
    let shared = own.iter().filter(|digest| central.contains(digest)).count();
    assert_eq!((own.len(), shared), (2448, 2440));
}

#[test]
fn a_stored_line_read_again_is_the_same_line() {
    for (name, offset) in LOGS {
        for line in lab_lines(name, *offset) {
            let again = Line::again(&line.raw, line.at, line.ordinal).unwrap();
            assert_eq!(again.digest(), line.digest(), "{name}:{}", line.origin.number);
            assert_eq!((again.text(), again.repeated), (line.text(), line.repeated));
        }
    }
}
