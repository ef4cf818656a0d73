//! A compiled pattern: a flat list of steps.
//!
//! Two of them may be tried again: [`Op::Split`] (groups, lists) and [`Op::Open`] (open types). Everything else
//! takes what it takes.

use super::matcher::{Scratch, Until};
use super::open::Open;
use super::pairs::Pairs;
use super::scan::Scanner;

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
            Some(byte) => self.first.has(*byte) && text[at..].starts_with(&self.literal),
        }
    }
}

/// A set of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteSet([bool; 256]);

impl std::fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries((0..=255_u8).filter(|byte| self.has(*byte)))
            .finish()
    }
}

impl ByteSet {
    pub(crate) const EMPTY: Self = Self([false; 256]);
    pub(crate) const ALL: Self = Self([true; 256]);

    pub(crate) fn add(&mut self, byte: u8) {
        self.0[byte as usize] = true;
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Program {
    pub(crate) ops: Box<[Op]>,
    pub(crate) pairs: Box<[Pairs]>,
    /// How many open fields there are.
    pub(crate) opens: usize,
    /// How many splits there are.
    pub(crate) splits: usize,
}

impl Program {
    /// True if the whole text matches; the fields are then in [`Scratch::spans`].
    pub fn matches(&self, text: &[u8], scratch: &mut Scratch) -> bool {
        scratch.clear();
        self.run(text, 0, text.len(), Until::End, scratch).is_some()
    }
}
