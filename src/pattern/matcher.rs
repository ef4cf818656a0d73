//! The interpreter: what a pattern means.
//!
//! Closed types take what they take; groups and open types are tried again, optional present before absent,
//! branches in order, `text` shortest first, `last` longest first. An abandoned branch takes its captures with it.
//!
//! What failed once is not tried again: an open field remembers from where on it failed, a split remembers its
//! failed places (once there were some), so that a line costs at most steps times length, whatever is in it.
//!
//! In: a [`Program`], a text. Out: spans in [`Scratch`]. Nothing is allocated once the scratch is warm.

use super::equal::stands;
use super::open::Open;
use super::pairs::Pairs;
use super::program::{Follow, Op, Program};
use super::scratch::{Scratch, place};

/// How often a run goes back before it begins to remember the places of its splits.
const FREE_RETRIES: u32 = 24;

/// Something that may be tried again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    op: u32,
    /// Split: where to go on. Open: the next end to try (or, longest first, the last one).
    at: u32,
    /// Open: where the value begins.
    start: u32,
    spans: u32,
}

/// Where a run may end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until<'p> {
    /// At the end of the text only.
    End,
    /// At the end of the text or where the list goes on.
    Key(&'p Pairs),
    /// Where the pattern goes on after the list, as far as its next step tells.
    Then(&'p Follow),
}

impl Frame {
    fn new(op: usize, at: usize, start: usize, spans: usize) -> Self {
        Self {
            op: place(op),
            at: place(at),
            start: place(start),
            spans: place(spans),
        }
    }
}

impl Program {
    /// Runs from `start`, seeing the text up to `end`. Returns where it ended.
    pub(crate) fn run(
        &self,
        text: &[u8],
        start: usize,
        end: usize,
        until: Until<'_>,
        scratch: &mut Scratch,
    ) -> Option<usize> {
        let run = Run {
            program: self,
            text: text.get(..end)?,
            until,
            frames: scratch.frames.len(),
            failed_from: scratch.failed_from.len(),
            failed: scratch.failed.len(),
            spans: scratch.spans.len(),
        };
        if self.opens > 0 {
            scratch.failed_from.resize(run.failed_from + self.opens, u32::MAX);
        }
        let ended = run.go(start, scratch);
        scratch.frames.truncate(run.frames);
        scratch.failed_from.truncate(run.failed_from);
        scratch.failed.truncate(run.failed);
        if ended.is_none() {
            scratch.spans.truncate(run.spans);
        }
        ended
    }
}

/// One run: the program, the text that it sees, and where its part of the scratch begins.
struct Run<'p, 't> {
    program: &'p Program,
    text: &'t [u8],
    until: Until<'p>,
    frames: usize,
    failed_from: usize,
    failed: usize,
    spans: usize,
}

impl Run<'_, '_> {
    fn go(&self, start: usize, scratch: &mut Scratch) -> Option<usize> {
        let (text, ops) = (self.text, &*self.program.ops);
        let (mut op, mut at) = (0, start);
        // Counted here and told at the end, so that they stay in registers.
        let (mut steps, mut farthest, mut retries) = (0, start, 0);
        let ended = loop {
            steps += 1;
            farthest = farthest.max(at);
            let took = match ops.get(op) {
                Some(Op::Literal(literal)) => stands(text, at, literal).then(|| (op + 1, at + literal.len())),
                Some(Op::Scan(scanner, slot)) => scanner.scan(text, at).map(|found| {
                    scratch.keep(*slot, found.start, found.end);
                    (op + 1, found.next)
                }),
                Some(Op::Words(words, slot)) => words.iter().find(|word| stands(text, at, word)).map(|word| {
                    scratch.keep(*slot, at, at + word.len());
                    (op + 1, at + word.len())
                }),
                Some(Op::Rest(slot)) => {
                    scratch.keep(*slot, at, text.len());
                    Some((op + 1, text.len()))
                }
                Some(Op::Jump(to)) => Some((*to, at)),
                Some(Op::Split(other, number)) => self.split(op, *other, *number, at, scratch),
                Some(Op::Open(open)) => {
                    let way = open.way(text, at);
                    let first = if way.backwards { text.len() } else { at };
                    scratch.frames.push(Frame::new(op, first, at, scratch.spans.len()));
                    None
                }
                Some(Op::Pairs(list, after)) => self.program.pairs[*list]
                    .take(*list, text, at, after, scratch)
                    .map(|next| (op + 1, next)),
                Some(Op::Accept) if self.ends(at, scratch) => break Some(at),
                Some(Op::Accept) => None,
                None => break None,
            };
            match took.or_else(|| self.back(&mut retries, scratch)) {
                Some(next) => (op, at) = next,
                None => break None,
            }
        };
        scratch.steps += steps;
        scratch.farthest = scratch.farthest.max(farthest);
        ended
    }

    /// Where a split goes on. What cannot match by its first byte, or by the text that it begins with, is not tried; if
    /// both ways may match, the second one is remembered.
    fn split(
        &self,
        op: usize,
        other: usize,
        number: usize,
        at: usize,
        scratch: &mut Scratch,
    ) -> Option<(usize, usize)> {
        let (here, there) = self.program.guards.get(number)?.ways(self.text.get(at));
        let (mut next, mut then) = (op + 1, at);
        if here && let Some(Op::Literal(literal)) = self.program.ops.get(next) {
            if !stands(self.text, at, literal) {
                return there.then_some((other, at));
            }
            next += 1;
            then += literal.len();
        }
        match (here, there) {
            (false, false) => None,
            (false, true) => Some((other, at)),
            (true, false) => Some((next, then)),
            (true, true) => (!self.split_failed(number, at, scratch)).then(|| {
                scratch.frames.push(Frame::new(op, at, at, scratch.spans.len()));
                (next, then)
            }),
        }
    }

    fn ends(&self, at: usize, scratch: &mut Scratch) -> bool {
        match self.until {
            Until::End => at == self.text.len(),
            Until::Key(pairs) => pairs.ends(self.text, at, scratch),
            Until::Then(follow) => follow.begins(self.text, at),
        }
    }

    /// Goes back to the last thing that can be tried again.
    fn back(&self, retries: &mut u32, scratch: &mut Scratch) -> Option<(usize, usize)> {
        loop {
            if scratch.frames.len() <= self.frames {
                return None;
            }
            let frame = scratch.frames.pop()?;
            *retries += 1;
            scratch.steps += 1;
            scratch.spans.truncate(frame.spans as usize);
            let op = frame.op as usize;
            match self.program.ops.get(op)? {
                Op::Split(other, number) => {
                    if *retries > FREE_RETRIES {
                        self.remember(*number, frame.at as usize, scratch);
                    }
                    return Some((*other, frame.at as usize));
                }
                Op::Open(open) => {
                    if let Some(at) = self.next_end(open, frame, scratch) {
                        return Some((op + 1, at));
                    }
                    let failed = &mut scratch.failed_from[self.failed_from + open.number];
                    *failed = frame.start.min(*failed);
                }
                _ => return None,
            }
        }
    }

    /// Where the text goes on after the next end of an open field that is worth a try; pushes the frame for the
    /// end after it.
    fn next_end(&self, open: &Open, frame: Frame, scratch: &mut Scratch) -> Option<usize> {
        let way = open.way(self.text, frame.start as usize);
        // From this place on an earlier visit has tried everything.
        let limit = scratch.failed_from[self.failed_from + open.number] as usize;
        let (end, again) = if way.backwards {
            if frame.at == u32::MAX {
                return None;
            }
            let upto = (frame.at as usize).min(limit.checked_sub(1)?);
            let end = open.last_end(self.text, way, upto, &mut scratch.steps)?;
            (end, if end > way.value { place(end - 1) } else { u32::MAX })
        } else {
            let end = open.first_end(self.text, frame.at as usize, limit, &mut scratch.steps)?;
            (end, place(end + 1))
        };
        scratch.frames.push(Frame { at: again, ..frame });
        scratch.keep(open.slot, way.value, end);
        Some((end + usize::from(way.brackets)).min(self.text.len()))
    }

    fn split_failed(&self, number: usize, at: usize, scratch: &Scratch) -> bool {
        if scratch.failed.len() == self.failed {
            return false;
        }
        let bit = number * (self.text.len() + 1) + at;
        scratch
            .failed
            .get(self.failed + bit / 64)
            .is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    /// This split has been tried at this place: whoever comes here again comes in vain.
    fn remember(&self, number: usize, at: usize, scratch: &mut Scratch) {
        if scratch.failed.len() == self.failed {
            let bits = self.program.guards.len() * (self.text.len() + 1);
            scratch.failed.resize(self.failed + bits.div_ceil(64), 0);
        }
        let bit = number * (self.text.len() + 1) + at;
        if let Some(word) = scratch.failed.get_mut(self.failed + bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }
}
