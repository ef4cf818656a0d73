//! What a run of `index` did, in numbers.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::line::Line;
use crate::transaction::Counts;

use super::escape::escape;
use super::templates::Named;

/// The closing summary of `index`; its JSON is part of the outward contract.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    /// Lines by what became of them.
    pub(super) lines: Lines,
    /// Unmatched lines by program, the most first.
    #[serde(serialize_with = "by_count")]
    pub(super) unmatched: BTreeMap<String, u64>,
    /// The most frequent templates of unmatched lines.
    pub(super) templates: Vec<Named>,
    /// Documents by kind.
    pub(super) documents: BTreeMap<&'static str, u64>,
    /// Mails by status.
    pub(super) status: BTreeMap<String, u64>,
    /// How long it took.
    pub(super) seconds: f64,
}

/// Lines by what became of them: `read` = `new` + `seen`.
#[derive(Debug, Default, Serialize)]
pub(super) struct Lines {
    /// All.
    pub(super) read: u64,
    /// Those that an earlier run had read.
    pub(super) seen: u64,
    /// The others.
    #[serde(flatten)]
    pub(super) new: Counts,
}

impl Summary {
    /// Lines that no earlier run had read.
    pub(super) fn count(&mut self, counts: Counts) {
        self.lines.read += counts.new;
        self.lines.new += counts;
    }

    /// Lines that an earlier run had read.
    pub(super) fn seen(&mut self, lines: u64) {
        self.lines.read += lines;
        self.lines.seen += lines;
    }

    /// The program of a line that no rule knew.
    pub(super) fn unmatched_line(&mut self, line: &Line) {
        // A hostile log can name a million programs.
        if self.unmatched.len() < 1_000 || self.unmatched.contains_key(&*line.program) {
            *self.unmatched.entry(line.program.to_string()).or_default() += 1;
        } else {
            *self.unmatched.entry("(others)".to_owned()).or_default() += 1;
        }
    }

    /// A document of this kind; `status` is a mail's.
    pub(super) fn document(&mut self, kind: &'static str, status: String) {
        *self.documents.entry(kind).or_default() += 1;
        if kind == "mail" {
            *self.status.entry(status).or_default() += 1;
        }
    }

    /// For a person.
    pub(super) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let Lines { read, seen, new } = self.lines;
        let Counts {
            matched,
            noise,
            unmatched,
            unreadable,
            generic,
            joined,
            ..
        } = new;
        let before = if seen > 0 {
            format!(", {seen} of them read before")
        } else {
            String::new()
        };
        writeln!(out, "{read} lines read in {:.1} s{before}", self.seconds)?;
        let mut parts = vec![format!("{} matched", matched - generic), format!("{noise} noise")];
        parts.extend((generic > 0).then(|| format!("{generic} known only by their queue id")));
        parts.push(format!("{unmatched} unmatched"));
        parts.extend((joined > 0).then(|| format!("{joined} parts of others")));
        parts.extend((unreadable > 0).then(|| format!("{unreadable} without a readable header")));
        writeln!(out, "  {}", parts.join(", "))?;
        if unmatched > 0 {
            let mut programs: Vec<_> = self.unmatched.iter().collect();
            programs.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
            let shown: Vec<_> = programs
                .iter()
                .take(5)
                .map(|(program, n)| format!("{program} {n}"))
                .collect();
            writeln!(out, "  unmatched by program: {}", shown.join(", "))?;
            for named in &self.templates {
                let new = if named.new { " (new)" } else { "" };
                writeln!(out, "  {:>8} {}{new}", named.count, escape(&named.template))?;
            }
            writeln!(out, "  `mailtrail unmatched` shows them all and leads to a rule")?;
        }
        let count = |kind| self.documents.get(kind).copied().unwrap_or_default();
        let (mails, rejects, sessions, records) = (count("mail"), count("reject"), count("session"), count("record"));
        let mut parts = vec![format!("{mails} messages"), format!("{rejects} refusals")];
        parts.extend((sessions > 0).then(|| format!("{sessions} sessions without mail")));
        parts.extend((records > 0).then(|| format!("{records} other records")));
        writeln!(out, "{}", parts.join(", "))?;
        let mut statuses: Vec<_> = self.status.iter().collect();
        statuses.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        for (status, count) in statuses {
            writeln!(out, "  {count:>8} {status}")?;
        }
        Ok(())
    }
}

fn by_count<S: serde::Serializer>(counts: &BTreeMap<String, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Row<'a> {
        program: &'a str,
        count: u64,
    }
    let mut rows: Vec<_> = counts
        .iter()
        .map(|(program, count)| Row { program, count: *count })
        .collect();
    rows.sort_by(|a, b| b.count.cmp(&a.count).then(a.program.cmp(b.program)));
    serializer.collect_seq(rows)
}
