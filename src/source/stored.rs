//! A message as Graylog or an index keeps it, put back into the line that it was.
//!
//! The hard part is that each kind of input takes something else away. An RFC 3164 input leaves host and tag in the
//! text, an RFC 5424 input takes them out, a raw input or a shipper keeps the whole line with its own date, and what is
//! no syslog at all has a program in some field. The line that comes out must read like the line in the file, so
//! that both have one digest; and no field may forge another: what is written is read back before it is used.
//!
//! In: the fields of a message. Out: the bytes of a line, `2026-11-24T02:04:04.483Z mx1 postfix/smtpd[277]: text`.

use std::fmt::Write as _;

use super::FieldNames;
use super::arrival::Arrival;
use crate::line::{Digest, Header, Moment};

/// A message of a server.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// The same in every answer that has this message.
    pub(super) key: Digest,
    /// When it was said, as the server tells it.
    pub(super) at: Moment,
    /// Where it stands in the range that is asked for; the same as `at` unless the range is that of the receipt.
    pub(super) ranged: Moment,
    /// After which others of the same moment it came.
    pub(super) arrival: Arrival,
    /// What it says.
    pub(super) content: Content,
}

/// What a message says; each empty where the message does not tell it.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    message: String,
    full: String,
    host: String,
    program: String,
    pid: String,
}

impl Content {
    /// Of a message, by the names of its fields; `field` gives the text of one, None where it is not there.
    pub(super) fn of(names: &FieldNames, field: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[String]| {
            let mut values = names.iter().filter_map(|name| field(name));
            values.find(|value| !value.is_empty()).unwrap_or_default()
        };
        Self {
            message: first(&names.message),
            full: first(&names.full),
            host: first(&names.host),
            program: first(&names.program),
            pid: first(&names.pid),
        }
    }

    /// The line, said at this moment.
    pub(super) fn line(&self, at: Moment) -> Vec<u8> {
        let full = one_line(&self.full);
        if let Some(header) = Header::read(full.as_bytes()) {
            // What a shipper keeps has its own stamp; what was received over the network the server has dated.
            if header.is_absolute() || !full.starts_with('<') {
                return full.into_bytes();
            }
            let parts = Parts::of(&header, &full);
            return parts.written(at);
        }
        let message = one_line(&self.message);
        let own = Header::read(message.as_bytes());
        if !self.program.is_empty() {
            // The program was found in the line, and the line was kept.
            if let Some(header) = own
                && header.program == self.program.as_bytes()
            {
                return message.into_bytes();
            }
            return self.parts(&message).written(at);
        }
        if own.is_some() {
            return message.into_bytes();
        }
        self.traditional(&message, at)
    }

    /// A text that may begin with host and tag, as an RFC 3164 input leaves them.
    fn traditional(&self, message: &str, at: Moment) -> Vec<u8> {
        let host = word(&self.host);
        let bare = format!("{at} {message}");
        // A line without a host has its tag for `source`.
        let named = message
            .strip_prefix(host.as_str())
            .is_some_and(|rest| rest.starts_with(' ') || rest.is_empty());
        if named && !host.is_empty() {
            return bare.into_bytes();
        }
        // A tag right behind another word: that word is the host, though the server was told to call it otherwise.
        if let Some(header) = Header::read(bare.as_bytes())
            && !header.host.is_empty()
            && (header.pid.is_some() || header.program.contains(&b'/'))
        {
            return bare.into_bytes();
        }
        if host.is_empty() {
            return Parts {
                text: message,
                ..Parts::default()
            }
            .written(at);
        }
        format!("{at} {host} {message}").into_bytes()
    }

    fn parts<'a>(&self, message: &'a str) -> Parts<'a> {
        Parts {
            host: word(&self.host),
            program: word(&self.program),
            pid: number(&self.pid),
            text: message,
        }
    }
}

/// The parts of a line.
#[derive(Default)]
struct Parts<'a> {
    host: String,
    program: String,
    pid: Option<u32>,
    text: &'a str,
}

impl<'a> Parts<'a> {
    fn of(header: &Header<'_>, line: &'a str) -> Self {
        Self {
            host: String::from_utf8_lossy(header.host).into_owned(),
            program: String::from_utf8_lossy(header.program).into_owned(),
            pid: header.pid,
            // The header ends after a blank or an ASCII tag.
            text: line.get(header.text..).unwrap_or_default(),
        }
    }

    /// In the form of RFC 3339 with a tag; where that would be read as something else, in that of RFC 5424.
    fn written(&self, at: Moment) -> Vec<u8> {
        let text = self.text.trim_start_matches([' ', '\t']);
        let text = text
            .strip_prefix('\u{feff}')
            .unwrap_or(text)
            .trim_start_matches([' ', '\t']);
        let Self { host, program, pid, .. } = self;
        let mut line = format!("{at} {host} {program}");
        // Writing to a string does not fail.
        let _ = match (program.is_empty(), pid) {
            (true, _) => write!(line, "{text}"),
            (false, Some(pid)) => write!(line, "[{pid}]: {text}"),
            (false, None) => write!(line, ": {text}"),
        };
        if self.reads(&line, text) {
            return line.into_bytes();
        }
        let field = |text: &str| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text.to_owned()
            }
        };
        let pid = field(&pid.map(|pid| pid.to_string()).unwrap_or_default());
        format!("1 {at} {} {} {pid} - - {text}", field(host), field(program)).into_bytes()
    }

    fn reads(&self, line: &str, text: &str) -> bool {
        Header::read(line.as_bytes()).is_some_and(|header| {
            header.host == self.host.as_bytes()
                && header.program == self.program.as_bytes()
                && header.pid == self.pid
                && line.get(header.text..) == Some(text)
        })
    }
}

/// Without line ends, which no line has: escaped as rsyslog does it.
fn one_line(text: &str) -> String {
    let text = text.trim_end_matches(['\n', '\r']);
    if !text.contains(['\n', '\r']) {
        return text.to_owned();
    }
    text.replace('\n', "#012").replace('\r', "#015")
}

/// As one word: a host or program with a blank or a line end in it would be another host or program.
fn word(text: &str) -> String {
    text.trim()
        .chars()
        .map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c })
        .collect()
}

/// As the line stage reads numbers: at most nine digits.
fn number(text: &str) -> Option<u32> {
    let digits = text.trim();
    let sound = !digits.is_empty() && digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| digits.parse().ok()).flatten()
}
