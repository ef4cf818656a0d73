//! Real logs, through the program, into the server and back.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mailtrail::query::{Page, Query};
use mailtrail::store::Store;
use serde_json::Value;

use super::place::{self, Place};

pub(super) fn lab(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/lab").join(name)
}

/// The program, told to use a place.
fn program(place: &Place, arguments: &[&str]) -> Command {
    program_at(place, std::slice::from_ref(&place.url), "", arguments)
}

/// The program, told to use a place by these URLs; `more` are lines of the configuration.
pub(super) fn program_at(place: &Place, urls: &[String], more: &str, arguments: &[&str]) -> Command {
    let config = place.folder.path().join("mailtrail.yaml");
    let prefix = place
        .layout
        .pattern(mailtrail::store::elasticsearch::Family::Transactions);
    let prefix = prefix.trim_end_matches("-tx-*");
    // A process that was started before may be reading it: it must not find it empty, for then it would write elsewhere.
    let new = config.with_extension("new");
    std::fs::write(
        &new,
        format!("store: elasticsearch\nelasticsearch:\n  urls: {urls:?}\n  prefix: {prefix}\n{more}"),
    )
    .unwrap();
    std::fs::rename(&new, &config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailtrail"));
    command.args(arguments).arg("--config").arg(config);
    command.env("MAILTRAIL_DATA", place.folder.path().join("data"));
    command
}

fn succeeds(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn index(place: &Place, files: &[&Path]) {
    let mut command = program(place, &["index"]);
    command.args(files);
    succeeds(command);
}

/// The documents of one pass over whole files, by id, as anybody sees them.
pub(super) fn one_pass(files: &[&Path]) -> BTreeMap<String, Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailtrail"));
    command.args(["index", "--store", "ndjson"]).args(files);
    documents_of(command)
}

fn documents_of(command: Command) -> BTreeMap<String, Value> {
    let output = succeeds(command);
    let text = String::from_utf8(output.stdout).unwrap();
    by_id(text.lines().map(|line| serde_json::from_str(line).unwrap()))
}

fn by_id(documents: impl Iterator<Item = Value>) -> BTreeMap<String, Value> {
    documents
        .map(|mut document| {
            document.as_object_mut().unwrap().remove("memory");
            (document["id"].as_str().unwrap().to_owned(), document)
        })
        .collect()
}

/// All documents of the place, by id.
pub(super) fn stored(place: &Place) -> BTreeMap<String, Value> {
    let store = place.store();
    let found = store.search(&Query::Everything, &Page::newest(100_000)).unwrap();
    assert_eq!(found.documents.len() as u64, found.total);
    by_id(
        found
            .documents
            .into_iter()
            .map(|document| serde_json::to_value(document).unwrap()),
    )
}

pub(super) fn assert_same(found: &BTreeMap<String, Value>, expected: &BTreeMap<String, Value>) {
    // How many, and the first few: each is a line of its own, and none is long.
    let beyond = |these: &BTreeMap<String, Value>, those: &BTreeMap<String, Value>| -> (usize, String) {
        let only: Vec<_> = these.iter().filter(|(id, _)| !those.contains_key(*id)).collect();
        let words = only.iter().take(4).map(|(id, document)| {
            let [kind, queue_id, was] = ["kind", "queue_id", "was"].map(|name| &document[name]);
            let lines = document["lines"].as_array().map_or(0, Vec::len);
            format!("\n  {id} {kind} {queue_id}, {lines} lines, was {was}")
        });
        (only.len(), words.collect())
    };
    let (more, which_more) = beyond(found, expected);
    let (fewer, which_fewer) = beyond(expected, found);
    assert!(
        more + fewer == 0,
        "{} found, {} expected\n{more} found beyond:{which_more}\n{fewer} missing:{which_fewer}",
        found.len(),
        expected.len()
    );
    for (id, document) in found {
        assert_eq!(document, &expected[id]);
    }
}

#[test]
fn the_corpora_come_back_as_the_ndjson_documents() {
    for name in [
        "postfix-short/mail.rfc3339.log.gz",
        "sendmail/mail.log.gz",
        "multihop/mail.rfc3339.log.gz",
    ] {
        let Some(place) = Place::new() else { return };
        let file = lab(name);
        let expected = one_pass(&[&file]);
        assert!(expected.len() > 200, "{name}");
        index(&place, &[&file]);
        assert_same(&stored(&place), &expected);
        // The same log again changes nothing, and writes nothing.
        let before = versions(&place);
        index(&place, &[&file]);
        let written: BTreeMap<_, _> = versions(&place)
            .into_iter()
            .filter(|(id, version)| before.get(id) != Some(version))
            .collect();
        assert!(written.is_empty(), "{name}: written again: {written:?}");
        assert!(!place.folder.path().join("data/refused.ndjson").exists());
    }
}

/// Every document's `_seq_no`.
fn versions(place: &Place) -> BTreeMap<String, u64> {
    let alias = place
        .layout
        .periods(mailtrail::store::elasticsearch::Family::Transactions);
    let body = serde_json::json!({"size": 10_000, "_source": false, "seq_no_primary_term": true});
    let answer = place
        .http()
        .post(&format!("/{alias}/_search"), &body)
        .unwrap()
        .success()
        .unwrap();
    let hits = answer["hits"]["hits"].as_array().unwrap();
    hits.iter()
        .map(|hit| {
            (
                hit["_id"].as_str().unwrap().to_owned(),
                hit["_seq_no"].as_u64().unwrap(),
            )
        })
        .collect()
}

/// The even and the odd lines of a log, as two files.
fn halves(place: &Place, name: &str) -> [PathBuf; 2] {
    let mut text = Vec::new();
    let file = std::fs::File::open(lab(name)).unwrap();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut text).unwrap();
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    [0, 1].map(|odd| {
        let path = place.folder.path().join(format!("half{odd}.log"));
        let half: Vec<u8> = lines.iter().skip(odd).step_by(2).copied().flatten().copied().collect();
        std::fs::write(&path, half).unwrap();
        path
    })
}

