//! The search language means what it says, and says what is wrong.

use mailtrail::line::Moment;
use mailtrail::query::{FIELDS, Glob, Kind, Piece, Place, Query, Test, Value, matches, moments, named, words};
use mailtrail::transaction::{Document, Status};
use proptest::prelude::*;

use crate::store::documents_of_every_kind as documents;

/// What a query means, as `host:queue id`, or `host:` and what else it is; in the order of the file.
fn found(query: &str) -> Vec<String> {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{error}"));
    let name = |document: &Document| match document {
        Document::Transaction(mail) => {
            let what = mail.queue_id.as_ref().or(mail.outcome.as_ref()).unwrap_or(&mail.status);
            format!("{}:{what}", mail.host)
        }
        Document::Record(record) => format!("{}:{}", record.host, record.rule),
        Document::Slice(slice) => format!("{}:{}", slice.host, slice.program),
        Document::Template(template) => format!(":{}", template.program),
    };
    documents()
        .iter()
        .filter(|document| matches(&query, document))
        .map(name)
        .collect()
}

fn problem(query: &str) -> String {
    Query::parse(query).unwrap_err().to_string()
}

#[test]
fn every_field_is_found_by_its_values_its_name_and_its_path() {
    for field in FIELDS {
        let mut seen = false;
        for document in documents() {
            field.each_value(document, &mut |value| {
                seen = true;
                let text = match value {
                    Value::Keyword(text) | Value::Words(text) => format!("{text:?}").replace("\\'", "'"),
                    Value::Ip(address) => address.to_string(),
                    Value::Integer(number) => number.to_string(),
                    Value::Decimal(number) => number.to_string(),
                    Value::Date(at) => Moment(at).rfc3339(),
                    Value::Bool(flag) => flag.to_string(),
                };
                for name in field.names.iter().chain([&field.path]) {
                    let query = Query::parse(&format!("{name}:{text}")).unwrap();
                    assert!(matches(&query, document), "{name}:{text}");
                    let exists = Query::parse(&format!("{name}:*")).unwrap();
                    assert!(matches(&exists, document), "{name}:*");
                }
            });
        }
        assert!(seen, "no document has a value for {}", field.path);
    }
}

#[test]
fn the_language_has_the_names_that_the_documents_promise() {
    let promised = "to to_domain orig from from_domain status kind host mta instance open leg qid msgid id client ip helo \
        user relay relay_ip dsn delay size attempts reason response subject warning verdict @timestamp end to.address \
        client.ip to.relay.host to.delay_s fate.bounced queue_id message_id source.ip extra.campaign";
    for name in promised
        .split_whitespace()
        .chain(Status::ALL.iter().map(|(_, word)| *word))
    {
        assert!(named(name).is_some(), "{name}");
    }
    let paths: std::collections::BTreeSet<&str> = FIELDS.iter().map(|field| field.path).collect();
    assert_eq!(paths.len(), FIELDS.len());
}

#[test]
fn fate_tells_who_got_it() {
    assert_eq!(found("bounced:carol@bad.example"), ["mx2:4jYRVX2ky8z1Wg27"]);
    assert_eq!(found("bounced:bob@good.example"), [""; 0]);
    assert_eq!(found("relayed:bob@good.example host:mx2"), ["mx2:4jYRVX2ky8z1Wg27"]);
    assert_eq!(found("fate.deferred:full@site.example"), ["mx2:4jYSbp0d5Mz1WgFF"]);
}

#[test]
fn case_does_not_matter_and_angle_brackets_may_stand() {
    assert_eq!(found("from:anna.meier@SITE.example"), ["mx2:4jYRVX2ky8z1Wg27"]);
    assert_eq!(found("FROM:<Anna.Meier@site.example>"), ["mx2:4jYRVX2ky8z1Wg27"]);
    assert_eq!(found("msgid:<ps00001.1795485844@senders.example>"), ["mx1:757F89D60C0"]);
    assert_eq!(found("subject:σίσυφοσ"), ["mx1:C0FFEE22"]);
    assert_eq!(found("subject:istanbul"), ["mx1:C0FFEE22"]);
    assert_eq!(found("to:JÜRGEN@münchen.example"), ["mx1:C0FFEE22"]);
}

#[test]
fn the_null_sender_is_asked_for_as_empty() {
    assert_eq!(found("from:<> kind:mail"), ["mx1:74E269D623B", "mx1:776E99D60DD"]);
    assert_eq!(found("from:\"\" kind:mail"), found("from:<> kind:mail"));
    assert_eq!(found("-from:* kind:mail"), ["mx2:4jYVcq1234z1Wg30"]);
}

