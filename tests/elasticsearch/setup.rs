//! Templates and indices: set up once, left alone twice, mended, never guessed.

use mailtrail::elastic_http::{Flavour, Server};
use mailtrail::query::{Page, Query};
use mailtrail::store::elasticsearch::{Family, Outcome, Setup, Step};
use mailtrail::store::{Change, Store, StoreError};
use serde_json::{Value, json};

use super::place::{Place, begun, document};

fn setup(place: &Place) -> Setup {
    Setup {
        layout: place.layout.clone(),
        ..Setup::default()
    }
}

fn apply(place: &Place) -> Result<Vec<Step>, StoreError> {
    let http = place.http();
    let server = http.server().unwrap();
    setup(place).apply(&http, &server)
}

fn outcomes(steps: &[Step]) -> Vec<Outcome> {
    steps.iter().map(|step| step.outcome).collect()
}

#[test]
fn setting_up_twice_changes_nothing_and_an_older_template_is_replaced() {
    let Some(place) = Place::new() else { return };
    assert_eq!(outcomes(&apply(&place).unwrap()), [Outcome::Created; 4]);
    assert_eq!(outcomes(&apply(&place).unwrap()), [Outcome::Unchanged; 4]);

    let http = place.http();
    let path = format!("/_component_template/{}", place.layout.alias(Family::Transactions));
    let there = || {
        let found = http.get(&path).unwrap().success().unwrap()["component_templates"][0]["component_template"].clone();
        // Newer servers add dates, which they do not take back.
        json!({"template": found["template"], "version": found["version"], "_meta": found["_meta"]})
    };
    let whole = there();
    let mut older = whole.clone();
    older["version"] = json!(0);
    older["template"]["mappings"]["properties"]
        .as_object_mut()
        .unwrap()
        .remove("subject");
    older["template"]["mappings"]["properties"]["email"]["properties"]
        .as_object_mut()
        .unwrap()
        .remove("subject");
    http.put(&path, &older).unwrap().success().unwrap();
    assert_eq!(
        outcomes(&apply(&place).unwrap()),
        [
            Outcome::Updated,
            Outcome::Unchanged,
            Outcome::Unchanged,
            Outcome::Unchanged
        ]
    );
    assert_eq!(there(), whole);

    let mut newer = whole.clone();
    newer["version"] = json!(1_000_000);
    http.put(&path, &newer).unwrap().success().unwrap();
    let error = apply(&place).unwrap_err().to_string();
    assert!(error.contains("newer mailtrail"), "{error}");
}

#[test]
fn an_index_of_an_older_mailtrail_gets_the_new_fields() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    store
        .write(vec![Change::Put {
            document: document(begun(1)),
            version: None,
        }])
        .unwrap();
    let index = place.layout.index_of(Family::Transactions, "202611-1").unwrap();
    let http = place.http();
    let mapping =
        |index: &str| http.get(&format!("/{index}/_mapping")).unwrap().success().unwrap()[index]["mappings"].clone();
    let whole = mapping(&index);
    // As an older mailtrail would have made it.
    let mut older = whole.clone();
    older["properties"].as_object_mut().unwrap().remove("was");
    older["properties"]["client"]["properties"]
        .as_object_mut()
        .unwrap()
        .remove("tls");
    let second = index.replace("2026.11", "2026.10");
    let made = |mappings: &Value| json!({"settings": {"analysis": {"normalizer": {"lc": {"type": "custom", "filter": ["lowercase"]}}}}, "mappings": mappings});
    http.put(&format!("/{second}"), &made(&older))
        .unwrap()
        .success()
        .unwrap();
    let steps = apply(&place).unwrap();
    assert_eq!(steps.last().unwrap().request.path, format!("/{second}/_mapping"));
    assert_eq!(mapping(&second)["properties"], whole["properties"]);
    assert_eq!(outcomes(&apply(&place).unwrap()), [Outcome::Unchanged; 4]);
    // A writer mends what it meets, too.
    let third = index.replace("2026.11", "2026.09");
    http.put(&format!("/{third}"), &made(&older))
        .unwrap()
        .success()
        .unwrap();
    let mut mail = begun(1);
    mail.id = mail.id.replace("202611", "202609");
    store
        .write(vec![Change::Put {
            document: document(mail),
            version: None,
        }])
        .unwrap();
    assert!(mapping(&third)["properties"]["was"].is_object());
}