#[test]
fn two_processes_with_the_even_and_the_odd_lines_at_once_end_as_one_pass() {
    for name in ["multihop/mail.rfc3339.log.gz", "postfix-short/mail.rfc3339.log.gz"] {
        let Some(place) = Place::new() else { return };
        // Of two that count the same host's lines in the ledger the larger count stands: a host belongs to one process.
        let is_message = |document: &Value| document["kind"] != "slice";
        // Nor does either of them see a session whole: such a site says so.
        let urls = std::slice::from_ref(&place.url);
        let index = || program_at(&place, urls, "sessions: false\n", &["index"]);
        let mut whole = index();
        whole.args(["--store", "ndjson"]).arg(lab(name));
        let mut expected = documents_of(whole);
        expected.retain(|_, document| is_message(document));
        let processes = halves(&place, name).map(|half| {
            let mut command = index();
            command
                // Each process owns some hosts, and a state of its own.
                .env("MAILTRAIL_DATA", half.with_extension("data"))
                .arg(half)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        });
        for process in processes {
            let output = process.wait_with_output().unwrap();
            let words = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{words}");
            // Shown if the test fails.
            eprintln!("{name}: {words}");
        }
        let mut found = stored(&place);
        found.retain(|_, document| is_message(document));
        for document in found.values_mut() {
            // Which earlier id a life had depends on who was first.
            document.as_object_mut().unwrap().remove("was");
        }
        assert_same(&found, &expected);
    }
}

