//! Which year and which zone a time stamp means.
//!
//! RFC 3164 tells neither. What is known is a moment that the first line cannot be later than: [`Evidence`]. From
//! then on the order of the lines counts: the year is taken that brings a line nearest to those before it, so it steps
//! from December to January, and back for a late line. A queue id that tells its own time is never later than its line, so it can correct the year forwards.
//!
//! In: a [`Stamp`] after the other, in the order of the log. Out: [`Moment`]s.

use chrono::{Local, MappedLocalTime, NaiveDateTime, Offset as _};

use super::civil::{DAY, year_of};
use super::stamp::{Stamp, Yearless};
use super::{Moment, Said};

/// The zone of stamps that tell none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeZone {
    /// This machine's: right for a log that this machine wrote.
    #[default]
    Local,
    /// A zone of the IANA's database: `Europe/Berlin`. As with [`TimeZone::Local`], a time of the hour that the autumn
    /// has twice is the first until the log has been there, or the line's queue id proves the second; one that the
    /// spring leaves out is read with the offset before.
    Named(chrono_tz::Tz),
    /// UTC.
    Utc,
    /// So many seconds east of Greenwich, all year.
    Fixed(i32),
}

impl TimeZone {
    /// The zone of this name in the IANA's database, in upper or lower case. None if it has none.
    pub fn named(name: &str) -> Option<Self> {
        chrono_tz::Tz::from_str_insensitive(name).ok().map(Self::Named)
    }

    /// The name of a zone whose city is this one (`berlin`, `New York`). None if there is none.
    pub fn like(name: &str) -> Option<&'static str> {
        let name = name.rsplit('/').next()?.replace(' ', "_");
        let city = |zone: &&'static str| {
            zone.rsplit('/')
                .next()
                .is_some_and(|city| city.eq_ignore_ascii_case(&name))
        };
        chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).find(city)
    }
}

/// How stamps are to be read that do not tell it all.
#[derive(Debug, Clone, Copy)]
pub struct Dating {
    /// The zone of stamps without one.
    pub zone: TimeZone,
    /// The year of the first stamp without one, said by a person: wins over all evidence. None: by evidence.
    pub year: Option<i32>,
    /// The present: no stamp without a year is taken for more than a day later. Not used for any identity.
    pub now: Moment,
    /// What a person said of lines that do not tell more than that.
    pub said: &'static Said,
}

impl Dating {
    /// With this machine's clock.
    pub fn today(zone: TimeZone, year: Option<i32>) -> Self {
        Self {
            zone,
            year,
            now: Moment(chrono::Utc::now().timestamp_millis()),
            said: Said::NOTHING,
        }
    }
}

/// What tells the year, best first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The latest moment that the beginning of the log itself tells: a stamp with a year, or a stamp without one
    /// that carries a queue id which tells its time.
    pub log: Option<Moment>,
    /// The end of the day, month or year in the file's name (`mail.log-20261123`, `mail-2026-11.log`).
    pub name: Option<Moment>,
    /// When the file was last written.
    pub modified: Option<Moment>,
}

/// Makes moments of stamps.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    dating: Dating,
    evidence: Evidence,
    /// Lines of one second follow each other.
    last: Option<(Stamp, Moment)>,
    /// Where the log is.
    reached: Option<Moment>,
}

/// A queue id may be made so much after its line's stamp, in milliseconds, because of a zone that is not known.
const ZONES: i64 = 36 * 3600 * 1000;
const DAY_MS: i64 = DAY * 1000;
/// A queue id may be made so much after its line's stamp, in milliseconds, because two clocks are never one.
const CLOCKS: i64 = 120_000;
/// A line is written so late at most, in milliseconds, after one that has a later stamp.
const LATE: i64 = 300_000;
/// 2000-01-01, in milliseconds: no log of today is older, but clocks that were never set are.
const EARLIEST: i64 = 946_684_800_000;

