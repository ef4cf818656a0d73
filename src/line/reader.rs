//! Makes [`Line`]s of one source's raw lines.
//!
//! What a line does not tell comes from its neighbours: the year, the ordinal among equal lines, names that are kept
//! once. So there is one reader per source, and it wants the lines in the source's order.
//!
//! In: the bytes of a line. Out: a [`Line`], several where `message repeated N times` stood for them, or none where
//! there is no readable header, or where more raw lines are needed for it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::calendar::{Calendar, Dating, Evidence};
use super::digest::Digest;
use super::entry::{Entry, escaped};
use super::header::{Header, repeated};
use super::journal::{self, Added, Block};
use super::json::{self, Told};
use super::last::{self, LastMessages};
use super::last_stamp::LastStamp;
use super::leading::leading;
use super::names::{self, Names};
use super::ordinal::Ordinals;
use super::split::{Joined, Record, Records};
use super::stamp::{Cursor, Stamp};
use super::zone_check::ZoneCheck;
use super::{Line, MAX_LINE_BYTES, Moment, Origin, Said, mask, queue_time, tag};

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
    /// Room for what a line's identity is made of.
    parts: Vec<u8>,
    hosts: Names,
    programs: Names,
    zone_check: ZoneCheck,
    said: &'static Said,
    block: Block,
    records: Records,
    last: LastMessages,
    last_stamp: LastStamp,
    pending: VecDeque<Pending>,
}

/// A line that is still to come.
#[derive(Debug)]
struct Pending {
    line: Line,
    /// How many times.
    left: u32,
    /// Does it have its ordinal?
    counted: bool,
}

/// What became of a raw line.
#[derive(Debug)]
pub enum Taken {
    /// A line, perhaps one that waited for this raw line as its last part. Ask [`Reader::pending`] for more.
    Line(Line),
    /// A part of a record that sendmail has split: the record is given with its last part.
    Joined,
    /// A field of a message of the journal: the message is given when it is complete.
    Field,
    /// No header that tells a time.
    Unreadable,
}

