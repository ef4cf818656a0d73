//! No line is lost in silence: what was read is counted once, and where lines are missing is told.

use std::fs;
use std::path::Path;

use mailtrail::ledger::{Counting, Saves, gaps, joined};
use mailtrail::line::Moment;
use mailtrail::transaction::{Counts, Slice};
use serde_json::Value;

use crate::state::{index, stored};
use crate::tool::{lab, tool, unpacked};

fn slices(folder: &Path) -> Vec<Value> {
    stored(folder)
        .into_values()
        .filter(|document| document["kind"] == "slice")
        .collect()
}

fn sum(slices: &[Value], count: &str) -> u64 {
    slices
        .iter()
        .map(|slice| slice["counts"][count].as_u64().unwrap())
        .sum()
}

#[test]
fn what_was_read_is_what_became_of_it_per_host_program_and_five_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let logs = [
        ("multihop", "mx1.mail.log.gz"),
        ("multihop", "sm1.mail.log.gz"),
        ("postfix-short", "mail.log.gz"),
    ];
    let mut log: String = logs.iter().map(|(corpus, name)| unpacked(&lab(corpus, name))).collect();
    log += "no header at all\nNov 24 02:30:00 mx1 postfix/smtpd[1]: something that no rule knows\n";
    fs::write(&path, &log).unwrap();
    let summary = index(folder.path(), &[path]);
    let slices = slices(folder.path());
    for count in [
        "new",
        "matched",
        "noise",
        "joined",
        "unmatched",
        "unreadable",
        "generic",
        "ambiguous",
    ] {
        assert_eq!(
            sum(&slices, count),
            summary["lines"][count].as_u64().unwrap(),
            "{count}"
        );
    }
    assert_eq!(sum(&slices, "new"), log.lines().count() as u64);
    assert_eq!(sum(&slices, "unreadable"), 1);
    let parts = ["matched", "noise", "joined", "unmatched", "unreadable"];
    for slice in &slices {
        let counts = |count: &&str| slice["counts"][count].as_u64().unwrap();
        assert_eq!(counts(&"new"), parts.iter().map(counts).sum::<u64>(), "{slice}");
        let at = |name: &str| {
            chrono::DateTime::parse_from_rfc3339(slice[name].as_str().unwrap())
                .unwrap()
                .timestamp()
        };
        assert!(
            at("@timestamp") % 300 == 0 && at("@timestamp") <= at("first"),
            "{slice}"
        );
        assert!(
            at("first") <= at("last") && at("last") < at("@timestamp") + 300,
            "{slice}"
        );
    }
}

