//! What rotation does to a log between two runs: its rest is found, and nothing is read twice.

use std::fs;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use mailtrail::source::{Merge, Read, Source as _, find};
use serde_json::Value;

use crate::state::{Dice, append, assert_same, index, lines, next_second, one_pass, stored};
use crate::tool::{lab, tool, unpacked};

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
fn a_copy_that_is_still_being_made_gives_no_line_twice_and_no_half_line() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let middle = next_second(&log, log.len() / 2);
    // Shorter than what was read; longer, in the middle of a line that the log has got meanwhile.
    for copied in [middle / 2 + 11, middle + 4_321] {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        append(&at("mail.log"), &log[..middle]);
        index(folder.path(), &[at("mail.log")]);
        append(&at("mail.log"), &log[middle..]);
        let whole = one_pass(&[&at("mail.log")]);
        append(&at("mail.log.1"), &log[..copied]);
        // The log was looked at before it grew: only its copy is named.
        index(folder.path(), &[at("mail.log.1")]);
        append(&at("mail.log.1"), &log[copied..]);
        fs::write(at("mail.log"), "").unwrap();
        index(folder.path(), &[at("mail.log"), at("mail.log.1")]);
        assert_same(&stored(folder.path()), &whole, &format!("{copied} bytes were copied"));
    }
}

#[test]
fn logs_that_begin_alike_and_go_on_differently_are_both_read() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let begin = next_second(&log, 20_000);
    let middle = next_second(&log, log.len() * 2 / 3);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    append(&at("long.log"), &log[..middle]);
    append(&at("short.log"), &(log[..begin].to_owned() + &log[middle..]));
    index(folder.path(), &[at("long.log")]);
    let read = index(folder.path(), &[at("short.log")])["lines"]["read"].as_u64();
    assert!(read >= Some(lines(&log[middle..])), "{read:?}");
}

#[test]
fn a_log_of_which_nothing_was_read_is_not_taken_for_another_that_begins_like_it() {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    append(&at("other.log"), "Nov ");
    index(folder.path(), &[at("other.log")]);
    // In the middle of a line, which its writer ends later.
    let middle = next_second(&log, 20_000) + 40;
    append(&at("mail.log"), &log[..middle]);
    index(folder.path(), &[at("mail.log")]);
    append(&at("mail.log"), &log[middle..]);
    index(folder.path(), &[at("mail.log")]);
    assert_same(&stored(folder.path()), &one_pass(&[&at("mail.log")]), "in two runs");
}

/// A service looks at a log that was just emptied, and reads what is written to it meanwhile.
#[test]
fn a_log_that_was_empty_when_it_was_looked_at_is_known_by_what_was_read_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, aside) = (folder.path().join("mail.log"), folder.path().join("mail.log.1"));
    let line = |second: u32| format!("Nov 24 02:04:{second:02} mx1 postfix/qmgr[252]: 757F89D60C0: removed\n");
    let dating = crate::lines::dating(mailtrail::line::TimeZone::Utc);
    let read = |found: mailtrail::source::Found| {
        let opened = found.open(dating);
        let mut merge = Merge::new(opened.sources, Vec::new());
        let mut count = 0;
        while let Some(Read::Line(_)) = merge.next().unwrap() {
            count += 1;
        }
        (count, [opened.kept, merge.places()].concat())
    };
    File::create(&path).unwrap();
    let names = [path.clone(), aside.clone()];
    let mut found = find(&names[..1], Vec::new(), dating.now);
    found.begin(dating.now);
    append(&path, &line(1));
    let (count, places) = read(found);
    assert_eq!(count, 1);
    // Copied and emptied; what is written then is as long as what was read, and longer.
    fs::copy(&path, &aside).unwrap();
    fs::write(&path, line(2) + &line(3)).unwrap();
    let (count, places) = read(find(&names, places, dating.now));
    assert_eq!(count, 2, "{places:?}");
    let (count, _) = read(find(&names, places, dating.now));
    assert_eq!(count, 0);
}
