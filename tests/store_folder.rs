//! The folder of the embedded store: who may write, what it says when it is none, what a killed writer leaves.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use mailtrail::query::{Page, Query};
use mailtrail::store::embedded::EmbeddedStore;
use mailtrail::store::ndjson::NdjsonStore;
use mailtrail::store::{Change, Store, StoreError};
use mailtrail::transaction::Document;

use crate::store::{changed, count, documents, filled, key, put};

#[test]
fn one_process_writes_and_others_read() {
    let (folder, mut store) = filled();
    let Err(StoreError::Busy(refusal)) = EmbeddedStore::open_to_write(folder.path()) else {
        panic!("two writers")
    };
    assert!(
        refusal.contains(&format!("(process {})", std::process::id())),
        "{refusal}"
    );
    let mut reader = EmbeddedStore::open(folder.path()).unwrap();
    let december = changed(&documents()[0], |mail| mail.id.replace_range(..6, "202612"));
    store.write(vec![put(&december)]).unwrap();
    store.commit().unwrap();
    assert_eq!(reader.get(december.id()).unwrap(), None);
    reader.refresh().unwrap();
    assert_eq!(reader.get(december.id()).unwrap(), Some(december.clone()));
    assert!(matches!(
        reader.write(vec![put(&december)]),
        Err(StoreError::Unsupported(_))
    ));
    drop(store);
    EmbeddedStore::open_to_write(folder.path()).unwrap();
}

#[test]
fn a_folder_that_is_no_store_is_said_to_be_none() {
    let said = |folder: &Path| {
        EmbeddedStore::open(folder)
            .err()
            .map(|error| error.to_string().replace(&folder.display().to_string(), "DIR"))
    };
    let folder = tempfile::tempdir().unwrap();
    let mut all = vec![said(&folder.path().join("nowhere")), said(folder.path())];
    fs::create_dir(folder.path().join("tx-2026.11")).unwrap();
    all.push(said(folder.path()));
    all.push(
        EmbeddedStore::open_to_write(folder.path())
            .err()
            .map(|error| error.to_string().replace(&folder.path().display().to_string(), "DIR")),
    );
    fs::write(folder.path().join("store.json"), r#"{"store":"mailtrail","format":99}"#).unwrap();
    all.push(said(folder.path()));
    fs::write(folder.path().join("store.json"), "{}").unwrap();
    all.push(said(folder.path()));
    let (folder, store) = filled();
    drop(store);
    let meta = folder.path().join("tx-2026.11/meta.json");
    fs::write(
        &meta,
        fs::read_to_string(&meta)
            .unwrap()
            .replace("\"from_domain\"", "\"from_realm\""),
    )
    .unwrap();
    all.push(said(folder.path()));
    fs::write(&meta, "{").unwrap();
    assert!(said(folder.path()).unwrap().starts_with("DIR/tx-2026.11: "));
    insta::assert_snapshot!(
        all.into_iter()
            .map(Option::unwrap_or_default)
            .collect::<Vec<_>>()
            .join("\n")
    );
}

#[test]
fn json_lines_have_no_memory_and_no_search() {
    let mut out = Vec::new();
    let mut store = NdjsonStore::new(&mut out);
    let remembering = changed(&documents()[0], |mail| mail.memory = Some(Box::default()));
    store.write(vec![put(&remembering), put(&documents()[1])]).unwrap();
    store.commit().unwrap();
    assert!(!store.may_hold(&key(&documents()[0]), true));
    assert_eq!(store.of_queue_ids(&[key(&documents()[0])]).unwrap().len(), 1);
    assert!(
        store
            .search(&Query::Everything, &Page::default())
            .unwrap_err()
            .to_string()
            .contains("--store embedded")
    );
    let text = String::from_utf8(out).unwrap();
    let read: Vec<Document> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, documents()[..2]);
}

/// How many documents a batch of the process below has, and how many of them are of October.
const BATCH: u64 = 60;

const OCTOBER: u64 = 20;

fn batch(number: u64) -> Vec<Change> {
    let of = |at: u64| {
        let period = if at < OCTOBER { "202610" } else { "202611" };
        changed(&documents()[usize::try_from(at).unwrap() % documents().len()], |mail| {
            mail.id = format!("{period}-{number:016x}{at:016x}");
            mail.was.clear();
        })
    };
    (0..BATCH).map(|at| put(&of(at))).collect()
}

/// Started by the test below as a process of its own, which writes batches until it is killed. By itself it writes two.
#[test]
fn batches_are_written_one_after_the_other() {
    let own = tempfile::tempdir().unwrap();
    let given = std::env::var_os("MAILTRAIL_TEST_FOLDER");
    let folder = given.as_deref().map_or(own.path(), Path::new);
    let last = if given.is_some() { u64::MAX } else { 2 };
    let mut store = EmbeddedStore::open_to_write(folder).unwrap();
    let done = count(&store, "*") / BATCH;
    for number in done..last {
        store.write(batch(number)).unwrap();
        store.commit().unwrap();
        #[allow(clippy::print_stderr)] // The process below is listened to.
        let () = eprintln!("\nwritten {}", number + 1);
    }
    assert_eq!(count(&store, "*"), 2 * BATCH);
}

#[test]
fn a_killed_writer_leaves_what_it_committed() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..4_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "store_folder::batches_are_written_one_after_the_other",
                "--nocapture",
            ])
            .env("MAILTRAIL_TEST_FOLDER", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let written = lines
            .map(|line| line.unwrap())
            .filter_map(|line| line.strip_prefix("written ")?.parse().ok());
        acknowledged = written.take(2 + usize::try_from(round).unwrap()).last().unwrap();
        // In the middle of the next batch, or of its commit.
        std::thread::sleep(std::time::Duration::from_millis(7 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut store = EmbeddedStore::open_to_write(folder.path()).unwrap();
        for (query, each) in [
            ("at:*", BATCH),
            ("id:202610-*", OCTOBER),
            ("id:202611-*", BATCH - OCTOBER),
        ] {
            let found = count(&store, query);
            assert!(
                found >= acknowledged * each,
                "{query}: {found}, but {acknowledged} batches were committed"
            );
            assert!(
                query == "at:*" || found % each == 0,
                "{query}: {found} is no whole number of batches"
            );
        }
        // What was between two commits is written again, as a run after a crash does.
        let again = (acknowledged..acknowledged + 20).find(|number| {
            store.write(batch(*number)).unwrap();
            store.commit().unwrap();
            count(&store, "*") == (number + 1) * BATCH
        });
        assert!(again.is_some());
    }
    assert!(acknowledged >= 8);
    let found = EmbeddedStore::open(folder.path())
        .unwrap()
        .search(&Query::Everything, &Page::newest(10_000))
        .unwrap();
    assert_eq!(found.documents.len() as u64, found.total);
}