impl Calendar {
    pub(crate) fn new(dating: Dating, evidence: Evidence) -> Self {
        Self {
            dating,
            evidence,
            last: None,
            reached: None,
        }
    }

    pub(crate) fn evidence(&mut self) -> &mut Evidence {
        &mut self.evidence
    }

    /// Where the log is. None before the first line.
    pub(crate) fn reached(&self) -> Option<Moment> {
        self.reached
    }

    /// Goes on where the log was.
    pub(crate) fn resume(&mut self, reached: Option<Moment>) {
        self.reached = reached;
    }

    /// The moment of the next line's stamp. `queue_time`: what its queue id tells; asked only when the stamp is new.
    /// None if no year has such a day.
    pub(crate) fn moment(&mut self, stamp: Stamp, queue_time: impl FnOnce() -> Option<Moment>) -> Option<Moment> {
        if let Some((last, at)) = self.last
            && last == stamp
        {
            return Some(at);
        }
        let at = match stamp {
            Stamp::Absolute(milliseconds) => Moment(milliseconds),
            Stamp::Wall(wall) => self.later_hour(wall, self.of_wall(wall), queue_time),
            Stamp::Yearless(day) => {
                let queued = queue_time();
                let at = self.dated(day, queued)?;
                // The year is known now, and so is the wall clock.
                let wall = day.in_year(year_of(at.second()));
                wall.map_or(at, |wall| self.later_hour(wall, at, || queued))
            }
        };
        self.last = Some((stamp, at));
        if self.plausible(stamp, at) {
            self.reached = Some(at);
        }
        Some(at)
    }

    /// The moment of a stamp beside which another one stands (of whoever packed the line): of its years the nearest.
    pub(crate) fn moment_near(&mut self, stamp: Stamp, other: Moment) -> Option<Moment> {
        match stamp {
            Stamp::Yearless(day) => self.nearest(day, other),
            _ => self.moment(stamp, || None),
        }
    }

    /// Seconds east of Greenwich with which the wall clock is read where the log is. 0 before the first line.
    pub(crate) fn offset_here(&self) -> i64 {
        self.reached.map_or(0, |at| self.offset(at.0).0)
    }

    /// The moment that the first lines prove: of a stamp with a year, or without one but with a queue id.
    pub(crate) fn proof(&self, stamp: Stamp, queue_time: impl FnOnce() -> Option<Moment>) -> Option<Moment> {
        match stamp {
            Stamp::Absolute(milliseconds) => Some(Moment(milliseconds)),
            Stamp::Wall(wall) => Some(self.of_wall(wall)),
            Stamp::Yearless(day) => self.not_before(day, queue_time()?),
        }
    }

    fn dated(&self, day: Yearless, queue_time: Option<Moment>) -> Option<Moment> {
        let at = match (self.reached, self.dating.year) {
            (Some(reached), _) => self.nearest(day, reached),
            (None, Some(year)) => self.in_year(day, i64::from(year)),
            (None, None) => self.not_after(day, self.latest_first()),
        };
        let at = at.or_else(|| self.not_after(day, Moment(self.dating.now.0 + DAY_MS)))?;
        if self.dating.year.is_some() {
            return Some(at);
        }
        // The id is proof that the year is later: a log that was silent for long, or a wrong first guess.
        let later = queue_time.filter(|queued| at.0 < queued.0 - ZONES);
        let later = later.and_then(|queued| self.not_before(day, queued));
        Some(later.unwrap_or(at))
    }

    /// In the year that brings it nearest to where the log was: over New Year and back again for a late line, and a
    /// stray clock (`Jan  1 00:00:12` of a machine that has just booted) does no harm to the lines after it.
    fn nearest(&self, day: Yearless, reached: Moment) -> Option<Moment> {
        let year = year_of(reached.second());
        (year - 1..=year + 1)
            .filter_map(|year| self.in_year(day, year))
            .filter(|at| self.dating.year.is_some() || at.0 <= self.dating.now.0 + DAY_MS)
            .min_by_key(|at| at.0.abs_diff(reached.0))
    }

