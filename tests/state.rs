//! However a log is cut into runs, rotated, and the runs killed: the documents are those of one pass.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mailtrail::query::{Page, Query};
use mailtrail::store::Store as _;
use mailtrail::store::embedded::EmbeddedStore;
use serde_json::Value;

use crate::tool::{lab, tool, unpacked};

/// Documents by id, without what a store remembers beside them.
pub(crate) type Documents = BTreeMap<String, Value>;

/// Its id, and the document without what a store remembers beside it.
pub(crate) fn plain(mut document: Value) -> (String, Value) {
    let fields = document.as_object_mut().unwrap();
    fields.remove("was");
    fields.remove("memory");
    (fields["id"].as_str().unwrap().to_owned(), document)
}

/// What one pass over these files says.
pub(crate) fn one_pass(files: &[&Path]) -> Documents {
    let folder = tempfile::tempdir().unwrap();
    let output = tool(folder.path())
        .args(["index", "--store", "ndjson"])
        .args(files)
        .succeeds();
    output
        .lines()
        .map(|line| plain(serde_json::from_str(line).unwrap()))
        .collect()
}

/// What the embedded store of a folder holds.
pub(crate) fn stored(folder: &Path) -> Documents {
    let store = EmbeddedStore::open(&folder.join("data")).unwrap();
    let found = store.search(&Query::Everything, &Page::newest(1_000_000)).unwrap();
    assert_eq!(found.total, found.documents.len() as u64);
    found
        .documents
        .into_iter()
        .map(|document| plain(serde_json::to_value(document).unwrap()))
        .collect()
}

#[track_caller]
pub(crate) fn assert_same(found: &Documents, wanted: &Documents, how: &str) {
    let mut differences = Vec::new();
    for id in wanted
        .keys()
        .chain(found.keys())
        .collect::<std::collections::BTreeSet<_>>()
    {
        if without_clock(found.get(id)) != without_clock(wanted.get(id)) {
            differences.push(format!("found  {:?}\nwanted {:?}", found.get(id), wanted.get(id)));
        }
    }
    let count = differences.len();
    differences.truncate(3);
    assert!(
        differences.is_empty(),
        "{how}: {count} of {} differ\n{}",
        wanted.len(),
        differences.join("\n")
    );
}

/// When a run first met a template is the run's own clock, not the log's.
fn without_clock(document: Option<&Value>) -> Option<Value> {
    let mut document = document.cloned()?;
    if document["kind"] == "template" {
        document.as_object_mut()?.remove("noticed");
    }
    Some(document)
}

/// The summary of a run over these files.
#[track_caller]
pub(crate) fn index(folder: &Path, files: &[PathBuf]) -> Value {
    let output = tool(folder).args(["index", "--json"]).args(files).succeeds();
    serde_json::from_str(&output).unwrap()
}

/// Numbers without order, the same in every run of a test.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).unwrap()
    }
}

pub(crate) fn append(path: &Path, text: &str) {
    let mut file = File::options().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Where the next line of another second begins, at or after `from`.
pub(crate) fn next_second(log: &str, from: usize) -> usize {
    let mut at = log[..from].rfind('\n').map_or(0, |end| end + 1);
    let mut before = "";
    for line in log[at..].split_inclusive('\n') {
        let second = line.get(..15).unwrap_or_default();
        if at >= from && second != before && !before.is_empty() {
            return at;
        }
        before = second;
        at += line.len();
    }
    log.len()
}

pub(crate) fn lines(log: &str) -> u64 {
    log.lines().count() as u64
}

#[test]
fn a_log_that_grows_between_runs_by_any_bytes_is_read_once() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    fs::write(&path, &log).unwrap();
    let wanted = one_pass(&[&path]);
    fs::remove_file(&path).unwrap();
    let mut dice = Dice(5);
    let (mut at, mut new) = (0, 0);
    while at < log.len() {
        let end = (at + dice.below(log.len() / 6)).min(log.len());
        append(&path, &log[at..end]);
        at = end;
        let summary = index(folder.path(), std::slice::from_ref(&path));
        new += summary["lines"]["new"].as_u64().unwrap();
        let whole = lines(&log[..log[..at].rfind('\n').map_or(0, |end| end + 1)]);
        assert_eq!(new, whole, "after {at} bytes, half a line waits");
    }
    assert_same(&stored(folder.path()), &wanted, "grown");
}

#[test]
fn a_line_that_no_rule_knows_waits_for_the_mail_that_it_belongs_to() {
    let start = "2026-11-24T02:04:04.400Z mx1 postfix/smtpd[277]: 757F89D60C0: whatever this may be\n";
    let log = unpacked(&lab("postfix-short", "mail.rfc3339.log.gz"));
    let rest: String = log
        .split_inclusive('\n')
        .filter(|line| line.contains(" 757F89D60C0: "))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    fs::write(&path, format!("{start}{rest}")).unwrap();
    let wanted = one_pass(&[&path]);
    assert!(
        wanted
            .values()
            .any(|document| document["warnings"].to_string().contains("whatever this may be"))
    );
    fs::write(&path, start).unwrap();
    index(folder.path(), std::slice::from_ref(&path));
    append(&path, &rest);
    index(folder.path(), std::slice::from_ref(&path));
    assert_same(&stored(folder.path()), &wanted, "waited");
}

