//! Moments read as chrono writes them.

use chrono::{DateTime, SecondsFormat};
use mailtrail::line::Moment;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_moment_reads_as_chrono_writes_it(at in -70_000_000_000_000_i64..260_000_000_000_000) {
        let clamped = at.clamp(-62_167_219_200_000, 253_402_300_799_999);
        let by_crate = DateTime::from_timestamp_millis(clamped).unwrap();
        prop_assert_eq!(Moment(at).rfc3339(), by_crate.to_rfc3339_opts(SecondsFormat::Millis, true));
        let by_crate = DateTime::from_timestamp_millis(at).unwrap();
        prop_assert_eq!(Moment(at).period(), by_crate.format("%Y%m").to_string());
    }
}
