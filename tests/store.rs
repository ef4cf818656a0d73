//! The stores keep what they are given and find what is asked for.

use std::cmp::Reverse;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use mailtrail::line::Moment;
use mailtrail::query::{Order, Page, Query, matches};
use mailtrail::store::embedded::EmbeddedStore;
use mailtrail::store::{Change, QueueKey, Store};
use mailtrail::transaction::{Document, Memory, Transaction};
use tempfile::TempDir;

/// Mails, refusals and a session of four hosts in three months.
pub(crate) fn documents() -> &'static [Document] {
    static DOCUMENTS: OnceLock<Vec<Document>> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        let all = documents_of_every_kind().iter();
        all.filter(|document| document.transaction().is_some())
            .cloned()
            .collect()
    })
}

/// These and a record.
pub(crate) fn documents_of_every_kind() -> &'static [Document] {
    static DOCUMENTS: OnceLock<Vec<Document>> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/documents.ndjson");
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    })
}

pub(crate) fn put(document: &Document) -> Change {
    Change::Put {
        document: document.clone(),
        version: None,
    }
}

fn transaction(document: &Document) -> &Transaction {
    document.transaction().unwrap()
}

/// The document, changed.
pub(crate) fn changed(document: &Document, change: impl FnOnce(&mut Transaction)) -> Document {
    let mut transaction = transaction(document).clone();
    change(&mut transaction);
    Document::Transaction(Box::new(transaction))
}

pub(crate) fn key(document: &Document) -> QueueKey {
    let mail = transaction(document);
    QueueKey {
        host: mail.host.clone(),
        queue_id: mail.queue_id.clone().unwrap(),
    }
}

pub(crate) fn ids(documents: &[Document]) -> Vec<&str> {
    documents.iter().map(Document::id).collect()
}

pub(crate) fn count(store: &impl Store, query: &str) -> u64 {
    store
        .search(&Query::parse(query).unwrap(), &Page::newest(0))
        .unwrap()
        .total
}

/// All documents, in several commits, some of them rewritten and some that are gone again: deletions lie in the segments.
pub(crate) fn filled() -> (TempDir, EmbeddedStore) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = EmbeddedStore::open_to_write(folder.path()).unwrap();
    for part in documents().chunks(9) {
        let before =
            |document: &Document| changed(document, |mail| mail.from = Some("before@before.example".to_owned()));
        store
            .write(part.iter().map(before).map(|document| put(&document)).collect())
            .unwrap();
        let stranger = changed(&part[0], |mail| mail.id.replace_range(10..14, "0000"));
        store.write(vec![put(&stranger)]).unwrap();
        store.commit().unwrap();
        store.write(part.iter().map(put).collect()).unwrap();
        store
            .write(vec![Change::Remove {
                id: stranger.id().to_owned(),
                version: None,
            }])
            .unwrap();
    }
    store.commit().unwrap();
    (folder, store)
}

pub(crate) fn shared() -> &'static EmbeddedStore {
    static STORE: OnceLock<(TempDir, EmbeddedStore)> = OnceLock::new();
    &STORE.get_or_init(filled).1
}

/// What a query means, in order: the plain evaluation.
pub(crate) fn expected(query: &Query, order: Order) -> Vec<&'static Document> {
    let mut found: Vec<&Document> = documents().iter().filter(|document| matches(query, document)).collect();
    match order {
        Order::Newest => found.sort_by_key(|document| (Reverse(document.at()), document.id())),
        Order::Oldest => found.sort_by_key(|document| (document.at(), document.id())),
    }
    found
}

#[test]
fn documents_come_back_as_they_were_written_with_their_memory() {
    let (folder, mut store) = filled();
    let memory = Memory {
        at: vec![1_795_485_844_483],
        ordinal: vec![3],
        between: "KLUv".to_owned(),
        bytes: [(0, "wqA=".to_owned())].into(),
    };
    let remembering = changed(&documents()[0], |mail| mail.memory = Some(Box::new(memory)));
    store.write(vec![put(&remembering)]).unwrap();
    store.commit().unwrap();
    drop(store);
    let store = EmbeddedStore::open(folder.path()).unwrap();
    assert_eq!(store.get(remembering.id()).unwrap(), Some(remembering));
    for document in &documents()[1..] {
        assert_eq!(store.get(document.id()).unwrap().as_ref(), Some(document));
    }
    assert_eq!(store.get("202611-00000000000000000000000000000000").unwrap(), None);
    assert_eq!(store.get("no id at all").unwrap(), None);
    assert_eq!(count(&store, "*"), documents().len() as u64);
}

