//! One line of a log: when, on which host, by which program, and what it says.
//!
//! The hard part is that a line may not tell its year or zone, that the same line comes by several routes
//! in several header formats, and that truly equal lines in one second are several events.
//!
//! In: bytes of a line. Out: [`Line`], with a [`Digest`] that is the same by whatever route it came.

mod calendar;
mod civil;
mod digest;
mod entry;
mod flow;
mod header;
mod journal;
mod json;
mod last;
mod last_stamp;
mod leading;
mod mask;
mod moment;
mod names;
mod ordinal;
mod polynomial;
pub mod queue_time;
mod reader;
mod rfc3164;
mod rfc3339;
mod rfc5424;
mod said;
mod split;
mod stamp;
mod tag;
mod zone_check;

pub use calendar::{Dating, Evidence, TimeZone};
pub use digest::Digest;
pub(crate) use header::Header;
pub use moment::Moment;
pub use reader::{Context, MAX_REPEATED, Reader, Taken};
pub use said::{JsonFields, Said, USUAL_JSON_FIELDS};

use std::ops::Range;
use std::sync::Arc;

/// The longest line that is kept, in bytes; what is longer is cut there and counted.
pub const MAX_LINE_BYTES: usize = 65_535;

/// A line of a log, with its header read.
#[derive(Debug, Clone)]
pub struct Line {
    /// When it was said. Whole seconds where the header tells no finer (RFC 3164).
    pub at: Moment,
    /// The host as logged, in lower case, after the `hosts:` map of the configuration ([`Line::of_host`]). Empty if the
    /// line names none.
    pub host: Arc<str>,
    /// The syslog tag without pid: `postfix/submission/smtpd`, `sm-mta`, `postfix` (stock RFC 5424). Empty if there is none.
    pub program: Arc<str>,
    /// The process id, where the tag has one.
    pub pid: Option<u32>,
    /// The bytes as they were read, without the line end, at most [`MAX_LINE_BYTES`]; passwords are masked. Where what
    /// was read is no syslog line (JSON, the journal, a line without header, a record in parts) it is one that says
    /// the same: `2026-11-24T02:04:04.483Z mx1 postfix/smtpd[277]: text`.
    pub raw: Arc<[u8]>,
    /// Where the message stands in `raw`: after the header, without leading blanks; inside the brackets of
    /// `message repeated N times: [ ... ]`.
    pub text: Range<u32>,
    /// The how-manieth of the equal lines (same host, second, program, pid, text) of one pass over one source; 0 is the first.
    pub ordinal: u16,
    /// True for a line that `message repeated N times` stood for.
    pub repeated: bool,
    /// How many raw lines it was put together from, beyond the first: a long record that sendmail had split.
    pub joined: u32,
    /// The message is plain ASCII without `#` or `\`: nothing in it was escaped on its way here or is to be replaced.
    pub(crate) plain: bool,
    /// Where it was read.
    pub origin: Origin,
    /// See [`Line::digest`]. None where it has not been asked for while the line was read.
    pub(crate) identity: Option<Digest>,
}

/// Where a line was read.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The file's path as given, `-` for standard input, or the name of the source.
    pub source: Arc<str>,
    /// The line's number in that source, from 1.
    pub number: u64,
}

impl Line {
    /// The message: what the program said, without header.
    pub fn text(&self) -> &[u8] {
        self.raw
            .get(self.text.start as usize..self.text.end as usize)
            .unwrap_or_default()
    }

    /// Is a message that plain?
    pub(crate) fn is_plain(text: &[u8]) -> bool {
        text.is_ascii() && memchr::memchr2(b'#', b'\\', text).is_none()
    }

    /// The program up to the first slash: what is left of it by every route. See [`Digest::of_line`].
    pub fn program_head(&self) -> &str {
        let slash = memchr::memchr(b'/', self.program.as_bytes());
        slash.map_or(&*self.program, |slash| &self.program[..slash])
    }

    /// The identity of this line, whatever route it came by.
    pub fn digest(&self) -> Digest {
        self.identity.unwrap_or_else(|| Digest::of_line(self))
    }

    /// The same line, said by a host of this name.
    #[must_use]
    pub fn of_host(self, host: Arc<str>) -> Self {
        Self {
            host,
            identity: None,
            ..self
        }
    }
}
