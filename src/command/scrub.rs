//! `mailtrail scrub`: a log for a stranger.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};

use crate::cli::{Global, ScrubArgs};
use crate::config::Config;
use crate::scrub::{Pseudonyms, Scrubber};
use crate::state;
use crate::unmatched::{Tally, groups};

use super::escape::escape;
use super::input::{Lines, dating};
use super::output::Output;
use super::{Ending, rules};

/// So many templates of unmatched lines are shown.
const SHOWN: usize = 5;

/// Runs it.
pub(super) fn run(global: &Global, args: &ScrubArgs, output: &mut Output) -> Result<Ending> {
    if args.files.iter().any(|file| file == Path::new("-")) {
        bail!("the log is read twice, once to learn its names: name a file, standard input can be read only once");
    }
    let config = super::config(global)?;
    let rules = rules::load(global, &config)?;
    let key = args
        .key
        .clone()
        .unwrap_or_else(|| format!("{}{}", state::random(), state::random()));
    let mut scrubber = Scrubber::new(&rules, Pseudonyms::new(&key));
    let mut learning = open(args, &config)?;
    while let Some(line) = learning.next(output) {
        if let Ok(line) = line {
            scrubber.learn(&Arc::new(line));
        }
    }
    let mut lines = open(args, &config)?;
    let mut unknown = Tally::default();
    let (mut count, mut unreadable) = (0_u64, 0_u64);
    while let Some(line) = lines.next(output) {
        let Ok(line) = line else {
            unreadable += 1;
            continue;
        };
        let line = Arc::new(line);
        let shown = scrubber.scrub(&line);
        if !shown.matched {
            unknown.add(&line);
            count += 1;
            if args.matched_only {
                continue;
            }
        }
        output.write_all(&shown.line)?;
        output.write_all(b"\n")?;
    }
    output.flush()?;
    warn(count, unreadable, &unknown, args.matched_only, output);
    Ok(if lines.incomplete {
        Ending::Incomplete
    } else {
        Ending::Done
    })
}

fn open(args: &ScrubArgs, config: &Config) -> Result<Lines> {
    let (sources, failed) = crate::source::open(&args.files, dating(&args.said, config)?);
    Ok(Lines::of(sources, failed))
}

/// What a person should look at before the log is sent.
fn warn(count: u64, unreadable: u64, unknown: &Tally, left_out: bool, output: &mut Output) {
    if unreadable > 0 {
        output.note(&format!(
            "warning: {unreadable} lines without a readable header were left out"
        ));
    }
    if count == 0 {
        return;
    }
    let lines = if count == 1 {
        "1 line".to_owned()
    } else {
        format!("{count} lines")
    };
    if left_out {
        output.note(&format!("{lines} that no rule knows were left out"));
        return;
    }
    output.note(&format!(
        "warning: no rule says what the parts of {lines} are. What looks like an address, a host or an IP was replaced in \
         them, and names that were seen elsewhere; a name that looks like a word was not. Look at them, or leave them out \
         with --matched-only:"
    ));
    let groups = groups(&unknown.templates());
    for group in groups.iter().take(SHOWN) {
        output.note(&format!("{:>8}  {}", group.count, escape(&group.template)));
    }
    if groups.len() > SHOWN {
        output.note(&format!(
            "          and {} more shapes: mailtrail unmatched",
            groups.len() - SHOWN
        ));
    }
}
