//! Chance that is the same everywhere: `SplitMix64`.

/// A stream of numbers that its seed decides.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to `below`, which is more than 0.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.next() % below
    }

    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True so many times of a thousand.
    pub(crate) fn permille(&mut self, of: u64) -> bool {
        self.below(1000) < of
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        let index = self.below(of.len() as u64);
        of[usize::try_from(index).unwrap_or_default()]
    }

    /// One of these names, each with its weight.
    pub(crate) fn weighted<T: Copy>(&mut self, of: &[(u64, T)]) -> T {
        let sum = of.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(sum);
        for (weight, what) in of {
            if left < *weight {
                return *what;
            }
            left -= weight;
        }
        of[0].1
    }

    /// A waiting time with this mean, as between calls that know nothing of each other. Whole numbers only, so that
    /// every machine says the same: the sum of a geometric number of equal pieces.
    pub(crate) fn waiting(&mut self, mean: u64) -> u64 {
        let mut pieces = 0;
        while pieces < 64 && !self.permille(200) {
            pieces += 1;
        }
        pieces * mean / 4 + self.below(mean / 4 + 1)
    }
}
