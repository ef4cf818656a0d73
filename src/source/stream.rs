//! The lines of one stream of bytes, whether it is a file or a pipe.
//!
//! In: bytes. Out: [`Read`]s, then perhaps an error, then nothing.

use std::sync::Arc;

use super::blocks::Blocks;
use super::codec::Plain;
use super::{Mark, Position, Read, SourceError, Tally};
use crate::line::{Context, Line, Moment, Reader, Taken};

/// A stream that is being read.
pub(super) struct Stream {
    name: Arc<str>,
    blocks: Option<Blocks>,
    packed: bool,
    /// A last line without line end is left for later.
    hold: bool,
    /// There was one.
    held: bool,
    /// Lines up to here were given by an earlier run.
    seen: Position,
    /// Behind what was given,
    given: Position,
    /// and behind what was read: `message repeated N times` is one line read and many given.
    read: Position,
    generation: u64,
    /// Where the message of the journal begins whose fields are being read: offset and lines before it.
    block: Option<(u64, u64)>,
    /// Where the reader's generation began.
    young: Mark,
    tally: Tally,
}

impl Stream {
    pub(super) fn new(name: Arc<str>, plain: Plain) -> Self {
        Self::after(name, plain, Position::default(), false)
    }

    /// Goes on behind a position; `plain` begins at its [`Position::restart`]. `hold`: a last line without line end is
    /// left for later, as it may grow.
    pub(super) fn after(name: Arc<str>, plain: Plain, seen: Position, hold: bool) -> Self {
        let Mark { offset, lines, .. } = seen.restart;
        Self {
            name,
            blocks: Some(Blocks::new(plain.bytes, offset, lines)),
            packed: plain.packed,
            hold,
            held: false,
            seen,
            given: seen,
            read: seen,
            generation: 0,
            block: None,
            young: seen.restart,
            tally: Tally::default(),
        }
    }

    /// Lets the reader look for the year in the first bytes. Returns the first line's moment.
    pub(super) fn look_ahead(&mut self, reader: &mut Reader, patient: bool) -> Option<Moment> {
        reader.look_ahead(self.blocks.as_mut()?.head(patient))
    }

    /// The next line. See [`super::Source::next`].
    pub(super) fn next(&mut self, reader: &mut Reader) -> Result<Option<Read>, SourceError> {
        if let Some(line) = reader.pending() {
            return Ok(Some(self.give(line, reader)));
        }
        let Some(blocks) = self.blocks.as_mut() else {
            return Ok(None);
        };
        loop {
            let (start, lines, before) = (blocks.offset(), blocks.lines(), reader.context().reached);
            let raw = match blocks.next() {
                Ok(Some(raw)) if raw.complete || !self.hold => raw,
                Ok(last) => {
                    // The rest of a message in parts may be written yet.
                    self.held = last.is_some() || self.hold && reader.is_waiting();
                    return self.end(reader);
                }
                Err(error) => {
                    let error = SourceError::new(&self.name, blocks.lines(), self.packed, error);
                    reader.end();
                    return self.ended(Err(error));
                }
            };
            self.read.offset = raw.end;
            self.read.partial = if raw.complete { 0 } else { raw.end - start };
            self.read.lines = lines + 1;
            if raw.bytes.iter().all(u8::is_ascii_whitespace) && !reader.wants_empty_lines() {
                continue;
            }
            let (bytes, end, cut) = (raw.bytes, raw.end, raw.cut);
            let taken = reader.take(bytes, lines + 1);
            if let Taken::Field = taken {
                self.block.get_or_insert((start, lines));
                continue;
            }
            let (start, lines_before) = self.block.take().unwrap_or((start, lines));
            if reader.generation() != self.generation {
                self.generation = reader.generation();
                let Context { reached, since } = reader.context();
                // The first line of all must find its year again.
                let first = &mut self.young.context.reached;
                *first = first.or(reached);
                self.read.restart = self.young;
                self.young = Mark {
                    offset: start,
                    lines: lines_before,
                    context: Context {
                        reached: before.or(reached),
                        since,
                    },
                };
            }
            // A last line that was taken without its line end may have got it since.
            if end <= self.seen.offset + u64::from(self.seen.partial > 0) {
                self.tally.seen += 1;
                while reader.pending().is_some() {
                    self.tally.seen += 1;
                }
                continue;
            }
            self.tally.raw_lines += 1;
            self.tally.cut += u64::from(cut);
            match taken {
                Taken::Line(line) => return Ok(Some(self.give(line, reader))),
                Taken::Joined | Taken::Field => {}
                Taken::Unreadable => {
                    self.tally.unreadable += 1;
                    let read = Read::Unreadable {
                        origin: reader.origin(lines + 1),
                        raw: Reader::unreadable(bytes),
                    };
                    self.note(reader);
                    return Ok(Some(read));
                }
            }
        }
    }

    fn give(&mut self, line: Line, reader: &Reader) -> Read {
        self.tally.lines += 1;
        self.note(reader);
        Read::Line(line)
    }

    /// Gives what waited for more, then says if there was nothing but unreadable lines.
    fn end(&mut self, reader: &mut Reader) -> Result<Option<Read>, SourceError> {
        if !self.held {
            reader.end();
        }
        if let Some(line) = reader.pending() {
            self.blocks = None;
            return Ok(Some(self.give(line, reader)));
        }
        let unreadable = self.tally.unreadable;
        if unreadable > 0 && unreadable == self.tally.raw_lines && self.seen.offset == 0 {
            return self.ended(Err(SourceError::no_log(&self.name, unreadable)));
        }
        self.ended(Ok(None))
    }

    /// What was read is given, unless lines of it are still to come.
    fn note(&mut self, reader: &Reader) {
        if !reader.is_pending() {
            self.given = self.read;
        }
    }

    fn ended(&mut self, with: Result<Option<Read>, SourceError>) -> Result<Option<Read>, SourceError> {
        self.blocks = None;
        if self.read.offset > self.given.offset {
            self.given = self.read;
        }
        with
    }

    /// Behind what was given.
    pub(super) fn position(&self) -> Position {
        self.given
    }

    /// Was everything read?
    pub(super) fn has_ended(&self) -> bool {
        self.blocks.is_none()
    }

    /// Is a last line without line end left for later?
    pub(super) fn is_holding(&self) -> bool {
        self.held
    }

    pub(super) fn tally(&self, reader: &Reader) -> Tally {
        Tally {
            zone_offset_minutes: reader.zone_offset_minutes(),
            zone_minutes: reader.zone_minutes(),
            ..self.tally
        }
    }
}
