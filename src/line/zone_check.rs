//! Whether the zone is right: queue ids that tell their own time, in UTC, are proof.
//!
//! In: pairs of a line's moment and what its queue id tells. Out: the offset that most young mail agrees on.

use super::Moment;

/// Offsets are multiples of this: a quarter of an hour.
const STEP: i64 = 15 * 60;
/// Mail that is not older than this when it speaks tells the offset, in seconds; clocks are not exact.
const YOUNG: i64 = 120;
/// Steps to either side: 14 hours.
const MOST: i64 = 56;
const OFFSETS: usize = 113;
/// Fewer agreeing lines prove nothing.
const ENOUGH: u32 = 3;

/// Counts how far stamps without zone are ahead of their queue ids.
#[derive(Debug, Clone)]
pub(crate) struct ZoneCheck {
    counts: [u32; OFFSETS],
}

impl Default for ZoneCheck {
    fn default() -> Self {
        Self { counts: [0; OFFSETS] }
    }
}

impl ZoneCheck {
    pub(crate) fn add(&mut self, at: Moment, queued: Moment) {
        let ahead = at.second() - queued.second();
        let step = (ahead + STEP / 2).div_euclid(STEP);
        if step.abs() > MOST || (ahead - step * STEP).abs() > YOUNG {
            return;
        }
        let count = usize::try_from(step + MOST)
            .ok()
            .and_then(|index| self.counts.get_mut(index));
        if let Some(count) = count {
            *count = count.saturating_add(1);
        }
    }

    /// Minutes by which the stamps, as they were read, are ahead of the queue ids' time; 0 where the zone is right.
    /// None while too few lines agree: at least three, and more than all others together.
    pub(crate) fn offset_minutes(&self) -> Option<i64> {
        let (index, most) = self.counts.iter().enumerate().max_by_key(|(_, count)| **count)?;
        let all: u64 = self.counts.iter().map(|count| u64::from(*count)).sum();
        if *most < ENOUGH || u64::from(*most) * 2 <= all {
            return None;
        }
        Some((i64::try_from(index).ok()? - MOST) * STEP / 60)
    }
}
