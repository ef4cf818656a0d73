//! However a log is cut into runs, rotated, and the runs killed: the documents are those of one pass.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

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

fn append(path: &Path, text: &str) {
    let mut file = File::options().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Where the next line of another second begins, at or after `from`.
fn next_second(log: &str, from: usize) -> usize {
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

fn lines(log: &str) -> u64 {
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

/// The same log with its parts in several files, as logrotate leaves them: the runs between name `mail.log` alone, or all.
#[test]
fn rotation_by_renaming_packing_and_copying_loses_and_doubles_nothing() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    for (seed, all) in [(1, false), (2, true), (3, false)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.log");
        fs::write(&path, &log).unwrap();
        let wanted = one_pass(&[&path]);
        fs::remove_file(&path).unwrap();
        let mut dice = Dice(seed);
        // The first run finds an empty log; what was rotated away before nobody could know.
        File::create(&path).unwrap();
        index(folder.path(), std::slice::from_ref(&path));
        let (mut at, mut new) = (0, 0);
        while at < log.len() {
            for _ in 0..=dice.below(2) {
                let end = next_second(&log, (at + dice.below(log.len() / 8)).min(log.len()));
                append(&path, &log[at..end]);
                at = end;
                if dice.below(3) > 0 {
                    rotate(folder.path(), dice.below(5));
                    break;
                }
            }
            if !path.exists() {
                File::create(&path).unwrap();
            }
            let mut files = vec![path.clone()];
            if all {
                let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
                files = entries.filter(|path| path.is_file()).collect();
            }
            new += index(folder.path(), &files)["lines"]["new"].as_u64().unwrap();
            assert_eq!(new, lines(&log[..at]), "seed {seed}, after {at} bytes");
        }
        assert_same(&stored(folder.path()), &wanted, &format!("rotated, seed {seed}"));
    }
}

/// Moves older files on, then the log itself away.
fn rotate(folder: &Path, how: usize) {
    for number in (1..20).rev() {
        for end in ["", ".gz", ".zst", ".xz"] {
            let name = folder.join(format!("mail.log.{number}{end}"));
            if name.exists() {
                fs::rename(&name, folder.join(format!("mail.log.{}{end}", number + 1))).unwrap();
            }
        }
    }
    let (log, old) = (folder.join("mail.log"), folder.join("mail.log.1"));
    match how {
        0 => fs::rename(&log, &old).unwrap(),
        1 => {
            let mut packed = flate2::write::GzEncoder::new(
                File::create(folder.join("mail.log.1.gz")).unwrap(),
                flate2::Compression::fast(),
            );
            packed.write_all(&fs::read(&log).unwrap()).unwrap();
            packed.finish().unwrap();
            fs::remove_file(&log).unwrap();
        }
        2 => {
            let packed = zstd::encode_all(fs::read(&log).unwrap().as_slice(), 1).unwrap();
            fs::write(folder.join("mail.log.1.zst"), packed).unwrap();
            fs::remove_file(&log).unwrap();
        }
        3 => {
            let file = File::create(folder.join("mail.log.1.xz")).unwrap();
            let mut packed = liblzma::write::XzEncoder::new(file, 1);
            packed.write_all(&fs::read(&log).unwrap()).unwrap();
            packed.finish().unwrap();
            fs::remove_file(&log).unwrap();
        }
        // copytruncate: the new log has the old one's inode.
        _ => {
            fs::copy(&log, &old).unwrap();
            File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
        }
    }
}

#[test]
fn a_log_that_is_there_twice_while_it_is_rotated_is_counted_once() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let middle = next_second(&log, log.len() / 2);
    let ways: [(&str, &[&str]); 3] = [
        ("mail.log.1", &["cp", "mail.log", "mail.log.1"]),
        ("mail.log.1.gz", &["gzip", "-k", "-S", ".1.gz", "mail.log"]),
        // Not all of it is packed yet.
        (
            "mail.log.1.gz",
            &["sh", "-c", "gzip -c mail.log | head -c 20000 > mail.log.1.gz"],
        ),
    ];
    for (copy, command) in ways {
        for begun in [middle, 0] {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            append(&at("mail.log"), &log[..begun]);
            index(folder.path(), &[at("mail.log")]);
            append(&at("mail.log"), &log[begun..]);
            let whole = one_pass(&[&at("mail.log")]);
            let mut program = Command::new(command[0]);
            assert!(
                program
                    .args(&command[1..])
                    .current_dir(folder.path())
                    .status()
                    .unwrap()
                    .success()
            );
            assert!(at(copy).exists());
            index(folder.path(), &[at("mail.log"), at(copy)]);
            assert_same(
                &stored(folder.path()),
                &whole,
                &format!("{command:?} after {begun} bytes"),
            );
            fs::remove_file(at("mail.log")).unwrap();
            append(&at("mail.log"), "");
            if command[0] != "sh" {
                index(folder.path(), &[at("mail.log"), at(copy)]);
                assert_same(
                    &stored(folder.path()),
                    &whole,
                    &format!("the copy of {command:?} alone"),
                );
            }
        }
    }
}

#[test]
fn another_log_with_the_name_and_inode_of_the_old_one_is_read_from_its_beginning() {
    let log = unpacked(&lab("multihop", "mx1.mail.log.gz"));
    let other = unpacked(&lab("multihop", "mx2.mail.log.gz"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    fs::write(&path, &log).unwrap();
    index(folder.path(), std::slice::from_ref(&path));
    // Written over in place, and longer than it was: only the content tells it.
    assert!(other.len() > log.len());
    fs::write(&path, &other).unwrap();
    let (output, error) = tool(folder.path()).args(["index", "--json"]).arg(&path).ends_with(2);
    let summary: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(summary["lines"]["new"], lines(&other));
    assert!(error.contains("another file took the place of"), "{error}");
    let (first, second) = (folder.path().join("a.log"), folder.path().join("b.log"));
    fs::write(&first, &log).unwrap();
    fs::write(&second, &other).unwrap();
    assert_same(&stored(folder.path()), &one_pass(&[&first, &second]), "both");
}

#[test]
fn a_last_line_without_its_end_waits_until_it_is_whole_or_its_log_is_left() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let cut = log.len() / 2;
    let start = log[..cut].rfind('\n').unwrap() + 1;
    assert!(cut - start > 20, "half a line");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    fs::write(&path, &log[..cut]).unwrap();
    let files = [path.clone()];
    assert_eq!(index(folder.path(), &files)["lines"]["new"], lines(&log[..start]));
    assert_eq!(index(folder.path(), &files)["lines"]["new"], 0);
    // Left behind for another one, and never written to again.
    fs::rename(&path, folder.path().join("mail.log.1")).unwrap();
    let rest = next_second(&log, cut);
    fs::write(&path, &log[rest..]).unwrap();
    assert_eq!(index(folder.path(), &files)["lines"]["new"], 1 + lines(&log[rest..]));
    assert_eq!(index(folder.path(), &files)["lines"]["read"], 0);
}

#[test]
fn a_quiet_file_without_a_last_line_end_is_read_whole_and_its_line_may_still_grow() {
    let log = unpacked(&lab("multihop", "mx1.mail.log.gz"));
    let log = log.trim_end();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    fs::write(&path, log).unwrap();
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(hour_ago)
        .unwrap();
    let files = [path.clone()];
    assert_eq!(index(folder.path(), &files)["lines"]["new"], lines(log));
    append(&path, "\n");
    assert_eq!(index(folder.path(), &files)["lines"]["new"], 0, "only its end came");
    append(
        &path,
        "Nov 24 23:59:59 mx1 postfix/qmgr[1]: 4jYRVX2ky8z1Wg27: removed\n",
    );
    assert_eq!(index(folder.path(), &files)["lines"]["new"], 1);
}

#[test]
fn stamps_without_a_year_keep_the_year_that_they_were_given_first() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let half = next_second(&log, log.len() / 2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let touch = |days: u64| {
        let then = SystemTime::now() - Duration::from_secs(days * 86_400);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(then)
            .unwrap();
    };
    fs::write(&path, &log).unwrap();
    touch(365);
    let wanted = one_pass(&[&path]);
    fs::write(&path, &log[..half]).unwrap();
    touch(365);
    index(folder.path(), std::slice::from_ref(&path));
    // Copied about, so the file's time is no evidence any more.
    append(&path, &log[half..]);
    touch(0);
    assert_eq!(
        index(folder.path(), std::slice::from_ref(&path))["lines"]["new"],
        lines(&log[half..])
    );
    assert_same(&stored(folder.path()), &wanted, "dated");
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
fn a_second_run_into_the_same_folder_is_refused_by_the_number_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tool(folder.path()).args(["index", "-"]).command();
    let mut first = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let lock = folder.path().join("data/state.lock");
    let mut patience = 200;
    while fs::read_to_string(&lock).unwrap_or_default().is_empty() {
        patience -= 1;
        assert!(patience > 0, "it never took the lock");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (_, error) = tool(folder.path())
        .arg("index")
        .arg(lab("multihop", "mx1.mail.log.gz"))
        .ends_with(2);
    assert!(
        error.contains(&format!("another mailtrail (process {} on ", first.id())),
        "{error}"
    );
    drop(first.stdin.take());
    assert!(first.wait().unwrap().success());
    tool(folder.path())
        .arg("index")
        .arg(lab("multihop", "mx1.mail.log.gz"))
        .succeeds();
}

#[test]
fn a_torn_state_is_noticed_and_the_one_before_is_used() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    fs::write(&path, &log).unwrap();
    let wanted = one_pass(&[&path]);
    let files = [path.clone()];
    let (third, two_thirds) = (next_second(&log, log.len() / 3), next_second(&log, log.len() * 2 / 3));
    for end in [third, two_thirds] {
        fs::write(&path, &log[..end]).unwrap();
        index(folder.path(), &files);
    }
    let state = folder.path().join("data/state.json");
    let whole = fs::read_to_string(&state).unwrap();
    fs::write(&state, &whole[..whole.len() - 40]).unwrap();
    fs::write(&path, &log).unwrap();
    let (output, error) = tool(folder.path()).args(["index", "--json"]).arg(&path).ends_with(0);
    assert!(
        error.contains("the one before it is, and what came since is read again"),
        "{error}"
    );
    let summary: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(summary["lines"]["new"], lines(&log[third..]));
    assert_same(&stored(folder.path()), &wanted, "torn");

    fs::write(&state, "{\"format\": 1").unwrap();
    fs::write(folder.path().join("data/state.json.prev"), "").unwrap();
    let (_, error) = tool(folder.path()).arg("index").arg(&path).ends_with(2);
    assert!(error.contains("is damaged, and so is the one before it"), "{error}");
    fs::write(&state, "{\"format\": 2}\n{\"anything\": \"else\"}\n").unwrap();
    let (_, error) = tool(folder.path()).arg("index").arg(&path).ends_with(2);
    assert!(error.contains("was written by a newer mailtrail (format 2"), "{error}");
    tool(folder.path())
        .args(["index", "--from-scratch"])
        .arg(&path)
        .succeeds();
    assert_same(&stored(folder.path()), &wanted, "begun anew");
}

#[test]
fn the_state_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = lab("multihop", "mx1.mail.log.gz");
    let (_, error) = tool(folder.path()).arg("state").ends_with(1);
    assert!(error.contains("nothing was read yet"), "{error}");
    index(folder.path(), std::slice::from_ref(&log));
    let text = tool(folder.path()).arg("state").succeeds();
    assert!(
        text.contains("mx1.mail.log.gz") && !text.contains("not read to its end"),
        "{text}"
    );
    let state: Value = serde_json::from_str(&tool(folder.path()).args(["state", "--json"]).succeeds()).unwrap();
    assert_eq!(state["generation"], 1);
    assert_eq!(state["files"][0]["position"]["lines"], lines(&unpacked(&log)));
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
