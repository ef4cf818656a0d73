//! A hash with a secret key, of which it is proven how seldom two texts meet in it.
//!
//! The value, at a secret point, of the polynomial that has the text as its coefficients, modulo the prime 2^61 - 1: two
//! different texts of at most n pieces of seven bytes meet at no more than n of 2^61 points (Carter and Wegman, 1979).
//! Whoever writes lines sees neither the point nor the values. It needs a third of the time of `SipHash`.

/// The prime.
const PRIME: u64 = (1 << 61) - 1;
/// Seven bytes are always less than the prime.
const PIECE: usize = 7;

/// The value so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Polynomial {
    point: u64,
    value: u64,
}

impl Polynomial {
    /// At a point that nobody knows: 64 random bits.
    pub(crate) fn at(secret: u64) -> Self {
        Self {
            point: secret & PRIME,
            value: 0,
        }
    }

    /// Takes a number of less than 61 bits.
    pub(crate) fn number(&mut self, number: u64) {
        let product = u128::from(self.value) * u128::from(self.point) + u128::from(number & PRIME);
        let part = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
        // Both parts are less than 2^62, so their sum is a few primes at most.
        let sum = (part(product) & PRIME) + part(product >> 61);
        self.value = (sum & PRIME) + (sum >> 61);
    }

    /// Takes a text. Its length has to be taken, too, where it is not known.
    pub(crate) fn text(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some(eight) = rest.first_chunk::<8>() {
            self.number(u64::from_le_bytes(*eight) & (u64::MAX >> 8));
            rest = &rest[PIECE..];
        }
        self.number(rest.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
    }

    /// The value; its upper bits vary as its lower ones do.
    pub(crate) fn value(self) -> u64 {
        let value = if self.value >= PRIME {
            self.value - PRIME
        } else {
            self.value
        };
        value.rotate_left(3)
    }
}
