//! What is written comes back equal; what cannot be written loses only itself.

use mailtrail::elastic_http::Access;
use mailtrail::query::{Page, Query};
use mailtrail::store::elasticsearch::{DeadLetter, ElasticStore, Family, Setup};
use mailtrail::store::{Change, QueueKey, Store, StoreError};
use mailtrail::transaction::{Document, Transaction};
use serde_json::{Value, json};

use super::place::{Place, begun, document, full, mail, source};
use super::relay::{self, Verdict};

fn put(mail: &Transaction) -> Change {
    Change::Put {
        document: document(mail.clone()),
        version: None,
    }
}

#[test]
fn every_field_comes_back_equal() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    let mail = full();
    assert_eq!(store.write(vec![put(&mail)]).unwrap(), Vec::<String>::new());
    store.commit().unwrap();
    let expected = Document::Transaction(Box::new(mail.clone()));
    assert_eq!(store.get(&mail.id).unwrap().unwrap(), expected);
    assert_eq!(store.get(&mail.was[0]).unwrap().unwrap(), expected, "by its earlier id");
    assert_eq!(store.get("202611-0").unwrap(), None);
    assert_eq!(store.get("no id at all/../_all").unwrap(), None);
    let found = store.search(&Query::Everything, &Page::newest(10)).unwrap();
    assert_eq!((found.total, found.documents), (1, vec![expected.clone()]));
    let key = QueueKey {
        host: "mx1".into(),
        queue_id: "757F89D60C0".into(),
    };
    let other_case = QueueKey {
        host: "mx1".into(),
        queue_id: "757f89d60c0".into(),
    };
    let stored = store.of_queue_ids(&[other_case, key.clone(), key]).unwrap();
    assert_eq!(stored.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 1]);
    assert_eq!(stored[1][0].document, expected);
    assert_eq!(store.set_aside(), 0);
}

#[test]
fn every_field_has_the_type_that_it_should() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    store.write(vec![put(&full())]).unwrap();
    let http = place.http();
    let index = place.layout.index_of(Family::Transactions, &full().id).unwrap();
    let found =
        http.get(&format!("/{index}/_mapping")).unwrap().success().unwrap()[&index]["mappings"]["properties"].clone();
    // Every field of the document is one that the setup named: the server guessed none, but for `extra.NAME`.
    let setup = Setup {
        layout: place.layout.clone(),
        ..Setup::default()
    };
    let request = &setup.requests(store.server())[0];
    let mut named = request.body["template"]["mappings"]["properties"].clone();
    named["extra"] = found["extra"].clone();
    assert_eq!(fields(&found), fields(&named));
    assert_eq!(
        found["extra"]["properties"],
        json!({"sender_class": {"type": "keyword", "normalizer": "lc", "ignore_above": 2048}})
    );
    assert_eq!(
        source(&place, &full().id)["extra_more"],
        json!(["%4fdd%3d%4eame=a=b", "odd.name=1"])
    );
}

fn fields(properties: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for (name, field) in properties.as_object().into_iter().flatten() {
        all.push(format!("{name}: {}", field["type"].as_str().unwrap_or("object")));
        all.extend(
            fields(&field["properties"])
                .into_iter()
                .map(|inner| format!("{name}.{inner}")),
        );
    }
    all.sort();
    all
}

#[test]
fn dashboards_find_the_common_schema_under_the_alias() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    let setup = Setup {
        layout: place.layout.clone(),
        ..Setup::default()
    };
    setup.apply(store.http(), store.server()).unwrap();
    store.write(vec![put(&full())]).unwrap();
    store.commit().unwrap();
    for (field, value) in [
        ("email.from.address", json!("sender@senders.example")),
        ("email.to.address", json!("T4-A@good.example")),
        ("email.message_id", json!("ps00001.1795485844@senders.example")),
        ("email.local_id", json!("757F89D60C0")),
        ("email.delivery_timestamp", json!("2026-11-24T02:05:34.497Z")),
        ("email.subject", json!("lab")),
        ("source.ip", json!("192.0.2.0/24")),
        ("source.domain", json!("app1.site.example")),
        ("source.port", json!(40622)),
        ("user.name", json!("alice@site.example")),
        ("host.name", json!("MX1")),
        ("verdict", json!("spam=no")),
    ] {
        let path = format!("/{}/_search", place.layout.alias(Family::Transactions));
        let answer = place
            .http()
            .post(&path, &json!({"query": {"term": {field: value}}}))
            .unwrap();
        assert_eq!(answer.success().unwrap()["hits"]["total"]["value"], 1, "{field}");
    }
}

