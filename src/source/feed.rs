//! Messages of a server become lines: put in order, put back together, counted, and left out if they were seen before.
//!
//! A message that was seen is read all the same and dropped only then: equal lines of one second are told apart by
//! being counted, and one that is left out of the count would give its number to another.
//!
//! In: [`Stored`] messages of one stretch of time after the other. Out: [`Read`]s.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::stored::Stored;
use super::{Read, Seen, Tally};
use crate::line::{Dating, Digest, Evidence, MAX_LINE_BYTES, Moment, Reader, Taken};

/// Lines that wait to be asked for.
pub(super) struct Feed {
    reader: Reader,
    before: Seen,
    /// If there is one, all others are left out as well.
    only: Option<Seen>,
    /// Messages whose lines were all given.
    given: Seen,
    /// Messages of which lines may wait.
    here: HashMap<Digest, Moment>,
    waiting: VecDeque<Read>,
    number: u64,
    bytes: u64,
    skipped: u64,
    tally: Tally,
}

impl Feed {
    /// For a source of this name. `before`: what earlier runs have read. No stamp without year is later than `to`.
    pub(super) fn new(name: Arc<str>, dating: Dating, to: Moment, before: Seen) -> Self {
        let evidence = Evidence {
            modified: Some(to),
            ..Evidence::default()
        };
        Self {
            reader: Reader::new(name, dating, evidence),
            before,
            only: None,
            given: Seen::default(),
            here: HashMap::new(),
            waiting: VecDeque::new(),
            number: 0,
            bytes: 0,
            skipped: 0,
            tally: Tally::default(),
        }
    }

    /// Gives only the lines of these messages; the others are read to count equal lines.
    pub(super) fn give_only(&mut self, only: Seen) {
        self.only = Some(only);
    }

    /// Takes the messages of a stretch of time that is later than those before it, in any order, some perhaps twice.
    /// `shift`: milliseconds that the stamps are to be put forward.
    pub(super) fn add(&mut self, mut messages: Vec<Stored>, shift: i64) {
        messages.sort_by(|a, b| (a.at, &a.arrival).cmp(&(b.at, &b.arrival)));
        for message in messages {
            let ranged = Moment(message.ranged.0.saturating_add(shift));
            if self.here.insert(message.key, ranged).is_some() {
                continue;
            }
            let raw = message.content.line(Moment(message.at.0.saturating_add(shift)));
            self.number += 1;
            self.bytes += raw.len() as u64;
            let unwanted = self.only.as_ref().is_some_and(|only| !only.contains(message.key));
            let skip = unwanted || self.before.contains(message.key);
            self.skipped += u64::from(skip);
            if raw.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.read(&raw, skip);
        }
    }

    fn read(&mut self, raw: &[u8], skip: bool) {
        let taken = self.reader.take(raw, self.number);
        if !skip {
            self.tally.raw_lines += 1;
            self.tally.cut += u64::from(raw.len() > MAX_LINE_BYTES);
        }
        let mut next = match taken {
            Taken::Line(line) => Some(line),
            Taken::Joined | Taken::Field => None,
            Taken::Unreadable => {
                if !skip {
                    self.tally.unreadable += 1;
                    self.waiting.push_back(Read::Unreadable {
                        origin: self.reader.origin(self.number),
                        raw: Reader::unreadable(raw.get(..raw.len().min(MAX_LINE_BYTES)).unwrap_or_default()),
                    });
                }
                None
            }
        };
        while let Some(line) = next {
            if !skip {
                self.tally.lines += 1;
                self.waiting.push_back(Read::Line(line));
            }
            next = self.reader.pending();
        }
    }

    /// The next line that waits. None: all were given.
    pub(super) fn next(&mut self) -> Option<Read> {
        let next = self.waiting.pop_front();
        if next.is_none() {
            for (key, at) in self.here.drain() {
                self.given.insert(key, at);
            }
        }
        next
    }

    /// What was read so far, without what was seen before.
    pub(super) fn tally(&self) -> Tally {
        Tally {
            zone_offset_minutes: self.reader.zone_offset_minutes(),
            ..self.tally
        }
    }

    /// How many messages were left out because an earlier run had read them.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Bytes of the lines.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// All messages that this run has given, or left out because an earlier one had.
    pub(super) fn seen(&self) -> &Seen {
        &self.given
    }
}
