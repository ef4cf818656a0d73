//! Disks that are full, folders without rights, stores of another version: a word, and nothing lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::hostile::{assert_good, good_log, lines, written};
use crate::state::{assert_same, index, stored};
use crate::tool::{lab, tool};

/// The user `nobody`, with the binary and a folder of its own. None where this machine cannot.
fn as_nobody(folder: &Path) -> Option<Command> {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    if !is_root {
        command = Command::new("env");
    }
    let binary = folder.join("mailtrail");
    fs::hard_link(env!("CARGO_BIN_EXE_mailtrail"), &binary)
        .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_mailtrail"), &binary).map(|_| ()))
        .unwrap();
    for path in [folder, &binary] {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    command.arg(&binary).env_clear().current_dir("/");
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TZ", "UTC");
    let mut probe = Command::new(command.get_program());
    probe
        .args(command.get_args())
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this machine does not let the test be another user (setpriv)");
        return None;
    }
    Some(command)
}

#[test]
fn what_may_not_be_read_or_written_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let secret = written(folder.path(), "secret.log", good_log());
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    written(&closed, "mail.log", good_log());
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let good = written(folder.path(), "mail.log", good_log());
    fs::set_permissions(&good, fs::Permissions::from_mode(0o644)).unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    let Some(mut command) = as_nobody(folder.path()) else {
        return;
    };
    let output = command
        .args(["index", "--json", "--data"])
        .arg(&data)
        .args([&secret, &closed.join("mail.log"), &good])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for name in ["secret.log", "closed/mail.log"] {
        assert!(
            said.contains(&format!("{name}: permission denied; run as root or as a member")),
            "{said}"
        );
    }
    assert_eq!(lines(&String::from_utf8_lossy(&output.stdout), "matched"), 5);
    // A folder for the index that may not be written to.
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let Some(mut command) = as_nobody(&tempfile::tempdir().unwrap().keep()) else {
        return;
    };
    let output = command
        .args(["index", "--data"])
        .arg(closed.join("data"))
        .arg(&good)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("closed/data") && said.contains("ermission denied"),
        "{said}"
    );
}

#[test]
fn a_full_disk_stops_the_run_with_a_word_and_the_next_run_completes_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = lab("postfix-short", "mail.log.gz");
    let wanted = {
        let whole = tempfile::tempdir().unwrap();
        index(whole.path(), std::slice::from_ref(&log));
        stored(whole.path())
    };
    // No file may grow beyond so many kilobytes: the write fails as on a full disk, at one place after the other.
    for kilobytes in [0, 1, 16, 64, 100] {
        let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$@\"");
        let run = tool(folder.path())
            .args(["index", "--timezone", "UTC"])
            .arg(&log)
            .command();
        let mut limited = Command::new("bash");
        limited
            .args(["-c", &script, "bash"])
            .arg(run.get_program())
            .args(run.get_args());
        limited
            .env_clear()
            .env("MAILTRAIL_DATA", folder.path().join("data"))
            .env("TZ", "UTC");
        let output = limited.current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if kilobytes > 16 && output.status.success() {
            // How much a run writes at once is tantivy's choice: this was enough.
            continue;
        }
        assert_eq!(output.status.code(), Some(2), "{kilobytes} KB: {said}");
        assert!(
            said.starts_with("error: ") && said.contains("File too large"),
            "{kilobytes} KB: {said}"
        );
        assert!(!said.contains("panicked"), "{said}");
    }
    tool(folder.path())
        .args(["index", "--timezone", "UTC"])
        .arg(&log)
        .succeeds();
    assert_same(&stored(folder.path()), &wanted, "after full disks");
}

#[test]
fn a_full_disk_behind_standard_output_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tool(folder.path())
        .args(["index", "--store", "ndjson"])
        .arg(lab("sendmail", "mail.log.gz"))
        .command();
    command.stdout(fs::File::options().write(true).open("/dev/full").unwrap());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
}

/// Runs a script that mounts `disk`, with the program as `$0` and the log as `$1`. None where nothing can be mounted.
fn with_a_small_disk(folder: &Path, script: &str, log: &Path) -> Option<Output> {
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_mailtrail")])
        .arg(log)
        .current_dir(folder)
        .output();
    let mounted = output
        .ok()
        .filter(|output| !matches!(output.status.code(), Some(1 | 99 | 126 | 127)));
    if mounted.is_none() {
        eprintln!("SKIPPED: this machine does not let the test mount a small disk");
    }
    mounted
}

#[test]
fn a_really_full_disk_is_one_too() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let script =
        "mount -t tmpfs -o size=200k none disk || exit 99; \"$0\" --data disk/data index --timezone UTC \"$1\"";
    let log = lab("postfix-short", "mail.log.gz");
    let Some(output) = with_a_small_disk(folder.path(), script, &log) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
}

/// The index is on another disk, which has room.
#[test]
fn a_full_disk_under_the_state_alone_is_told_and_the_next_run_ends_with_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let first = written(folder.path(), "mail.log", good_log());
    let log = lab("postfix-short", "mail.log.gz");
    index(folder.path(), std::slice::from_ref(&first));
    fs::create_dir(folder.path().join("disk")).unwrap();
    let script = "mount -t tmpfs -o size=64k none disk || exit 99; \
        cp data/*.json data/*.lock disk && ln -s \"$PWD\"/data/tx-* disk && \
        exec \"$0\" --data disk index --timezone UTC \"$1\"";
    let Some(output) = with_a_small_disk(folder.path(), script, &log) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("cannot save disk/state.json") && said.contains("No space left on device"),
        "{said}"
    );
    // The index has what was read and the state does not know it: the next run writes it once more.
    assert!(stored(folder.path()).len() > 100);
    index(folder.path(), std::slice::from_ref(&log));
    let whole = tempfile::tempdir().unwrap();
    index(whole.path(), &[first]);
    index(whole.path(), &[log]);
    assert_same(&stored(folder.path()), &stored(whole.path()), "after a full disk");
}

#[test]
fn a_store_of_another_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(folder.path(), "mail.log", good_log());
    index(folder.path(), std::slice::from_ref(&log));
    let marker = folder.path().join("data/store.json");
    let before = fs::read_to_string(&marker).unwrap();
    let other = before.replace("\"format\":2", "\"format\":99");
    assert_ne!(before, other);
    fs::write(&marker, &other).unwrap();
    let state = |folder: &Path| {
        let mut names: Vec<_> = walk(&folder.join("data"));
        names.sort();
        names
    };
    let files = state(folder.path());
    let index_again = tool(folder.path()).arg("index").arg(&log).ends_with(2).1;
    let search = tool(folder.path()).args(["search", "*"]).ends_with(2).1;
    for said in [index_again, search] {
        assert!(
            said.contains("was made by another version of mailtrail (format 99"),
            "{said}"
        );
    }
    assert_eq!(state(folder.path()), files);
    fs::write(&marker, before).unwrap();
    assert_good(folder.path());
}

/// Every file of a folder with its size.
fn walk(folder: &Path) -> Vec<(PathBuf, u64)> {
    fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            let size = path.metadata().unwrap().len();
            if path.is_dir() { walk(&path) } else { vec![(path, size)] }
        })
        .collect()
}