#[test]
fn one_bad_document_is_set_aside_and_the_rest_is_kept() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    let good: Vec<Transaction> = (1..=4).map(begun).collect();
    store.write(vec![put(&good[0])]).unwrap();
    // A person's field that contradicts the rules' own: `extra.flag` holds an object in this index.
    let http = place.http();
    let index = place.layout.index_of(Family::Transactions, &good[0].id).unwrap();
    let body =
        json!({"properties": {"extra": {"properties": {"flag": {"properties": {"deep": {"type": "keyword"}}}}}}});
    http.put(&format!("/{index}/_mapping"), &body)
        .unwrap()
        .success()
        .unwrap();
    let mut bad = good[1].clone();
    bad.extra.insert("flag".into(), "yes".into());
    store.write(vec![put(&bad), put(&good[2]), put(&good[3])]).unwrap();
    store.commit().unwrap();
    assert_eq!(store.set_aside(), 1);
    assert_eq!(store.search(&Query::Everything, &Page::newest(10)).unwrap().total, 3);
    let letters = std::fs::read_to_string(place.letters()).unwrap();
    let letter: DeadLetter = serde_json::from_str(letters.trim_end()).unwrap();
    assert_eq!((letter.id.as_str(), letter.status), (bad.id.as_str(), 400));
    assert!(
        letter.reason.contains("extra.flag") && letter.help.contains("mailtrail retry"),
        "{letter:?}"
    );
    assert_eq!(serde_json::from_value::<Transaction>(letter.document).unwrap(), bad);

    // The same attempt fails the same way and keeps the letter; in a mended index it goes through.
    let mut nothing_to_unite = |_: &mut ElasticStore, _: &[Document]| -> Result<(), StoreError> { unreachable!() };
    let again = store.retry(&mut nothing_to_unite).unwrap();
    assert_eq!((again.stored, again.refused), (0, 1));
    store.drop_indices(&[index]).unwrap();
    let again = place.store().retry(&mut nothing_to_unite).unwrap();
    assert_eq!((again.stored, again.refused, again.united), (1, 0, 0));
    assert_eq!(store.get(&bad.id).unwrap().unwrap(), document(bad));
    assert!(!place.letters().exists());
    assert_eq!(store.retry(&mut nothing_to_unite).unwrap().stored, 0);
}

#[test]
fn names_without_end_do_not_fill_the_index_with_fields() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    let mails: Vec<Transaction> = (1..=60)
        .map(|number| {
            let mut mail = begun(number);
            mail.extra = (0..50)
                .map(|index| (format!("key{number}_{index}"), format!("Value {index}")))
                .collect();
            mail
        })
        .collect();
    store.write(mails.iter().map(put).collect()).unwrap();
    store.commit().unwrap();
    assert_eq!(store.set_aside(), 0);
    for mail in &mails {
        assert_eq!(store.get(&mail.id).unwrap().unwrap(), document(mail.clone()));
    }
    let index = place.layout.index_of(Family::Transactions, &mails[0].id).unwrap();
    let http = place.http();
    let names = || {
        let found = http.get(&format!("/{index}/_mapping")).unwrap().success().unwrap();
        found[&index]["mappings"]["properties"]["extra"]["properties"]
            .as_object()
            .unwrap()
            .len()
    };
    assert_eq!(names(), 400);
    // A second process keeps to the same places.
    let mut more = begun(61);
    more.extra.insert("one_more".into(), "x".into());
    place.store().write(vec![put(&more)]).unwrap();
    assert_eq!(names(), 400);
    assert_eq!(store.get(&more.id).unwrap().unwrap(), document(more));
}

