//! A place in a genuine server: indices of one test alone, removed at its end.
//!
//! `MAILTRAIL_TEST_SERVER=URL` names the server (`tests/server.sh start opensearch 2.19.4` starts one). Without it the
//! tests say that they were skipped; where `CI` is set, that is a failure.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use mailtrail::elastic_http::{Access, ElasticHttp};
use mailtrail::line::Moment;
use mailtrail::store::elasticsearch::{ElasticStore, Family, Layout};
use mailtrail::transaction::{Document, Transaction};
use serde_json::Value;

/// Indices of one test.
pub(super) struct Place {
    pub(super) url: String,
    pub(super) layout: Layout,
    pub(super) folder: tempfile::TempDir,
}

impl Place {
    /// A fresh one. None if there is no server to test with.
    pub(super) fn new() -> Option<Self> {
        server().map(Self::at)
    }

    /// One in this server.
    pub(super) fn at(url: String) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            url,
            layout: Layout::new(&format!("mt{}-{number}", std::process::id())).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn access(&self) -> Access {
        Access::to(&[&self.url])
    }

    pub(super) fn http(&self) -> ElasticHttp {
        ElasticHttp::new(&self.access()).unwrap()
    }

    pub(super) fn letters(&self) -> std::path::PathBuf {
        self.folder.path().join("refused.ndjson")
    }

    pub(super) fn store(&self) -> ElasticStore {
        self.store_by(&self.access())
    }

    pub(super) fn store_by(&self, access: &Access) -> ElasticStore {
        ElasticStore::open(access, self.layout.clone(), self.letters()).unwrap()
    }

    /// The indices that are there.
    pub(super) fn indices(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for family in Family::ALL {
            let answer = self
                .http()
                .get(&format!("/{}/_alias", self.layout.pattern(family)))
                .unwrap();
            if answer.status == 200 {
                names.extend(answer.body.as_object().unwrap().keys().cloned());
            }
        }
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let http = self.http();
        for index in self.indices() {
            let _ = http.delete(&format!("/{index}"));
        }
        for family in Family::ALL {
            let name = self.layout.alias(family);
            let _ = http.delete(&format!("/_index_template/{name}"));
            let _ = http.delete(&format!("/_component_template/{name}"));
        }
    }
}

/// The server's URL. None, said aloud once, if there is none.
pub(super) fn server() -> Option<String> {
    static SAY: Once = Once::new();
    if let Ok(url) = std::env::var("MAILTRAIL_TEST_SERVER") {
        return Some(url);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "no server to test with: set MAILTRAIL_TEST_SERVER (tests/server.sh starts one)"
    );
    SAY.call_once(|| {
        eprintln!("SKIPPED: the tests of Elasticsearch and OpenSearch, since MAILTRAIL_TEST_SERVER is not set");
    });
    None
}

/// Every field of the contract: a mail of lab/postfix-short with its real lines, and the fields that it lacks beside.
pub(super) fn full() -> Transaction {
    let text = include_str!("../data/elasticsearch/expired.json");
    let mut mail: Transaction = serde_json::from_str(text).unwrap();
    mail.lines = lines_of("757F89D60C0");
    mail.line_count = mail.lines.len() as u64;
    assert_eq!(mail.line_count, 21);
    mail
}

/// The life of a queue id as it is at its first line: a document that grows.
pub(super) fn begun(number: u64) -> Transaction {
    let mut mail = full();
    mail.id = format!("202611-{number:032x}");
    mail.queue_id = Some(format!("7{number:010X}"));
    mail.at = Moment(mail.at.0 + i64::try_from(number).unwrap() * 1000);
    mail.was.clear();
    mail.lines.clear();
    mail.line_count = 0;
    mail
}

/// The lines of a queue id in a real log.
pub(super) fn lines_of(queue_id: &str) -> Vec<String> {
    let packed = include_bytes!("../data/lab/postfix-short/mail.rfc3339.log.gz");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .unwrap();
    let begins = format!(" {queue_id}: ");
    text.lines()
        .filter(|line| line.contains(&begins))
        .map(str::to_owned)
        .collect()
}

pub(super) fn document(mail: Transaction) -> Document {
    Document::Transaction(Box::new(mail))
}

pub(super) fn mail(document: Document) -> Transaction {
    match document {
        Document::Transaction(mail) => *mail,
        other => panic!("no mail: {other:?}"),
    }
}

/// The JSON of the stored document itself.
pub(super) fn source(place: &Place, id: &str) -> Value {
    let index = place.layout.index_of(Family::Transactions, id).unwrap();
    place
        .http()
        .get(&format!("/{index}/_doc/{id}"))
        .unwrap()
        .success()
        .unwrap()["_source"]
        .clone()
}
