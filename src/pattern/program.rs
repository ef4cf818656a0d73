//! A compiled pattern: a flat list of steps.
//!
//! Two of them may be tried again: [`Op::Split`] (groups, lists) and [`Op::Open`] (open types). Everything else
//! takes what it takes.

use super::byte_set::ByteSet;
use super::equal::stands;
use super::guard::Guard;
use super::matcher::Until;
use super::open::Open;
use super::pairs::Pairs;
use super::scan::Scanner;
use super::scratch::Scratch;

/// What stands for a field's name in a capture. The caller of the pattern language gives the numbers.
pub type Slot = u16;

/// The capture is the key of a list that the pattern does not know; the next capture is its value.
pub const UNKNOWN: Slot = u16::MAX;

/// The value is checked and not kept.
pub(crate) const UNKEPT: Slot = u16::MAX - 1;

/// The value of one field: a range of the text's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Whose value it is.
    pub slot: Slot,
    /// Its first byte.
    pub start: u32,
    /// After its last byte.
    pub end: u32,
}

/// One step of a pattern.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// This text.
    Literal(Box<[u8]>),
    /// A closed type.
    Scan(Scanner, Slot),
    /// One of these words, the longest first.
    Words(Box<[Box<[u8]>]>, Slot),
    /// An open type.
    Open(Box<Open>),
    /// Everything to the end.
    Rest(Slot),
    /// The next step is tried first, then that one. The second number counts the splits of the program.
    Split(usize, usize),
    /// Go on there.
    Jump(usize),
    /// A key=value list, by its number, and what follows it.
    Pairs(usize, Box<Follow>),
    /// The end of the pattern.
    Accept,
}

/// What may come after a step.
#[derive(Debug, Clone)]
pub(crate) struct Follow {
    /// The text that follows, if nothing else can.
    pub(crate) literal: Box<[u8]>,
    /// The bytes with which what follows may begin.
    pub(crate) first: ByteSet,
    /// Nothing may follow.
    pub(crate) may_end: bool,
}

impl Follow {
    /// For a step whose successors are not known yet.
    pub(crate) const UNKNOWN: fn() -> Self = || Self {
        literal: Box::default(),
        first: ByteSet::EMPTY,
        may_end: false,
    };

    /// True if what follows may begin at this place.
    pub(crate) fn begins(&self, text: &[u8], at: usize) -> bool {
        match text.get(at) {
            None => self.may_end,
            Some(byte) => self.first.has(*byte) && stands(text, at, &self.literal),
        }
    }
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Program {
    pub(crate) ops: Box<[Op]>,
    pub(crate) pairs: Box<[Pairs]>,
    /// How many open fields there are.
    pub(crate) opens: usize,
    /// What the splits go by, by their numbers.
    pub(crate) guards: Box<[Guard]>,
}

impl Program {
    /// True if the whole text matches; the fields are then in [`Scratch::spans`].
    pub fn matches(&self, text: &[u8], scratch: &mut Scratch) -> bool {
        scratch.clear();
        self.run(text, 0, text.len(), Until::End, scratch).is_some()
    }
}
