//! A set of hashes in two bytes each, that may say yes too often but never no too often: a Bloom filter that grows.

/// Bits for each hash, at most; with four probes 1 of 400 strange hashes is taken for a known one.
const BITS_PER_HASH: usize = 16;
const PROBES: u32 = 4;
/// The first part holds so many.
const FIRST_CAPACITY: usize = 1 << 14;

/// Hashes that were seen.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// Each twice as large as the one before; only the last takes more.
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    bits: Vec<u64>,
    capacity: usize,
    held: usize,
}

impl Filter {
    /// For so many hashes without growing.
    pub(super) fn for_about(count: usize) -> Self {
        let capacity = count.max(FIRST_CAPACITY).next_power_of_two();
        Self {
            parts: vec![Part::new(capacity)],
        }
    }

    pub(super) fn insert(&mut self, hash: u64) {
        let next = match self.parts.last_mut() {
            Some(part) if part.held < part.capacity => {
                part.insert(hash);
                return;
            }
            Some(part) => part.capacity * 2,
            None => FIRST_CAPACITY,
        };
        let mut part = Part::new(next);
        part.insert(hash);
        self.parts.push(part);
    }

    /// Was it inserted? A false is sure.
    pub(super) fn contains(&self, hash: u64) -> bool {
        self.parts.iter().any(|part| part.contains(hash))
    }
}

impl Part {
    /// `capacity` is a power of two.
    fn new(capacity: usize) -> Self {
        Self {
            bits: vec![0; capacity * BITS_PER_HASH / 64],
            capacity,
            held: 0,
        }
    }

    fn insert(&mut self, hash: u64) {
        self.held += 1;
        let mask = self.mask();
        for (word, bit) in probes(hash, mask) {
            if let Some(word) = self.bits.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn contains(&self, hash: u64) -> bool {
        probes(hash, self.mask()).all(|(word, bit)| self.bits.get(word).is_some_and(|word| word & bit != 0))
    }

    fn mask(&self) -> u64 {
        (self.capacity * BITS_PER_HASH) as u64 - 1
    }
}

/// The places of a hash: its halves as a start and a step.
#[allow(clippy::cast_possible_truncation)] // Below the number of bits, which is a usize.
fn probes(hash: u64, mask: u64) -> impl Iterator<Item = (usize, u64)> {
    let step = hash.rotate_left(32) | 1;
    (0..PROBES).map(move |probe| {
        let bit = hash.wrapping_add(step.wrapping_mul(u64::from(probe))) & mask;
        ((bit / 64) as usize, 1 << (bit % 64))
    })
}
