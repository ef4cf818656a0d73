//! Moments as people write them: as fine as they are written, so each is a span of time.

use std::ops::Range;

use chrono::{Days, FixedOffset, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// The milliseconds since 1970-01-01 UTC that a written moment covers: `2026-11-24` is that whole day, `2026-11-24 10:05`
/// that minute, `2026-11-24T10:05:00.123Z` that millisecond; `2026` and `2026-11` go too. UTC unless an offset is
/// written (`+01:00`). None if it is no moment.
pub fn moments(text: &str) -> Option<Range<i64>> {
    let text = text.trim();
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time.trim())),
        None => (text, None),
    };
    let Some(time) = time else {
        return whole_date(date).map(|(from, to)| millis(from)..millis(to));
    };
    let (clock, offset) = split_offset(time)?;
    let day = NaiveDate::parse_from_str(full_date(date)?, "%Y-%m-%d").ok()?;
    let (at, length) = read_clock(clock)?;
    let from = millis(day.and_time(at)) - i64::from(offset.local_minus_utc()) * 1000;
    Some(from..from + length)
}

fn millis(at: NaiveDateTime) -> i64 {
    at.and_utc().timestamp_millis()
}

/// `2026-11-24`, and no shorter form (`chrono` alone would take `2026-1-4`).
fn full_date(text: &str) -> Option<&str> {
    let shape = |(at, byte): (usize, &u8)| match at {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    (text.len() == 10 && text.as_bytes().iter().enumerate().all(shape)).then_some(text)
}

/// A year, a month or a day.
fn whole_date(text: &str) -> Option<(NaiveDateTime, NaiveDateTime)> {
    let padded = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    let first = NaiveDate::parse_from_str(full_date(&padded)?, "%Y-%m-%d").ok()?;
    let next = match text.len() {
        4 => first.checked_add_months(Months::new(12)),
        7 => first.checked_add_months(Months::new(1)),
        _ => first.checked_add_days(Days::new(1)),
    }?;
    Some((first.and_time(NaiveTime::MIN), next.and_time(NaiveTime::MIN)))
}

/// `10:05:00Z` and `10:05:00+01:00` into clock and offset.
fn split_offset(time: &str) -> Option<(&str, FixedOffset)> {
    let utc = FixedOffset::east_opt(0)?;
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, utc));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, utc));
    };
    let (clock, offset) = time.split_at(at);
    let digits: String = offset.chars().skip(1).filter(|c| *c != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = digits.split_at(2);
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    Some((clock.trim_end(), FixedOffset::east_opt(sign * seconds)?))
}

/// `10`, `10:05`, `10:05:59`, `10:05:59.123456`: the time and how many milliseconds it covers.
fn read_clock(clock: &str) -> Option<(NaiveTime, i64)> {
    let (whole, fraction) = match clock.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (clock, None),
    };
    let parts: Vec<u32> = whole
        .split(':')
        .map(|part| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?)
        .collect::<Option<_>>()?;
    let (hour, minute, second, length) = match parts.as_slice() {
        [hour] => (*hour, 0, 0, 3_600_000),
        [hour, minute] => (*hour, *minute, 0, 60_000),
        [hour, minute, second] => (*hour, *minute, *second, 1_000),
        _ => return None,
    };
    let at = NaiveTime::from_hms_opt(hour, minute, second)?;
    let Some(fraction) = fraction else {
        return Some((at, length));
    };
    if parts.len() != 3 || fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // As fine as written, but never finer than the documents: milliseconds.
    let digits: String = fraction.chars().take(3).collect();
    let unit = 10_i64.pow(3 - u32::try_from(digits.len()).ok()?);
    let at = at + TimeDelta::milliseconds(digits.parse::<i64>().ok()? * unit);
    Some((at, unit))
}
