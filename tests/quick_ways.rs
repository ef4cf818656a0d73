//! What was made quick gives the same as the plain way.

use std::collections::BTreeMap;
use std::hash::Hasher as _;

use chrono::{DateTime, SecondsFormat};
use mailtrail::line::{Digest, Moment};
use mailtrail::store::json;
use mailtrail::transaction::Document;
use proptest::prelude::*;
use serde::Serialize;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::tool::{lab, tool};

fn digest_by_crate(parts: &[&[u8]]) -> u128 {
    let mut hasher = SipHasher13::new_with_keys(0x6d61_696c_7472_6169, 0x6c2f_6964_2f76_3031);
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    hasher.finish128().as_u128()
}

fn json_by_crate<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

fn json_quickly<T: Serialize>(value: &T) -> String {
    let mut out = Vec::new();
    json::append(&mut out, value).unwrap();
    String::from_utf8(out).unwrap()
}

/// One of everything that a document may have.
#[derive(Serialize)]
struct Sample {
    text: String,
    number: u64,
    negative: i64,
    fraction: f64,
    flag: bool,
    nothing: Option<u8>,
    pairs: BTreeMap<usize, Vec<String>>,
    tuple: (u8, char, &'static str),
    choice: Choice,
}

#[derive(Serialize)]
enum Choice {
    Bare,
    One(u32),
    Two(i8, i8),
    Named { name: String },
}

proptest! {
    #[test]
    fn a_digest_is_siphash_as_the_crate_makes_it(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6)) {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(Digest::of_parts(&parts).0, digest_by_crate(&parts));
    }

    #[test]
    fn a_moment_reads_as_chrono_writes_it(at in -70_000_000_000_000_i64..260_000_000_000_000) {
        let clamped = at.clamp(-62_167_219_200_000, 253_402_300_799_999);
        let by_crate = DateTime::from_timestamp_millis(clamped).unwrap();
        prop_assert_eq!(Moment(at).rfc3339(), by_crate.to_rfc3339_opts(SecondsFormat::Millis, true));
        let by_crate = DateTime::from_timestamp_millis(at).unwrap();
        prop_assert_eq!(Moment(at).period(), by_crate.format("%Y%m").to_string());
    }

    #[test]
    fn json_is_what_serde_json_writes(
        text in "\\PC{0,20}[\u{0}-\u{7f}]{0,30}\\PC{0,9}",
        number: u64, negative: i64, fraction: f64, flag: bool, key: usize, which in 0..4,
    ) {
        let choice = match which {
            0 => Choice::Bare,
            1 => Choice::One(7),
            2 => Choice::Two(-1, 1),
            _ => Choice::Named { name: text.clone() },
        };
        let sample = Sample {
            pairs: [(key, vec![text.clone(), String::new()]), (0, vec![])].into(),
            tuple: (1, '"', "\\"),
            text, number, negative, fraction, flag, nothing: None, choice,
        };
        prop_assert_eq!(json_quickly(&sample), json_by_crate(&sample));
    }
}

#[test]
fn every_document_of_a_log_is_written_as_serde_json_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    for corpus in ["postfix-short", "postfix-repeated"] {
        let log = lab(corpus, "mail.rfc3339.log.gz");
        let written = tool(folder.path())
            .args(["index", "--store", "ndjson"])
            .arg(&log)
            .succeeds();
        assert!(written.lines().count() > 100);
        for line in written.lines() {
            let document: Document = serde_json::from_str(line).unwrap();
            assert_eq!(json_by_crate(&document), line);
            assert_eq!(json_quickly(&document), line);
        }
    }
}
