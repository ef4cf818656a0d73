//! The systemd journal, as `journalctl -o json` gives it.
//!
//! The hard part is to go on: the journal tells a cursor with each message, but the how-manieth a line is of equal ones
//! of its second is told only by those before it. So a later run begins some seconds before the cursor ([`JournalPlace`])
//! and leaves out what it has given. Where the journal has thrown that away meanwhile, the time tells what is new.
//!
//! In: the lines of the process. Out: [`Read`]s, at once ([`JournalSource::next_within`]) or until the end.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::blocks::Blocks;
use super::{Progress, Read, Source, SourceError, Tally};
use crate::line::{Context, Dating, Evidence, Line, Moment, Reader, Taken};

/// Messages that wait between the process and the reader.
const WAITING: usize = 1_000;
/// So much of what the process complains of is kept, in bytes.
const COMPLAINT_BYTES: usize = 1_000;
/// What is asked for, beside the cursor and the time.
const FIELDS: &str = "_SOURCE_REALTIME_TIMESTAMP,_HOSTNAME,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_COMM,MESSAGE";

/// What of which journal is read.
#[derive(Debug, Clone, Default)]
pub struct JournalQuery {
    /// A folder of journal files. None: this machine's.
    pub directory: Option<PathBuf>,
    /// A namespace. None: the usual one.
    pub namespace: Option<String>,
    /// `FIELD=value`, as `journalctl` takes them.
    pub matches: Vec<String>,
}

/// How far a journal was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalPlace {
    /// Of the last message that was given.
    pub cursor: String,
    /// When it was received, in microseconds since 1970 UTC.
    pub received_us: u64,
    /// Of the message to read again from.
    pub restart: String,
    /// The second at which equal lines began to be counted there.
    pub since: i64,
}

/// Reads the journal.
pub struct JournalSource {
    child: Child,
    lines: Receiver<Vec<u8>>,
    complaint: Arc<Mutex<Vec<u8>>>,
    ended: bool,
    reader: Reader,
    number: u64,
    bytes: u64,
    /// Where an earlier run was. None once everything before it was passed.
    before: Option<JournalPlace>,
    /// Behind what was given.
    given: JournalPlace,
    /// Behind what was read.
    read: JournalPlace,
    /// Where the reader's generation began, and what was counted from.
    young: (String, i64),
    generation: u64,
    tally: Tally,
}

/// What of a message says where it is.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "__CURSOR")]
    cursor: String,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    received: String,
}

