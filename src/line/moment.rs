//! A moment, as fine as the documents tell it.

use std::fmt;

use chrono::{DateTime, Datelike as _, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
        DateTime::from_timestamp_millis(self.0.clamp(-62_167_219_200_000, 253_402_300_799_999))
            .unwrap_or_default()
            .to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// The period of a document, `202611`: year and month in UTC.
    pub fn period(self) -> String {
        let date = DateTime::from_timestamp_millis(self.0).unwrap_or_default().date_naive();
        format!("{:04}{:02}", date.year(), date.month())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
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
