//! Stamps without a zone: summer time, the hour that comes twice, a wrong zone.

use mailtrail::line::{Dating, Moment, TimeZone};

use crate::inputs::read;
use crate::lines::{dating, lab};
use crate::tool::tool;

fn zone(name: &str) -> Dating {
    dating(TimeZone::named(name).unwrap())
}

fn times(log: &str, dating: Dating) -> Vec<String> {
    let told = read(log.as_bytes(), dating);
    told.lines
        .iter()
        .map(|line| line.at.rfc3339()[..19].to_owned())
        .collect()
}

#[test]
fn summer_time_is_known_by_the_zone_s_name() {
    let line = |stamp: &str| format!("{stamp} mx1 postfix/qmgr[252]: 757F89D60C0: removed\n");
    let log = line("2026-07-01 12:00:00") + &line("Nov 10 12:00:00");
    assert_eq!(
        times(&log, zone("Europe/Berlin")),
        ["2026-07-01T10:00:00", "2026-11-10T11:00:00"]
    );
    assert_eq!(
        times(&log, zone("america/new_york")),
        ["2026-07-01T16:00:00", "2026-11-10T17:00:00"]
    );
    assert_eq!(
        times(&log, zone("Asia/Kathmandu")),
        ["2026-07-01T06:15:00", "2026-11-10T06:15:00"]
    );
    // The hour that the spring leaves out, by a clock that was set by hand.
    assert_eq!(
        times(&line("Mar 29 02:30:00"), zone("Europe/Berlin")),
        ["2026-03-29T01:30:00"]
    );
    assert_eq!(TimeZone::named("Europe/Atlantis"), None);
    assert_eq!(TimeZone::like("Berlin"), Some("Europe/Berlin"));
}

#[test]
fn the_hour_that_the_autumn_has_twice_is_read_twice() {
    let line = |stamp: &str, id: &str| format!("{stamp} mx1 postfix/qmgr[252]: {id}: removed\n");
    let log: String = [
        "Oct 25 01:59:50",
        "Oct 25 02:00:10",
        "Oct 25 02:59:50",
        "Oct 25 02:59:49",
        "Oct 25 02:00:05",
        "Oct 25 02:40:00",
        "Oct 25 02:59:59",
        "Oct 25 03:00:05",
    ]
    .map(|stamp| line(stamp, "757F89D60C0"))
    .concat();
    assert_eq!(
        times(&log, zone("Europe/Berlin")),
        [
            "2026-10-24T23:59:50",
            "2026-10-25T00:00:10",
            "2026-10-25T00:59:50",
            "2026-10-25T00:59:49",
            "2026-10-25T01:00:05",
            "2026-10-25T01:40:00",
            "2026-10-25T01:59:59",
            "2026-10-25T02:00:05",
        ]
    );
    // A log that begins in the second of the two hours is told by a queue id: 01:15:00 UTC.
    let log = line("Oct 25 02:15:01", "757F89D60C0");
    assert_eq!(times(&log, zone("Europe/Berlin")), ["2026-10-25T00:15:01"]);
    let log = line("Oct 25 02:15:01", "69P1F0aa000083");
    assert_eq!(times(&log, zone("Europe/Berlin")), ["2026-10-25T01:15:01"]);
}

#[test]
fn a_wrong_zone_is_told_with_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let log = crate::tool::lab("multihop", "mx1.mail.log.gz");
    let said = |zone: &str| {
        let run = tool(folder.path())
            .args(["index", "--store", "ndjson", "--timezone", zone])
            .arg(&log);
        let said = run.ends_with(0).1;
        said.lines()
            .find(|line| line.starts_with("warning: the stamps"))
            .unwrap_or_default()
            .to_owned()
    };
    // The log is of a machine in UTC.
    assert_eq!(said("UTC"), "");
    assert_eq!(said("Europe/London"), "");
    assert_eq!(
        said("America/New_York"),
        "warning: the stamps are UTC, as the queue ids say, but were read as UTC-5: all times are wrong by 5 hours; \
         read them again with --timezone UTC, or with the name of their zone (--timezone Europe/Berlin)"
    );
    // The same log of a machine in Kathmandu, and in New York.
    for (shift, told) in [
        (
            5 * 60 + 45,
            "the stamps are UTC+5:45, the queue ids say UTC: all times are wrong by 5 hours 45 minutes; read them again with --timezone +05:45",
        ),
        (
            -5 * 60,
            "the stamps are UTC-5, the queue ids say UTC: all times are wrong by 5 hours; read them again with --timezone -05:00",
        ),
    ] {
        let lines = read(&lab("multihop/mx1.mail.log"), dating(TimeZone::Utc)).lines;
        let shifted: Vec<String> = lines
            .iter()
            .map(|line| {
                let at = Moment(line.at.0 + shift * 60_000).rfc3339();
                format!(
                    "{} {} {}: {}\n",
                    &at[..19],
                    line.host,
                    line.program,
                    String::from_utf8_lossy(line.text())
                )
            })
            .collect();
        std::fs::write(folder.path().join("shifted.log"), shifted.concat()).unwrap();
        let run = tool(folder.path()).args(["index", "--store", "ndjson", "--timezone", "UTC", "shifted.log"]);
        let said = run.ends_with(0).1;
        assert!(said.contains(told), "{said}");
    }
    let said = tool(folder.path())
        .args(["parse", "--timezone", "Berlin", "-"])
        .ends_with(2)
        .1;
    assert!(said.contains("did you mean Europe/Berlin?"), "{said}");
}
