//! Times as people write them: `2h`, `2026-11-24`, `2026-11-24 10:05`.

use anyhow::{Result, bail};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::line::Moment;

/// A span of time: `90s`, `15m`, `2h`, `7d`, `4w`. Milliseconds.
pub(super) fn span(text: &str) -> Result<i64> {
    let number: String = text.chars().take_while(char::is_ascii_digit).collect();
    let unit = match text.get(number.len()..).unwrap_or_default().trim() {
        "s" | "sec" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => bail!("`{text}` is no span of time: write 90s, 15m, 2h, 7d or 4w"),
    };
    match number
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(unit * 1000))
    {
        Some(millis) => Ok(millis),
        None => bail!("`{text}` is no span of time: write 90s, 15m, 2h, 7d or 4w"),
    }
}

/// A moment in UTC, or a span before now.
pub(super) fn moment(text: &str) -> Result<Moment> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Moment(at.timestamp_millis()));
    }
    for format in [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
    ] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(Moment(at.and_utc().timestamp_millis()));
        }
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(Moment(
            day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis(),
        ));
    }
    match text {
        "now" => Ok(now()),
        "today" => Ok(Moment(now().0.div_euclid(86_400_000) * 86_400_000)),
        "yesterday" => Ok(Moment((now().0.div_euclid(86_400_000) - 1) * 86_400_000)),
        _ => match span(text) {
            Ok(millis) => Ok(Moment(now().0 - millis)),
            Err(_) => bail!(
                "`{text}` is no time: write 2026-11-24, '2026-11-24 10:05', 2026-11-24T10:05:00Z, today, yesterday, or 2h (ago)"
            ),
        },
    }
}

/// The time now.
pub(super) fn now() -> Moment {
    Moment(Utc::now().timestamp_millis())
}
