//! The service over files that are packed, replaced, taken away and brought back while it looks.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::follow::{Service, append, stored_here};
use crate::state::{assert_same, one_pass, stored};
use crate::tool::{lab, unpacked};

/// What one pass over these logs says.
fn wanted(logs: &[&str]) -> crate::state::Documents {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..logs.len())
        .map(|number| folder.path().join(format!("{number}.log")))
        .collect();
    for (path, log) in paths.iter().zip(logs) {
        fs::write(path, log).unwrap();
    }
    one_pass(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>())
}

/// Waits until all is read, ends the service, and compares.
#[track_caller]
fn assert_ends_with(service: Service, folder: &Path, logs: &[&str]) -> String {
    let wanted = wanted(logs);
    service.until("the rest is not read", || stored_here(folder) == wanted.len());
    let (_, said) = service.stop();
    assert_same(&stored(folder), &wanted, &said);
    said
}

/// So many parts of about equal size. A file is rotated between two seconds: lines of one second in two files have no
/// order.
fn parts(log: &str, count: usize) -> Vec<&str> {
    let second = |line: &str| line.get(..15).unwrap_or_default().to_owned();
    let (mut parts, mut at) = (Vec::new(), 0);
    for number in 1..=count {
        let mut end = at;
        let mut before = String::new();
        for line in log[at..].split_inclusive('\n') {
            if end >= log.len() * number / count && second(line) != before {
                break;
            }
            before = second(line);
            end += line.len();
        }
        parts.push(&log[at..end]);
        at = end;
    }
    parts
}

fn packed(how: &str, bytes: &[u8]) -> Vec<u8> {
    match how {
        "zst" => zstd::encode_all(bytes, 1).unwrap(),
        "xz" => {
            let mut packed = liblzma::write::XzEncoder::new(Vec::new(), 1);
            packed.write_all(bytes).unwrap();
            packed.finish().unwrap()
        }
        _ => {
            let mut packed = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            packed.write_all(bytes).unwrap();
            packed.finish().unwrap()
        }
    }
}

#[test]
fn logs_that_zstd_xz_and_bzip2_pack_while_they_are_followed_are_read_once() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let parts = parts(&log, 12);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let pattern = path("mail.log*").display().to_string();
    let service = Service::start(folder.path(), &["--commit-every", "1s", &pattern]);
    service.says("event=started");
    for (part, how) in parts.chunks(4).zip(["zst", "xz", "bz2"]) {
        let old = path(&format!("mail.log-{how}"));
        append(&path("mail.log"), part[0]);
        std::thread::sleep(Duration::from_millis(1300));
        append(&path("mail.log"), part[1]);
        fs::rename(path("mail.log"), &old).unwrap();
        // Its writer is told later.
        append(&old, part[2]);
        std::thread::sleep(Duration::from_millis(1300));
        let bytes = packed(how, &fs::read(&old).unwrap());
        let (half, rest) = bytes.split_at(bytes.len() / 2);
        let mut file = fs::File::create(path(&format!("mail.log-{how}.{how}"))).unwrap();
        file.write_all(half).unwrap();
        std::thread::sleep(Duration::from_millis(700));
        file.write_all(rest).unwrap();
        fs::remove_file(&old).unwrap();
        append(&path("mail.log"), part[3]);
    }
    let said = assert_ends_with(service, folder.path(), &[&log]);
    assert!(!said.contains("level=error"), "{said}");
}

