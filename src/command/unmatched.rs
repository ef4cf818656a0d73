//! `mailtrail unmatched`: what no rule knows, the most frequent first.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;

use crate::cli::{Global, UnmatchedArgs};
use crate::config::Config;
use crate::line::Moment;
use crate::rule::{RuleSet, Scratch, message_line};
use crate::state;
use crate::transaction::Template;
use crate::unmatched::{Group, Tally, groups};

use super::escape::escape;
use super::input::{Lines, dating};
use super::output::Output;
use super::{Ending, data, opened, rules, templates, when};

/// The hosts and programs that are named in a row.
const NAMED: usize = 4;

/// What no rule knows.
pub(super) struct Unmatched {
    /// The largest first; the number of each is its place from 1.
    pub(super) groups: Vec<Group>,
    /// Lines in all groups.
    pub(super) lines: u64,
    /// Lines that were read. None in a store.
    pub(super) read: Option<u64>,
    /// Templates of the store that today's rules know.
    pub(super) known_now: usize,
    /// Some file could not be read.
    pub(super) incomplete: bool,
}

/// Of files.
pub(super) fn of_files(rules: &RuleSet, lines: &mut Lines, output: &mut Output) -> Unmatched {
    let mut scratch = Scratch::default();
    let mut tally = Tally::default();
    let (mut read, mut count) = (0, 0);
    while let Some(line) = lines.next(output) {
        read += 1;
        let Ok(line) = line else { continue };
        let line = Arc::new(line);
        if rules.event(&line, &mut scratch).is_none() {
            tally.add(&line);
            count += 1;
        }
    }
    Unmatched {
        groups: groups(&tally.templates()),
        lines: count,
        read: Some(read),
        known_now: 0,
        incomplete: lines.incomplete,
    }
}

/// Of what was indexed, as today's rules see it.
pub(super) fn of_store(rules: &RuleSet, global: &Global) -> Result<Unmatched> {
    let store = opened(global)?;
    let all = templates::stored(store.as_ref())?;
    let mut scratch = Scratch::default();
    let mut is_unknown = |template: &Template| {
        let line = Arc::new(message_line(&template.program, template.example.as_bytes()));
        rules.event(&line, &mut scratch).is_none()
    };
    let (unknown, known): (Vec<Template>, Vec<Template>) = all.into_iter().partition(|template| is_unknown(template));
    let groups = groups(&unknown);
    Ok(Unmatched {
        lines: groups.iter().map(|group| group.count).sum(),
        groups,
        read: None,
        known_now: known.len(),
        incomplete: false,
    })
}

/// Of the files, or of the store if none is named.
pub(super) fn of(
    rules: &RuleSet,
    files: &[std::path::PathBuf],
    said: &crate::cli::Said,
    (global, config): (&Global, &Config),
    output: &mut Output,
) -> Result<Unmatched> {
    if files.is_empty() {
        return of_store(rules, global);
    }
    let (sources, failed) = crate::source::open(files, dating(said, config)?);
    Ok(of_files(rules, &mut Lines::of(sources, failed), output))
}

/// Runs it.
pub(super) fn run(global: &Global, args: &UnmatchedArgs, output: &mut Output) -> Result<Ending> {
    let config = super::config(global)?;
    let rules = rules::load(global, &config)?;
    let found = of(&rules, &args.files, &args.said, (global, &config), output)?;
    let since = args.since.as_deref().map(when::moment).transpose()?;
    let last_run = if args.files.is_empty() {
        state::read(&data::folder(global, &config)?)?.0.began
    } else {
        None
    };
    let is_new = |group: &Group| last_run.map(|at| group.noticed >= Some(at));
    let wanted: Vec<(usize, &Group)> = (1..)
        .zip(&found.groups)
        .filter(|(_, group)| since.is_none_or(|since| group.first >= since))
        .filter(|(_, group)| !args.new || is_new(group) == Some(true))
        .collect();
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    for (number, group) in wanted.iter().take(limit) {
        if output.json {
            output.object(&templates::shown(*number, group, found.lines, is_new(group)))?;
        } else {
            print(*number, group, found.lines, is_new(group) == Some(true), output)?;
        }
    }
    if !output.json {
        close(&found, &wanted, limit, args, output)?;
    }
    Ok(if found.incomplete {
        Ending::Incomplete
    } else if wanted.is_empty() {
        Ending::No
    } else {
        Ending::Done
    })
}

