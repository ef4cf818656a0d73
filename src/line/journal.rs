//! The journal's export format (`journalctl -o export`): blocks of `NAME=value` lines, one a message, with an empty
//! line behind each.
//!
//! The hard part is a value that holds line ends or bytes that are no text: a line with the name alone, eight bytes with
//! the length (little-endian), the bytes, a line end. The length's own bytes may be line ends, too.
//!
//! In: raw lines, one after the other, empty ones as well. Out: [`Told`]. The format is described in systemd's
//! `docs/JOURNAL_EXPORT_FORMATS.md`.

use super::MAX_LINE_BYTES;
use super::entry::Entry;
use super::json::{Told, program_of, stamp};

/// No message has so many bytes of fields that are kept here.
const MOST_BYTES: usize = 2 * MAX_LINE_BYTES;

/// The fields that tell something, of several for one purpose the best first.
const FIELDS: &[&[u8]] = &[
    b"_SOURCE_REALTIME_TIMESTAMP",
    b"__REALTIME_TIMESTAMP",
    b"_HOSTNAME",
    b"SYSLOG_IDENTIFIER",
    b"_COMM",
    b"SYSLOG_PID",
    b"_PID",
    b"MESSAGE",
];

/// A block that is being read.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// Number of its first line; 0 outside of a block.
    number: u64,
    /// Name and value.
    fields: Vec<(&'static [u8], Vec<u8>)>,
    binary: Option<Binary>,
}

/// A value that comes with its length.
#[derive(Debug)]
struct Binary {
    /// None for a field that is not kept.
    name: Option<&'static [u8]>,
    /// Eight bytes of length, then the value; not all of a value that is not kept.
    bytes: Vec<u8>,
    /// Bytes that came.
    came: u64,
}

/// What became of a raw line.
pub(crate) enum Added {
    /// It does not belong to a block.
    Foreign,
    /// It belongs to a block that goes on.
    Part,
    /// It ended a block: what it told, and the number of its first line. None: no time or no message.
    Message(Option<Told>, u64),
    /// It does not belong to the block, which ended before it without an empty line.
    Cut(Option<Told>, u64),
}

impl Block {
    /// Is a block open? Then empty lines matter.
    pub(crate) fn is_open(&self) -> bool {
        self.number > 0
    }

    /// Takes a raw line without its line end.
    pub(crate) fn add(&mut self, line: &[u8], number: u64) -> Added {
        if !self.is_open() {
            if !begins(line) {
                return Added::Foreign;
            }
            self.number = number;
        }
        if let Some(binary) = &mut self.binary {
            if binary.add(line) {
                let binary = self.binary.take();
                self.keep(binary.and_then(|binary| Some((binary.name?, binary.bytes.get(8..)?.to_vec()))));
            }
            return Added::Part;
        }
        if line.is_empty() {
            return self.end();
        }
        let equals = memchr::memchr(b'=', line);
        let name = line.get(..equals.unwrap_or(line.len())).unwrap_or_default();
        if !is_name(name) {
            return match self.end() {
                Added::Message(told, number) => Added::Cut(told, number),
                other => other,
            };
        }
        let name = FIELDS.iter().find(|field| **field == name).copied();
        match equals {
            Some(equals) => self.keep(name.and_then(|name| Some((name, line.get(equals + 1..)?.to_vec())))),
            None => {
                self.binary = Some(Binary {
                    name,
                    bytes: Vec::new(),
                    came: 0,
                });
            }
        }
        Added::Part
    }

    /// Ends the block: at an empty line, or at the end of everything.
    pub(crate) fn end(&mut self) -> Added {
        if !self.is_open() {
            return Added::Foreign;
        }
        let Self { number, fields, .. } = std::mem::take(self);
        let find = |names: &[&[u8]]| {
            let named = |name: &&[u8]| fields.iter().find(|(field, _)| field == name);
            names.iter().find_map(named).map(|(_, value)| value.clone())
        };
        let told = || {
            let time = find(&[b"_SOURCE_REALTIME_TIMESTAMP", b"__REALTIME_TIMESTAMP"])?;
            let (program, pid) = program_of(&find(&[b"SYSLOG_IDENTIFIER", b"_COMM"]).unwrap_or_default());
            Some(Told {
                stamp: Some(stamp(&time)?),
                entry: Entry {
                    host: find(&[b"_HOSTNAME"]).unwrap_or_default(),
                    program,
                    pid: pid.or_else(|| super::stamp::number(&find(&[b"SYSLOG_PID", b"_PID"])?)),
                    text: find(&[b"MESSAGE"])?,
                },
            })
        };
        Added::Message(told(), number)
    }

    fn keep(&mut self, field: Option<(&'static [u8], Vec<u8>)>) {
        let size: usize = self.fields.iter().map(|(_, value)| value.len()).sum();
        self.fields
            .extend(field.filter(|(_, value)| size + value.len() <= MOST_BYTES));
    }
}

impl Binary {
    /// Takes a raw line; true if the value is complete.
    fn add(&mut self, line: &[u8]) -> bool {
        let room = if self.name.is_some() { MOST_BYTES } else { 8 };
        for part in [line, b"\n"] {
            let room = room.saturating_sub(self.bytes.len());
            self.bytes
                .extend_from_slice(part.get(..part.len().min(room)).unwrap_or_default());
            self.came = self.came.saturating_add(part.len() as u64);
        }
        let Some(length) = self.bytes.first_chunk::<8>().map(|length| u64::from_le_bytes(*length)) else {
            return false;
        };
        // With the length before it and the line end behind it.
        let complete = self.came >= length.saturating_add(9);
        if complete {
            let end = usize::try_from(length).unwrap_or(MOST_BYTES).saturating_add(8);
            self.bytes.truncate(end);
        }
        complete
    }
}

/// `__CURSOR=s=739ad463...`: a block begins with the journal's own fields.
pub(crate) fn begins(line: &[u8]) -> bool {
    line.starts_with(b"__") && memchr::memchr(b'=', line).is_some_and(|end| line.get(..end).is_some_and(is_name))
}

/// The time that this line of a block tells, if it is the line that tells it.
pub(crate) fn time_of(line: &[u8]) -> Option<super::stamp::Stamp> {
    stamp(line.strip_prefix(b"__REALTIME_TIMESTAMP=")?)
}

fn is_name(name: &[u8]) -> bool {
    (1..=64).contains(&name.len())
        && name
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
}
