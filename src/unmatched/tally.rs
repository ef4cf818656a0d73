//! Counts unmatched lines by their templates, in bounded memory.

use std::collections::HashMap;

use super::pieces::{Sort, pieces, render};
use crate::event::Severity;
use crate::line::Line;
use crate::rule::severity;
use crate::transaction::Template;

/// So many templates are told apart; then only their punctuation tells them apart,
const MOST: usize = 2_000;
/// until there are so many; then all others are one.
const MOST_COARSE: usize = 4_000;
/// What is kept of an example, in bytes.
const MAX_EXAMPLE: usize = 8_000;
/// The template of what a log has too many sorts of.
const OTHERS: &str = "(others)";

const DAY_MS: i64 = 24 * 3600 * 1000;

/// Unmatched lines, counted by program, template and day.
#[derive(Debug, Default)]
pub struct Tally {
    counts: HashMap<(String, String, i64), Template>,
}

impl Tally {
    /// Counts a line that no rule knew.
    pub fn add(&mut self, line: &Line) {
        let text = message(line);
        let mut name = template(&text);
        let day = line.at.0.div_euclid(DAY_MS);
        let program = line.program.to_string();
        let key = |name: &str| (program.clone(), name.to_owned(), day);
        if self.counts.len() >= MOST && !self.counts.contains_key(&key(&name)) {
            name = coarse(&text);
            if self.counts.len() >= MOST_COARSE && !self.counts.contains_key(&key(&name)) {
                OTHERS.clone_into(&mut name);
            }
        }
        let count = self
            .counts
            .entry(key(&name))
            .or_insert_with(|| Template::new(&line.program, &name, line.at));
        if count.count == 0 || (line.at, &text) < (count.first, &count.example) {
            count.first = line.at;
            count.example = text;
        }
        count.last = count.last.max(line.at);
        count.count += 1;
        count.host(&line.host);
    }

    /// Counts what another tally counted.
    pub fn absorb(&mut self, other: &Template) {
        let day = other.at.0.div_euclid(DAY_MS);
        let mut key = (other.program.clone(), other.template.clone(), day);
        if self.counts.len() >= MOST_COARSE && !self.counts.contains_key(&key) {
            OTHERS.clone_into(&mut key.1);
        }
        let name = key.1.clone();
        let count = self
            .counts
            .entry(key)
            .or_insert_with(|| Template::new(&other.program, &name, other.first));
        if count.count == 0 || (other.first, &other.example) < (count.first, &count.example) {
            count.first = other.first;
            count.example.clone_from(&other.example);
        }
        count.last = count.last.max(other.last);
        count.count += other.count;
        for host in &other.hosts {
            count.host(host);
        }
    }

    /// How many templates there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// None?
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// What was counted, in the order of day, program and template.
    pub fn templates(&self) -> Vec<Template> {
        let mut templates: Vec<Template> = self.counts.values().cloned().collect();
        sort(&mut templates);
        templates
    }

    /// What was counted since it was taken last.
    pub fn take(&mut self) -> Vec<Template> {
        let mut templates: Vec<Template> = self.counts.drain().map(|(_, template)| template).collect();
        sort(&mut templates);
        templates
    }
}

fn sort(templates: &mut [Template]) {
    templates.sort_by(|a, b| (a.at, &a.program, &a.template).cmp(&(b.at, &b.program, &b.template)));
}

/// The text of a line as templates and examples show it: its beginning, in UTF-8, without line ends.
pub fn message(line: &Line) -> String {
    let text = String::from_utf8_lossy(line.text());
    let mut end = text.len().min(MAX_EXAMPLE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// The template of a message: `warning: <*>: hostname <*> verification failed`.
pub fn template(text: &str) -> String {
    let (prefix, rest) = split(text);
    format!("{prefix}{}", render(rest, &pieces(rest)))
}

/// The severity's prefix, which is taken off before a rule sees the message, and what is behind it.
pub(crate) fn split(text: &str) -> (&str, &str) {
    let (_, from) = severity(text.as_bytes());
    text.split_at(from)
}

/// The severity that a message begins with.
pub(crate) fn severity_of(text: &str) -> Severity {
    severity(text.as_bytes()).0
}

/// The template with all words gone.
fn coarse(text: &str) -> String {
    let mut parts = pieces(text);
    for part in &mut parts {
        if part.sort != Sort::Mark {
            part.sort = Sort::Value("text");
        }
    }
    render(text, &parts)
}
