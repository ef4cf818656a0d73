//! Long records that sendmail has split: `QID[1]: ... ...`, `QID[2]: ...`.
//!
//! `sm_syslog` (`sendmail/conf.c`) writes as many lines as syslog's buffer asks for, one directly after the other; all
//! but the last end with ` ...`. The lines of other processes may stand between them. A record whose end never comes is
//! given as far as it came.
//!
//! In: the messages of a process, in order. Out: the record in one piece, as it was before it was split.

use std::collections::VecDeque;

use super::entry::Entry;
use super::{MAX_LINE_BYTES, Moment};

/// So many records may be waiting for their next part; of more the oldest is given up.
const MOST: usize = 256;
/// The parts of a record are written at once: for so long its next one is waited for, in milliseconds of the log.
const PATIENCE: i64 = 10_000;

/// A record, as far as it has come.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// `text` is `QID: ` and the parts.
    pub(crate) entry: Entry,
    /// Of its first part.
    pub(crate) at: Moment,
    /// Number of the line of its first part.
    pub(crate) number: u64,
    /// How many raw lines it came in.
    pub(crate) parts: u32,
    id: usize,
}

/// Records that are waiting for their next part.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// The oldest first.
    waiting: VecDeque<Record>,
}

/// What became of a message.
pub(crate) enum Joined {
    /// It is no part of a record.
    Whole,
    /// It is a part, and more will come.
    Part,
    /// It is the last part.
    Record(Record),
}

impl Records {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes a message, which begins with so many letters and digits ([`leading`](super::leading::leading)).
    pub(crate) fn add(
        &mut self,
        entry: impl FnOnce() -> Entry,
        (text, leading): (&[u8], Option<usize>),
        at: Moment,
        number: u64,
    ) -> Joined {
        let Some((id, part, rest)) = part(text, leading) else {
            return Joined::Whole;
        };
        let (body, more) = match rest.strip_suffix(b" ...") {
            Some(body) => (body, true),
            None => (rest, false),
        };
        let entry = entry();
        if part == 1 {
            if !more {
                return Joined::Whole;
            }
            let mut text = id.to_vec();
            text.extend_from_slice(if id.is_empty() { b"" } else { b": " });
            text.extend_from_slice(body);
            self.waiting.push_back(Record {
                entry: Entry { text, ..entry },
                at,
                number,
                id: id.len(),
                parts: 1,
            });
            return Joined::Part;
        }
        let found = self.waiting.iter().position(|record| {
            record.parts + 1 == part
                && record.entry.pid == entry.pid
                && record.entry.text.get(..record.id) == Some(id)
                && record.entry.host == entry.host
                && record.entry.program == entry.program
        });
        let Some(found) = found else {
            return Joined::Whole;
        };
        let Some(record) = self.waiting.get_mut(found) else {
            return Joined::Whole;
        };
        record.parts = part;
        let room = MAX_LINE_BYTES.saturating_sub(record.entry.text.len());
        record
            .entry
            .text
            .extend_from_slice(body.get(..body.len().min(room)).unwrap_or_default());
        if more {
            return Joined::Part;
        }
        self.waiting.remove(found).map_or(Joined::Whole, Joined::Record)
    }

    /// The oldest record that is no longer waited for at this moment of the log. `None`: at its end.
    pub(crate) fn given_up(&mut self, now: Option<Moment>) -> Option<Record> {
        let oldest = self.waiting.front()?;
        let late = now.is_none_or(|now| now.0.saturating_sub(oldest.at.0) > PATIENCE);
        (late || self.waiting.len() > MOST).then(|| self.waiting.pop_front())?
    }
}

/// `QID[2]: text`: id, number and text of a part. Records without a queue id are `[2]: text` or `NOQUEUE[2]: text`.
fn part(text: &[u8], leading: Option<usize>) -> Option<(&[u8], u32, &[u8])> {
    let id = leading.filter(|id| *id < 24)?;
    let rest = text.get(id..)?.strip_prefix(b"[")?;
    if !(id == 0 || id >= 12 || text.starts_with(b"NOQUEUE")) {
        return None;
    }
    let digits = rest.iter().take(4).position(|byte| !byte.is_ascii_digit())?;
    let body = rest.get(digits..)?.strip_prefix(b"]: ")?;
    let number = super::stamp::number(rest.get(..digits)?).filter(|number| *number > 0)?;
    Some((text.get(..id)?, number, body))
}