#[test]
fn what_is_not_committed_is_seen_by_look_ups() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = EmbeddedStore::open_to_write(folder.path()).unwrap();
    let (november, october) = (
        &documents()[0],
        documents()
            .iter()
            .find(|document| document.id().starts_with("202610"))
            .unwrap(),
    );
    assert_eq!(key(november), key(october), "a short queue id comes again");
    assert!(!store.may_hold(&key(november), true));
    store.write(vec![put(november), put(october)]).unwrap();
    assert!(store.may_hold(&key(november), true));
    let stored = |store: &mut EmbeddedStore| -> Vec<String> {
        let found = store.of_queue_ids(&[key(november)]).unwrap().remove(0);
        found.iter().map(|stored| stored.document.id().to_owned()).collect()
    };
    assert_eq!(stored(&mut store), [october.id(), november.id()]);
    assert_eq!(count(&store, "*"), 0);
    store.commit().unwrap();
    assert_eq!(stored(&mut store), [october.id(), november.id()]);
    assert_eq!(count(&store, "*"), 2);
    // Changed over the committed one, taken away, and put under another queue id.
    let late = changed(november, |mail| mail.status = "delivered".to_owned());
    store
        .write(vec![
            put(&late),
            Change::Remove {
                id: october.id().to_owned(),
                version: None,
            },
        ])
        .unwrap();
    assert_eq!(stored(&mut store), [november.id()]);
    assert_eq!(store.get(november.id()).unwrap(), Some(late.clone()));
    assert_eq!(store.get(october.id()).unwrap(), None);
    store
        .write(vec![put(&changed(&late, |mail| {
            mail.queue_id = Some("OTHER1".to_owned());
        }))])
        .unwrap();
    assert_eq!(stored(&mut store), [""; 0]);
    store.commit().unwrap();
    assert_eq!(stored(&mut store), [""; 0]);
    assert_eq!((count(&store, "*"), count(&store, "qid:other1")), (1, 1));
    // Other hosts and other cases of the same queue id are others.
    let other = QueueKey {
        host: "mx2".to_owned(),
        ..key(november)
    };
    let small = QueueKey {
        queue_id: "other1".to_owned(),
        ..key(november)
    };
    assert!(store.of_queue_ids(&[other, small]).unwrap().iter().all(Vec::is_empty));
}

#[test]
fn an_earlier_id_leads_to_the_document() {
    let (_folder, mut store) = filled();
    let heir = documents()
        .iter()
        .find(|document| !transaction(document).was.is_empty())
        .unwrap();
    let was = &transaction(heir).was[0];
    assert_eq!(store.get(was).unwrap().as_ref(), Some(heir));
    assert_eq!(store.get(&was.to_uppercase()).unwrap().as_ref(), Some(heir));
    assert_eq!(count(&store, was), 1);
    let newer = changed(heir, |mail| {
        mail.was.push("202611-0123456789abcdef0123456789abcdef".to_owned());
        mail.status = "bounced".to_owned();
    });
    store.write(vec![put(&newer)]).unwrap();
    assert_eq!(store.get(was).unwrap().as_ref(), Some(&newer));
    assert_eq!(
        store.get("202611-0123456789abcdef0123456789abcdef").unwrap(),
        Some(newer)
    );
}

#[test]
fn an_id_that_is_none_is_refused() {
    let (_folder, mut store) = filled();
    let nameless = changed(&documents()[0], |mail| mail.id = "../../etc".to_owned());
    assert!(
        store
            .write(vec![put(&nameless)])
            .unwrap_err()
            .to_string()
            .contains("is no document's id")
    );
    store
        .write(vec![Change::Remove {
            id: "../../etc".to_owned(),
            version: None,
        }])
        .unwrap();
}

#[test]
fn the_newest_come_first_over_all_periods() {
    let found = shared().search(&Query::Everything, &Page::newest(100)).unwrap();
    assert_eq!(found.total, documents().len() as u64);
    assert_eq!(
        ids(&found.documents),
        expected(&Query::Everything, Order::Newest)
            .iter()
            .map(|d| d.id())
            .collect::<Vec<_>>()
    );
    // A document of October's index whose first line is of November stands among November's.
    let edge = shared()
        .search(&Query::parse("from:edge@site.example").unwrap(), &Page::oldest(9))
        .unwrap();
    let periods: Vec<&str> = edge.documents.iter().map(|document| &document.id()[..6]).collect();
    assert_eq!(periods, ["202610", "202610", "202611"]);
}

#[test]
fn many_periods_are_written_by_turns() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = EmbeddedStore::open_to_write(folder.path()).unwrap();
    let template = &documents()[0];
    for turn in 0..3 {
        for month in 1..=10 {
            let document = changed(template, |mail| {
                mail.id = format!("2025{month:02}-{:032x}", month * 100 + turn);
                mail.at = Moment(1_735_689_600_000 + (month * 30 * 86_400 + turn) * 1000);
            });
            store.write(vec![put(&document)]).unwrap();
        }
    }
    store.commit().unwrap();
    assert_eq!(count(&store, "to:t4-a@good.example"), 30);
    assert_eq!(store.of_queue_ids(&[key(template)]).unwrap()[0].len(), 30);
    let folders = fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().is_dir())
        .count();
    assert_eq!(folders, 10);
}