/// A group in four lines: how many, its shape, who said it and when, an example.
#[allow(clippy::cast_precision_loss)] // A share need not be exact.
fn print(number: usize, group: &Group, all: u64, new: bool, output: &mut Output) -> Result<()> {
    let share = group.count as f64 / all.max(1) as f64 * 100.0;
    let new = if new { ", new" } else { "" };
    let lines = if group.count == 1 { "line" } else { "lines" };
    writeln!(output, "{number:>3}  {} {lines}, {share:.1} %{new}", group.count)?;
    writeln!(output, "     {}", escape(&group.template))?;
    let programs = several(group.programs.keys().map(
        |program| {
            if program.is_empty() { "(no program)" } else { program }
        },
    ));
    let hosts = several(group.hosts.iter().map(String::as_str));
    let at = if group.first == group.last {
        second(group.first)
    } else {
        format!("{} to {}", second(group.first), second(group.last))
    };
    writeln!(output, "     {programs} on {hosts}, {at}")?;
    let example = group.examples.first().map_or("", String::as_str);
    writeln!(output, "     e.g. {}\n", escape(example))?;
    Ok(())
}

/// `a, b, c and 7 more`
pub(super) fn several<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.collect();
    let shown: Vec<String> = all.iter().take(NAMED).map(|name| escape(name).into_owned()).collect();
    let more = all.len().saturating_sub(NAMED);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{rest}", shown.join(", "))
}

fn second(at: Moment) -> String {
    let text = at.rfc3339().replace('T', " ");
    text.get(..19).unwrap_or(&text).to_owned()
}

#[allow(clippy::cast_precision_loss)] // A share need not be exact.
fn close(
    found: &Unmatched,
    wanted: &[(usize, &Group)],
    limit: usize,
    args: &UnmatchedArgs,
    output: &mut Output,
) -> Result<()> {
    let lines = found.lines;
    let of_read = found
        .read
        .map(|read| format!(" of {read} read ({:.2} %)", lines as f64 / read.max(1) as f64 * 100.0))
        .unwrap_or_default();
    if wanted.len() > limit {
        writeln!(output, "{} more templates; -n 0 shows all", wanted.len() - limit)?;
    }
    if found.groups.is_empty() {
        let said = found.read.map_or("no line was left unmatched".to_owned(), |read| {
            format!("a rule knows every one of the {read} lines")
        });
        output.note(&said);
    } else if wanted.is_empty() {
        output.note(&format!(
            "nothing new: the {} templates of {lines} unmatched lines were there before",
            found.groups.len()
        ));
    } else {
        let (word, lines_word) = (
            if found.groups.len() == 1 {
                "template"
            } else {
                "templates"
            },
            if lines == 1 { "line" } else { "lines" },
        );
        writeln!(
            output,
            "{lines} unmatched {lines_word}{of_read}, {} {word}",
            found.groups.len()
        )?;
        let number = wanted.first().map_or(1, |(number, _)| *number);
        let files: Vec<String> = args.files.iter().map(|file| format!(" {}", file.display())).collect();
        output.note(&format!(
            "a rule for one of them: mailtrail rules new --template {number}{}",
            files.concat()
        ));
    }
    if found.known_now > 0 {
        output.note(&format!(
            "{} more templates are known by today's rules; `mailtrail reindex` gives their messages the new facts",
            found.known_now
        ));
    }
    Ok(())
}
