//! A message whose time, host, program and text come apart: of a JSON line, of the journal, of a line without a header.
//!
//! The hard part is that such a message must be the same line as in a syslog file, so the raw line that is kept is a
//! syslog line: it can be read again, and has the same digest.
//!
//! In: [`Entry`]. Out: the bytes of its canonical line.

use super::header::Header;
use super::{MAX_LINE_BYTES, Moment};

/// A message and what was told beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As written; empty if there is none.
    pub(crate) host: Vec<u8>,
    /// The tag without pid; empty if there is none.
    pub(crate) program: Vec<u8>,
    /// None if there is none.
    pub(crate) pid: Option<u32>,
    /// The message, without line ends.
    pub(crate) text: Vec<u8>,
}

impl Entry {
    /// `2026-11-24T02:04:04.483Z mx1 postfix/smtpd[277]: text`, at most [`MAX_LINE_BYTES`] long.
    ///
    /// Where that form would not be read as it was meant (no program; a host that looks like a tag) it is
    /// `1 2026-11-24T02:04:04.483Z mx1 - - - - text`, the form of RFC 5424.
    pub(crate) fn canonical(&self, at: Moment) -> Vec<u8> {
        let host = word(&self.host);
        let program = word(&self.program);
        let text = &*self.text;
        let pid = self.pid.map(|pid| format!("[{pid}]")).unwrap_or_default();
        let mut line = format!("{at} ").into_bytes();
        line.extend_from_slice(&host);
        line.extend_from_slice(if host.is_empty() { b"" } else { b" " });
        line.extend_from_slice(&program);
        line.extend_from_slice(pid.as_bytes());
        line.extend_from_slice(b": ");
        line.extend_from_slice(text);
        let is_meant = Header::read(&line).is_some_and(|header| {
            header.host == host
                && header.program == program
                && !program.is_empty()
                && header.pid == self.pid
                && line.get(header.text..) == Some(text)
        });
        if !is_meant {
            line = format!("1 {at} ").into_bytes();
            line.extend_from_slice(if host.is_empty() { b"-" } else { &host });
            line.push(b' ');
            line.extend_from_slice(if program.is_empty() { b"-" } else { &program });
            let pid = self.pid.map_or("-".to_owned(), |pid| pid.to_string());
            line.extend_from_slice(format!(" {pid} - - ").as_bytes());
            line.extend_from_slice(text);
        }
        line.truncate(MAX_LINE_BYTES);
        line
    }
}

/// A name as one word.
fn word(name: &[u8]) -> Vec<u8> {
    let name = name.trim_ascii();
    name.iter()
        .map(|byte| if *byte <= b' ' || *byte == 0x7f { b'_' } else { *byte })
        .collect()
}

/// A message of any bytes as rsyslog writes it to a file: without blanks before it and line ends after it, control
/// characters as `#012`.
pub(crate) fn escaped(text: &[u8]) -> Vec<u8> {
    let mut text = text;
    while let [rest @ .., b'\n' | b'\r'] = text {
        text = rest;
    }
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    let mut line = Vec::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii_control() {
            line.extend_from_slice(format!("#{byte:03o}").as_bytes());
        } else {
            line.push(*byte);
        }
    }
    line
}