    /// A stamp with a year is believed if it does not go back, and is neither of a clock that was never set nor of
    /// the future.
    fn plausible(&self, stamp: Stamp, at: Moment) -> bool {
        matches!(stamp, Stamp::Yearless(_))
            || (at.0 >= EARLIEST
                && at.0 <= self.dating.now.0 + DAY_MS
                && self.reached.is_none_or(|reached| at >= reached))
    }

    /// What the first line cannot be later than.
    fn latest_first(&self) -> Moment {
        let Evidence { log, name, modified } = self.evidence;
        let latest = log.or(name).or(modified).unwrap_or(self.dating.now);
        Moment(latest.0.min(self.dating.now.0) + DAY_MS)
    }

    /// In the latest year that makes it no later than this. A leap day may be eight years back.
    fn not_after(&self, day: Yearless, latest: Moment) -> Option<Moment> {
        let year = year_of(latest.second()) + 1;
        (year - 9..=year)
            .rev()
            .filter_map(|year| self.in_year(day, year))
            .find(|at| *at <= latest)
    }

    /// In the first year that makes it no earlier than a queue id of its line, if that is not the future.
    fn not_before(&self, day: Yearless, queued: Moment) -> Option<Moment> {
        let year = year_of(queued.second()) - 1;
        (year..=year + 9)
            .filter_map(|year| self.in_year(day, year))
            .find(|at| at.0 >= queued.0 - ZONES)
            .filter(|at| at.0 <= self.dating.now.0 + DAY_MS)
    }

    fn in_year(&self, day: Yearless, year: i64) -> Option<Moment> {
        day.in_year(year).map(|wall| self.of_wall(wall))
    }

    /// Of the wall clock's milliseconds; the first of two.
    fn of_wall(&self, wall: i64) -> Moment {
        Moment(wall - self.offset(wall).0 * 1000)
    }

    /// The first of two moments of this wall clock time, or the second, if the log was already past the first or if
    /// that was before the line's queue id.
    fn later_hour(&self, wall: i64, first: Moment, queue_time: impl FnOnce() -> Option<Moment>) -> Moment {
        let (earlier, Some(later)) = self.offset(wall) else {
            return first;
        };
        let second = Moment(first.0 + (earlier - later) * 1000);
        let is_past = |reached: Moment| first.0 < reached.0 - LATE;
        let is_proven = |queued: Moment| queued.0 > first.0 + CLOCKS && queued.0 <= second.0 + CLOCKS;
        if self.reached.is_some_and(is_past) || queue_time().is_some_and(is_proven) {
            second
        } else {
            first
        }
    }

    /// Seconds east of Greenwich at this wall clock time; two where it comes twice.
    fn offset(&self, wall: i64) -> (i64, Option<i64>) {
        match self.dating.zone {
            TimeZone::Utc => (0, None),
            TimeZone::Fixed(seconds) => (i64::from(seconds), None),
            TimeZone::Local => offset_in(&Local, wall),
            TimeZone::Named(zone) => offset_in(&zone, wall),
        }
    }
}

fn offset_in<Z: chrono::TimeZone>(zone: &Z, wall: i64) -> (i64, Option<i64>) {
    let seconds = |at: chrono::DateTime<Z>| i64::from(at.offset().fix().local_minus_utc());
    let at = |wall: i64| {
        let naive: NaiveDateTime = chrono::DateTime::from_timestamp_millis(wall)?.naive_utc();
        Some(match zone.from_local_datetime(&naive) {
            MappedLocalTime::Single(at) => (seconds(at), None),
            MappedLocalTime::Ambiguous(first, second) => (seconds(first), Some(seconds(second))),
            MappedLocalTime::None => return None,
        })
    };
    let before = || at(wall - 3 * 3600 * 1000).map(|(offset, _)| (offset, None));
    at(wall).or_else(before).unwrap_or((0, None))
}
