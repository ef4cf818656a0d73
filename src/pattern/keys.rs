//! The keys that a list knows, found by their names in one step.

use super::equal::same;
use super::program::Program;

/// A key that the list knows.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) name: Box<[u8]>,
    pub(crate) value: Program,
}

/// The keys of one list, in its order.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    all: Box<[Key]>,
    /// By [`slot`]: the number of the first key there, or [`NONE`].
    slots: Box<[u8; SLOTS]>,
    /// By number: the next key of the same slot, or [`NONE`].
    next: Box<[u8]>,
}

/// The most keys that a list may know: each is a bit of a `u128`.
pub(crate) const MAX_KNOWN: usize = 128;

const SLOTS: usize = 128;
const NONE: u8 = u8::MAX;

/// Where a name is looked for: a mixture of its length, its first and its last byte, which tell the keys of nearly every
/// list apart.
fn slot(name: &[u8]) -> usize {
    let byte = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or_default());
    (byte(name.first()).wrapping_mul(5) ^ byte(name.last()) ^ (name.len() << 4)) % SLOTS
}

impl Keys {
    /// At most [`MAX_KNOWN`].
    pub(crate) fn new(keys: Vec<Key>) -> Self {
        let mut slots = Box::new([NONE; SLOTS]);
        let mut next = vec![NONE; keys.len()];
        // From the last one to the first, so that of two keys of one name the first is found.
        for (number, key) in (0_u8..NONE).zip(&keys).rev() {
            let first = &mut slots[slot(&key.name)];
            next[usize::from(number)] = *first;
            *first = number;
        }
        Self {
            all: keys.into(),
            slots,
            next: next.into(),
        }
    }

    /// The number of the key of this name.
    pub(crate) fn number(&self, name: &[u8]) -> Option<usize> {
        let mut number = self.slots[slot(name)];
        loop {
            let key = self.all.get(usize::from(number))?;
            if same(&key.name, name) {
                return Some(usize::from(number));
            }
            number = *self.next.get(usize::from(number))?;
        }
    }

    pub(crate) fn get(&self, number: usize) -> Option<&Key> {
        self.all.get(number)
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Key> {
        self.all.iter()
    }
}
