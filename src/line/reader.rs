//! Makes [`Line`]s of one source's raw lines.
//!
//! What a line does not tell comes from its neighbours: the year, the ordinal among equal lines, names that are kept
//! once. So there is one reader per source, and it wants the lines in the source's order.
//!
//! In: the bytes of a line. Out: a [`Line`], several where `message repeated N times` stood for them, or none where
//! there is no readable header.

use std::sync::Arc;

use super::calendar::{Calendar, Dating, Evidence};
use super::header::{Header, repeated};
use super::names::{self, Names};
use super::ordinal::Ordinals;
use super::queue_time;
use super::stamp::Stamp;
use super::zone_check::ZoneCheck;
use super::{Line, MAX_LINE_BYTES, Moment, Origin};

/// No more lines than this are made of one `message repeated N times`.
pub const MAX_REPEATED: u32 = 10_000;

/// How many bytes at the beginning of a log are searched for its year.
const HEAD_BYTES: usize = 256 * 1024;

/// What a reader knows before a line: with it another reader can go on from there, and gives the same lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Context {
    /// Where the log is: tells the year of a stamp without one. None before the first line.
    pub reached: Option<Moment>,
    /// Since which second equal lines are counted together.
    pub since: i64,
}

/// Reads the lines of one source.
#[derive(Debug)]
pub struct Reader {
    source: Arc<str>,
    calendar: Calendar,
    ordinals: Ordinals,
    hosts: Names,
    programs: Names,
    zone_check: ZoneCheck,
    /// The line that is repeated, and how many times it is still to come.
    pending: Option<(Line, u32)>,
}

impl Reader {
    /// For a source of this name; `evidence` as far as it is known before the first line.
    pub fn new(source: Arc<str>, dating: Dating, evidence: Evidence) -> Self {
        Self {
            source,
            calendar: Calendar::new(dating, evidence),
            ordinals: Ordinals::default(),
            hosts: Names::default(),
            programs: Names::default(),
            zone_check: ZoneCheck::default(),
            pending: None,
        }
    }

    /// Looks for the year in the beginning of the log: call it before [`Reader::read`], with whole lines.
    /// Returns the moment of the first readable line.
    pub fn look_ahead(&mut self, head: &[u8]) -> Option<Moment> {
        let mut first = None;
        let mut proven: Option<Moment> = None;
        let head = head.get(..head.len().min(HEAD_BYTES)).unwrap_or_default();
        for raw in head.split(|byte| *byte == b'\n') {
            let Some(header) = Header::read(trimmed(raw)) else {
                continue;
            };
            first = first.or(Some(header.stamp));
            let text = raw.get(header.text..).unwrap_or_default();
            proven = proven.max(self.calendar.proof(header.stamp, || queue_time::at_head_of(text)));
        }
        self.calendar.evidence().log = proven;
        // On a copy: the first line itself must still find the calendar untouched.
        self.calendar.clone().moment(first?, || None)
    }

    /// Goes on with a line at which [`Reader::generation`] rose, knowing what was known there.
    pub fn resume(&mut self, context: Context) {
        self.calendar.resume(context.reached);
        self.ordinals.resume(context.since);
    }

    /// What is known by now.
    pub fn context(&self) -> Context {
        Context {
            reached: self.calendar.reached(),
            since: self.ordinals.since(),
        }
    }

    /// Rises with some lines. Whoever goes on later must begin with the last but one of these lines: from there on,
    /// equal lines are counted as if everything had been read.
    pub fn generation(&self) -> u64 {
        self.ordinals.generation()
    }

    /// Reads the next line, without its line end (carriage returns before it are taken off here). None if it has no
    /// header that tells a time. Ask [`Reader::pending`] for more before the next one.
    pub fn read(&mut self, raw: &[u8], number: u64) -> Option<Line> {
        let raw = trimmed(raw);
        let header = Header::read(raw)?;
        let repeated = repeated(raw, header.text);
        let text = repeated
            .as_ref()
            .map_or(header.text..raw.len(), |(_, text)| text.clone());
        let queue_time = || queue_time::at_head_of(raw.get(text.clone()).unwrap_or_default());
        let queued = match header.stamp {
            Stamp::Absolute(_) => None,
            Stamp::Wall(_) | Stamp::Yearless(_) => queue_time(),
        };
        let at = self.calendar.moment(header.stamp, || queued)?;
        if let Some(queued) = queued {
            self.zone_check.add(at, queued);
        }
        let mut line = Line {
            at,
            host: self.hosts.get(header.host, names::host),
            program: self.programs.get(header.program, names::program),
            pid: header.pid,
            text: span(&text),
            raw: raw.into(),
            ordinal: 0,
            repeated: repeated.is_some(),
            origin: Origin {
                source: Arc::clone(&self.source),
                number,
            },
        };
        line.ordinal = self.ordinals.next(&line);
        if let Some((count @ 2.., _)) = repeated {
            self.pending = Some((line.clone(), count.min(MAX_REPEATED) - 1));
        }
        Some(line)
    }

    /// The next of the lines that the last one stood for (`message repeated N times`). None if there are no more.
    pub fn pending(&mut self) -> Option<Line> {
        let (line, left) = self.pending.as_mut()?;
        let mut line = line.clone();
        *left -= 1;
        if *left == 0 {
            self.pending = None;
        }
        line.ordinal = self.ordinals.next(&line);
        Some(line)
    }

    /// Is there more of what the last line stood for?
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The origin of a line of this source.
    pub fn origin(&self, number: u64) -> Origin {
        Origin {
            source: Arc::clone(&self.source),
            number,
        }
    }

    /// By how many minutes the stamps without zone are ahead of what their queue ids tell, in quarters of an hour: 0
    /// where [`Dating::zone`] is right, 60 where the log's zone is one hour further east than was thought. None
    /// while too few lines tell it.
    pub fn zone_offset_minutes(&self) -> Option<i64> {
        self.zone_check.offset_minutes()
    }
}

impl Line {
    /// A raw line of which the moment and the ordinal are known, read again: a line that was stored.
    ///
    /// Its digest equals that of the line that was stored, unless its host was renamed since. The origin is empty.
    /// None if the line has no readable header.
    pub fn again(raw: &[u8], at: Moment, ordinal: u16) -> Option<Self> {
        let raw = trimmed(raw);
        let header = Header::read(raw)?;
        let repeated = repeated(raw, header.text);
        let text = repeated
            .as_ref()
            .map_or(header.text..raw.len(), |(_, text)| text.clone());
        Some(Self {
            at,
            host: names::host(header.host),
            program: names::program(header.program),
            pid: header.pid,
            text: span(&text),
            raw: raw.into(),
            ordinal,
            repeated: repeated.is_some(),
            origin: Origin::default(),
        })
    }
}

/// Without carriage returns at its end, and no longer than is kept. Of what it returns it changes nothing more.
fn trimmed(raw: &[u8]) -> &[u8] {
    let mut raw = raw.get(..raw.len().min(MAX_LINE_BYTES)).unwrap_or_default();
    while let [rest @ .., b'\r'] = raw {
        raw = rest;
    }
    raw
}

fn span(range: &std::ops::Range<usize>) -> std::ops::Range<u32> {
    // A line is at most MAX_LINE_BYTES long, so both fit.
    u32::try_from(range.start).unwrap_or(0)..u32::try_from(range.end).unwrap_or(0)
}
