//! Percentiles of durations in constant memory, the same whatever the order they come in.
//!
//! Each duration falls into a bucket that is 2 % wide, so a percentile is off by 1 % at most.

use serde::Serialize;

/// A bucket ends so much above its beginning.
const RATIO: f64 = 1.02;
/// The first bucket: below a millisecond nothing is logged.
const FIRST_S: f64 = 0.001;
/// From a millisecond to a year.
const BUCKETS: usize = 1_225;

/// How durations spread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// Half took at most so many seconds; this and the next ones within 1 %.
    pub p50: f64,
    /// Of ten, nine.
    pub p90: f64,
    /// Of twenty, nineteen.
    pub p95: f64,
    /// Of a hundred, all but one.
    pub p99: f64,
    /// The longest, exactly.
    pub max: f64,
}

/// Durations, counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Quantiles {
    /// Below a millisecond.
    nothing: u64,
    buckets: Vec<u64>,
    count: u64,
    max: f64,
}

impl Quantiles {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A logarithm that is not negative.
    pub(super) fn add(&mut self, seconds: f64) {
        if !seconds.is_finite() || seconds < 0.0 {
            return;
        }
        self.count += 1;
        self.max = self.max.max(seconds);
        if seconds < FIRST_S {
            self.nothing += 1;
            return;
        }
        let bucket = ((seconds / FIRST_S).ln() / RATIO.ln()) as usize;
        if self.buckets.is_empty() {
            self.buckets = vec![0; BUCKETS];
        }
        self.buckets[bucket.min(BUCKETS - 1)] += 1;
    }

    pub(super) fn spread(&self) -> Spread {
        Spread {
            count: self.count,
            p50: self.at(50),
            p90: self.at(90),
            p95: self.at(95),
            p99: self.at(99),
            max: self.max,
        }
    }

    #[allow(clippy::cast_precision_loss)] // Fewer than 2^53.
    fn at(&self, percent: u64) -> f64 {
        let rank = (self.count * percent).div_ceil(100);
        let mut below = self.nothing;
        if rank <= below {
            return 0.0;
        }
        for (index, count) in self.buckets.iter().enumerate() {
            below += count;
            if below >= rank {
                let middle = FIRST_S * RATIO.powf(index as f64 + 0.5);
                return rounded(middle.min(self.max));
            }
        }
        self.max
    }
}

/// Three digits that count.
fn rounded(seconds: f64) -> f64 {
    let places = 10_f64.powf(2.0 - seconds.log10().floor());
    (seconds * places).round() / places
}
