//! What an operator's disk can hold and do: files that are no logs, that shrink, that may not be read; full disks, old
//! stores, huge messages, far times. A clear word or a counted line, the others are read, and nothing is lost.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mailtrail::line::{Dating, Evidence, Moment, Reader, Said, TimeZone};
use mailtrail::source::{FileSource, Read, Source as _};
use serde_json::Value;

use crate::lines::dating;
use crate::state::{assert_same, index, one_pass, stored};
use crate::tool::{lab, tool, unpacked};

/// A message that was sent: five lines.
fn good_log() -> String {
    [
        "postfix/smtpd[1]: 757F89D60C0: client=client.example[192.0.2.1]",
        "postfix/cleanup[2]: 757F89D60C0: message-id=<good@senders.example>",
        "postfix/qmgr[3]: 757F89D60C0: from=<ann@senders.example>, size=1000, nrcpt=1 (queue active)",
        "postfix/smtp[4]: 757F89D60C0: to=<bob@good.example>, relay=mx.good.example[198.51.100.1]:25, delay=1, \
         delays=0.1/0.1/0.3/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as X)",
        "postfix/qmgr[3]: 757F89D60C0: removed",
    ]
    .map(|text| format!("2026-11-24T02:04:04.100Z mx1 {text}\n"))
    .concat()
}

fn written(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// The good message is there, whatever else was.
#[track_caller]
fn assert_good(folder: &Path) {
    let found = tool(folder).args(["search", "qid:757F89D60C0", "--json"]).succeeds();
    assert!(found.contains("\"status\":\"relayed\""), "{found}");
}

fn lines(summary: &str, name: &str) -> u64 {
    let summary: Value = serde_json::from_str(summary).unwrap();
    summary["lines"][name].as_u64().unwrap()
}

#[test]
fn files_that_are_no_logs_are_named_and_the_others_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let binary: Vec<u8> = (0_u32..300_000)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let no_gzip = [b"\x1f\x8b\x08\x00".as_slice(), &binary[..5000]].concat();
    let files = [
        written(folder.path(), "binary.log", &binary),
        written(folder.path(), "nul.log", [vec![0; 1_000_000], vec![b'\n']].concat()),
        written(folder.path(), "none.log.gz", &no_gzip),
        written(folder.path(), "text.log.gz", "no header\n"),
        written(folder.path(), "mail.log", good_log()),
    ];
    let (summary, said) = tool(folder.path()).args(["index", "--json"]).args(&files).ends_with(2);
    for (name, reason) in [
        ("binary.log", "is no log that can be read"),
        (
            "nul.log",
            "is no log that can be read: none of its 1 lines begins with a time",
        ),
        ("none.log.gz", "is damaged after line 0"),
        ("text.log.gz", "--host mx1 --at"),
    ] {
        let line = said.lines().find(|line| line.contains(name)).unwrap();
        assert!(line.starts_with("error: ") && line.contains(reason), "{line}");
    }
    assert!(!said.contains("mail.log "), "{said}");
    assert_eq!(lines(&summary, "matched"), 5);
    assert_eq!(lines(&summary, "read"), 5 + lines(&summary, "unreadable"));
    assert_good(folder.path());
}

#[test]
fn a_hole_of_nul_bytes_costs_no_line() {
    let folder = tempfile::tempdir().unwrap();
    // As copytruncate leaves it under a writer that goes on where it was.
    let log = [vec![0; 300_000], good_log().into_bytes(), b"\0\0\n".to_vec()].concat();
    let log = written(folder.path(), "mail.log", log);
    let summary = index(folder.path(), &[log]);
    assert_eq!(
        (&summary["lines"]["matched"], &summary["lines"]["unreadable"]),
        (&5.into(), &1.into())
    );
    assert_good(folder.path());
    // One that begins within a line, as after a power cut.
    let half = b"Nov 24 02:04:04 mx1 postfix/qmgr[277]: 757F".to_vec();
    let log = [half, vec![0; 500_000], good_log().into_bytes()].concat();
    let other = tempfile::tempdir().unwrap();
    let log = written(other.path(), "mail.log", log);
    let summary = index(other.path(), &[log]);
    assert_eq!(
        (&summary["lines"]["read"], &summary["lines"]["matched"]),
        (&6.into(), &5.into())
    );
    let short = [vec![0; 3000], good_log().into_bytes()].concat();
    let other = tempfile::tempdir().unwrap();
    let log = written(other.path(), "mail.log", short);
    assert_eq!(index(other.path(), &[log])["lines"]["matched"], 5);
    assert_good(other.path());
}

