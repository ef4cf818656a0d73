//! The stores keep what they are given and find what is asked for.

use std::cmp::Reverse;
use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::Bound;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use mailtrail::line::Moment;
use mailtrail::query::{
    Cursor, FIELDS, Field, Glob, Kind, Order, Page, Piece, Place, Query, Test, Value, matches, words,
};
use mailtrail::store::embedded::EmbeddedStore;
use mailtrail::store::ndjson::NdjsonStore;
use mailtrail::store::{Change, QueueKey, Store, StoreError};
use mailtrail::transaction::{Document, Memory, Transaction};
use proptest::prelude::*;
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
fn changed(document: &Document, change: impl FnOnce(&mut Transaction)) -> Document {
    let mut transaction = transaction(document).clone();
    change(&mut transaction);
    Document::Transaction(Box::new(transaction))
}

fn key(document: &Document) -> QueueKey {
    let mail = transaction(document);
    QueueKey {
        host: mail.host.clone(),
        queue_id: mail.queue_id.clone().unwrap(),
    }
}

pub(crate) fn ids(documents: &[Document]) -> Vec<&str> {
    documents.iter().map(Document::id).collect()
}

fn count(store: &impl Store, query: &str) -> u64 {
    store
        .search(&Query::parse(query).unwrap(), &Page::newest(0))
        .unwrap()
        .total
}

/// All documents, in several commits, some of them rewritten and some that are gone again: deletions lie in the segments.
fn filled() -> (TempDir, EmbeddedStore) {
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

fn shared() -> &'static EmbeddedStore {
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
    let remembering = changed(&documents()[0], |mail| mail.memory = Some(memory));
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
    let remembering = changed(&documents()[0], |mail| mail.memory = Some(Memory::default()));
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
                "store::batches_are_written_one_after_the_other",
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

/// All values of a field, as they are indexed.
enum Values {
    Texts(Vec<String>),
    Words(Vec<Vec<String>>),
    Others(Vec<Value<'static>>),
}

fn values(field: &Field) -> Values {
    let mut texts = Vec::new();
    let mut phrases = Vec::new();
    let mut others = Vec::new();
    for document in documents() {
        field.each_value(document, &mut |value| match value {
            Value::Keyword(text) => texts.push(text.to_owned()),
            Value::Words(text) => phrases.push(words(text).collect()),
            Value::Ip(address) => others.push(Value::Ip(address)),
            Value::Integer(number) => others.push(Value::Integer(number)),
            Value::Decimal(number) => others.push(Value::Decimal(number)),
            Value::Date(at) => others.push(Value::Date(at)),
            Value::Bool(flag) => others.push(Value::Bool(flag)),
        });
    }
    match field.kind {
        Kind::Keyword => Values::Texts(texts),
        Kind::Words => Values::Words(phrases),
        _ => Values::Others(others),
    }
}

/// Numbers that choose.
#[derive(Debug, Clone)]
struct Dice(Vec<usize>);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0.pop().unwrap_or_default() % sides.max(1)
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.throw(of.len())).cloned()
    }

    /// The text with some of its characters turned into wildcards.
    fn glob(&mut self, text: &str) -> Glob {
        let characters: Vec<char> = text.chars().collect();
        let (from, to) = (self.throw(characters.len() + 1), self.throw(characters.len() + 1));
        let wild = from.min(to)..from.max(to);
        let wildcard = if self.throw(2) == 0 { Piece::Any } else { Piece::One };
        Glob::new(
            characters
                .iter()
                .enumerate()
                .map(|(at, character)| {
                    if wild.contains(&at) {
                        wildcard.clone()
                    } else {
                        Piece::Literal(character.to_string())
                    }
                })
                .chain((self.throw(3) == 0).then_some(Piece::Any)),
        )
    }

    fn bound<T>(&mut self, value: T) -> Bound<T> {
        match self.throw(5) {
            0 => Bound::Unbounded,
            1 | 2 => Bound::Included(value),
            _ => Bound::Excluded(value),
        }
    }

    /// A test that some document may pass.
    fn test(&mut self, field: &Field) -> Option<Test> {
        if self.throw(8) == 0 {
            return Some(Test::Exists);
        }
        Some(match values(field) {
            Values::Texts(texts) => {
                let text = self.pick(&texts)?;
                match self.throw(3) {
                    0 => Test::Is(text),
                    1 => Test::Like(self.glob(&text)),
                    _ => {
                        let other = self.pick(&texts)?;
                        Test::Within(self.bound(text), self.bound(other))
                    }
                }
            }
            Values::Words(phrases) => {
                let phrase = self.pick(&phrases)?;
                let (from, length) = (self.throw(phrase.len()), self.throw(4));
                let mut part: Vec<String> = phrase.into_iter().skip(from).take(length).collect();
                match self.throw(4) {
                    0 => Test::Like(self.glob(part.first()?)),
                    1 => {
                        part.reverse();
                        Test::Phrase(part)
                    }
                    _ => Test::Phrase(part),
                }
            }
            Values::Others(others) => match (self.pick(&others)?, self.pick(&others)?) {
                (Value::Ip(from), Value::Ip(to)) => Test::Ip(from..=to),
                #[allow(clippy::cast_precision_loss)] // The documents' sizes are small.
                (Value::Integer(from), Value::Integer(to)) => {
                    let half = [0.0, 0.5, -0.5][self.throw(3)];
                    Test::Number(self.bound(from as f64 + half), self.bound(to as f64 - half))
                }
                (Value::Decimal(from), Value::Decimal(to)) => Test::Number(self.bound(from), self.bound(to)),
                (Value::Date(from), Value::Date(to)) => {
                    Test::Date((self.throw(4) > 0).then_some(from), (self.throw(4) > 0).then_some(to))
                }
                (Value::Bool(flag), _) => Test::Bool(flag),
                _ => return None,
            },
        })
    }

    fn term(&mut self) -> Query {
        if self.throw(12) == 0 {
            let name = self
                .pick(&["policy.server", "policy", "campaign", "uid", "filter", "no.such"])
                .unwrap();
            let value = self.pick(&["accept-42", "0", "winter 2026", "amavis", ""]).unwrap();
            let tests = [Test::Exists, Test::Is(value.to_owned()), Test::Like(self.glob(value))];
            let test = tests[self.throw(3)].clone();
            return Query::Term {
                place: Place::Extra(name.to_owned()),
                test,
            };
        }
        let field = &FIELDS[self.throw(FIELDS.len())];
        match self.test(field) {
            Some(test) => Query::Term {
                place: Place::Field(field),
                test,
            },
            None => Query::Everything,
        }
    }
}

