//! The open types: where a field may end that has no end of its own.
//!
//! An end is worth a try only where the rest of the pattern can begin, which is found by a search for the literal
//! that follows, or by the set of bytes with which what follows may begin.

use memchr::{memmem, memrchr};

use super::program::{Follow, Slot};

/// How an open type looks for its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// `text`: the first end from which the rest matches.
    Shortest,
    /// `last`: the last such end.
    Longest,
    /// `msgid`: the last `>` from which the rest matches; as `text` where no `<` stands before it.
    MessageId,
}

/// A field of an open type.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) slot: Slot,
    pub(crate) reach: Reach,
    /// Number among the open fields of the program.
    pub(crate) number: usize,
    /// Finds the literal that follows, if nothing else can: from the front, from the back.
    pub(crate) next: Option<(memmem::Finder<'static>, memmem::FinderRev<'static>)>,
    /// What follows.
    pub(crate) follow: Follow,
}

/// How one visit looks for the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    /// Where the value begins.
    pub(crate) value: usize,
    /// From the last end to the first.
    pub(crate) backwards: bool,
    /// Ends are `>` only.
    angle: bool,
    /// The `>` belongs to the field.
    pub(crate) brackets: bool,
}

impl Open {
    /// The way of a visit that begins at `at`.
    pub(crate) fn way(&self, text: &[u8], at: usize) -> Way {
        let plain = Way {
            value: at,
            backwards: self.reach == Reach::Longest,
            angle: false,
            brackets: false,
        };
        if self.reach != Reach::MessageId {
            return plain;
        }
        // A Message-ID is the sender's text and holds anything: `<a>, relay=evil [6.6.6.6]>`.
        if at > 0 && text.get(at - 1) == Some(&b'<') {
            Way {
                backwards: true,
                angle: true,
                ..plain
            }
        } else if text.get(at) == Some(&b'<') {
            Way {
                value: at + 1,
                backwards: true,
                angle: true,
                brackets: true,
            }
        } else {
            plain
        }
    }

    /// The first end at or after `from` and before `limit`.
    pub(crate) fn first_end(&self, text: &[u8], from: usize, limit: usize, steps: &mut u64) -> Option<usize> {
        let last = limit.checked_sub(1)?.min(text.len());
        if from > last {
            return None;
        }
        let end = match &self.next {
            Some((next, _)) => {
                let seen = (last + next.needle().len()).min(text.len());
                next.find(&text[from..seen]).map(|offset| from + offset)
            }
            None => (from..=last).find(|end| self.follow.begins(text, *end)),
        };
        *steps += (end.unwrap_or(last) - from) as u64 / 16 + 1;
        end
    }

    /// The last end at or before `upto`.
    pub(crate) fn last_end(&self, text: &[u8], way: Way, upto: usize, steps: &mut u64) -> Option<usize> {
        let from = way.value;
        let upto = upto.min(text.len());
        if from > upto {
            return None;
        }
        let end = if way.angle {
            // Without any `>` the line was cut.
            memrchr(b'>', &text[from..text.len().min(upto + 1)])
                .map(|offset| from + offset)
                .or((upto == text.len()).then_some(upto))
        } else {
            match &self.next {
                Some((_, next)) => next
                    .rfind(&text[from..(upto + next.needle().len()).min(text.len())])
                    .map(|offset| from + offset),
                None => (from..=upto).rev().find(|end| self.follow.begins(text, *end)),
            }
        };
        *steps += (upto - end.unwrap_or(from)) as u64 / 16 + 1;
        end
    }
}