/// Runs the binary and watches how much memory it takes, in bytes.
fn watched(mut command: Command) -> (Option<i32>, String, u64) {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let code = loop {
        if let Ok(status) = fs::read_to_string(&status)
            && let Some(line) = status.lines().find(|line| line.starts_with("VmHWM:"))
        {
            let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            most = most.max(kilobytes * 1024);
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(most > 0, "the memory of a process can be seen");
    (code, said, most)
}

#[test]
fn a_line_of_100_megabytes_is_cut_and_needs_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mail.log");
    let mut file = fs::File::create(&log).unwrap();
    file.write_all(b"2026-11-24T02:04:03Z mx1 postfix/smtpd[1]: NOQUEUE: ")
        .unwrap();
    for _ in 0..100 {
        file.write_all(&vec![b'x'; 1_000_000]).unwrap();
    }
    file.write_all(format!("\n{}", good_log()).as_bytes()).unwrap();
    drop(file);
    let mut command = tool(folder.path()).args(["index"]).arg(&log).command();
    command.stdout(Stdio::null());
    let (code, said, most) = watched(command);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("warning: 1 lines were longer than 64 KiB"), "{said}");
    assert!(most < 150 << 20, "{} MB", most >> 20);
    assert_good(folder.path());
}

#[test]
fn a_file_that_shrinks_while_it_is_read_gives_whole_lines_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let log = unpacked(&lab("postfix-short", "mail.rfc3339.log.gz"));
    let path = written(folder.path(), "mail.log", &log);
    let mut source = FileSource::open(&path, dating(TimeZone::Utc)).unwrap();
    let mut raws = Vec::new();
    let error = loop {
        match source.next() {
            Ok(Some(Read::Line(line))) => {
                raws.extend((!line.repeated).then(|| String::from_utf8_lossy(&line.raw).into_owned()));
            }
            Ok(Some(Read::Unreadable { .. })) => panic!("half a line"),
            Ok(None) => panic!("nothing was said"),
            Err(error) => break error.to_string(),
        }
        if raws.len() == 1 {
            fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_len(100)
                .unwrap();
        }
    };
    assert!(matches!(source.next(), Ok(None)));
    assert!(
        error.contains("mail.log was emptied or cut while it was read"),
        "{error}"
    );
    assert!(
        error.contains(&format!("of {} bytes are missing", log.len())),
        "{error}"
    );
    let all: Vec<&str> = log.lines().collect();
    assert!(raws.len() > 500 && raws.len() < all.len());
    for raw in &raws {
        assert!(all.contains(&raw.as_str()), "no line is half a line: {raw}");
    }
}

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

