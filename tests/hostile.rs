//! What an operator's disk can hold and do: files that are no logs, that shrink, that may not be read; full disks, old
//! stores, huge messages, far times. A clear word or a counted line, the others are read, and nothing is lost.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mailtrail::line::TimeZone;
use mailtrail::source::{FileSource, Read, Source as _};
use serde_json::Value;

use crate::lines::dating;
use crate::state::index;
use crate::tool::{lab, tool, unpacked};

/// A message that was sent: five lines.
pub(crate) fn good_log() -> String {
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

pub(crate) fn written(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// The good message is there, whatever else was.
#[track_caller]
pub(crate) fn assert_good(folder: &Path) {
    let found = tool(folder).args(["search", "qid:757F89D60C0", "--json"]).succeeds();
    assert!(found.contains("\"status\":\"relayed\""), "{found}");
}

pub(crate) fn lines(summary: &str, name: &str) -> u64 {
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
pub(crate) fn watched(mut command: Command) -> (Option<i32>, String, u64) {
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
