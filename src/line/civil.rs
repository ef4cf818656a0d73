//! Days of the calendar, without a library on the hot path.
//!
//! In: year, month, day of the proleptic Gregorian calendar. Out: days since 1970-01-01.
//! The arithmetic is Howard Hinnant's `days_from_civil`.

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// Seconds since 1970-01-01 of a date's midnight. None if there is no such day, or if the year has more than four digits.
pub(crate) fn midnight(year: i64, month: u32, day: u32) -> Option<i64> {
    if !(0..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 || day > days_in(year, month) {
        return None;
    }
    // March begins the computed year, so that the leap day is its last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era - 719_468) * DAY)
}

/// The year of a second since 1970-01-01 UTC.
pub(crate) fn year_of(second: i64) -> i64 {
    // A first guess by the mean length of a year, then at most one step.
    let mut year = 1970 + second.div_euclid(31_556_952);
    while midnight(year + 1, 1, 1).is_some_and(|next| next <= second) {
        year += 1;
    }
    while midnight(year, 1, 1).is_some_and(|this| this > second) {
        year -= 1;
    }
    year
}

/// How many days a month has; 0 for a month that does not exist.
pub(crate) fn days_in(year: i64, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 0,
    }
}
