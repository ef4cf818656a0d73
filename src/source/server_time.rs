//! Time stamps as servers write them in JSON.

use chrono::{DateTime, NaiveDateTime};

use crate::line::Moment;

/// Of `2026-11-24T02:27:53.000Z`, with any offset, or without one as UTC; `2026-11-24 02:27:53.000` is always UTC.
pub(super) fn moment(text: &str) -> Option<Moment> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(Moment(at.timestamp_millis()));
    }
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    let naive = formats
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    Some(Moment(naive.and_utc().timestamp_millis()))
}
