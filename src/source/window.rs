//! The time frame that a run asks a server for.

use crate::line::Moment;

/// A stretch of time, in UTC: its beginning belongs to it, its end does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub from: Moment,
    /// The first moment after it.
    pub to: Moment,
}

impl Window {
    /// The last so many minutes before `now`.
    pub fn last(minutes: u32, now: Moment) -> Self {
        Self {
            from: Moment(now.0.saturating_sub(i64::from(minutes) * 60_000)),
            to: now,
        }
    }

    /// With both ends moved down to a whole second. Cuts must be there: equal lines of one second are told apart by
    /// being counted, and half a second is a wrong count.
    #[must_use]
    pub fn whole_seconds(self) -> Self {
        Self {
            from: Moment::from_second(self.from.second()),
            to: Moment::from_second(self.to.second()),
        }
    }
}
