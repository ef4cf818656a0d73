//! SipHash-1-3 with 128 bits, after the paper of Aumasson and Bernstein, word by word.
//!
//! Every line is hashed twice, so it must be quick: eight bytes at a time, wherever a part begins.

/// A hash that is being made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sip {
    state: [u64; 4],
    /// Bytes that do not fill a word yet, the first one lowest,
    tail: u64,
    /// eight times their number,
    bits: u32,
    /// and all bytes.
    length: u64,
}

impl Sip {
    /// With this key.
    pub(crate) fn new(key_0: u64, key_1: u64) -> Self {
        Self {
            state: [
                key_0 ^ 0x736f_6d65_7073_6575,
                key_1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
                key_0 ^ 0x6c79_6765_6e65_7261,
                key_1 ^ 0x7465_6462_7974_6573,
            ],
            tail: 0,
            bits: 0,
            length: 0,
        }
    }

    /// Adds eight bytes, the first one lowest.
    pub(crate) fn word(&mut self, word: u64) {
        self.length += 8;
        self.compress(self.tail | word << self.bits);
        // In two steps, since a shift by 64 is none.
        self.tail = word >> 1 >> (63 - self.bits);
    }

    /// Adds bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if rest.is_empty() {
            return;
        }
        let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        let bits = rest.iter().fold(self.bits, |bits, _| bits + 8);
        self.length += rest.len() as u64;
        self.tail |= word << self.bits;
        if bits >= 64 {
            self.compress(self.tail);
            self.tail = word >> 1 >> (63 - self.bits);
            self.bits = bits - 64;
        } else {
            self.bits = bits;
        }
    }

    /// The hash of what was added.
    pub(crate) fn finish(mut self) -> u128 {
        self.compress(self.length << 56 | self.tail);
        self.state[2] ^= 0xee;
        let low = self.finalized();
        self.state[1] ^= 0xdd;
        let high = self.finalized();
        u128::from(high) << 64 | u128::from(low)
    }

    fn finalized(&mut self) -> u64 {
        for _ in 0..3 {
            self.round();
        }
        self.state.iter().fold(0, |all, part| all ^ part)
    }

    #[inline]
    fn compress(&mut self, word: u64) {
        self.state[3] ^= word;
        self.round();
        self.state[0] ^= word;
    }

    #[inline]
    fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.state;
        a = a.wrapping_add(b);
        b = b.rotate_left(13) ^ a;
        a = a.rotate_left(32);
        c = c.wrapping_add(d);
        d = d.rotate_left(16) ^ c;
        a = a.wrapping_add(d);
        d = d.rotate_left(21) ^ a;
        c = c.wrapping_add(b);
        b = b.rotate_left(17) ^ c;
        c = c.rotate_left(32);
        self.state = [a, b, c, d];
    }
}
