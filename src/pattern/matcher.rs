//! The interpreter: what a pattern means.
//!
//! Closed types take what they take; groups and open types are tried again, optional present before absent,
//! branches in order, `text` shortest first, `last` longest first. An abandoned branch takes its captures with it.
//!
//! What failed once is not tried again: an open field remembers from where on it failed, a split remembers its
//! failed places (once there were some), so that a line costs at most steps times length, whatever is in it.
//!
//! In: a [`Program`], a text. Out: spans in [`Scratch`]. Nothing is allocated once the scratch is warm.

use super::open::Open;
use super::pairs::Pairs;
use super::program::{Follow, Op, Program, Slot, Span, UNKEPT};

/// How often a run goes back before it begins to remember the places of its splits.
const FREE_RETRIES: u32 = 24;

/// The memory of a match, to be kept from line to line.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) spans: Vec<Span>,
    frames: Vec<Frame>,
    /// For each open field of the running programs: it fails from here on.
    failed_from: Vec<u32>,
    /// Split and place that failed, of the running programs.
    failed: Vec<u64>,
    /// The captures of each key of a list, for `duplicate: last`.
    pub(crate) keys: Vec<(u32, u32, u32)>,
    /// Where the `last` key of a list stands; the list's number, the key's number, the place.
    pub(crate) last_keys: Vec<LastKey>,
    /// How many keys were repeated in the lists of the line.
    pub(crate) repeated: u32,
    /// Work done, for the tests of linearity.
    pub(crate) steps: u64,
    /// The farthest place that a match came to.
    pub(crate) farthest: usize,
}

/// Found once for a text and a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastKey {
    pub(crate) list: usize,
    /// The key's number and the place of the separator before it. None if no such key stands in the text.
    pub(crate) found: Option<(usize, usize)>,
}

/// Something that may be tried again.
#[derive(Debug, Clone, Copy)]
struct Frame {
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

impl Scratch {
    /// The fields of the last match, in the order of the line.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// How many keys stood more than once in the lists of the last match: `relay=[a], relay=[b]` is an attack.
    pub fn repeated_keys(&self) -> u32 {
        self.repeated
    }

    /// The farthest byte that the last match came to; where a line that does not match begins to differ.
    pub fn farthest(&self) -> usize {
        self.farthest
    }

    /// Steps since the scratch was made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Replaces the spans by these; for matchers that are no patterns.
    pub fn take(&mut self, spans: impl Iterator<Item = (Slot, usize, usize)>) {
        self.clear();
        for (slot, start, end) in spans {
            self.keep(slot, start, end);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.spans.clear();
        self.frames.clear();
        self.failed_from.clear();
        self.failed.clear();
        self.keys.clear();
        self.last_keys.clear();
        self.repeated = 0;
        self.farthest = 0;
    }

    /// Remembers something that may be tried again.
    fn push(&mut self, op: usize, at: usize, start: usize) {
        self.frames.push(Frame {
            op: place(op),
            at: place(at),
            start: place(start),
            spans: place(self.spans.len()),
        });
    }

    pub(crate) fn keep(&mut self, slot: Slot, start: usize, end: usize) {
        if slot != UNKEPT {
            self.spans.push(Span {
                slot,
                start: place(start),
                end: place(end),
            });
        }
    }
}

/// True if this text stands here. The first byte decides most of the time.
fn stands(text: &[u8], at: usize, what: &[u8]) -> bool {
    text.get(at) == what.first() && text[at..].starts_with(what) || what.is_empty()
}

/// Lines are at most 64 KiB; a text beyond 4 GiB cannot occur.
pub(crate) fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
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
        scratch
            .failed_from
            .resize(scratch.failed_from.len() + self.opens, u32::MAX);
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
        let text = self.text;
        let mut op = 0;
        let mut at = start;
        let mut retries = 0;
        loop {
            scratch.steps += 1;
            let took = match self.program.ops.get(op)? {
                Op::Literal(literal) => stands(text, at, literal).then(|| (op + 1, at + literal.len())),
                Op::Scan(scanner, slot) => scanner.scan(text, at).map(|found| {
                    scratch.keep(*slot, found.start, found.end);
                    (op + 1, found.next)
                }),
                Op::Words(words, slot) => words.iter().find(|word| stands(text, at, word)).map(|word| {
                    scratch.keep(*slot, at, at + word.len());
                    (op + 1, at + word.len())
                }),
                Op::Rest(slot) => {
                    scratch.keep(*slot, at, text.len());
                    Some((op + 1, text.len()))
                }
                Op::Jump(to) => Some((*to, at)),
                Op::Split(_, number) => (!self.split_failed(*number, at, scratch)).then(|| {
                    scratch.push(op, at, at);
                    (op + 1, at)
                }),
                Op::Open(open) => {
                    let way = open.way(text, at);
                    let first = if way.backwards { text.len() } else { at };
                    scratch.push(op, first, at);
                    None
                }
                Op::Pairs(list, after) => self.program.pairs[*list]
                    .take(*list, text, at, after, scratch)
                    .map(|next| (op + 1, next)),
                Op::Accept if self.ends(at) => return Some(at),
                Op::Accept => None,
            };
            if at > scratch.farthest {
                scratch.farthest = at;
            }
            if let Some(next) = took {
                (op, at) = next;
            } else {
                (op, at) = self.back(&mut retries, scratch)?;
            }
        }
    }

    fn ends(&self, at: usize) -> bool {
        match self.until {
            Until::End => at == self.text.len(),
            Until::Key(pairs) => at == self.text.len() || pairs.goes_on(self.text, at),
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
        let bit = number * (self.text.len() + 1) + at;
        scratch
            .failed
            .get(self.failed + bit / 64)
            .is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    /// This split has been tried at this place: whoever comes here again comes in vain.
    fn remember(&self, number: usize, at: usize, scratch: &mut Scratch) {
        if scratch.failed.len() == self.failed {
            let bits = self.program.splits * (self.text.len() + 1);
            scratch.failed.resize(self.failed + bits.div_ceil(64), 0);
        }
        let bit = number * (self.text.len() + 1) + at;
        if let Some(word) = scratch.failed.get_mut(self.failed + bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }
}