impl Reader {
    /// For a source of this name; `evidence` as far as it is known before the first line.
    pub fn new(source: Arc<str>, dating: Dating, evidence: Evidence) -> Self {
        Self {
            source,
            calendar: Calendar::new(dating, evidence),
            ordinals: Ordinals::default(),
            parts: Vec::new(),
            hosts: Names::default(),
            programs: Names::default(),
            zone_check: ZoneCheck::default(),
            said: dating.said,
            block: Block::default(),
            records: Records::default(),
            last: LastMessages::default(),
            last_stamp: LastStamp::default(),
            pending: VecDeque::new(),
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
                first = first.or_else(|| self.stamp_without_header(trimmed(raw)));
                continue;
            };
            first = first.or(Some(header.stamp));
            let text = raw.get(header.text..).unwrap_or_default();
            proven = proven.max(
                self.calendar
                    .proof(header.stamp, || queue_time::at_head_of(text, leading(text))),
            );
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

    /// What a line tells of its time that has no header. Of the first lines only.
    fn stamp_without_header(&self, raw: &[u8]) -> Option<Stamp> {
        let said = || self.said.at.filter(|_| !raw.is_empty());
        let json = || (raw.first() == Some(&b'{')).then(|| json::told(raw, &self.said.json)?.stamp);
        let stamp = journal::time_of(raw).or_else(|| json()?);
        stamp.or_else(|| said().map(|at| Stamp::Absolute(at.0)))
    }

    /// [`Reader::take`], for a source whose raw lines are each a whole line. None if it has no header that tells a time.
    pub fn read(&mut self, raw: &[u8], number: u64) -> Option<Line> {
        match self.take(raw, number) {
            Taken::Line(line) => Some(line),
            Taken::Joined | Taken::Field | Taken::Unreadable => None,
        }
    }

    /// Does an empty line matter? Elsewhere it need not be given to [`Reader::take`].
    pub fn wants_empty_lines(&self) -> bool {
        self.block.is_open()
    }

    /// Reads the next raw line, without its line end (carriage returns before it are taken off here). Ask
    /// [`Reader::pending`] for more lines before the next one.
    pub fn take(&mut self, raw: &[u8], number: u64) -> Taken {
        if self.block.is_open() || journal::begins(raw) {
            match self.block.add(raw, number) {
                Added::Foreign => {}
                Added::Part => return Taken::Field,
                Added::Message(told, number) => return self.told(told, number),
                Added::Cut(told, first) => {
                    let before = self.told(told, first);
                    let this = self.take(raw, number);
                    return match (before, this) {
                        (Taken::Line(line), Taken::Line(next)) => {
                            self.wait(next);
                            Taken::Line(line)
                        }
                        (Taken::Line(line), _) => Taken::Line(line),
                        (_, this) => this,
                    };
                }
            }
        }
        let raw = trimmed(raw);
        if raw.first() == Some(&b'{')
            && let Some(told) = json::told(raw, &self.said.json)
        {
            return self.told(Some(told), number);
        }
        let taken = self.syslog(raw, number, None);
        taken.unwrap_or_else(|| self.without_header(raw, number))
    }

    /// Ends the log: what waited for more is given as far as it came. Ask [`Reader::pending`] for it.
    pub fn end(&mut self) {
        if let Added::Message(told, number) = self.block.end()
            && let Taken::Line(line) = self.told(told, number)
        {
            self.wait(line);
        }
        self.give_up(None);
    }

    /// A line with a header of its own. `near`: the time that was told beside it. None if it has none.
    fn syslog(&mut self, raw: &[u8], number: u64, near: Option<Moment>) -> Option<Taken> {
        let header = Header::read_after(raw, &mut self.last_stamp)?;
        // A secret does not begin in the first word, so masking does not change its length.
        let id = leading(raw.get(header.text..).unwrap_or_default());
        let masked = mask::masked(raw, header.program, header.text, id);
        let raw = masked.as_deref().unwrap_or(raw);
        let text = raw.get(header.text..).unwrap_or_default();
        let at = self.time(raw, &header, id, near)?;
        let whole = || Entry {
            host: header.host.to_vec(),
            program: header.program.to_vec(),
            pid: header.pid,
            text: text.to_vec(),
        };
        if let Some(count) = last::count(text) {
            let host = self.hosts.get(header.host, names::host);
            let program = self.programs.get(header.program, names::program);
            if let Some(entry) = self.last.repeated(count, &host, &program, header.pid) {
                return self.line_of(&entry, at, number).map(Taken::Line);
            }
        }
        match self.records.add(whole, (text, id), at, number) {
            Joined::Whole => {}
            Joined::Part => return Some(Taken::Joined),
            Joined::Record(record) => {
                return self.record(&record).map(Taken::Line);
            }
        }
        let line = match &self.said.host {
            Some(host) if header.host.is_empty() => {
                let host = host.as_bytes().to_vec();
                self.line_of(&Entry { host, ..whole() }, at, number)?
            }
            _ => self.line(raw, &header, at, number),
        };
        if !self.records.is_empty() {
            self.give_up(Some(at));
        }
        Some(Taken::Line(line))
    }

    /// A message whose parts were told apart.
    fn told(&mut self, told: Option<Told>, number: u64) -> Taken {
        let Some(Told { stamp, mut entry }) = told else {
            return Taken::Unreadable;
        };
        let at = stamp.and_then(|stamp| self.calendar.moment(stamp, || None));
        let at = at.or(self.said.at);
        let text = escaped(&entry.text);
        if entry.program.is_empty() {
            if let Some(taken) = self.syslog(trimmed(&text), number, at) {
                return taken;
            }
            let mut cursor = Cursor { bytes: &text, at: 0 };
            let (program, pid) = tag::tag(&mut cursor);
            entry.program = program.to_vec();
            entry.pid = pid.or(entry.pid);
            entry.text = cursor.rest().to_vec();
        } else {
            entry.text = text;
        }
        at.map_or(Taken::Unreadable, |at| self.entry(entry, at, number))
    }

    /// `program[pid]: text`, perhaps behind a host, or bare text of a program that was told; at the time that was told.
    fn without_header(&mut self, raw: &[u8], number: u64) -> Taken {
        let Some(at) = self.said.at else {
            return Taken::Unreadable;
        };
        let mut cursor = Cursor { bytes: raw, at: 0 };
        cursor.blanks();
        let (host, program, pid): (&[u8], _, _) = match &self.said.program {
            Some(program) => (&[], program.as_bytes(), self.said.pid),
            None => tag::host_and_tag(&mut cursor),
        };
        let entry = Entry {
            host: host.to_vec(),
            program: program.to_vec(),
            pid,
            text: cursor.rest().to_vec(),
        };
        self.entry(entry, at, number)
    }

    /// Through the same gate as a line of a file: it may be a repetition or a part, and hold a password.
    fn entry(&mut self, mut entry: Entry, at: Moment, number: u64) -> Taken {
        if entry.host.is_empty()
            && let Some(host) = &self.said.host
        {
            entry.host = host.as_bytes().to_vec();
        }
        let raw = entry.canonical(at);
        self.syslog(&raw, number, None).unwrap_or(Taken::Unreadable)
    }

    /// The line that says the same as this entry.
    fn line_of(&mut self, entry: &Entry, at: Moment, number: u64) -> Option<Line> {
        let raw = entry.canonical(at);
        let header = Header::read(&raw)?;
        Some(self.line(&raw, &header, at, number))
    }

    fn record(&mut self, record: &Record) -> Option<Line> {
        let line = self.line_of(&record.entry, record.at, record.number)?;
        let joined = record.parts.saturating_sub(1);
        Some(Line { joined, ..line })
    }

    fn line(&mut self, raw: &[u8], header: &Header<'_>, at: Moment, number: u64) -> Line {
        let (text, repeated) = message(raw, header);
        let mut line = Line {
            at,
            host: self.hosts.get(header.host, names::host),
            program: self.programs.get(header.program, names::program),
            pid: header.pid,
            text: span(&text),
            raw: raw.into(),
            ordinal: 0,
            repeated: repeated.is_some(),
            joined: 0,
            plain: raw.get(text).is_some_and(Line::is_plain),
            origin: self.origin(number),
            identity: None,
        };
        self.count(&mut line);
        self.last.note(&line);
        if let Some(count @ 2..) = repeated {
            self.pending.push_back(Pending {
                line: line.clone(),
                left: count.min(MAX_REPEATED) - 1,
                counted: false,
            });
        }
        line
    }

    /// Gives the line its ordinal among equal ones, and with it its identity.
    fn count(&mut self, line: &mut Line) {
        line.ordinal = self.ordinals.next(line);
        line.identity = Some(Digest::in_one_stroke(line, &mut self.parts));
    }

    /// When a line was said.
    fn time(&mut self, raw: &[u8], header: &Header<'_>, id: Option<usize>, near: Option<Moment>) -> Option<Moment> {
        let queued = match header.stamp {
            Stamp::Absolute(_) => None,
            Stamp::Wall(_) | Stamp::Yearless(_) => {
                let (text, repeated) = message(raw, header);
                let text = raw.get(text).unwrap_or_default();
                queue_time::at_head_of(text, repeated.map_or(id, |_| leading(text)))
            }
        };
        let at = match near {
            Some(near) => self.calendar.moment_near(header.stamp, near)?,
            None => self.calendar.moment(header.stamp, || queued)?,
        };
        if let Some(queued) = queued {
            self.zone_check.add(at, queued);
        }
        Some(at)
    }

    /// Gives the records that are no longer waited for.
    fn give_up(&mut self, now: Option<Moment>) {
        while let Some(record) = self.records.given_up(now) {
            if let Some(line) = self.record(&record) {
                self.wait(line);
            }
        }
    }

    fn wait(&mut self, line: Line) {
        self.pending.push_back(Pending {
            line,
            left: 1,
            counted: true,
        });
    }

    /// The next of the lines that the last one stood for (`message repeated N times`), or that are no longer waited
    /// for. None if there are no more.
    pub fn pending(&mut self) -> Option<Line> {
        let next = self.pending.front_mut()?;
        let (mut line, counted) = (next.line.clone(), next.counted);
        next.left -= 1;
        if next.left == 0 {
            self.pending.pop_front();
        }
        if !counted {
            self.count(&mut line);
        }
        Some(line)
    }

    /// A raw line that is [`Taken::Unreadable`] as it may be kept: passwords are masked.
    pub fn unreadable(raw: &[u8]) -> Arc<[u8]> {
        mask::masked_unreadable(raw).map_or_else(|| raw.into(), Into::into)
    }

    /// Is there more of what the last line stood for?
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Did the log end in the middle of a message of the journal, or of a record?
    pub fn is_waiting(&self) -> bool {
        self.block.is_open() || !self.records.is_empty()
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

    /// How many minutes east of Greenwich the zone is in which stamps without one are read, where the log is.
    pub fn zone_minutes(&self) -> i64 {
        self.calendar.offset_here() / 60
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
        let (text, repeated) = message(raw, &header);
        Some(Self {
            at,
            host: names::host(header.host),
            program: names::program(header.program),
            pid: header.pid,
            text: span(&text),
            raw: raw.into(),
            ordinal,
            repeated: repeated.is_some(),
            joined: 0,
            plain: raw.get(text).is_some_and(Line::is_plain),
            origin: Origin::default(),
            identity: None,
        })
    }
}

/// Where the message stands, and how many times it is said if the line says `message repeated N times`.
fn message(raw: &[u8], header: &Header<'_>) -> (std::ops::Range<usize>, Option<u32>) {
    match repeated(raw, header.text) {
        Some((count, text)) => (text, Some(count)),
        None => (header.text..raw.len(), None),
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
