//! A moment, as fine as the documents tell it.

use std::fmt;

use chrono::DateTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::civil;

const DAY_MS: i64 = civil::DAY * 1000;

/// Writes a number into as many digits as there is room for.
fn write(digits: &mut [u8], mut number: i64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

/// Milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub i64);

impl Moment {
    /// The moment of a whole second since 1970-01-01 UTC.
    pub fn from_second(second: i64) -> Self {
        Self(second * 1000)
    }

    /// Whole seconds since 1970-01-01 UTC, rounded down.
    pub fn second(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// `2026-11-24T02:04:04.483Z`; years outside 0 to 9999 are clamped.
    pub fn rfc3339(self) -> String {
        self.with_text(str::to_owned)
    }

    /// [`Moment::rfc3339`], for somebody who only looks at it.
    fn with_text<T>(self, see: impl FnOnce(&str) -> T) -> T {
        let at = self.0.clamp(-62_167_219_200_000, 253_402_300_799_999);
        let (day, time) = (at.div_euclid(DAY_MS), at.rem_euclid(DAY_MS));
        let (year, month, date) = civil::date(day);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        write(&mut text[0..4], year);
        write(&mut text[5..7], month);
        write(&mut text[8..10], date);
        write(&mut text[11..13], time / 3_600_000);
        write(&mut text[14..16], time / 60_000 % 60);
        write(&mut text[17..19], time / 1000 % 60);
        write(&mut text[20..23], time % 1000);
        see(str::from_utf8(&text).unwrap_or_default())
    }

    /// The period of a document, `202611`: year and month in UTC.
    pub fn period(self) -> String {
        let (year, month, _) = civil::date(self.0.div_euclid(DAY_MS));
        if !(0..=9999).contains(&year) {
            return DateTime::from_timestamp_millis(self.0)
                .unwrap_or_default()
                .format("%Y%m")
                .to_string();
        }
        let mut text = *b"000000";
        write(&mut text[0..4], year);
        write(&mut text[4..6], month);
        str::from_utf8(&text).unwrap_or_default().to_owned()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text)
            .map(|at| Self(at.timestamp_millis()))
            .map_err(serde::de::Error::custom)
    }
}