#[test]
fn wildcards_stand_anywhere_and_a_backslash_takes_them_away() {
    assert_eq!(found("to:*@wild.example"), ["mx1:0F5383D"]);
    assert_eq!(found("to:t?-a@good.*"), ["mx1:757F89D60C0", "mx1:757F89D60C0"]);
    assert_eq!(found("to:x*y@wild.example"), ["mx1:0F5383D"]);
    assert_eq!(found("to:x\\*y@wild.example"), ["mx1:0F5383D"]);
    assert_eq!(found("to:what\\?@wild.example"), ["mx1:0F5383D"]);
    assert_eq!(found("to:wha\\?t@wild.example"), [""; 0]);
    assert_eq!(found("to:\"x*y@wild.example\""), ["mx1:0F5383D"]);
    assert_eq!(found("to:\"t?-a@good.example\""), [""; 0]);
    assert_eq!(found("from:o'brien+*"), ["mx1:0F5383D"]);
    assert_eq!(found("to:.*@wild.example"), [""; 0], "no regular expressions");
    assert_eq!(found("response:tempor*ly host:mx1 -response:out"), ["mx1:757F89D60C0"]);
}

#[test]
fn words_are_unicode_words_and_phrases_stand_together() {
    let text = "host mx.good.example[198.51.100.10] said: 450-4.2.1 <t4-a@good.example>: it's foo_bar 漢字";
    let expected = [
        "host",
        "mx.good.example",
        "198.51.100.10",
        "said",
        "450",
        "4.2.1",
        "t4",
        "a",
        "good.example",
        "it's",
        "foo_bar",
        "漢",
        "字",
    ];
    assert_eq!(words(text).collect::<Vec<_>>(), expected);
    assert_eq!(
        words(&"x".repeat(600)).map(|word| word.len()).collect::<Vec<_>>(),
        [255, 255, 90]
    );
    assert_eq!(found("response:\"mailbox temporarily locked\""), ["mx1:757F89D60C0"]);
    assert_eq!(found("response:\"Temporarily: Mailbox\""), [""; 0]);
    assert_eq!(
        found("response:temporarily-locked mta:postfix -size:423"),
        found("response:\"temporarily locked out\"")
    );
    assert_eq!(found("reason:\"...\""), [""; 0]);
    assert_eq!(found("warning:full"), ["mx2:4jYSbp0d5Mz1WgFF"]);
}

#[test]
fn a_bare_word_is_looked_for_where_its_shape_says() {
    assert_eq!(found("team@site.example"), ["mx2:4jYRVX2ky8z1Wg27"]);
    assert_eq!(found("<utf8@xn--mnchen-3ya.example>"), ["mx1:C0FFEE22"]);
    assert_eq!(found("74E269D623B"), ["mx1:757F89D60C0", "mx1:74E269D623B"]);
    assert_eq!(found("4jYRVX2ky8z1Wg27"), ["mx1:74E269D623B", "mx2:4jYRVX2ky8z1Wg27"]);
    assert_eq!(found("6AO2PNgV000084"), ["sm1:6AO2PNgV000084"]);
    assert_eq!(found("4jYRV*"), ["mx1:74E269D623B", "mx2:4jYRVX2ky8z1Wg27"]);
    assert_eq!(found("192.0.2.50"), ["mx1:757F89D60C0"]);
    assert_eq!(found("2001:db8::25"), ["mx2:4jYRVX2ky8z1Wg27"]);
    assert_eq!(found("fe80::1"), [""; 0]);
    assert_eq!(found("procmail"), ["mx2:4jYVcq1234z1Wg30"]);
    assert_eq!(found("ylmf-pc"), ["mx1:rejected"]);
    assert_eq!(found("\"sender address\" 553"), [""; 0]);
    assert_eq!(found("\"of sender address\""), ["sm1:6AO50032000999"]);
    assert_eq!(found("*").len(), documents().len());
    assert_eq!(found("  ").len(), documents().len());
}

