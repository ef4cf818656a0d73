//! The date in a file's name: `mail.log-20261123.gz`, `mail-2026-11-23.log`, `mail-2026-11.log`, `mail.2026`.
//!
//! logrotate's `dateext` writes the day of the rotation, others the day, month or year of the lines: either way no line
//! is later than its end.

use crate::line::Moment;

/// The end of the day, month or year that a name tells; of several the finest, then the first. None if it tells none.
pub(super) fn latest(name: &str) -> Option<Moment> {
    let bytes = name.as_bytes();
    let starts = (0..bytes.len()).filter(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !before.is_some_and(u8::is_ascii_digit)
    });
    starts
        .filter_map(|at| date(bytes.get(at..)?))
        .reduce(|best, date| if date.fineness() > best.fineness() { date } else { best })
        .and_then(Date::end)
}

#[derive(Clone, Copy)]
struct Date {
    year: i32,
    month: Option<u32>,
    day: Option<u32>,
}

impl Date {
    fn fineness(self) -> u8 {
        u8::from(self.month.is_some()) + u8::from(self.day.is_some())
    }

    /// Midnight after it, UTC.
    fn end(self) -> Option<Moment> {
        let next = match (self.month, self.day) {
            (Some(month), Some(day)) => chrono::NaiveDate::from_ymd_opt(self.year, month, day)?.succ_opt()?,
            (Some(month), None) if month < 12 => chrono::NaiveDate::from_ymd_opt(self.year, month + 1, 1)?,
            _ => chrono::NaiveDate::from_ymd_opt(self.year + 1, 1, 1)?,
        };
        let midnight = next.and_hms_opt(0, 0, 0)?.and_utc();
        Some(Moment::from_second(midnight.timestamp()))
    }
}

/// `YYYY`, `YYYYMM`, `YYYYMMDD` with or without `-`, `_` or `.` between, at the beginning of `text`.
fn date(text: &[u8]) -> Option<Date> {
    let digits = |at: usize, count: usize| -> Option<u32> {
        let digits = std::str::from_utf8(text.get(at..at + count)?).ok()?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let digit_at = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let year = i32::try_from(digits(0, 4).filter(|year| (2000..2100).contains(year))?).ok()?;
    let parted = text.get(4).is_some_and(|byte| matches!(byte, b'-' | b'_' | b'.'));
    let gap = usize::from(parted);
    let month = digits(4 + gap, 2).filter(|month| (1..=12).contains(month));
    let day_at = 6 + gap * 2;
    let day = month
        .filter(|_| !parted || text.get(6 + gap) == text.get(4))
        .and_then(|_| digits(day_at, 2))
        .filter(|day| (1..=31).contains(day));
    match (month, day) {
        // An hour may follow a day without parts (`2026112302`), anything but a digit a parted one.
        (Some(_), Some(_)) if !parted || !digit_at(day_at + 2) => Some(Date { year, month, day }),
        (Some(_), None) if !digit_at(6 + gap) => Some(Date { year, month, day: None }),
        _ if !digit_at(4) => Some(Date {
            year,
            month: None,
            day: None,
        }),
        _ => None,
    }
}