#[test]
fn a_really_full_disk_is_one_too() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let script =
        "mount -t tmpfs -o size=200k none disk || exit 99; \"$0\" --data disk/data index --timezone UTC \"$1\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_mailtrail")])
        .arg(lab("postfix-short", "mail.log.gz"))
        .current_dir(folder.path())
        .output();
    let Some(output) = output
        .ok()
        .filter(|output| !matches!(output.status.code(), Some(1 | 99 | 126 | 127)))
    else {
        eprintln!("SKIPPED: this machine does not let the test mount a small disk");
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
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_mailtrail")])
        .arg(&log)
        .current_dir(folder.path())
        .output();
    let Some(output) = output
        .ok()
        .filter(|output| !matches!(output.status.code(), Some(1 | 99 | 126 | 127)))
    else {
        eprintln!("not tried: no file system can be mounted here");
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

/// One message to so many recipients, a third of whom are deferred first.
fn large(recipients: usize) -> Vec<String> {
    let mut log = Vec::new();
    let stamp = |second: usize| {
        format!(
            "2026-11-24T{:02}:{:02}:{:02}Z mx1",
            2 + second / 3600,
            second / 60 % 60,
            second % 60
        )
    };
    log.push(format!(
        "{} postfix/smtpd[1]: 757F89D60C0: client=client.example[192.0.2.1]",
        stamp(0)
    ));
    log.push(format!(
        "{} postfix/cleanup[2]: 757F89D60C0: message-id=<large@senders.example>",
        stamp(0)
    ));
    log.push(format!(
        "{} postfix/qmgr[3]: 757F89D60C0: from=<ann@senders.example>, size=1000, nrcpt={recipients} (queue active)",
        stamp(1)
    ));
    let attempt = |n: usize, status: &str, second: usize| {
        format!(
            "{} postfix/smtp[{}]: 757F89D60C0: to=<user{n}@good.example>, relay=mx.good.example[198.51.100.1]:25, delay=1, \
             delays=0.1/0.1/0.3/0.5, {status}",
            stamp(second),
            n % 50 + 10
        )
    };
    for n in (0..recipients).step_by(3) {
        log.push(attempt(
            n,
            "dsn=4.2.0, status=deferred (host mx.good.example[198.51.100.1] said: 450 4.2.0 later)",
            2 + n / 50,
        ));
    }
    for n in 0..recipients {
        log.push(attempt(
            n,
            "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as X)",
            1000 + n / 10,
        ));
    }
    log.push(format!("{} postfix/qmgr[3]: 757F89D60C0: removed", stamp(2100)));
    log
}

#[test]
fn a_message_to_10000_is_one_document_and_its_halves_in_either_order_are_the_whole() {
    let log = large(10_000);
    let text = |lines: &mut dyn Iterator<Item = &String>| {
        lines.fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let whole = written(folder.path(), "whole.log", text(&mut log.iter()));
    let wanted: crate::state::Documents = one_pass(&[&whole])
        .into_iter()
        .filter(|(_, document)| document["kind"] == "mail")
        .collect();
    let document = wanted.values().next().unwrap();
    assert_eq!(wanted.len(), 1);
    assert_eq!(document["status"], "relayed");
    assert_eq!(document["line_count"], log.len());
    assert_eq!(document["to"].as_array().unwrap().len(), 2_000);
    // Every second line, and the two halves one after the other.
    let middle = log.len() / 2;
    let halves = [
        [
            text(&mut log.iter().step_by(2)),
            text(&mut log.iter().skip(1).step_by(2)),
        ],
        [text(&mut log[..middle].iter()), text(&mut log[middle..].iter())],
    ];
    for (how, [one, other]) in halves.iter().enumerate() {
        for (first, second) in [(one, other), (other, one)] {
            let folder = tempfile::tempdir().unwrap();
            let (first, second) = (
                written(folder.path(), "first.log", first),
                written(folder.path(), "second.log", second),
            );
            index(folder.path(), &[first]);
            index(folder.path(), &[second]);
            let found = stored(folder.path())
                .into_iter()
                .filter(|(_, document)| document["kind"] == "mail")
                .collect();
            assert_same(&found, &wanted, &format!("halves {how}"));
        }
    }
}

#[test]
fn a_hundred_thousand_open_messages_are_kept_without_their_memory() {
    let folder = tempfile::tempdir().unwrap();
    let id = |n: u64| format!("{:X}", 0x1_0000_0000_u64 + n * 7919);
    let mut log = String::new();
    for n in 0..100_000 {
        let _ = writeln!(
            log,
            "2026-11-24T02:{:02}:{:02}Z mx1 postfix/smtpd[{}]: {}: client=client.example[192.0.2.{}]",
            n / 2000,
            n / 100 % 20,
            n % 500,
            id(n),
            n % 250
        );
    }
    let log = written(folder.path(), "mail.log", log);
    let mut command = tool(folder.path())
        .args(["index", "--json", "--max-open", "2000"])
        .arg(&log)
        .command();
    let summary = folder.path().join("summary.json");
    command.stdout(fs::File::create(&summary).unwrap());
    let (code, said, most) = watched(command);
    assert_eq!(code, Some(0), "{said}");
    let summary: Value = serde_json::from_str(&fs::read_to_string(summary).unwrap()).unwrap();
    assert_eq!(
        (&summary["lines"]["matched"], &summary["documents"]["mail"]),
        (&100_000.into(), &100_000.into())
    );
    assert!(most < 450 << 20, "{} MB", most >> 20);
    // Each of them can be found.
    for n in [0, 1, 50_000, 99_999] {
        let found = tool(folder.path())
            .args(["search", &format!("qid:{}", id(n)), "--json"])
            .succeeds();
        assert!(found.contains(&format!("\"192.0.2.{}\"", n % 250)), "{found}");
    }
}

#[test]
fn a_clock_in_2038_is_a_clock() {
    // A second after 32 bits of seconds are used up; sendmail's ids have a letter for the year.
    let folder = tempfile::tempdir().unwrap();
    let log = good_log().replace("2026-11-24T02:04:04.100Z", "2038-01-19T03:14:08.100Z")
        + "2038-01-19T03:14:09Z sm1 sm-mta[83]: I0J3E8aa000083: from=<ann@senders.example>, size=1, class=0, nrcpts=1, \
           msgid=<a@b>, proto=ESMTP, daemon=MTA, relay=[192.0.2.1]\n";
    let log = written(folder.path(), "mail.log", log);
    index(folder.path(), &[log]);
    let found = tool(folder.path())
        .args(["search", "*", "--json", "--since", "2038-01-19"])
        .succeeds();
    assert!(
        found.matches("\"203801-").count() >= 2 && found.matches("\"@timestamp\":\"2038-01-19T03:14:0").count() == 2,
        "{found}"
    );
    let at = |second: i64| Dating {
        zone: TimeZone::Utc,
        year: None,
        now: Moment::from_second(second),
        said: Said::NOTHING,
    };
    // Without a year, and with an id of that time.
    for (raw, expected) in [
        (
            "Jan 19 03:14:08 mx1 postfix/qmgr[3]: 757F89D60C0: removed",
            "2038-01-19T03:14:08.000Z",
        ),
        (
            "Dec 31 23:59:59 mx1 postfix/qmgr[3]: 757F89D60C0: removed",
            "2037-12-31T23:59:59.000Z",
        ),
        (
            "Jan 19 03:14:09 sm1 sm-mta[83]: I0J3E8aa000083: from=<>",
            "2038-01-19T03:14:09.000Z",
        ),
    ] {
        let mut reader = Reader::new("test".into(), at(2_147_490_000), Evidence::default());
        assert_eq!(reader.read(raw.as_bytes(), 1).unwrap().at.rfc3339(), expected);
    }
}