#[test]
fn another_log_under_the_name_and_inode_of_a_followed_one_is_read_from_its_beginning() {
    let first = unpacked(&lab("multihop", "mx1.mail.log.gz"));
    let second = unpacked(&lab("multihop", "mx2.mail.log.gz"));
    let third = unpacked(&lab("postfix-repeated", "mail.log.gz"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    fs::write(&path, &first).unwrap();
    let service = Service::start(folder.path(), &["mail.log"]);
    let count = wanted(&[&first]).len();
    service.until("the first is read", || stored_here(folder.path()) == count);
    // Written over in place: it is longer, so only its content tells that it is another one.
    assert!(second.len() > first.len());
    fs::write(&path, &second).unwrap();
    let count = wanted(&[&first, &second]).len();
    service.until("the second is read", || stored_here(folder.path()) == count);
    // A new file that gets the number of the one that was removed, where the file system gives it at once.
    let inode = path.metadata().unwrap().ino();
    for _ in 0..20 {
        fs::remove_file(&path).unwrap();
        append(&path, &third);
        if path.metadata().unwrap().ino() == inode {
            break;
        }
    }
    assert_ends_with(service, folder.path(), &[&first, &second, &third]);
}

#[test]
fn logs_that_come_and_go_under_a_pattern_are_read() {
    let first = unpacked(&lab("multihop", "mx1.mail.log.gz"));
    let second = unpacked(&lab("multihop", "mx2.mail.log.gz"));
    let parts = parts(&first, 2);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let pattern = path("logs/*/mail.log").display().to_string();
    let service = Service::start(folder.path(), &[&pattern]);
    service.says("event=started");
    fs::create_dir_all(path("logs/mx1")).unwrap();
    append(&path("logs/mx1/mail.log"), parts[0]);
    service.until("the first half is read", || stored_here(folder.path()) > 0);
    // The machine is away, and another one comes.
    fs::rename(path("logs/mx1"), path("mx1-is-away")).unwrap();
    let count = stored_here(folder.path());
    fs::create_dir_all(path("logs/mx2")).unwrap();
    append(&path("logs/mx2/mail.log"), &second);
    service.until("the other one is read", || stored_here(folder.path()) > count);
    fs::remove_dir_all(path("logs/mx2")).unwrap();
    append(&path("mx1-is-away/mail.log"), parts[1]);
    std::thread::sleep(Duration::from_millis(1500));
    fs::rename(path("mx1-is-away"), path("logs/mx1")).unwrap();
    let said = assert_ends_with(service, folder.path(), &[&first, &second]);
    assert!(!said.contains("level=error"), "{said}");
}

/// What a network mount does to whoever looks: it is away for a while, returns with other inodes (after a stale handle
/// each name means a new one), and tells an old size first.
#[test]
fn a_mount_that_goes_and_returns_with_other_inodes_and_an_old_size_is_read_on() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let parts = parts(&log, 4);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("mount")).unwrap();
    let name = path("mount/mail.log").display().to_string();
    let service = Service::start(folder.path(), &["--commit-every", "1s", &name]);
    service.says("event=started");
    append(&path("mount/mail.log"), &parts[..2].concat());
    service.until("the first half is read", || stored_here(folder.path()) > 0);
    std::thread::sleep(Duration::from_millis(1500));
    fs::rename(path("mount"), path("away")).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    fs::create_dir(path("mount")).unwrap();
    // As it was some time ago.
    fs::write(path("mount/new"), parts[0]).unwrap();
    fs::rename(path("mount/new"), path("mount/mail.log")).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    append(&path("mount/mail.log"), &parts[1..3].concat());
    std::thread::sleep(Duration::from_millis(1500));
    append(&path("mount/mail.log"), parts[3]);
    let said = assert_ends_with(service, folder.path(), &[&log]);
    assert!(!said.contains("event=source_failed"), "{said}");
}

#[test]
fn a_log_that_is_rotated_away_before_its_first_line_was_saved_is_read_by_the_next_service() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let parts = parts(&log, 2);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("mail.log"), parts[0]).unwrap();
    let service = Service::start(folder.path(), &["--commit-every", "1h", "mail.log"]);
    let state = path("data/state.json");
    let is_known = || fs::read_to_string(&state).is_ok_and(|state| state.contains("mail.log"));
    service.until("the log is known", is_known);
    assert_eq!(stored_here(folder.path()), 0);
    service.kill();
    fs::rename(path("mail.log"), path("mail.log.1")).unwrap();
    append(&path("mail.log"), parts[1]);
    let service = Service::start(folder.path(), &["mail.log"]);
    assert_ends_with(service, folder.path(), &[&log]);
}