fn query() -> impl Strategy<Value = Query> {
    let dice = prop::collection::vec(0..10_000_usize, 16).prop_map(Dice);
    dice.prop_map(|mut dice| dice.term()).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Query::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Query::Any),
            inner.prop_map(|query| Query::Not(Box::new(query))),
        ]
    })
}

/// A query and a page of what it finds.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    query: Query,
    limit: usize,
    offset: usize,
    order: Order,
    /// Which of all documents the page begins behind; none if there are not so many.
    behind: usize,
}

pub(crate) fn asked() -> impl Strategy<Value = Asked> {
    let order = prop_oneof![Just(Order::Newest), Just(Order::Oldest)];
    (query(), 0..50_usize, 0..9_usize, order, 0..80_usize).prop_map(|(query, limit, offset, order, behind)| Asked {
        query,
        limit,
        offset,
        order,
        behind,
    })
}

/// The store, filled with [`documents`], says what the plain evaluation says, in the same order.
pub(crate) fn answers_as_the_plain_evaluation(store: &impl Store, asked: &Asked) -> Result<(), TestCaseError> {
    let expected = expected(&asked.query, asked.order);
    let everything = self::expected(&Query::Everything, asked.order);
    let mut page = Page {
        limit: asked.limit,
        offset: asked.offset,
        order: asked.order,
        after: None,
    };
    let found = store.search(&asked.query, &page).unwrap();
    prop_assert_eq!(found.total, expected.len() as u64);
    let wanted = |from: &[&Document]| {
        let part = from.iter().skip(asked.offset).take(asked.limit);
        part.map(|document| document.id().to_owned()).collect::<Vec<_>>()
    };
    prop_assert_eq!(ids(&found.documents), wanted(&expected));
    if let Some(place) = everything.get(asked.behind) {
        page.after = Some(Cursor::behind(place));
        let behind = &everything[asked.behind + 1..];
        let rest: Vec<&Document> = expected
            .iter()
            .copied()
            .filter(|document| behind.contains(document))
            .collect();
        let found = store.search(&asked.query, &page).unwrap();
        prop_assert_eq!(found.total, expected.len() as u64);
        prop_assert_eq!(ids(&found.documents), wanted(&rest));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Every query, every page.
    #[test]
    fn the_index_answers_as_the_plain_evaluation(asked in asked()) {
        answers_as_the_plain_evaluation(shared(), &asked)?;
    }
}
