//! A query finds on the server what its plain meaning says, in the same order.

use mailtrail::line::Moment;
use mailtrail::query::{FIELDS, Glob, Page, Query, Test, Value, named};
use mailtrail::store::Store;
use mailtrail::store::elasticsearch::ElasticStore;
use proptest::test_runner::{Config, TestRunner};

use super::place::Place;
use crate::store::{documents, expected, ids, put};
use crate::store_queries::{answers_as_the_plain_evaluation, asked};

fn filled(place: &Place) -> ElasticStore {
    let mut store = place.store();
    assert!(store.write(documents().iter().map(put).collect()).unwrap().is_empty());
    store.commit().unwrap();
    assert_eq!(store.set_aside(), 0);
    store
}

fn agrees(store: &ElasticStore, text: &str) -> usize {
    let query = Query::parse(text).unwrap_or_else(|error| panic!("{error}"));
    query_agrees(store, &query, text)
}

fn query_agrees(store: &ElasticStore, query: &Query, text: &str) -> usize {
    let page = Page::newest(100);
    let found = store
        .search(query, &page)
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    let expected: Vec<&str> = expected(query, page.order)
        .iter()
        .map(|document| document.id())
        .collect();
    assert_eq!(ids(&found.documents), expected, "{text}");
    assert_eq!(found.total, expected.len() as u64, "{text}");
    expected.len()
}

#[test]
fn the_documents_come_back_as_they_were_written_with_their_memory() {
    let Some(place) = Place::new() else { return };
    let store = filled(&place);
    for document in documents() {
        assert_eq!(store.get(document.id()).unwrap().as_ref(), Some(document));
    }
}

#[test]
fn the_server_answers_as_the_plain_evaluation() {
    let Some(place) = Place::new() else { return };
    let store = filled(&place);
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&asked(), |asked| answers_as_the_plain_evaluation(&store, &asked))
        .unwrap();
}

/// Elasticsearch 7 finds nothing with an empty `wildcard`.
#[test]
fn a_pattern_of_nothing_finds_the_null_sender() {
    let Some(place) = Place::new() else { return };
    let store = filled(&place);
    let place = named("from").unwrap().remove(0);
    let test = Test::Like(Glob::new([]));
    assert!(query_agrees(&store, &Query::Term { place, test }, "an empty pattern") > 0);
}

#[test]
fn every_value_of_every_field_is_found() {
    let Some(place) = Place::new() else { return };
    let store = filled(&place);
    for field in FIELDS {
        let mut texts = std::collections::BTreeSet::new();
        for document in documents() {
            field.each_value(document, &mut |value| {
                texts.insert(match value {
                    Value::Keyword(text) | Value::Words(text) => format!("{text:?}").replace("\\'", "'"),
                    Value::Ip(address) => address.to_string(),
                    Value::Integer(number) => number.to_string(),
                    Value::Decimal(number) => number.to_string(),
                    Value::Date(at) => Moment(at).rfc3339(),
                    Value::Bool(flag) => flag.to_string(),
                });
            });
        }
        for text in texts.iter().take(12) {
            let found = agrees(&store, &format!("{}:{text}", field.path));
            assert!(found > 0, "{}:{text}", field.path);
        }
        agrees(&store, &format!("{}:*", field.path));
        agrees(&store, &format!("-{}:*", field.path));
    }
}

#[test]
fn hostile_queries_mean_what_they_say() {
    let Some(place) = Place::new() else { return };
    let store = filled(&place);
    let many = (0..300)
        .map(|number| format!("to:a{number}*@good.example"))
        .collect::<Vec<_>>()
        .join(" OR ");
    let long = format!("to:{}", "x".repeat(3_000));
    let stars = format!("to:{}", "*a".repeat(100));
    for text in [
        "*",
        "-*",
        "from:\"\"",
        "from:<>",
        "-from:*",
        "to:.*",
        "to:\\*@*",
        "to:\"*\"",
        "to:x\\*y@wild.example",
        "response:\"...\"",
        "response:\"😀\"",
        "subject:σίσυφοσ",
        "subject:İSTANBUL",
        "to:JÜRGEN@münchen.example",
        "ip:192.0.2.0/24",
        "ip:192.0.*",
        "ip:0.0.0.0/0",
        "ip:::/0",
        "ip:2001:db8::/32",
        "ip:[192.0.2.1 TO 192.0.2.60]",
        "ip:::ffff:192.0.2.50",
        "relay_ip:198.51.100.10",
        "ip:[192.0.2.60 TO 192.0.2.1]",
        "size:>1e300",
        "size:<-1",
        "size:[0.5 TO 423]",
        "size:>=18446744073709551615",
        "delay:>1m",
        "delay:[0 TO 0.5]",
        "attempts:>5",
        "code:554",
        "@timestamp:<1970-01-01",
        "@timestamp:2026-11-24",
        "@timestamp:>9000-01-01",
        "at:[2026-11-24 TO \"2026-11-24 02:05\"]",
        "end:>\"2026-11-24 02:05:00\"",
        "to:[a TO b]",
        "to:{t TO u]",
        "to:[* TO m}",
        "host:>m",
        "extra.policy:*",
        "extra.policy.server:*",
        "extra.campaign:\"winter 2026\"",
        "extra.campaign:w*6",
        "extra.CAMPAIGN:*",
        "extra.campaign:[a TO z]",
        "extra.no.such:*",
        "extra.a=b:*",
        "extra.*:x",
        "leg:false",
        "leg:true",
        "open:true",
        "open:false -kind:reject",
        "verdict:dkim=pass",
        "verdict:by=*",
        "verdict:spam=pass",
        "_id:*x",
        "\"mailbox full\"",
        "a:b/c OR (d",
        "^boost",
        "~fuzzy~2",
        &many,
        &long,
        &stars,
    ] {
        match Query::parse(text) {
            Ok(_) => {
                agrees(&store, text);
            }
            // A query that is none is refused before any store has it.
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