#[test]
fn a_document_that_became_part_of_another_is_found_by_its_id_for_ever() {
    let name = "postfix-short/mail.rfc3339.log.gz";
    let Some(place) = Place::new() else { return };
    let [first, second] = halves(&place, name);
    index(&place, &[&first]);
    let is_mail = |(_, document): &(&String, &Value)| document["kind"] == "mail";
    let given: Vec<String> = stored(&place)
        .iter()
        .filter(is_mail)
        .map(|(id, _)| id.clone())
        .collect();
    index(&place, &[&second]);
    let left = stored(&place);
    let gone: Vec<&String> = given.iter().filter(|id| !left.contains_key(*id)).collect();
    assert!(gone.len() > 20, "{gone:?}");
    // Whichever of the two sorts first.
    let found = gone.iter().map(|id| place.store().get(id).unwrap());
    let lost: Vec<&String> = gone
        .iter()
        .zip(found)
        .filter_map(|(id, found)| found.is_none().then_some(*id))
        .collect();
    assert!(lost.is_empty(), "{} of {}: {lost:?}", lost.len(), gone.len());
}

#[test]
fn a_killed_run_and_a_repetition_end_as_an_undisturbed_one() {
    let name = "postfix-short/mail.rfc3339.log.gz";
    let file = lab(name);
    let expected = one_pass(&[&file]);
    for enough in [1, 60, 200] {
        let Some(place) = Place::new() else { return };
        // Small steps: many bulk requests to be killed in.
        let mut command = program(&place, &["index", "--max-open", "20"]);
        let mut process = command
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut store = place.store();
        let mut count = || {
            store.commit().unwrap();
            store.search(&Query::Everything, &Page::newest(0)).unwrap().total
        };
        while count() < enough {
            assert!(
                process.try_wait().unwrap().is_none(),
                "it ended before it could be killed"
            );
        }
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(count() < expected.len() as u64, "it was killed too late");
        index(&place, &[&file]);
        let mut found = stored(&place);
        for document in found.values_mut() {
            document.as_object_mut().unwrap().remove("was");
        }
        assert_same(&found, &expected);
    }
}

#[test]
fn the_commands_speak_to_the_cluster() {
    let Some(place) = Place::new() else { return };
    let text = |output: Output| String::from_utf8(output.stdout).unwrap();
    let first = text(succeeds(program(&place, &["setup"])));
    assert_eq!(first.matches("created").count(), 4, "{first}");
    let second = text(succeeds(program(&place, &["setup"])));
    assert_eq!(second.matches("unchanged").count(), 4, "{second}");
    assert!(text(succeeds(program(&place, &["setup", "--dry-run"]))).contains("PUT /_component_template/"));
    index(&place, &[&lab("postfix-short/mail.rfc3339.log.gz")]);
    let found = text(succeeds(program(
        &place,
        &["search", "expired:t4-a@good.example", "--json"],
    )));
    let document: Value = serde_json::from_str(found.lines().next().unwrap()).unwrap();
    assert_eq!(document["queue_id"], "757F89D60C0");
    assert!(
        document.get("source").is_none() && document.get("verdict").is_none(),
        "{document}"
    );
    assert!(text(succeeds(program(&place, &["trace", "757F89D60C0"]))).contains("757F89D60C0"));
    // A document that was refused when another process had written a half of it.
    let mut half = place::mail(place.store().get(document["id"].as_str().unwrap()).unwrap().unwrap());
    half.lines.truncate(3);
    let letter = serde_json::json!({"id": half.id, "index": "", "status": 400, "kind": "", "reason": "", "help": "", "document": half});
    std::fs::create_dir_all(place.folder.path().join("data")).unwrap();
    std::fs::write(place.folder.path().join("data/refused.ndjson"), format!("{letter}\n")).unwrap();
    let before = versions(&place);
    let retried = text(succeeds(program(&place, &["retry"])));
    assert!(retried.contains("1 united"), "{retried}");
    assert_eq!(versions(&place), before, "the half brought nothing new");
}

#[test]
fn a_wrong_url_is_said_with_what_to_do() {
    let Some(place) = Place::new() else { return };
    let mut command = program(&place, &["search", "x"]);
    std::fs::write(
        place.folder.path().join("mailtrail.yaml"),
        "store: elasticsearch\nelasticsearch: {urls: ['http://127.0.0.1:9']}\n",
    )
    .unwrap();
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("cannot reach http://127.0.0.1:9") && said.contains("help: check the host and port"),
        "{said}"
    );
}