#[test]
fn an_index_that_a_person_made_wrongly_is_named_with_its_field() {
    let Some(place) = Place::new() else { return };
    let http = place.http();
    let index = place.layout.index_of(Family::Transactions, "202611-1").unwrap();
    // As the server guesses it from a first document.
    let body = json!({"mappings": {"properties": {"to": {"properties": {"address": {"type": "text"}}}, "size": {"type": "keyword"}}}});
    http.put(&format!("/{index}"), &body).unwrap().success().unwrap();
    for error in [
        apply(&place).unwrap_err().to_string(),
        place
            .store()
            .write(vec![Change::Put {
                document: document(begun(1)),
                version: None,
            }])
            .unwrap_err()
            .to_string(),
    ] {
        assert!(error.contains(&format!("index `{index}`")), "{error}");
        assert!(
            error.contains("`to.address` is text and must be keyword (normalizer lc)"),
            "{error}"
        );
        assert!(
            error.contains("`size` is keyword and must be long") && error.contains("mailtrail setup"),
            "{error}"
        );
    }
    let count = http.get(&format!("/{index}/_count")).unwrap().success().unwrap();
    assert_eq!(count["count"], 0, "nothing is written into a wrong index");
}

#[test]
fn an_index_of_another_period_or_name_is_none_of_ours() {
    let Some(place) = Place::new() else { return };
    let http = place.http();
    for name in ["notes", "2026.13", "2026.1"] {
        let index = format!("{}-{name}", place.layout.alias(Family::Transactions));
        let body = json!({"mappings": {"properties": {"size": {"type": "keyword"}}}});
        http.put(&format!("/{index}"), &body).unwrap().success().unwrap();
    }
    apply(&place).unwrap();
    let mut store = place.store();
    let now = chrono::DateTime::parse_from_rfc3339("2030-01-01T00:00:00Z")
        .unwrap()
        .to_utc();
    assert_eq!(
        store.expired(Family::Transactions, 1, now).unwrap(),
        Vec::<String>::new()
    );
    store
        .write(vec![Change::Put {
            document: document(begun(1)),
            version: None,
        }])
        .unwrap();
    store.commit().unwrap();
    assert_eq!(
        store
            .search(&Query::parse("size:423").unwrap(), &Page::newest(10))
            .unwrap()
            .total,
        1
    );
    assert_eq!(store.expired(Family::Transactions, 1, now).unwrap().len(), 1);
}

#[test]
fn retention_drops_whole_periods_by_their_name() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    let ids = ["202608-1", "202609-1", "202610-1", "202611-1"];
    for id in ids {
        let mut mail = begun(1);
        mail.id = id.to_owned();
        store
            .write(vec![Change::Put {
                document: document(mail),
                version: None,
            }])
            .unwrap();
    }
    let now = chrono::DateTime::parse_from_rfc3339("2026-11-24T00:00:00Z")
        .unwrap()
        .to_utc();
    let expired = store.expired(Family::Transactions, 30, now).unwrap();
    let alias = place.layout.alias(Family::Transactions);
    assert_eq!(expired, [format!("{alias}-2026.08"), format!("{alias}-2026.09")]);
    store.drop_indices(&expired).unwrap();
    store.drop_indices(&expired).unwrap();
    store.commit().unwrap();
    assert_eq!(store.search(&Query::Everything, &Page::newest(10)).unwrap().total, 2);
    assert!(store.get("202608-1").unwrap().is_none());
}

#[test]
fn a_dry_run_lists_the_requests() {
    let of = |flavour, serverless, lifecycle_days| {
        let setup = Setup {
            lifecycle_days,
            ..Setup::default()
        };
        let requests = setup.requests(&Server {
            flavour,
            version: None,
            serverless,
        });
        requests
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n\n")
    };
    insta::with_settings!({snapshot_path => "../../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("setup_of_elasticsearch_with_lifecycle", of(Flavour::Elasticsearch, false, Some(90)));
    });
    let opensearch = of(Flavour::OpenSearch, false, Some(90));
    assert!(
        opensearch.starts_with("PUT /_plugins/_ism/policies/mailtrail-90d\n"),
        "{opensearch}"
    );
    assert!(
        opensearch.contains(r#""min_index_age": "121d""#) && !opensearch.contains("index.lifecycle"),
        "{opensearch}"
    );
    let serverless = of(Flavour::Elasticsearch, true, None);
    assert!(
        !serverless.contains("number_of_shards") && !serverless.contains("_ilm"),
        "{serverless}"
    );
}

#[test]
fn a_cluster_without_lifecycle_says_what_to_do() {
    let Some(place) = Place::new() else { return };
    let http = place.http();
    let server = http.server().unwrap();
    let with = Setup {
        lifecycle_days: Some(90),
        ..setup(&place)
    };
    // The distributions for tests have neither ILM nor ISM.
    let error = with.apply(&http, &server).unwrap_err().to_string();
    assert!(
        error.contains("no index lifecycle management") && error.contains("retention"),
        "{error}"
    );
}