#[test]
fn an_index_with_a_lower_limit_of_fields_still_takes_everything() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    store.write(vec![put(&begun(1))]).unwrap();
    let index = place.layout.index_of(Family::Transactions, "202611-1").unwrap();
    let limit = json!({"index.mapping.total_fields.limit": 170});
    place
        .http()
        .put(&format!("/{index}/_settings"), &limit)
        .unwrap()
        .success()
        .unwrap();
    let mut mail = begun(2);
    mail.extra = (0..100).map(|index| (format!("key{index}"), "x".into())).collect();
    store.write(vec![put(&mail)]).unwrap();
    assert_eq!(store.set_aside(), 0);
    assert_eq!(store.get(&mail.id).unwrap().unwrap(), document(mail));
}

#[test]
fn hostile_content_is_stored_as_it_is() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    let mut mails: Vec<Transaction> = (1..=6).map(begun).collect();
    mails[0].lines = vec!["x".repeat(65_535), "\u{1b}[31m\u{0}\"}\n{\"delete\":{}}".into()];
    mails[1].message_id = Some("m".repeat(40_000));
    mails[2].size = Some(u64::MAX);
    mails[3].from = Some(String::new());
    mails[4].client.as_mut().unwrap().ip = Some("not an address".into());
    mails[5].subject = Some("w".repeat(50_000));
    store.write(mails.iter().map(put).collect()).unwrap();
    store.commit().unwrap();
    let refused = std::fs::read_to_string(place.letters()).unwrap_or_default();
    assert_eq!(store.set_aside(), 0, "{refused:.500}");
    for mail in &mails {
        assert_eq!(store.get(&mail.id).unwrap().unwrap(), document(mail.clone()));
    }
}

#[test]
fn an_id_without_period_is_refused_before_it_is_sent() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    let mut mail = begun(1);
    for id in [
        "",
        "x",
        "2026-1",
        "202611-",
        "../_all",
        &format!("202611-{}", "1".repeat(600)),
    ] {
        mail.id = id.to_owned();
        assert!(store.write(vec![put(&mail)]).is_err(), "{id:?}");
    }
    assert!(place.indices().is_empty());
}

#[test]
fn a_broken_connection_or_a_lost_answer_loses_and_doubles_nothing() {
    let Some(place) = Place::new() else { return };
    let mut number = 0;
    let url = relay::start(&place.url, move |request| {
        if !request.line.starts_with("POST /_bulk") {
            return Verdict::Pass;
        }
        number += 1;
        match number % 4 {
            1 => Verdict::Cut,
            2 => Verdict::Lose,
            3 => Verdict::Answer("503 Service Unavailable", r#"{"error": {"type": "x"}, "status": 503}"#),
            _ => Verdict::Pass,
        }
    });
    let mut store = place.store_by(&Access::to(&[&url]));
    let mails: Vec<Transaction> = (1..=50).map(begun).collect();
    // The lost answer had created them: the repetition meets itself, and the caller merges what is equal.
    let conflicts = store.write(mails.iter().map(put).collect()).unwrap();
    assert_eq!(conflicts.len(), 50);
    let found = store.of_ids(&conflicts).unwrap();
    assert!(found.iter().all(Option::is_some));
    store.commit().unwrap();
    let found = store.search(&Query::Everything, &Page::oldest(100)).unwrap();
    assert_eq!(found.documents.into_iter().map(mail).collect::<Vec<_>>(), mails);
}

#[test]
fn a_request_that_is_too_large_goes_in_parts() {
    let Some(place) = Place::new() else { return };
    let url = relay::start(&place.url, |request| {
        let length = request.head.to_ascii_lowercase();
        let length = length
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split('\r').next());
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        if request.line.starts_with("POST /_bulk") && length > 3_000 {
            return Verdict::Answer("413 Request Entity Too Large", "<html>nginx</html>");
        }
        Verdict::Pass
    });
    let mut store = place.store_by(&Access::to(&[&url]));
    let mut mails: Vec<Transaction> = (1..=40).map(begun).collect();
    // No compression helps this one.
    let mut state = 1_u64;
    mails[7].subject = Some(
        std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
        })
        .take(20_000)
        .collect(),
    );
    store.write(mails.iter().map(put).collect()).unwrap();
    store.commit().unwrap();
    assert_eq!(store.set_aside(), 1);
    assert_eq!(store.search(&Query::Everything, &Page::newest(0)).unwrap().total, 39);
    let letters = std::fs::read_to_string(place.letters()).unwrap();
    assert!(
        letters.contains(&mails[7].id) && letters.contains("413"),
        "{letters:.300}"
    );
}