#[test]
fn lines_that_were_read_before_are_not_counted_again() {
    let log = unpacked(&lab("multihop", "mx2.mail.log.gz"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let half = log[..log.len() / 2].rfind('\n').unwrap() + 1;
    fs::write(&path, &log[..half]).unwrap();
    index(folder.path(), std::slice::from_ref(&path));
    fs::write(&path, &log).unwrap();
    let summary = index(folder.path(), std::slice::from_ref(&path));
    let lines = |name: &str| summary["lines"][name].as_u64().unwrap();
    assert_eq!(lines("read"), lines("new") + lines("seen"));
    assert_eq!(lines("new"), log[half..].lines().count() as u64);
    assert!(lines("seen") > 0, "the last lines are read again, to count equal ones");
    assert_eq!(sum(&slices(folder.path()), "new"), log.lines().count() as u64);
    // The same bytes by a pipe are the same lines: what counts is the larger count.
    let mut command = tool(folder.path()).args(["index", "-"]).command();
    let status = command
        .stdin(fs::File::open(&path).unwrap())
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(sum(&slices(folder.path()), "new"), log.lines().count() as u64);
}

fn counted(new: u64) -> Slice {
    let mut slice = Slice::new("mx1", "postfix/smtp", Moment::from_second(1_795_485_600));
    slice.counts = Counts {
        new,
        matched: new,
        ..Counts::default()
    };
    slice
}

fn counting(writer: &str, generation: u64, attempt: &str) -> Counting {
    Counting {
        writer: writer.to_owned(),
        generation,
        attempt: attempt.to_owned(),
        saves: Saves::default(),
    }
}

#[test]
fn a_run_that_is_repeated_counts_its_lines_once() {
    let first = joined(counted(10), None, &counting("w", 1, "a"));
    let killed = joined(counted(5), Some(&first), &counting("w", 2, "b"));
    assert_eq!(killed.counts.new, 15);
    let killed = joined(counted(2), Some(&killed), &counting("w", 2, "b"));
    assert_eq!(killed.counts.new, 17, "one run may write a slice several times");
    // The state of generation 2 was never saved: the next run reads the 7 lines again, and 3 more.
    let again = joined(counted(10), Some(&killed), &counting("w", 2, "c"));
    assert_eq!(again.counts.new, 20);
    let next = joined(counted(1), Some(&again), &counting("w", 3, "d"));
    assert_eq!(next.counts.new, 21);
}

#[test]
fn a_run_that_saves_before_it_repeats_a_killed_one_counts_its_lines_once() {
    let mut first = counting("w", 1, "a");
    let stored = joined(counted(10), None, &first);
    first.saved();
    // Killed before generation 2 was saved.
    let killed = joined(counted(5), Some(&stored), &first);
    assert_eq!(killed.counts.new, 15);
    let mut next = Counting {
        saves: first.saves,
        ..counting("w", 2, "b")
    };
    // It saves before it comes to the five lines: its generation is above that of the killed one now.
    next.saved();
    let again = joined(counted(5), Some(&killed), &next);
    assert_eq!(again.counts.new, 15);
    next.saved();
    let more = joined(counted(1), Some(&again), &next);
    assert_eq!(more.counts.new, 16);
    // What a hundred processes have saved since is older than what is remembered.
    for attempt in 0..200 {
        next.attempt = format!("c{attempt}");
        next.saved();
    }
    assert_eq!(joined(counted(1), Some(&more), &next).counts.new, 17);
}

#[test]
fn of_two_states_that_read_the_same_host_the_larger_count_stands() {
    let first = joined(counted(10), None, &counting("w", 1, "a"));
    let other = joined(counted(4), Some(&first), &counting("v", 1, "b"));
    assert_eq!(other, first);
    let other = joined(counted(12), Some(&first), &counting("v", 1, "b"));
    assert_eq!(other.counts.new, 12);
}

/// mx1 without the lines of an hour in the middle; the other hosts go on.
fn with_a_gap(folder: &Path) -> (String, String) {
    let line = |host: &str, minute: u32| {
        format!(
            "2026-11-24T{:02}:{:02}:00Z {host} postfix/anvil[9]: statistics: max cache size 1\n",
            10 + minute / 60,
            minute % 60
        )
    };
    let log: String = (0..180)
        .flat_map(|minute| [("mx1", minute), ("mx2", minute)])
        .filter(|(host, minute)| *host == "mx2" || !(65..100).contains(minute))
        .map(|(host, minute)| line(host, minute))
        .collect();
    let path = folder.join("mail.log");
    fs::write(&path, log).unwrap();
    index(folder, &[path]);
    (
        "2026-11-24T11:04:00.000Z".to_owned(),
        "2026-11-24T11:40:00.000Z".to_owned(),
    )
}

#[test]
fn a_search_that_finds_nothing_says_where_lines_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = with_a_gap(folder.path());
    let search = |args: &[&str]| {
        tool(folder.path())
            .args(["search", "to:nobody@good.example"])
            .args(args)
            .ends_with(1)
    };
    let (_, told) = search(&[]);
    assert!(
        told.contains(&format!("mx1 has no lines between {from} and {to}")),
        "{told}"
    );
    assert!(!told.contains("mx2 has no lines"), "{told}");
    let gaps = |args: &[&str]| -> Value {
        let (output, _) = search(&[args, &["--json"]].concat());
        serde_json::from_str::<Value>(output.lines().last().unwrap()).unwrap()["gaps"].take()
    };
    let wanted = serde_json::json!([{"host": "mx1", "from": from, "to": to}]);
    assert_eq!(gaps(&[]), wanted);
    assert_eq!(
        gaps(&["--since", "2026-11-24T11:10:00Z", "--until", "2026-11-24T11:20:00Z"]),
        wanted
    );
    assert_eq!(gaps(&["--since", "2026-11-24T12:00:00Z"]), serde_json::json!([]));
}

#[test]
fn slices_are_found_only_by_those_who_ask_for_them() {
    let folder = tempfile::tempdir().unwrap();
    with_a_gap(folder.path());
    tool(folder.path()).args(["search", "mx1"]).ends_with(1);
    let found = tool(folder.path())
        .args(["search", "kind:slice host:mx1", "--json", "-n", "1"])
        .succeeds();
    let slice: Value = serde_json::from_str(found.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&slice["kind"], &slice["program"]),
        (&"slice".into(), &"postfix/anvil".into())
    );
    assert!(slice.get("memory").is_none(), "{slice}");
    let table = tool(folder.path()).args(["search", "kind:slice", "-n", "1"]).succeeds();
    assert!(table.contains("postfix/anvil: 5 lines"), "{table}");
}

#[test]
fn a_host_whose_lines_stop_while_others_go_on_is_silent_until_the_last_of_them() {
    let slice = |host: &str, minute: i64| Slice::new(host, "postfix/smtp", Moment::from_second(minute * 60));
    let slices: Vec<Slice> = (0..20)
        .map(|five| slice("mx1", five * 5))
        .chain([slice("mx2", 0)])
        .collect();
    let found = gaps(&slices, Moment(0), Moment::from_second(7_200));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].host.as_str(), found[0].to),
        ("mx2", Moment::from_second(95 * 60))
    );
    assert!(gaps(&slices[..20], Moment(0), Moment::from_second(7_200)).is_empty());
}
