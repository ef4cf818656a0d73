//! Several processes write halves of the same lives at once, and nothing is lost.

use std::collections::{BTreeSet, HashMap};

use mailtrail::query::{Page, Query};
use mailtrail::store::elasticsearch::ElasticStore;
use mailtrail::store::{Change, QueueKey, Store, Stored, Version};
use mailtrail::transaction::Transaction;

use super::place::{Place, begun, document, lines_of, mail};

/// A transaction is the set of its lines: a merge is their union.
fn union(one: &mut Transaction, other: &Transaction) {
    let lines: BTreeSet<String> = one.lines.iter().chain(&other.lines).cloned().collect();
    one.lines = lines.into_iter().collect();
    one.line_count = one.lines.len() as u64;
}

/// Writes these, merging with whatever is there, as a caller of a store does.
fn write_merged(store: &mut ElasticStore, mails: Vec<Transaction>) {
    let mut open: HashMap<String, (Transaction, Option<Version>)> =
        mails.into_iter().map(|mail| (mail.id.clone(), (mail, None))).collect();
    let mut changes: Vec<String> = open.keys().cloned().collect();
    while !changes.is_empty() {
        let puts = changes.iter().map(|id| {
            let (mail, version) = &open[id];
            Change::Put {
                document: document(mail.clone()),
                version: *version,
            }
        });
        let conflicts = store.write(puts.collect()).unwrap();
        for stored in store.of_ids(&conflicts).unwrap() {
            let Stored { document, version } = stored.unwrap();
            let there = mail(document);
            let (ours, known) = open.get_mut(&there.id).unwrap();
            union(ours, &there);
            *known = version;
        }
        changes = conflicts;
    }
}

#[test]
fn writers_of_disjoint_lines_end_with_the_union() {
    let Some(place) = Place::new() else { return };
    let lines = lines_of("757F89D60C0");
    let writers = 3;
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (place, lines) = (&place, &lines);
            scope.spawn(move || {
                let mut store = place.store();
                // In steps, as a log comes: each knows a few lines more of each life.
                for step in 0..7 {
                    let part: Vec<String> = lines
                        .iter()
                        .skip(step * 3)
                        .take(3)
                        .skip(writer)
                        .take(1)
                        .cloned()
                        .collect();
                    let mails = (1..=20).map(|number| {
                        let mut mail = begun(number);
                        mail.lines.clone_from(&part);
                        mail.line_count = 1;
                        mail
                    });
                    write_merged(&mut store, mails.collect());
                }
                store.commit().unwrap();
            });
        }
    });
    let store = place.store();
    let found = store.search(&Query::Everything, &Page::newest(100)).unwrap();
    assert_eq!(found.total, 20);
    for document in found.documents {
        let mail = mail(document);
        assert_eq!(mail.lines, lines, "{}", mail.id);
    }
}

#[test]
fn a_version_that_is_not_there_any_more_is_a_conflict() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    let mut one = begun(1);
    let put = |mail: &Transaction, version| Change::Put {
        document: document(mail.clone()),
        version,
    };
    assert!(store.write(vec![put(&one, None)]).unwrap().is_empty());
    assert_eq!(
        store.write(vec![put(&one, None)]).unwrap(),
        [one.id.clone()],
        "a new one never overwrites"
    );
    let read = store
        .of_ids(&[one.id.clone(), "202611-0".into(), "nothing".into()])
        .unwrap();
    assert!(read[1].is_none() && read[2].is_none());
    let version = read[0].as_ref().unwrap().version;
    one.line_count = 2;
    assert!(store.write(vec![put(&one, version)]).unwrap().is_empty());
    one.line_count = 3;
    assert_eq!(store.write(vec![put(&one, version)]).unwrap(), [one.id.clone()]);
    let stale = Change::Remove {
        id: one.id.clone(),
        version,
    };
    assert_eq!(store.write(vec![stale]).unwrap(), [one.id.clone()]);
    assert!(store.get(&one.id).unwrap().is_some());
    let version = store.of_ids(&[one.id.clone()]).unwrap()[0].as_ref().unwrap().version;
    let remove = Change::Remove {
        id: one.id.clone(),
        version,
    };
    assert!(store.write(vec![remove.clone()]).unwrap().is_empty());
    assert!(
        store.write(vec![remove]).unwrap().is_empty(),
        "what is not there is gone already"
    );
    assert!(store.get(&one.id).unwrap().is_none());
}

#[test]
fn a_provisional_document_goes_only_when_its_successor_is_there() {
    let Some(place) = Place::new() else { return };
    let mut store = place.store();
    let provisional = begun(1);
    let mut successor = begun(2);
    successor.was = vec![provisional.id.clone()];
    let put = |mail: &Transaction| Change::Put {
        document: document(mail.clone()),
        version: None,
    };
    let replace = || {
        vec![
            put(&successor),
            Change::Remove {
                id: provisional.id.clone(),
                version: None,
            },
        ]
    };
    store.write(vec![put(&provisional)]).unwrap();
    // Another process has written something under the successor's id.
    store.write(vec![put(&begun(2))]).unwrap();
    assert_eq!(
        store.write(replace()).unwrap(),
        [successor.id.clone(), provisional.id.clone()]
    );
    assert!(store.get(&provisional.id).unwrap().is_some());
    let version = store.of_ids(&[successor.id.clone()]).unwrap()[0]
        .as_ref()
        .unwrap()
        .version;
    store
        .write(vec![Change::Remove {
            id: successor.id.clone(),
            version,
        }])
        .unwrap();
    assert!(store.write(replace()).unwrap().is_empty());
    store.commit().unwrap();
    let found = store.get(&provisional.id).unwrap().unwrap();
    assert_eq!(
        found.id(),
        successor.id,
        "links to the earlier id lead to the successor"
    );
    assert_eq!(store.search(&Query::Everything, &Page::newest(9)).unwrap().total, 1);
}

#[test]
fn two_names_of_one_life_are_seen_by_whoever_asks_last() {
    let Some(place) = Place::new() else { return };
    let (mut first, mut second) = (place.store(), place.store());
    // One has seen the start, the other has not: two ids, one queue id.
    let with_start = begun(1);
    let mut provisional = begun(2);
    provisional.queue_id.clone_from(&with_start.queue_id);
    let put = |mail: &Transaction| Change::Put {
        document: document(mail.clone()),
        version: None,
    };
    first.write(vec![put(&with_start)]).unwrap();
    first.commit().unwrap();
    assert!(first.rivals().unwrap().is_empty());
    second.write(vec![put(&provisional)]).unwrap();
    second.commit().unwrap();
    let key = QueueKey {
        host: "mx1".into(),
        queue_id: with_start.queue_id.clone().unwrap(),
    };
    assert_eq!(second.rivals().unwrap(), std::slice::from_ref(&key));
    assert!(second.rivals().unwrap().is_empty(), "asked once");
    let found = second.of_queue_ids(std::slice::from_ref(&key)).unwrap().remove(0);
    assert_eq!(found.len(), 2);
    let mut merged = with_start.clone();
    merged.was.push(provisional.id.clone());
    let version = |id: &str| found.iter().find(|stored| stored.document.id() == id).unwrap().version;
    let changes = vec![
        Change::Put {
            document: document(merged.clone()),
            version: version(&merged.id),
        },
        Change::Remove {
            id: provisional.id.clone(),
            version: version(&provisional.id),
        },
    ];
    assert!(second.write(changes).unwrap().is_empty());
    second.commit().unwrap();
    assert!(second.rivals().unwrap().is_empty());
    assert_eq!(second.search(&Query::Everything, &Page::newest(9)).unwrap().total, 1);
}
