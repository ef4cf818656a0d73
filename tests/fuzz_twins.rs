//! The claims of the fuzz targets, on bytes that are likely to break them.

use proptest::prelude::*;

#[path = "../fuzz/claims.rs"]
mod claims;

/// Up to so many of these pieces, with some bytes of any kind between them.
fn pieces(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

const HEADERS: &[&str] = &[
    "Nov 24 02:04:04 ",
    "2026-11-24T02:04:04.455556+00:00 ",
    "<22>1 2026-11-24T02:04:04Z ",
    "mx1 ",
    "postfix/smtpd[277]: ",
    "sm-mta[1]: ",
    "- ",
    "[a b=\"c\"] ",
    "message repeated 3 times: [ ",
    "last message repeated 2 times\n",
    "]",
    "\n",
    "\n\n",
    "6AO2Rr6q000083[1]: ",
    "6AO2Rr6q000083[2]: ",
    " ...\n",
    "{\"message\":\"",
    "\",\"time\":1795485844,\"host\":\"",
    "\"}\n",
    "__REALTIME_TIMESTAMP=1795485844000000\n",
    "MESSAGE=",
    "MESSAGE\n\x02\0\0\0\0\0\0\0ab\n",
    "< x[1]: AUTH PLAIN ",
    "AGEAYg==",
    "[ID 7 mail.info] ",
    "\0",
    "\r",
];

const PATTERNS: &[&str] = &[
    "%{",
    "}",
    "%(",
    "%|",
    "%)",
    "%?(",
    "%*(",
    "%%",
    "text",
    "word",
    "rest",
    "last",
    "int",
    "ip",
    "addr",
    "qid",
    "list(",
    ")",
    ":a",
    ":b",
    ":c",
    " ",
    ", ",
    ": ",
    "x",
    "<",
    ">",
    "\n",
    "7",
    "a@b",
    "192.0.2.1",
    "[",
    "]",
    "=",
];

const RULES: &[&str] = &[
    "- id: ",
    "postfix/x",
    "\n  program: ",
    "postfix/qmgr",
    "\n  pattern: ",
    "'%{qid:queue_id}: removed'",
    "\n  emits: ",
    "removed",
    "\n  samples: ",
    "['0F5383D: removed']",
    "\n  not: ",
    "\n  regex: '^(?P<to>.*)$'",
    "\n  set: ",
    "{status: sent}",
    "\n  map: ",
    "\n  generic: true",
    "\n  fallback: true",
    "%{text:extra.a}",
    "'",
    "\"",
    "\n",
    "[",
    "]",
    "{",
    "}",
    ":",
    "&a ",
    "*a",
    "!!str ",
    "\t",
    "\x1b[31m",
];

const QUERIES: &[&str] = &[
    "to:",
    "from:",
    "status:",
    "(",
    ")",
    " OR ",
    " AND ",
    "NOT ",
    "-",
    "\"",
    "*",
    "?",
    ":",
    ">",
    "<",
    "..",
    "[",
    " TO ",
    "]",
    "a@b",
    "192.0.2.0/24",
    "2026-11-24",
    "\\",
    " ",
    "\x1b[31m",
    "deferred",
];

const MAILS: &[&str] = &[
    "Nov 24 02:04:04 mx1 postfix/smtpd[1]: 757F89D60C0: client=a.example[192.0.2.1]\n",
    "Nov 24 02:04:04 mx1 postfix/cleanup[2]: 757F89D60C0: message-id=<a@b>\n",
    "Nov 24 02:04:05 mx1 postfix/qmgr[3]: 757F89D60C0: from=<a@b>, size=1000, nrcpt=2 (queue active)\n",
    "Nov 24 02:04:05 mx1 postfix/smtp[4]: 757F89D60C0: to=<c@d>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (x)\n",
    "Nov 24 02:04:06 mx1 postfix/smtp[4]: 757F89D60C0: to=<c@d>, relay=d[192.0.2.9]:25, delay=2, delays=0/0/1/1, dsn=2.0.0, status=sent (250 ok)\n",
    "Nov 24 02:04:06 mx1 postfix/local[5]: 757F89D60C0: to=<e@b>, orig_to=<f>, relay=local, delay=2, delays=0/0/1/1, dsn=5.1.1, status=bounced (x)\n",
    "Nov 24 02:04:06 mx1 postfix/bounce[6]: 757F89D60C0: sender non-delivery notification: 757F89D60C1\n",
    "Nov 24 02:04:07 mx1 postfix/qmgr[3]: 757F89D60C0: removed\n",
    "Nov 24 02:04:07 mx1 postfix/postsuper[7]: 757F89D60C0: placed on hold\n",
    "Nov 24 02:04:07 mx1 postfix/smtpd[1]: 757F89D60C0: reject: RCPT from a[192.0.2.1]: 550 5.1.1 <x@y>: no; from=<a@b> to=<x@y> proto=ESMTP helo=<a>\n",
    "Nov 24 02:04:08 mx1 postfix/smtp[4]: 757F89D60C0: something that no rule knows\n",
    "Nov 24 02:04:09 mx1 postfix/smtpd[1]: 757F89D60C0: client=b.example[192.0.2.2]\n",
    "{\"time\":1795485850,\"host\":\"mx1\",\"program\":\"postfix/qmgr\",\"pid\":3,\"message\":\"757F89D60C0: removed\"}\n",
    "Nov 24 02:04:06 mx1 postfix/smtp[4]: 757F89D60C0: to=<",
    "Nov 24 02:04:06 mx1 postfix/smtp[4]: message repeated 3 times: [ 757F89D60C0: lost]\n",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_header_is_read_without_harm(bytes in pieces(HEADERS, 24)) {
        claims::header(&bytes);
    }

    #[test]
    fn any_pattern_is_compiled_or_refused_and_matches_in_linear_time(bytes in pieces(PATTERNS, 40)) {
        claims::pattern(&bytes);
    }

    #[test]
    fn any_rule_file_is_loaded_or_its_problems_are_shown(bytes in pieces(RULES, 24)) {
        claims::rule_file(&bytes);
    }

    #[test]
    fn any_query_is_understood_or_refused(bytes in pieces(QUERIES, 24)) {
        claims::query(&bytes);
    }

    #[test]
    fn any_lines_of_a_message_say_the_same_in_any_order(bytes in pieces(MAILS, 24)) {
        claims::document_merge(&bytes);
    }
}

/// The harness is the same for fuzzing and here: each target's file is there and calls its claim.
#[test]
fn every_claim_has_its_fuzz_target() {
    let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for claim in ["header", "pattern", "rule_file", "query", "document_merge"] {
        let target = std::fs::read_to_string(fuzz.join(format!("fuzz_targets/{claim}.rs"))).unwrap();
        assert!(target.contains(&format!("claims::{claim}(bytes)")), "{claim}");
        assert!(manifest.contains(&format!("name = \"{claim}\"")), "{claim}");
    }
}
