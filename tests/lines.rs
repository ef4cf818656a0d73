//! Headers, ordinals and identities, on real lines and on lines that nobody should write.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::GzDecoder;
use mailtrail::line::{Dating, Digest, Evidence, Line, MAX_LINE_BYTES, MAX_REPEATED, Moment, Reader, Said, TimeZone};
use proptest::prelude::*;

/// 2026-11-24T12:00:00Z
pub(crate) const NOW: Moment = Moment(1_795_521_600_000);

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
        said: Said::NOTHING,
    }
}

/// Every line of a log, with the look at its beginning that a file gets.
pub(crate) fn lines(log: &[u8], dating: Dating, evidence: Evidence) -> Vec<Line> {
    let mut reader = Reader::new(Arc::from("test"), dating, evidence);
    reader.look_ahead(log);
    let mut lines = Vec::new();
    for (number, raw) in (1..).zip(log.split(|byte| *byte == b'\n')) {
        lines.extend(reader.read(raw, number));
        lines.extend(std::iter::from_fn(|| reader.pending()));
    }
    lines
}

pub(crate) fn utc(log: &str) -> Vec<Line> {
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

pub(crate) fn lab_lines(name: &str, offset: i32) -> Vec<Line> {
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

#[test]
fn headers_are_read_in_every_form_of_a_format() {
    const QMGR: &str = "mx1 postfix/qmgr 252 757F89D60C0: removed";
    let second = format!("2026-11-04T02:04:04.000Z {QMGR}");
    let fraction = format!("2026-11-04T02:04:04.483Z {QMGR}");
    for raw in [
        "Nov  4 02:04:04 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "Nov 4 02:04:04 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "Nov 04 02:04:04 MX1 postfix/qmgr[252]: 757F89D60C0: removed\r",
        "<22>Nov  4 02:04:04 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "Nov  4 02:04:04 <mail.info> mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "<mail.info>Nov  4 02:04:04 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "Nov  4 2026 02:04:04 mx1 postfix/qmgr[252]:757F89D60C0: removed",
        "Nov  4 02:04:04 2026 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "2026-11-04 02:04:04 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "\0\0\0\0Nov  4 02:04:04 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
    ] {
        assert_eq!(told(raw), second, "{raw}");
    }
    for raw in [
        "Nov  4 02:04:04.483482 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "2026-11-04T02:04:04.483482+00:00 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "2026-11-04T02:04:04.483Z mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "2026-11-03T21:04:04.483482-05:00 mx1 postfix/qmgr[252]:   757F89D60C0: removed",
        "2026-11-04T07:49:04.483482+05:45 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "2026-11-04 03:04:04,483 +0100 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "<22>2026-11-04T02:04:04.483482Z mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "<22>1 2026-11-04T02:04:04.483482+00:00 mx1 postfix/qmgr 252 - -  757F89D60C0: removed",
        "1 2026-11-04T02:04:04.483482Z mx1 postfix/qmgr 252 - - 757F89D60C0: removed",
        "<22>1 2026-11-04T02:04:04.483Z mx1 postfix/qmgr 252 ID47 - \u{feff}757F89D60C0: removed",
        r#"<22>1 2026-11-04T02:04:04.483Z mx1 postfix/qmgr 252 - [a@1 b="\"]\\"][c d="]"] 757F89D60C0: removed"#,
    ] {
        assert_eq!(told(raw), fraction, "{raw}");
    }
}

#[test]
fn a_tag_is_read_whole_damaged_or_not_at_all() {
    for (tag, claim) in [
        (
            "postfix/submission/smtpd[571]: connect",
            "postfix/submission/smtpd 571 connect",
        ),
        ("postfix-out/smtp[12]: A: removed", "postfix-out/smtp 12 A: removed"),
        (
            "sm-mta[83]: 6AO2Rr6q000083: from=<>",
            "sm-mta 83 6AO2Rr6q000083: from=<>",
        ),
        (
            "dovecot: lmtp(pat)<271><x>: msgid=<a@b>",
            "dovecot - lmtp(pat)<271><x>: msgid=<a@b>",
        ),
        ("/postfix-script[7]: starting", "/postfix-script 7 starting"),
        (
            "policyd-spf[9]: : prepend Received-SPF: Pass",
            "policyd-spf 9 : prepend Received-SPF: Pass",
        ),
        // Oddity 1: relayed as RFC 5424 and written out again in the traditional form.
        (
            "postfix[272] 652C99F4586: to=<a@b>",
            "postfix 272 652C99F4586: to=<a@b>",
        ),
        (
            "sm-mta[294] 6AO2PeLM000294: to=<a@b>",
            "sm-mta 294 6AO2PeLM000294: to=<a@b>",
        ),
        ("last message repeated 2 times", " - last message repeated 2 times"),
        ("-- MARK --", " - -- MARK --"),
        ("[203.0.113.6]:52935 said", " - [203.0.113.6]:52935 said"),
        ("kernel[main]: up", "kernel - up"),
        ("postfix/qmgr[252]:", "postfix/qmgr 252 "),
    ] {
        let expected = format!("2026-11-24T02:25:40.000Z mx2 {claim}");
        assert_eq!(told(&format!("Nov 24 02:25:40 mx2 {tag}")), expected);
    }
    // Without a host: a daemon's own file.
    assert_eq!(
        told("Nov 24 02:25:40 postfix/qmgr[252]: 652C99F4586: removed"),
        "2026-11-24T02:25:40.000Z  postfix/qmgr 252 652C99F4586: removed"
    );
}

#[test]
fn a_damaged_line_is_the_line_that_it_was() {
    let whole = utc("2026-11-24T02:25:40.123+00:00 mx2 postfix/smtp[272]: 652C99F4586: removed");
    let damaged = utc("Nov 24 02:25:40 mx2 postfix[272] 652C99F4586: removed");
    assert_eq!(digests(&whole), digests(&damaged));
}

/// The stamp of the line before is used again: what stands behind it must not be forgotten.
#[test]
fn a_line_is_read_the_same_after_any_other() {
    let stamps = [
        "Nov 24 02:04:04",
        "Nov 24 02:04:04 2026",
        "Nov 24 2026 02:04:04",
        "Nov  4 02:04:04.5",
        "2026-11-24T02:04:04.455556+00:00",
        "2026-11-24 02:04:04",
        "2026-11-24T02:04:04Z",
        "<22>Nov 24 02:04:04",
        "<22>1 2026-11-24T02:04:04Z",
        "\0Nov 24 02:04:04",
    ];
    let behind = [
        " mx1 postfix/smtpd[277]: connect from mx.good.example[192.0.2.1]",
        " 2026 mx1 sm-mta[1]: 6AO2AUqL000083: done",
        " +0100 mx1 dovecot: x",
        "  mx1 a[1]: b",
        " 9mx a[1] b",
        " postfix/smtpd[277]: b",
        "\tmx1 a: b",
        "Z mx1 a: b",
        "",
    ];
    let lines: Vec<String> = stamps
        .iter()
        .flat_map(|stamp| behind.iter().map(move |behind| format!("{stamp}{behind}")))
        .collect();
    let reader = || Reader::new(Arc::from("test"), dating(TimeZone::Utc), Evidence::default());
    let told = |line: Option<Line>| {
        let line = line?;
        let text = String::from_utf8_lossy(line.text()).into_owned();
        Some((
            line.at.0.rem_euclid(86_400_000),
            line.host,
            line.program,
            line.pid,
            text,
        ))
    };
    for line in &lines {
        let alone = told(reader().read(line.as_bytes(), 1));
        for before in &lines {
            let mut reader = reader();
            reader.read(before.as_bytes(), 1);
            assert_eq!(
                told(reader.read(line.as_bytes(), 2)),
                alone,
                "{line:?} after {before:?}"
            );
        }
    }
}

#[test]
fn a_line_without_a_time_is_no_line() {
    for raw in [
        "postfix/qmgr[252]: 757F89D60C0: removed",
        "<22>1 - mx1 postfix 252 - - 757F89D60C0: removed",
        "Nov 31 02:04:04 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "Nov 24 24:04:04 mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "2026-02-29T02:04:04Z mx1 postfix/qmgr[252]: 757F89D60C0: removed",
        "Nov 24 02:04:04",
        "2026-11-24T02:04:04+00:00",
        "<22>1 2026-11-24T02:04:04Z mx1 postfix 252 - [a b=\"c\\",
        "<22>",
        "",
    ] {
        assert_eq!(told(raw), "0 lines", "{raw}");
    }
}

#[test]
fn a_repeated_message_is_as_many_lines() {
    let lines = lab_lines("postfix-repeated/mail.log", -18_000);
    let raw = lines
        .iter()
        .find(|line| line.repeated && line.pid == Some(283))
        .unwrap();
    // Five equal refusals in one session: one, `message repeated 3 times`, and one that rsyslog wrote out again.
    let refused: Vec<&Line> = lines.iter().filter(|line| line.text() == raw.text()).collect();
    let marks: Vec<bool> = refused.iter().map(|line| line.repeated).collect();
    assert_eq!(marks, [false, true, true, true, false]);
    assert!(raw.text().starts_with(b"NOQUEUE: reject: RCPT from client-11") && raw.text().ends_with(b">"));
    assert!(
        raw.raw
            .starts_with(b"Nov 23 21:32:26 mx4 postfix/smtpd[283]: message repeated 3 times: [ ")
    );
    let ordinals: Vec<(i64, u16)> = refused
        .iter()
        .map(|line| (line.at.second() % 60, line.ordinal))
        .collect();
    assert_eq!(ordinals, [(26, 0), (26, 1), (26, 2), (26, 3), (27, 0)]);
}

#[test]
fn a_repetition_without_bound_is_bounded() {
    let most = usize::try_from(MAX_REPEATED).unwrap();
    let head = "Nov 24 02:04:04 mx1 postfix/smtpd[1]: message repeated";
    assert_eq!(utc(&format!("{head} 999999999 times: [ x]")).len(), most);
    // No count, or one that no program would write: the line stands for itself.
    for raw in [
        "0 times: [ x]",
        "99999999999999999999 times: [ x]",
        "3 times: [ x",
        "-1 times: [ x]",
    ] {
        let lines = utc(&format!("{head} {raw}"));
        assert_eq!(lines.len(), 1, "{raw}");
        assert!(!lines[0].repeated && lines[0].text().starts_with(b"message repeated"));
    }
}

#[test]
fn equal_lines_of_a_second_are_counted_by_content() {
    let connect = "mx1 postfix/postscreen[257]: CONNECT from [192.0.2.50]:25";
    let log = format!(
        "Nov 24 02:04:04 {connect}\nNov 24 02:04:05 {connect}\nNov 24 02:04:04 {connect}\n\
         2026-11-24T02:04:04.9Z {connect}\n<22>1 2026-11-24T02:04:05Z mx1 postfix 257 - - CONNECT from [192.0.2.50]:25"
    );
    let ordinals: Vec<u16> = utc(&log).iter().map(|line| line.ordinal).collect();
    assert_eq!(ordinals, [0, 0, 1, 2, 1]);
}

#[test]
fn bytes_are_kept_as_they_are_and_no_longer_than_they_may_be() {
    let raw = b"Nov 24 02:04:04 mx1 postfix/smtpd[1]: \xff\0\xfe to=<\xc3\xbc>";
    let lines = lines(raw, dating(TimeZone::Utc), Evidence::default());
    assert_eq!(lines[0].text(), b"\xff\0\xfe to=<\xc3\xbc>");
    let long = format!("Nov 24 02:04:04 mx1 postfix/smtpd[1]: {}", "x".repeat(10_000_000));
    assert_eq!(utc(&long)[0].raw.len(), MAX_LINE_BYTES);
}

/// Bytes from which headers are likely to come.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        proptest::sample::select(vec![
            "Nov 24 02:04:04 ",
            "Feb 29 02:04:04 ",
            "2026-11-24T02:04:04.455556+00:00 ",
            "<22>",
            "1 ",
            "mx1 ",
            "postfix",
            "/smtpd",
            "[277]",
            ":",
            " ",
            "- - - ",
            "[a b=\"",
            "\"]",
            "\\",
            "message repeated ",
            "3",
            " times: [ ",
            "]",
            "\r",
            "\n",
            "\0",
            "4jYRVX2ky8z1Wg27: ",
            "6AO2PNgV000084: ",
            "\u{feff}",
            "2026 ",
            ".5",
            "+",
            "Z",
        ])
        .prop_map(|part| part.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm_and_the_same_again(log in likely()) {
        for line in lines(&log, dating(TimeZone::Local), Evidence::default()) {
            let again = Line::again(&line.raw, line.at, line.ordinal).unwrap();
            prop_assert_eq!(again.digest(), line.digest());
            prop_assert_eq!(again.repeated, line.repeated);
            prop_assert!(line.text.end as usize <= line.raw.len());
        }
    }
}
