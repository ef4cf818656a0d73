//! When a line was said whose stamp does not tell all: the year, the zone, and what queue ids tell of both.

use std::sync::Arc;

use mailtrail::line::queue_time::of_queue_id;
use mailtrail::line::{Dating, Evidence, Moment, Reader, TimeZone};

use crate::lines::{dating, lab, lab_lines, lines};

/// The years of lines that tell none.
fn years(log: &str, dating: Dating, evidence: Evidence) -> Vec<String> {
    lines(log.as_bytes(), dating, evidence)
        .iter()
        .map(|line| line.at.rfc3339()[..10].to_owned())
        .collect()
}

fn at(rfc3339: &str) -> Moment {
    serde_json::from_value(serde_json::Value::from(rfc3339)).unwrap()
}

#[test]
fn the_year_is_told_by_the_best_evidence() {
    let short = "Dec 30 02:04:04 mx1 postfix/qmgr[252]: 757F89D60C0: removed";
    let long = "Dec 30 02:04:04 mx1 postfix/qmgr[252]: 4jYRVX2ky8z1Wg27: removed";
    let none = Evidence::default();
    let utc = dating(TimeZone::Utc);
    let file = Evidence {
        log: None,
        name: Some(at("2024-01-07T00:00:00Z")),
        modified: Some(at("2023-01-07T00:00:00Z")),
    };
    // Never in the future: now is in November 2026.
    assert_eq!(years(short, utc, none), ["2025-12-30"]);
    assert_eq!(years(short, utc, Evidence { name: None, ..file }), ["2022-12-30"]);
    assert_eq!(years(short, utc, file), ["2023-12-30"]);
    // The id is of 2026-11-24, so its line is no older, whatever the file says, once now is late enough.
    let later = Dating {
        now: at("2030-01-01T00:00:00Z"),
        ..utc
    };
    assert_eq!(years(long, later, file), ["2026-12-30"]);
    let sendmail = "Dec 30 02:04:04 sm1 sm-mta[83]: 6AO2PNgV000084: from=<>";
    assert_eq!(years(sendmail, later, file), ["2026-12-30"]);
    // A person knows better than any evidence.
    let said = Dating {
        year: Some(2031),
        ..later
    };
    assert_eq!(years(long, said, file), ["2031-12-30"]);
    let nonsense = Dating {
        year: Some(i32::MAX),
        ..utc
    };
    assert_eq!(years(short, nonsense, none), ["2025-12-30"]);
    // A neighbour with a year.
    let mixed = format!("2021-12-29T00:00:00Z mx1 postfix/qmgr[252]: A: removed\n{short}");
    assert_eq!(years(&mixed, utc, none), ["2021-12-29", "2021-12-30"]);
    // The id stands far behind the first lines, as it does in a log that begins with connections.
    let far = format!("{}\n{long}", vec![short; 500].join("\n"));
    assert!(years(&far, later, file).iter().all(|day| day == "2026-12-30"));
}

#[test]
fn the_year_steps_at_new_year_and_back_for_a_late_line() {
    let line = |day: &str| format!("{day} mx1 postfix/qmgr[252]: 757F89D60C0: removed");
    let log: Vec<String> = [
        "Dec 31 23:59:59",
        "Jan  1 00:00:00",
        "Dec 31 23:59:58",
        "Jan  1 00:00:01",
        "Feb 29 01:00:00",
    ]
    .iter()
    .map(|day| line(day))
    .collect();
    let written = Evidence {
        modified: Some(at("2024-03-01T00:00:00Z")),
        ..Evidence::default()
    };
    let expected = ["2023-12-31", "2024-01-01", "2023-12-31", "2024-01-01", "2024-02-29"];
    assert_eq!(years(&log.join("\n"), dating(TimeZone::Utc), written), expected);
    let said = Dating {
        year: Some(2023),
        ..dating(TimeZone::Utc)
    };
    assert_eq!(years(&log.join("\n"), said, Evidence::default()), expected);
    // A machine that has just booted has no clock; the lines after it are not moved.
    let stray = ["Nov  2 10:00:00", "Jan  1 00:00:12", "Nov  2 10:00:01"]
        .map(line)
        .join("\n");
    let days = years(&stray, dating(TimeZone::Utc), written);
    assert_eq!((days[0].as_str(), days[2].as_str()), ("2023-11-02", "2023-11-02"));
}

#[test]
fn queue_ids_tell_when_the_zone_is_wrong() {
    let log = lab("multihop/mx1.mail.log");
    for (offset, minutes) in [(0, Some(0)), (-18_000, Some(300)), (20_700, Some(-345))] {
        let mut reader = Reader::new(Arc::from("mx1"), dating(TimeZone::Fixed(offset)), Evidence::default());
        reader.look_ahead(&log);
        for raw in log.split(|byte| *byte == b'\n') {
            reader.read(raw, 1);
        }
        assert_eq!(reader.zone_offset_minutes(), minutes, "read as {offset}");
    }
    // Where every stamp tells its zone there is nothing to say; nor do short ids tell anything.
    for (name, minutes) in [
        ("multihop/mx1.mail.rfc3339.log", None),
        ("postfix-short/mail.log", None),
        ("sendmail/mail.log", Some(0)),
    ] {
        let log = lab(name);
        let mut reader = Reader::new(Arc::from(name), dating(TimeZone::Utc), Evidence::default());
        for raw in log.split(|byte| *byte == b'\n') {
            reader.read(raw, 1);
        }
        assert_eq!(reader.zone_offset_minutes(), minutes, "{name}");
    }
}

#[test]
fn long_and_sendmail_ids_tell_their_time_and_short_ones_nothing() {
    assert_eq!(of_queue_id("4jYRVX2ky8z1Wg27"), Some(Moment(1_795_487_124_386)));
    assert_eq!(of_queue_id("6AO2PNgV000084"), Some(at("2026-11-24T02:25:23Z")));
    for id in [
        "652C99F4586",
        "757F89D60C0",
        "0F5383D",
        "",
        "NOQUEUE",
        "statistics",
        // A short id with a long inode, which could be sendmail's.
        "6AB2D3A1000084",
        // No such month, day, hour; no such microsecond; no time of any log.
        "6CO2PNgV000084",
        "6A02PNgV000084",
        "6AOOPNgV000084",
        "4jYRVXzzzzz1Wg27",
        "000000000Cz1Wg27",
        "6AO2PNgV00008x",
        "6AO2PNgV",
        "4jYRVX2ky8a1Wg27",
        "4jYRVX2kü8z1Wg27",
    ] {
        assert_eq!(of_queue_id(id), None, "{id}");
    }
}

/// Every id of the lab that tells its time tells it: never later than its line, and most of them just then.
#[test]
fn an_id_is_not_later_than_its_line() {
    let mut count = 0;
    for (name, offset) in [("sendmail/mail.rfc3339.log", 0), ("multihop/mx1.mail.rfc3339.log", 0)] {
        for line in lab_lines(name, offset) {
            let text = String::from_utf8_lossy(line.text()).into_owned();
            let Some(told) = text.split(':').next().and_then(of_queue_id) else {
                continue;
            };
            count += 1;
            let age = line.at.0 - told.0;
            assert!((-20..300_000).contains(&age), "{name}:{} {age} ms", line.origin.number);
        }
    }
    assert_eq!(count, 1423);
}