#[test]
fn addresses_have_networks_and_ranges() {
    assert_eq!(found("ip:192.0.2.48/29"), ["mx1:757F89D60C0", "mx1:5300AB3"]);
    assert_eq!(found("ip:192.0.2.0/24"), found("ip:192.0.2.*"));
    assert_eq!(found("ip:192.0.2.0/24"), found("ip:[192.0.2.0 TO 192.0.2.255]"));
    assert_eq!(found("ip:192.0.*"), found("ip:192.0.0.0/16"));
    assert_eq!(found("ip:{192.0.2.255 TO *] ip:<=192.0.3.0"), ["sm1:6AO50032000999"]);
    assert_eq!(found("ip:2001:db8::/33"), ["mx2:4jYRVX2ky8z1Wg27", "mx2:greylisted"]);
    assert_eq!(
        found("ip:::ffff:198.51.100.77"),
        ["mx3.site.example:153053D", "mx3.site.example:4104E3D"]
    );
    assert_eq!(
        found("relay_ip:[2001:db8::25] OR relay_ip:2001:db8:ffff::/48"),
        ["mx2:4jYRVX2ky8z1Wg27", "mx3.site.example:4104E3D"]
    );
    assert_eq!(found("ip:0.0.0.0/0 OR ip:::/0"), found("ip:*"));
    assert_eq!(found("ip:{192.0.2.1 TO 192.0.2.1}"), [""; 0]);
    assert_eq!(found("ip:<::"), [""; 0]);
}

#[test]
fn numbers_and_moments_have_ranges() {
    assert_eq!(
        found("size:>80000"),
        ["mx2:4jYRVX2ky8z1Wg27", "mx2:4jYSbp0d5Mz1WgFF", "sm1:6AP9BUxx0123456"]
    );
    assert_eq!(found("size:[64 TO 65]"), ["mx1:1A2B3C4D5E", "mx1:2A2B3C4D5E"]);
    assert_eq!(found("size:{64 TO 65]"), ["mx1:2A2B3C4D5E"]);
    assert_eq!(found("delay:>=6h"), ["mx2:4jYSbp0d5Mz1WgFF"]);
    assert_eq!(found("attempts:14"), ["mx2:4jYSbp0d5Mz1WgFF"]);
    assert_eq!(found("code:450"), ["mx2:greylisted"]);
    assert_eq!(
        found("@timestamp:2026-11-25"),
        ["mx1:2A2B3C4D5E", "sm1:6AP9BUxx0123456"]
    );
    assert_eq!(found("at:\"2026-11-25 10:05\""), ["sm1:6AP9BUxx0123456"]);
    assert_eq!(found("at:>2026-11-24"), ["mx1:2A2B3C4D5E", "sm1:6AP9BUxx0123456"]);
    assert_eq!(found("at:[2026-11-24 23:59 TO 2026-11-25]").len(), 3);
    assert_eq!(found("at:[2026-11-24 23:59 TO 2026-11-25}"), ["mx1:1A2B3C4D5E"]);
    assert_eq!(found("at:<2026"), ["mx1:AAAA1"]);
    assert_eq!(
        found("at:<=2026-10-03T14:00:00.000+02:00"),
        ["mx1:757F89D60C0", "mx1:AAAA1"]
    );
    assert_eq!(
        moments("2026-11-24T10:05:00.5Z"),
        Some(1_795_514_700_500..1_795_514_700_600)
    );
    assert_eq!(moments("2026-11-24 10"), moments("2026-11-24 10Z"));
    for no in [
        "",
        "x",
        "2026-13-01",
        "2026-1-1",
        "2026-11-24 25:00",
        "2026-11-24 10:5",
        "99999-01-01",
        "2026-11-24T10:05:00+99:00",
    ] {
        assert_eq!(moments(no), None, "{no}");
    }
}

