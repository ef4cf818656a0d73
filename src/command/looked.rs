//! What was looked at, in words: an empty answer may not be the truth.

use std::fmt::Write as _;

use crate::answer::{Coverage, Searched, TimeFrame};
use crate::ledger::Gap;
use crate::line::Moment;

use super::escape::escape;

/// So many silences and hosts are told to a person.
const TOLD: usize = 5;
/// The index is behind if its newest line is older, in milliseconds.
const BEHIND_MS: i64 = 30 * 60 * 1000;

/// The time that was searched: what was asked for, else what the index holds. None if it holds nothing.
pub(super) fn span(frame: TimeFrame, held: Option<(Moment, Moment)>) -> Option<(Moment, Moment)> {
    let (first, last) = held?;
    Some((frame.from.unwrap_or(first), frame.until.unwrap_or(last)))
}

/// `searched 2026-11-24 02:00 to 2026-11-24 02:05 UTC`
pub(super) fn words(frame: TimeFrame, held: Option<(Moment, Moment)>) -> String {
    let (Some((from, until)), Some((first, last))) = (span(frame, held), held) else {
        return "no message is indexed yet".to_owned();
    };
    let beyond = if from > last || until < first {
        format!(", but what is indexed is from {} to {}", short(first), minute(last))
    } else {
        String::new()
    };
    format!("searched {} to {}{beyond}", short(from), minute(until))
}

/// What an answer that is empty is worth, a line each; begins with a line break.
pub(super) fn nothing(frame: TimeFrame, found: &Searched, now: Moment) -> String {
    let none = Coverage::default();
    let coverage = found.coverage.as_ref().unwrap_or(&none);
    let open_until = frame.until.is_none();
    format!("\n  {}{}", words(frame, found.held), worth(coverage, open_until, now))
}

/// What was read and what is missing, a line each.
pub(super) fn worth(coverage: &Coverage, open_until: bool, now: Moment) -> String {
    let mut text = String::new();
    let hosts = coverage.hosts.iter().take(TOLD).map(|host| escape(&host.host));
    let mut names = hosts.collect::<Vec<_>>().join(", ");
    if coverage.hosts.len() > TOLD {
        let _ = write!(names, " and {} more hosts", coverage.hosts.len() - TOLD);
    }
    let lines: u64 = coverage.hosts.iter().map(|host| host.lines).sum();
    let unmatched: u64 = coverage.hosts.iter().map(|host| host.unmatched).sum();
    if lines > 0 {
        let hint = if unmatched > 0 {
            " (`mailtrail unmatched --store`)"
        } else {
            ""
        };
        let understood = understood(unmatched);
        let _ = write!(text, "\n  behind it: {lines} lines of {names}, {understood}{hint}");
    } else {
        text.push_str("\n  behind it: no line of any host");
    }
    text.push_str(&silences(&coverage.gaps, TOLD));
    if lines > 0 && coverage.gaps.is_empty() {
        text.push_str("\n  none of them was silent for ten minutes");
    }
    if let Some(newest) = coverage
        .newest
        .filter(|newest| open_until && now.0 - newest.0 > BEHIND_MS)
    {
        let _ = write!(
            text,
            "\n  nothing newer than {} was read: `mailtrail index`",
            minute(newest)
        );
    }
    text
}

/// `all of them understood`
pub(super) fn understood(unmatched: u64) -> String {
    match unmatched {
        0 => "all of them understood".to_owned(),
        count => format!("{count} of them understood by no rule"),
    }
}

/// The silences, a line each; at most so many.
pub(super) fn silences(gaps: &[Gap], most: usize) -> String {
    let told = gaps.iter().take(most).map(|gap| {
        let host = escape(&gap.host);
        format!("\n  {host} has no lines between {} and {}", gap.from, gap.to)
    });
    let more = gaps.len().saturating_sub(most);
    let rest = (more > 0).then(|| format!("\n  and {more} more silences; --json lists them"));
    told.chain(rest).collect()
}

/// `2026-11-24 02:04 UTC`
pub(super) fn minute(at: Moment) -> String {
    format!("{} UTC", short(at))
}

/// `2026-11-24 02:04`
fn short(at: Moment) -> String {
    at.rfc3339().replace('T', " ").chars().take(16).collect()
}
