//! Reads what can be read of a rule file that is no good YAML as a whole: a mistake in one rule hides no other.
//!
//! Each entry of the file is read alone, everything around it blanked out, so that places stay what they are. Of an entry
//! with an unknown key that key is blanked out in turn, to find the next mistake.
//!
//! In: the text of a rule file. Out: the rules that can be read, and the problems of the others.

use std::ops::Range;

use super::file::RuleText;
use super::load::RuleSource;
use crate::problem::{self, Place, Problem};

/// So many mistakes are told of one entry.
const MOST_PROBLEMS: usize = 8;

/// The rules of a file as far as they can be read. `whole`: what is wrong with the file as a whole.
pub(super) fn rules(source: &RuleSource, whole: Problem, problems: &mut Vec<Problem>) -> Vec<RuleText> {
    let mut rules = Vec::new();
    let entries = entries(&source.text);
    let mut found = Vec::new();
    for entry in entries {
        let alone = blanked(&source.text, |at| !entry.contains(&at));
        match problem::parse_yaml::<Vec<RuleText>>(&source.file, &alone) {
            Ok(more) => rules.extend(more),
            Err(problem) => found.extend(all_of_entry(source, &entry, alone, problem)),
        }
    }
    // Between the entries, or the file is no list at all.
    if found.is_empty() {
        found.push(whole);
    }
    problems.append(&mut found);
    rules
}

/// The problems of one entry, the later ones behind its unknown keys.
fn all_of_entry(source: &RuleSource, entry: &Range<usize>, mut alone: String, mut problem: Problem) -> Vec<Problem> {
    let mut problems = Vec::new();
    loop {
        let unknown = problem.title.starts_with("unknown key `");
        // What is missing may be what an unknown key was meant to be.
        let follows = !problems.is_empty() && problem.title.starts_with("missing field");
        let line = problem.place.as_ref().map(|place| place.line);
        if !follows {
            problems.push(shown(source, entry, problem));
        }
        let (true, Some(line)) = (unknown && problems.len() < MOST_PROBLEMS, line) else {
            return problems;
        };
        let Some(key) = key_lines(&alone, line) else {
            return problems;
        };
        alone = blanked(&alone, |at| key.contains(&at));
        match problem::parse_yaml::<Vec<RuleText>>(&source.file, &alone) {
            Ok(_) => return problems,
            Err(next) => problem = next,
        }
    }
}

/// The problem with the line as it stands in the file.
fn shown(source: &RuleSource, entry: &Range<usize>, mut problem: Problem) -> Problem {
    // What is missing is nowhere: the entry as a whole is meant.
    if problem.title.starts_with("missing field") {
        let start = entry.start
            + source.text[entry.clone()]
                .find(|c| c != '-' && c != ' ')
                .unwrap_or_default();
        let end = source.text[start..]
            .find('\n')
            .map_or(source.text.len(), |end| start + end);
        problem.place = Some(Place::of(&source.text, start..end));
        return problem;
    }
    if let Some(place) = &mut problem.place
        && let Some(line) = source.text.lines().nth(place.line - 1)
    {
        line.clone_into(&mut place.text);
    }
    problem
}

/// Where each entry of the top-level list stands.
pub(super) fn entries(text: &str) -> Vec<Range<usize>> {
    let mut starts = Vec::new();
    let mut at = 0;
    let mut indent = None;
    for line in text.split_inclusive('\n') {
        let body = line.trim_start_matches(' ');
        let depth = line.len() - body.len();
        if (body.starts_with("- ") || body.trim_end() == "-") && indent.is_none_or(|indent| indent == depth) {
            indent = Some(depth);
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect()
}

/// The lines of a key: its own, and those that are indented deeper. None for the first line of an entry.
fn key_lines(text: &str, number: usize) -> Option<Range<usize>> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let line = lines.get(number - 1)?;
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    if line.trim_start().starts_with('-') {
        return None;
    }
    let own = depth(line);
    let deeper = lines[number..]
        .iter()
        .take_while(|line| line.trim().is_empty() || depth(line) > own)
        .count();
    let start: usize = lines[..number - 1].iter().map(|line| line.len()).sum();
    let length: usize = lines[number - 1..number + deeper].iter().map(|line| line.len()).sum();
    Some(start..start + length)
}

/// The text with blanks where `gone` says so; its lines and the places in it stay.
fn blanked(text: &str, gone: impl Fn(usize) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c == '\n' || !gone(at) {
            out.push(c);
        } else {
            (0..c.len_utf8()).for_each(|_| out.push(' '));
        }
    }
    out
}
