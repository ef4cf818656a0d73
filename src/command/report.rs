//! `mailtrail report`: of files or of what was indexed.

use std::collections::HashSet;
use std::io::Write as _;

use crate::answer;
use crate::assemble::Locality;
use crate::cli::{Global, ReportArgs};
use crate::config::Config;
use crate::line::{Line, Origin};
use crate::query::{Query, matches};
use crate::report::{self, Report, Tally};
use crate::rule::RuleSet;
use crate::store::sink::Sink;
use crate::transaction::Document;

use super::input::{Lines, dating};
use super::intake::Intake;
use super::output::Output;
use super::search::read;
use super::{Ending, escape, opened, rules, when};

/// So many unfinished messages are kept in memory: a report of files has no store to put them into.
const MAX_OPEN: usize = 500_000;

/// Runs it.
pub(super) fn run(global: &Global, args: &ReportArgs, output: &mut Output) -> anyhow::Result<Ending> {
    let frame = when::frame(&args.time)?;
    let filter = args.filter.as_deref().map(read).transpose()?;
    let query = Query::all(filter.into_iter().chain([frame.query()]));
    let mut incomplete = false;
    let report = if args.files.is_empty() {
        answer::report(opened(global)?.as_ref(), &query, args.rows)?
    } else {
        let config = super::config(global)?;
        let rules = rules::load(global, &config)?;
        let (sources, failed) = crate::source::open(&args.files, dating(&args.said, &config)?);
        let mut lines = Lines::of(sources, failed);
        let read = std::iter::from_fn(|| lines.next(output));
        let report = of_lines(read, &rules, &config, &query, args.rows)?;
        if let Some(warning) = lines.zone_warning() {
            output.note(&warning);
        }
        incomplete = lines.incomplete;
        report
    };
    let found = report.from.is_some();
    if output.json {
        output.object(&report)?;
    } else if args.html {
        output.write_all(report::html(&report).as_bytes())?;
    } else {
        for line in report::text(&report).lines() {
            writeln!(output, "{}", escape::escape(line))?;
        }
    }
    Ok(match (incomplete, found) {
        (true, _) => Ending::Incomplete,
        (false, true) => Ending::Done,
        (false, false) => Ending::No,
    })
}

/// Of log lines in the order of time, without a store; an origin stands for a line without a readable header.
pub fn of_lines(
    lines: impl Iterator<Item = Result<Line, Origin>>,
    rules: &RuleSet,
    config: &Config,
    query: &Query,
    rows: usize,
) -> anyhow::Result<Report> {
    let mut tally = Tally::default();
    // A line that comes very late makes a document once more: the message still counts once.
    let mut seen = HashSet::new();
    let mut store = Sink(|document: Document| {
        if matches(query, &document) && seen.insert(document.id().to_owned()) {
            tally.add(&document);
        }
    });
    let locality = Locality {
        filters: config.filters.clone(),
    };
    let mut intake = Intake::new(rules, &mut store, locality, MAX_OPEN);
    for line in lines {
        match line {
            Ok(mut line) => {
                if let Some(name) = config.hosts.get(&*line.host) {
                    line = line.of_host(name.as_str().into());
                }
                intake.line(line)?;
            }
            Err(origin) => intake.unreadable(&origin),
        }
    }
    intake.commit()?;
    drop(intake);
    Ok(tally.report(rows))
}
