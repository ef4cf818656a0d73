//! Which way of a split the next byte allows: most optional parts are there or not by their first byte, so that nothing
//! has to be remembered and tried again.
//!
//! In: the steps of a program. Out: a [`Guard`] for each of its splits.

use super::byte_set::ByteSet;
use super::check;
use super::pairs::Pairs;
use super::program::Op;

/// How a text may go on.
#[derive(Debug, Clone, Copy)]
struct Way {
    first: ByteSet,
    may_end: bool,
}

/// The two ways of a split.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    here: Way,
    there: Way,
}

impl Way {
    fn allows(&self, next: Option<&u8>) -> bool {
        next.map_or(self.may_end, |byte| self.first.has(*byte))
    }
}

impl Guard {
    /// Of the split at step `at`, which goes on at the next step or at `other`. `after`: what may stand after the
    /// pattern; None if the text ends with it.
    pub(crate) fn of(ops: &[Op], pairs: &[Pairs], at: usize, other: usize, after: Option<&ByteSet>) -> Self {
        let way = |from| {
            let (first, may_end) = check::follow(ops, pairs, from, after);
            Way { first, may_end }
        };
        Self {
            here: way(at + 1),
            there: way(other),
        }
    }

    /// Whether the first way and the second way may match a text that goes on with this byte.
    pub(crate) fn ways(&self, next: Option<&u8>) -> (bool, bool) {
        (self.here.allows(next), self.there.allows(next))
    }
}
