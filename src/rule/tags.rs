//! Names of programs and the numbers that stand for them, found without a hash of every byte: each line asks.

/// A fixed set of names. It is made of the rules, so no line can make two names meet.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    /// Where a name's place in `names` stands, by [`slot`] or in the next free one; a power of two, more than half of it
    /// free.
    slots: Box<[Option<u16>]>,
    names: Box<[(String, usize)]>,
}

/// A mixture of length, beginning and end.
fn slot(name: &[u8]) -> usize {
    let short = || name.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let ends = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(29),
        _ => short(),
    };
    let mixed = (ends ^ name.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from(mixed >> 48).unwrap_or_default()
}

impl Tags {
    pub(crate) fn new(names: Vec<(String, usize)>) -> Self {
        let size = (names.len() * 2 + 1).next_power_of_two();
        let mut slots = vec![None; size];
        for (place, (name, _)) in (0_u16..).zip(&names) {
            let mut at = slot(name.as_bytes()) % size;
            while slots[at].is_some() {
                at = (at + 1) % size;
            }
            slots[at] = Some(place);
        }
        Self {
            slots: slots.into(),
            names: names.into(),
        }
    }

    /// The number of this name.
    pub(crate) fn get(&self, name: &str) -> Option<usize> {
        let last = self.slots.len().checked_sub(1)?;
        let mut at = slot(name.as_bytes()) & last;
        loop {
            let place = usize::from(self.slots.get(at).copied()??);
            let (known, number) = self.names.get(place)?;
            if known == name {
                return Some(*number);
            }
            at = (at + 1) & last;
        }
    }
}