#[test]
fn a_write_block_that_stays_stops_and_loses_nothing() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store_by(&Access {
        patience: std::time::Duration::from_millis(300),
        ..place.access()
    });
    store.write(vec![put(&begun(1))]).unwrap();
    let index = place.layout.index_of(Family::Transactions, "202611-1").unwrap();
    let http = place.http();
    let block = |on: bool| {
        let body = json!({"index.blocks.write": on});
        http.put(&format!("/{index}/_settings"), &body)
            .unwrap()
            .success()
            .unwrap();
    };
    block(true);
    let error = store.write(vec![put(&begun(2))]).unwrap_err().to_string();
    assert!(error.contains("write-protected"), "{error}");
    assert_eq!(
        store.set_aside(),
        0,
        "the block is the cluster's state, not the document's fault"
    );
    block(false);
    assert!(store.write(vec![put(&begun(2))]).unwrap().is_empty());
    http.post(&format!("/{index}/_close"), &Value::Null)
        .unwrap()
        .success()
        .unwrap();
    let error = store.write(vec![put(&begun(3))]).unwrap_err().to_string();
    assert!(error.contains("closed") && store.set_aside() == 0, "{error}");
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    // Thirty mails in ten moments: the id decides between equals.
    let mails: Vec<Transaction> = (1..=30)
        .map(|number| {
            let mut mail = begun(number);
            mail.at = begun(number % 10).at;
            mail
        })
        .collect();
    store.write(mails.iter().map(put).collect()).unwrap();
    store.commit().unwrap();
    let mut expected: Vec<(std::cmp::Reverse<i64>, String)> = mails
        .iter()
        .map(|mail| (std::cmp::Reverse(mail.at.0), mail.id.clone()))
        .collect();
    expected.sort();
    let ids = |page: &Page| -> Vec<String> {
        let found = store.search(&Query::Everything, page).unwrap();
        assert_eq!(found.total, 30);
        found
            .documents
            .iter()
            .map(|document| document.id().to_owned())
            .collect()
    };
    let expected: Vec<String> = expected.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids(&Page::newest(100)), expected);
    let mut collected = Vec::new();
    let mut page = Page::newest(7);
    loop {
        let found = store.search(&Query::Everything, &page).unwrap();
        assert_eq!(found.total, 30);
        let Some(last) = found.documents.last() else { break };
        page = page.after(mailtrail::query::Cursor::behind(last));
        collected.extend(found.documents.iter().map(|document| document.id().to_owned()));
    }
    assert_eq!(collected, expected);
    assert_eq!(
        ids(&Page {
            offset: 11,
            ..Page::newest(5)
        }),
        expected[11..16]
    );
    assert_eq!(
        ids(&Page {
            offset: 29,
            ..Page::newest(5)
        }),
        expected[29..]
    );
    assert!(
        ids(&Page {
            offset: 30,
            ..Page::newest(5)
        })
        .is_empty()
    );
    assert!(ids(&Page::newest(0)).is_empty());
}

/// An index that another process has just created has no shard for some milliseconds: a success whose documents are
/// none.
#[test]
fn documents_of_an_index_that_is_just_coming_up_are_waited_for() {
    let Some(place) = Place::new() else { return };
    let mut number = 0;
    let url = relay::start(&place.url, move |request| {
        if !request.line.starts_with("POST /_mget") {
            return Verdict::Pass;
        }
        number += 1;
        match number {
            1 => Verdict::Answer(
                "200 OK\r\nContent-Type: application/json",
                r#"{"docs": [{"_index": null, "error": {"type": "no_shard_available_action_exception", "reason": null}},
                    {"_index": null, "error": {"type": "index_not_found_exception", "reason": "no such index"}}]}"#,
            ),
            _ => Verdict::Pass,
        }
    });
    let mut store = place.store_by(&Access::to(&[&url]));
    assert!(store.write(vec![put(&begun(1))]).unwrap().is_empty());
    let found = store.of_ids(&[begun(1).id]).unwrap();
    assert!(matches!(&found[..], [Some(_)]), "{} documents", found.len());
}
