//! Lines that are told in any order and written in that of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Arguments;
use std::io::{self, Write};

use super::Told;
use super::clock::{Micros, rfc3164, rfc3339};

/// How a line's header is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Rfc3164,
    Rfc3339,
}

/// What happens at a time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Line(String),
    Opened,
    Closed,
}

/// A log that is being written.
pub(crate) struct Log<'w> {
    out: &'w mut dyn Write,
    form: Form,
    pending: BinaryHeap<Reverse<(Micros, u64, Happens)>>,
    order: u64,
    open: u64,
    pub(crate) told: Told,
}

impl<'w> Log<'w> {
    pub(crate) fn new(out: &'w mut dyn Write, form: Form) -> Self {
        Self {
            out,
            form,
            pending: BinaryHeap::new(),
            order: 0,
            open: 0,
            told: Told::default(),
        }
    }

    /// A line of a program. A pid of 0 is none.
    pub(crate) fn say(&mut self, at: Micros, host: &str, program: &str, pid: u64, text: Arguments<'_>) {
        let stamp = match self.form {
            Form::Rfc3164 => rfc3164(at),
            Form::Rfc3339 => rfc3339(at),
        };
        let line = match pid {
            0 => format!("{stamp} {host} {program}: {text}"),
            _ => format!("{stamp} {host} {program}[{pid}]: {text}"),
        };
        self.told.lines += 1;
        self.happens(at, Happens::Line(line));
    }

    /// A queue id begins.
    pub(crate) fn opened(&mut self, at: Micros) {
        self.told.messages += 1;
        self.happens(at, Happens::Opened);
    }

    /// A queue id ends.
    pub(crate) fn closed(&mut self, at: Micros) {
        self.happens(at, Happens::Closed);
    }

    /// What became of a recipient in the end.
    pub(crate) fn fate(&mut self, status: &'static str) {
        *self.told.recipients.entry(status).or_default() += 1;
    }

    fn happens(&mut self, at: Micros, what: Happens) {
        self.order += 1;
        self.pending.push(Reverse((at, self.order, what)));
    }

    /// Writes what is before `now`: nobody will tell anything earlier.
    pub(crate) fn advance(&mut self, now: Micros) -> io::Result<()> {
        while self.pending.peek().is_some_and(|Reverse((at, ..))| *at < now) {
            let Some(Reverse((_, _, what))) = self.pending.pop() else {
                break;
            };
            match what {
                Happens::Line(line) => {
                    self.out.write_all(line.as_bytes())?;
                    self.out.write_all(b"\n")?;
                }
                Happens::Opened => {
                    self.open += 1;
                    self.told.most_open = self.told.most_open.max(self.open);
                }
                Happens::Closed => self.open -= 1,
            }
        }
        Ok(())
    }

    /// Writes the rest.
    pub(crate) fn end(mut self) -> io::Result<Told> {
        self.advance(Micros::MAX)?;
        Ok(self.told)
    }
}
