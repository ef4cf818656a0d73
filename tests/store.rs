//! The stores keep what they are given and find what is asked for.

use std::fs;
use std::path::Path;

use mailtrail::query::{Page, Query};
use mailtrail::store::embedded::EmbeddedStore;
use mailtrail::store::{Change, QueueKey, Store};
use mailtrail::transaction::Document;

/// Mails and refusals of four hosts in three months.
pub(crate) fn documents() -> Vec<Document> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/documents.ndjson");
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn put(document: &Document) -> Change {
    Change::Put {
        document: document.clone(),
        version: None,
    }
}

#[test]
fn smoke() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = EmbeddedStore::open_to_write(folder.path()).unwrap();
    store.write(documents().iter().map(put).collect()).unwrap();
    let key = QueueKey {
        host: "mx1".into(),
        queue_id: "757F89D60C0".into(),
    };
    assert!(store.may_hold(&key));
    assert_eq!(store.of_queue_ids(std::slice::from_ref(&key)).unwrap()[0].len(), 2);
    store.commit().unwrap();
    assert_eq!(store.of_queue_ids(&[key]).unwrap()[0].len(), 2);
    let found = store
        .search(&Query::parse("t4-a@good.example").unwrap(), &Page::default())
        .unwrap();
    assert_eq!(found.total, 2);
    let all = store.search(&Query::Everything, &Page::newest(100)).unwrap();
    assert_eq!(all.total as usize, documents().len());
    for document in &all.documents {
        assert_eq!(store.get(document.id()).unwrap().as_ref(), Some(document));
    }
}
