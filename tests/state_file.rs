//! The state on the disk: one process has it, a torn one is noticed, a person can read it.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::state::{assert_same, index, lines, next_second, one_pass, stored};
use crate::tool::{lab, tool, unpacked};

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
