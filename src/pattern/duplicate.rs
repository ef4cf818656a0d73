//! What becomes of a key that stands more than once in a list.

use super::scratch::{Scratch, place};

/// What becomes of a key that stands more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicate {
    /// The first value is kept.
    #[default]
    First,
    /// The last value is kept.
    Last,
    /// All values are kept.
    All,
}

impl Duplicate {
    /// Applies it to the captures from `before` on, which a value of this key has just made. `seen`: the keys before it,
    /// a bit each.
    pub(crate) fn settle(self, key: usize, before: usize, seen: &mut u128, scratch: &mut Scratch) {
        let bit = 1_u128 << key;
        let repeated = *seen & bit != 0;
        *seen |= bit;
        scratch.repeated += u32::from(repeated);
        match self {
            Self::First if repeated => scratch.spans.truncate(before),
            Self::First | Self::All => {}
            Self::Last => only_last(place(key), place(before), scratch),
        }
    }
}

/// Takes an earlier value of the key away, and remembers where this one stands.
fn only_last(key: u32, mut from: u32, scratch: &mut Scratch) {
    if let Some(index) = scratch.keys.iter().rposition(|(other, ..)| *other == key) {
        let (_, start, end) = scratch.keys.remove(index);
        scratch.spans.drain(start as usize..end as usize);
        let gone = end - start;
        for (_, other_start, other_end) in &mut scratch.keys {
            if *other_start >= end {
                *other_start -= gone;
                *other_end -= gone;
            }
        }
        from -= gone;
    }
    scratch.keys.push((key, from, place(scratch.spans.len())));
}
