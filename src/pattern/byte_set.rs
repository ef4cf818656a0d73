//! Sets of bytes: small ones for what may come next, tables of them for the runs of the closed types.

/// A set of bytes, as bits: small enough to have one for every step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteSet([u64; 4]);

impl std::fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries((0..=255_u8).filter(|byte| self.has(*byte)))
            .finish()
    }
}

impl ByteSet {
    pub(crate) const EMPTY: Self = Self([0; 4]);
    pub(crate) const ALL: Self = Self([u64::MAX; 4]);

    /// The bytes of these ranges, first and last.
    pub(crate) const fn of(ranges: &[(u8, u8)]) -> Self {
        let mut set = Self::EMPTY;
        let mut number = 0;
        while number < ranges.len() {
            let (mut byte, last) = ranges[number];
            loop {
                set.0[(byte >> 6) as usize] |= 1 << (byte & 63);
                if byte == last {
                    break;
                }
                byte += 1;
            }
            number += 1;
        }
        set
    }

    pub(crate) fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    /// Every byte of it.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = u8> {
        (0..=255_u8).filter(|byte| self.has(*byte))
    }
}

/// A set of bytes, as a table: membership is one load.
pub(crate) struct Class([bool; 256]);

impl Class {
    /// The bytes of these ranges, first and last.
    pub(crate) const fn of(ranges: &[(u8, u8)]) -> Self {
        let set = ByteSet::of(ranges);
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = set.0[byte >> 6] & (1 << (byte & 63)) != 0;
            byte += 1;
        }
        Self(table)
    }

    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    /// The end of the run of its bytes that begins at `at`; `at` itself (at most the end of the text) if there is none.
    pub(crate) fn run(&self, text: &[u8], at: usize) -> usize {
        let mut end = at;
        // Four tests and one branch: most runs are names, ids and addresses of a dozen bytes.
        while let Some(&[a, b, c, d]) = text.get(end..).and_then(<[u8]>::first_chunk::<4>) {
            if !(self.has(a) & self.has(b) & self.has(c) & self.has(d)) {
                break;
            }
            end += 4;
        }
        while text.get(end).is_some_and(|byte| self.has(*byte)) {
            end += 1;
        }
        end
    }
}

/// `0-9`
pub(crate) const DIGIT: (u8, u8) = (b'0', b'9');
/// `A-Z`
pub(crate) const UPPER: (u8, u8) = (b'A', b'Z');
/// `a-z`
pub(crate) const LOWER: (u8, u8) = (b'a', b'z');
/// 8-bit text.
pub(crate) const HIGH: (u8, u8) = (0x80, 0xff);

/// This byte alone.
pub(crate) const fn only(byte: u8) -> (u8, u8) {
    (byte, byte)
}