#[test]
fn a_run_that_is_killed_at_any_moment_is_simply_run_again() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    fs::write(&path, &log).unwrap();
    let wanted = one_pass(&[&path]);
    let mut killed = 0;
    // A bit later each time: through the start, the reading, the store's commits, the saving, and the end.
    let mut wait = Duration::from_millis(10);
    loop {
        let mut command = tool(folder.path())
            .args(["index", "--save-every", "0s"])
            .arg(&path)
            .command();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(wait);
        wait = wait.mul_f64(1.25);
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
    }
    assert!(killed > 1, "it was never caught at work");
    index(folder.path(), std::slice::from_ref(&path));
    assert_same(&stored(folder.path()), &wanted, &format!("killed {killed} times"));
    assert_eq!(index(folder.path(), std::slice::from_ref(&path))["lines"]["new"], 0);
}

#[test]
fn from_scratch_reads_everything_again_and_ends_with_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["mx1.mail.log.gz", "mx2.mail.log.gz", "sm1.mail.log.gz"].map(|name| lab("multihop", name));
    let names: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let wanted = one_pass(&names);
    let first = index(folder.path(), &paths);
    assert_eq!(index(folder.path(), &paths)["lines"]["read"], 0);
    let output = tool(folder.path())
        .args(["index", "--json", "--from-scratch"])
        .args(&paths)
        .succeeds();
    let again: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(again["lines"], first["lines"]);
    assert_same(&stored(folder.path()), &wanted, "from scratch");
}

#[test]
fn the_sources_of_the_configuration_are_read_where_no_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    for host in ["mx1", "mx2"] {
        fs::create_dir_all(logs.join(host)).unwrap();
        fs::copy(
            lab("multihop", &format!("{host}.mail.log.gz")),
            logs.join(host).join("mail.log.1.gz"),
        )
        .unwrap();
    }
    fs::copy(lab("multihop", "sm1.mail.log.gz"), logs.join("sm1.log.gz")).unwrap();
    let config = folder.path().join("mailtrail.yaml");
    let text = "sources:\n  - name: postfix\n    files: [logs/*/mail.log*]\n  - files: [logs/sm?.log.gz, logs/none*]\n";
    fs::write(&config, text).unwrap();
    let run = |args: &[&str]| -> Value {
        let output = tool(folder.path())
            .args(["index", "--json", "--config"])
            .arg(&config)
            .args(args)
            .succeeds();
        serde_json::from_str(&output).unwrap()
    };
    let count = |host: &str| lines(&unpacked(&lab("multihop", &format!("{host}.mail.log.gz"))));
    assert_eq!(
        run(&["--source", "postfix"])["lines"]["new"],
        count("mx1") + count("mx2")
    );
    assert_eq!(run(&[])["lines"]["new"], count("sm1"));
    let args = ["index", "--source", "postfx", "--config"];
    let (_, error) = tool(folder.path()).args(args).arg(&config).ends_with(2);
    assert!(
        error.contains("there is no source `postfx`") && error.contains("postfix, files"),
        "{error}"
    );
}

#[test]
fn a_rule_that_is_new_is_heard_by_messages_that_are_not_over() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).unwrap();
    let rule = "- id: site/quota\n  program: postfix/smtpd\n  pattern: '%{qid:queue_id}: quota policy: %{int:extra.percent} percent'\n  emits: record\n";
    fs::write(rules.join("site.yaml"), rule).unwrap();
    let text = unpacked(&lab("postfix-short", "mail.rfc3339.log.gz"));
    let of_mail = text
        .split_inclusive('\n')
        .filter(|line| line.contains(" 757F89D60C0: ") && !line.trim_end().ends_with("removed"));
    let mut log: String = of_mail.take(6).collect();
    log += "2026-11-24T02:05:34.600000+00:00 mx1 postfix/smtpd[9]: 757F89D60C0: quota policy: 97 percent\n";
    let path = folder.path().join("mail.log");
    fs::write(&path, log).unwrap();
    index(folder.path(), std::slice::from_ref(&path));
    let (_, said) = tool(folder.path())
        .args(["index", "--rules", "rules"])
        .arg(&path)
        .ends_with(0);
    assert!(
        said.contains("the lines of 1 messages that are not over were read again"),
        "{said}"
    );
    tool(folder.path()).args(["search", "extra.percent:97"]).succeeds();
    let (_, said) = tool(folder.path())
        .args(["index", "--rules", "rules"])
        .arg(&path)
        .ends_with(0);
    assert!(!said.contains("the rules have changed"), "{said}");
}