impl JournalSource {
    /// Starts to read behind a place, or all. `follow`: waits for more instead of ending.
    pub fn open(
        query: &JournalQuery,
        before: Option<JournalPlace>,
        dating: Dating,
        follow: bool,
    ) -> Result<Self, SourceError> {
        let mut child = command(query, before.as_ref(), follow).spawn().map_err(|error| {
            let reason = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "there is no `journalctl` here; it comes with systemd: name log files instead".to_owned()
                }
                _ => format!("`journalctl` cannot be started: {error}"),
            };
            SourceError::Journal { reason }
        })?;
        let (to, lines) = sync_channel(WAITING);
        if let Some(out) = child.stdout.take() {
            std::thread::spawn(move || pump(Blocks::new(Box::new(out), 0, 0), &to));
        }
        let complaint = Arc::new(Mutex::new(Vec::new()));
        if let Some(err) = child.stderr.take() {
            let complaint = Arc::clone(&complaint);
            std::thread::spawn(move || keep(err, &complaint));
        }
        let mut reader = Reader::new(Arc::from("journal"), dating, Evidence::default());
        let place = before.clone().unwrap_or_default();
        if before.is_some() {
            reader.resume(Context {
                reached: None,
                since: place.since,
            });
        }
        Ok(Self {
            child,
            lines,
            complaint,
            ended: false,
            reader,
            number: 0,
            bytes: 0,
            young: (place.restart.clone(), place.since),
            given: place.clone(),
            read: place,
            before,
            generation: 0,
            tally: Tally::default(),
        })
    }

    /// Behind what was given. None before anything was.
    pub fn place(&self) -> Option<&JournalPlace> {
        (!self.given.cursor.is_empty()).then_some(&self.given)
    }

    /// Has the process ended?
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next line that comes within this time. None: none came, or it has ended.
    pub fn next_within(&mut self, wait: Duration) -> Result<Option<Read>, SourceError> {
        loop {
            if let Some(line) = self.reader.pending() {
                return Ok(Some(self.give(line)));
            }
            if self.ended {
                return Ok(None);
            }
            match self.lines.recv_timeout(wait) {
                Ok(raw) => {
                    if let Some(read) = self.take(&raw) {
                        return Ok(Some(read));
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => {
                    self.ended = true;
                    self.reader.end();
                    self.check()?;
                }
            }
        }
    }

    fn take(&mut self, raw: &[u8]) -> Option<Read> {
        self.number += 1;
        self.bytes += raw.len() as u64;
        let before = self.reader.context();
        let taken = self.reader.take(raw, self.number);
        let head: Option<Head> = serde_json::from_slice(raw).ok();
        if let Some(head) = head {
            let received_us = head.received.parse().unwrap_or_default();
            if self.reader.generation() != self.generation || self.young.0.is_empty() {
                self.generation = self.reader.generation();
                let old = std::mem::replace(&mut self.young, (head.cursor.clone(), self.reader.context().since));
                (self.read.restart, self.read.since) = match old {
                    (restart, since) if !restart.is_empty() => (restart, since),
                    _ => (head.cursor.clone(), before.since),
                };
            }
            if let Some(place) = &self.before {
                let passed = received_us > place.received_us;
                let last = head.cursor == place.cursor;
                if last || passed {
                    self.before = None;
                }
                if !passed {
                    self.tally.seen += 1;
                    while self.reader.pending().is_some() {
                        self.tally.seen += 1;
                    }
                    return None;
                }
            }
            self.read.cursor = head.cursor;
            self.read.received_us = received_us;
        }
        self.tally.raw_lines += 1;
        match taken {
            Taken::Line(line) => Some(self.give(line)),
            Taken::Joined | Taken::Field => None,
            Taken::Unreadable => {
                self.tally.unreadable += 1;
                let origin = self.reader.origin(self.number);
                self.note();
                Some(Read::Unreadable {
                    origin,
                    raw: Reader::unreadable(raw),
                })
            }
        }
    }

    fn give(&mut self, line: Line) -> Read {
        self.tally.lines += 1;
        self.note();
        Read::Line(line)
    }

    fn note(&mut self) {
        if !self.reader.is_pending() {
            self.given.clone_from(&self.read);
        }
    }

    /// Did the process end well?
    fn check(&mut self) -> Result<(), SourceError> {
        let status = self.child.wait().ok();
        if status.is_some_and(|status| status.success()) {
            return Ok(());
        }
        let said = self.complaint.lock().map(|said| said.clone()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        // Nothing fits is no failure, though it ends with 1.
        if said.is_empty() && self.number == 0 {
            return Ok(());
        }
        let status = status.map_or_else(|| "it is gone".to_owned(), |status| status.to_string());
        Err(SourceError::Journal {
            reason: format!(
                "`journalctl` ended ({status}) {}; it may be read by root and by members of the groups systemd-journal and adm",
                super::error::shown(&said)
            ),
        })
    }
}

impl Drop for JournalSource {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Source for JournalSource {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn begins(&self) -> Option<Moment> {
        None
    }

    fn next(&mut self) -> Result<Option<Read>, SourceError> {
        loop {
            let read = self.next_within(Duration::from_secs(1))?;
            if read.is_some() || self.ended {
                return Ok(read);
            }
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            read: self.bytes,
            total: None,
        }
    }

    fn tally(&self) -> Tally {
        self.tally
    }
}

fn command(query: &JournalQuery, before: Option<&JournalPlace>, follow: bool) -> Command {
    let mut command = Command::new("journalctl");
    command
        .args(["--output=json", "--all", "--no-pager", "--quiet"])
        .arg(format!("--output-fields={FIELDS}"));
    if let Some(directory) = &query.directory {
        command.arg("--directory").arg(directory);
    }
    if let Some(namespace) = &query.namespace {
        command.arg(format!("--namespace={namespace}"));
    }
    if follow {
        command.args(["--follow", "--no-tail"]);
    }
    if let Some(place) = before.filter(|place| !place.restart.is_empty()) {
        command.arg(format!("--cursor={}", place.restart));
    }
    command
        .arg("--")
        .args(&query.matches)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Hands on the lines of the process until it ends or nobody takes them.
fn pump(mut lines: Blocks, to: &SyncSender<Vec<u8>>) {
    while let Ok(Some(line)) = lines.next() {
        if !line.complete || to.send(line.bytes.to_vec()).is_err() {
            return;
        }
    }
}

/// Keeps the last words of the process.
fn keep(mut from: impl std::io::Read, complaint: &Mutex<Vec<u8>>) {
    let mut some = [0; 256];
    while let Ok(count @ 1..) = from.by_ref().read(&mut some) {
        let Ok(mut kept) = complaint.lock() else { return };
        kept.extend_from_slice(some.get(..count).unwrap_or_default());
        let surplus = kept.len().saturating_sub(COMPLAINT_BYTES);
        kept.drain(..surplus);
    }
}
