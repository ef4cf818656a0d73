//! The genuine OpenSearch or Elasticsearch that holds the messages.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

/// An index of one test, removed at its end.
pub(crate) struct MessageIndex {
    pub(crate) url: String,
    pub(crate) name: String,
}

impl MessageIndex {
    /// An index with Graylog's own mapping of that version, and these documents (with their `_id`).
    pub(crate) fn new(url: &str, name: &str, mapping: &Value, documents: &[Value]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let index = Self {
            url: url.to_owned(),
            name: format!("graylog_{name}_{}_{number}", std::process::id()),
        };
        let mapping = mapping.as_object().unwrap().values().next().unwrap()["mappings"].clone();
        let settings = json!({
            "number_of_shards": 1, "number_of_replicas": 0,
            "analysis": { "analyzer": { "analyzer_keyword": {
                "type": "custom", "tokenizer": "keyword", "filter": "lowercase" } } },
        });
        let created = index.ask("PUT", "", &json!({ "settings": settings, "mappings": mapping }));
        if created.0 != 200 {
            // Some distributions for tests have no such tokenizer; this is what it does.
            let mut mapping = mapping;
            mapping["properties"]["source"] = json!({ "type": "keyword", "normalizer": "lowercase" });
            let settings = json!({ "number_of_shards": 1, "number_of_replicas": 0 });
            let created = index.ask("PUT", "", &json!({ "settings": settings, "mappings": mapping }));
            assert_eq!(created.0, 200, "{}", created.1);
        }
        index.add(documents);
        index
    }

    /// Writes documents; they can be found at once.
    pub(crate) fn add(&self, documents: &[Value]) {
        for part in documents.chunks(5000) {
            let mut lines = String::new();
            for document in part {
                let mut source = document.clone();
                let id = source.as_object_mut().unwrap().remove("_id").unwrap();
                let _ = writeln!(lines, "{}\n{source}", json!({ "index": { "_id": id } }));
            }
            let answer = client()
                .post(format!("{}/{}/_bulk?refresh=true", self.url, self.name))
                .header("content-type", "application/x-ndjson")
                .body(lines)
                .send()
                .unwrap();
            let answer: Value = answer.json().unwrap();
            assert_eq!(answer["errors"], false, "{answer}");
        }
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = client().request(method, format!("{}/{}{path}", self.url, self.name));
        let answer = request.json(body).send().unwrap();
        (answer.status().as_u16(), answer.json().unwrap_or(Value::Null))
    }
}

impl MessageIndex {
    /// Takes it away; a second time does no harm.
    pub(crate) fn remove(&self) {
        let _ = client().delete(format!("{}/{}", self.url, self.name)).send();
    }
}

impl Drop for MessageIndex {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The search server's URL. None, said aloud once, if there is none.
pub(crate) fn search_server() -> Option<String> {
    static SAY: std::sync::Once = std::sync::Once::new();
    if let Ok(url) = std::env::var("MAILTRAIL_TEST_SERVER") {
        return Some(url);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "no server to test with: set MAILTRAIL_TEST_SERVER (tests/server.sh starts one)"
    );
    SAY.call_once(|| {
        #[allow(clippy::print_stderr)] // Said aloud, so that nobody takes it for a success.
        {
            eprintln!(
                "SKIPPED: the tests of Graylog and of an index as a source, since MAILTRAIL_TEST_SERVER is not set"
            );
        }
    });
    None
}

/// The one client of the tests.
pub(crate) fn client() -> reqwest::blocking::Client {
    static CLIENT: std::sync::OnceLock<reqwest::blocking::Client> = std::sync::OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        // Fails only if there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::blocking::Client::new()
    });
    client.clone()
}