#[test]
fn words_are_joined_as_one_reads_them() {
    assert_eq!(
        found("status:(bounced OR held) kind:mail -host:mx2 size:<1000").len(),
        found("(status:bounced OR status:held) AND kind:mail AND NOT host:mx2 AND size:<1000").len()
    );
    assert_eq!(found("from:a@a.example leg:true"), ["mx3.site.example:4104E3D"]);
    assert_eq!(found("from:a@a.example leg:false"), ["mx3.site.example:153053D"]);
    assert_eq!(
        found("host:sm1 OR host:mx3.site.example leg:true"),
        found("host:sm1 OR (host:mx3.site.example leg:true)")
    );
    assert_eq!(found("NOT NOT host:sm1"), found("host:sm1"));
    assert_eq!(
        found("-(host:mx1 OR host:mx2 OR host:mx3)").len(),
        found("host:sm1 OR host:mx3.site.example").len()
    );
    assert_eq!(found("verdict:dkim=pass"), ["mx2:4jYRVX2ky8z1Wg27"]);
    assert_eq!(found("verdict:by=spamd").len(), 2);
    assert_eq!(found("extra.policy.server:accept-*"), ["mx2:4jYRVX2ky8z1Wg27"]);
    assert_eq!(found("extra.nothing:*"), [""; 0]);
    assert_eq!(found("helo:[192.168.1.5]"), ["mx2:4jYRVX2ky8z1Wg27"]);
    assert_eq!(found(r#"helo:a\*b\(c\)[d]\"e\\f"#), ["mx1:rejected"]);
    assert_eq!(
        found("dsn:[5.1 TO 5.2}"),
        ["mx2:4jYRVX2ky8z1Wg27", "sm1:6AO50032000999"]
    );
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    let queries = [
        "host:mx1 form:a@b.example",
        "recipient:a@b.example",
        "status:(bounced OR",
        "host:mx1)",
        "subject:\"late",
        "host:mx1 AND OR host:mx2",
        "size:big",
        "at:yesterday",
        "ip:300.1.2.3",
        "response:[a TO b]",
        "to: a@b.example",
        "open:maybe",
        "host:\u{1b}[31m frm:x",
        "host:mx1 -",
        "host:mx1 \\",
    ];
    let shown: Vec<String> = queries.iter().map(|query| problem(query)).collect();
    insta::assert_snapshot!(shown.join("\n\n"));
    assert!(problem(&"(".repeat(40)).starts_with("parentheses are nested too deeply"));
    assert!(problem(&"a ".repeat(3000)).starts_with("a query of 6000 bytes is too long"));
    assert!(problem(&"a ".repeat(300)).starts_with("the query has too many words"));
}

#[test]
fn the_slowest_queries_take_no_time() {
    let nested = |depth| format!("{}host:mx1 OR{}", "host:(".repeat(depth), ")".repeat(depth));
    for query in [
        nested(32),
        format!("size:[{}", " ".repeat(4000)),
        "-".repeat(4096),
        "*?".repeat(2000),
        "a:".repeat(2000),
    ] {
        let before = std::time::Instant::now();
        let _ = Query::parse(&query);
        assert!(before.elapsed().as_secs() < 2, "{query}");
    }
    let glob = Glob::new(
        (0..1000)
            .flat_map(|_| [Piece::Any, Piece::Literal("a".to_owned())])
            .chain([Piece::Literal("b".to_owned())]),
    );
    assert!(!glob.matches(&"a".repeat(2000)));
}

#[test]
fn a_program_asks_without_text() {
    let is = |name, value| Query::is(name, value).unwrap();
    assert_eq!(
        is("to", "x*y@wild.example"),
        Query::parse("to:\"x*y@wild.example\"").unwrap()
    );
    assert_eq!(
        Query::between(None, Some(Moment(0))),
        Query::parse("@timestamp:<1970-01-01").unwrap()
    );
    assert!(Query::is("nosuch", "x").is_err());
    let Query::Term { place, test } = is("host", "MX1") else {
        panic!()
    };
    assert_eq!(
        (place.path().as_str(), place.kind(), test),
        ("host", Kind::Keyword, Test::Is("mx1".to_owned()))
    );
    assert_eq!(named("extra.a.b"), Some(vec![Place::Extra("a.b".to_owned())]));
}

/// Pieces of the language, in any order.
fn language() -> impl Strategy<Value = String> {
    let pieces = [
        "to:",
        "size:",
        "at:",
        "ip:",
        "leg:",
        "response:",
        "x:",
        "extra.a:",
        "(",
        ")",
        "\"",
        "[",
        "]",
        "{",
        "}",
        " TO ",
        " AND ",
        " OR ",
        "NOT ",
        "-",
        "*",
        "?",
        "\\",
        ">",
        "<=",
        "1",
        "2026-11-24",
        "::1",
        "a@b",
        " ",
        "ä",
        "\0",
        "\u{202e}",
        "/24",
        "<",
        "757F89D60C0",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![language(), any::<String>()]) {
        match Query::parse(&text) {
            Ok(query) => {
                for document in documents().iter().take(3) {
                    let _ = matches(&query, document);
                }
            }
            Err(error) => prop_assert!(!error.to_string().contains('\x1b')),
        }
    }

    #[test]
    fn a_glob_is_the_regular_expression_that_it_looks_like(pattern in "[ab*?.]{0,8}", value in "[ab.]{0,8}") {
        let glob = Glob::new(pattern.chars().map(|character| match character {
            '*' => Piece::Any,
            '?' => Piece::One,
            other => Piece::Literal(other.to_string()),
        }));
        let escaped = regex::escape(&pattern).replace("\\*", ".*").replace("\\?", ".");
        let regex = regex::Regex::new(&format!("^(?s:{escaped})$")).unwrap();
        prop_assert_eq!(glob.matches(&value), regex.is_match(&value));
    }

    #[test]
    fn a_quoted_value_is_found_whatever_it_is(text in any::<String>()) {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        prop_assume!(quoted.len() < 4000);
        let query = Query::parse(&format!("helo:\"{quoted}\"")).unwrap();
        prop_assert_eq!(query, Query::is("helo", &text).unwrap());
    }
}
