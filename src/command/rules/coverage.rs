//! `mailtrail rules coverage`: what the rules make of a log.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{CoverageArgs, Global};
use crate::command::Ending;
use crate::command::escape::escape;
use crate::command::input::{Lines, dating};
use crate::command::output::Output;
use crate::event::UNKNOWN_KEY;
use crate::line::Line;
use crate::rule::{Rule, RuleSet, Scratch};

/// So many programs and keys are told apart: a hostile log can name a million.
const MOST: usize = 2_000;
const OTHERS: &str = "(others)";
/// So many rows of a list are shown.
const SHOWN: usize = 20;

/// What became of the lines of one program.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Row {
    lines: u64,
    /// By a rule that says more than the queue id.
    matched: u64,
    generic: u64,
    ambiguous: u64,
    unmatched: u64,
}

impl Row {
    fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.matched += other.matched;
        self.generic += other.generic;
        self.ambiguous += other.ambiguous;
        self.unmatched += other.unmatched;
    }
}

/// What the rules made of the lines so far.
struct Coverage<'r> {
    rules: &'r RuleSet,
    scratch: Scratch,
    programs: BTreeMap<String, Row>,
    /// Lines of each rule.
    fired: Vec<u64>,
    /// Winner and the others of its rank.
    pairs: BTreeMap<(u16, Vec<u16>), u64>,
    /// Rule and key.
    keys: BTreeMap<(String, String), u64>,
    unreadable: u64,
}

/// Runs it.
pub(super) fn run(global: &Global, args: &CoverageArgs, output: &mut Output) -> Result<Ending> {
    let config = crate::command::config(global)?;
    let rules = super::load(global, &config)?;
    let (sources, failed) = crate::source::open(&args.files, dating(&args.said, &config)?);
    let mut lines = Lines::of(sources, failed);
    let mut coverage = Coverage {
        rules: &rules,
        scratch: Scratch::default(),
        programs: BTreeMap::new(),
        fired: vec![0; rules.rules().len()],
        pairs: BTreeMap::new(),
        keys: BTreeMap::new(),
        unreadable: 0,
    };
    while let Some(line) = lines.next(output) {
        match line {
            Ok(line) => coverage.add(&Arc::new(line)),
            Err(_) => coverage.unreadable += 1,
        }
    }
    if output.json {
        coverage.object(output)?;
    } else {
        coverage.print(output)?;
    }
    Ok(if lines.incomplete {
        Ending::Incomplete
    } else {
        Ending::Done
    })
}

impl Coverage<'_> {
    fn add(&mut self, line: &Arc<Line>) {
        let mut row = Row {
            lines: 1,
            ..Row::default()
        };
        match self.rules.event(line, &mut self.scratch) {
            None => row.unmatched = 1,
            Some(event) => {
                row.generic = u64::from(event.generic);
                row.matched = u64::from(!event.generic);
                let others = claimants(self.rules, line, &mut self.scratch);
                if !others.is_empty() {
                    row.ambiguous = 1;
                    *self.pairs.entry((event.rule, others)).or_default() += 1;
                }
                self.fired[event.rule as usize] += 1;
                for capture in event.captures.iter().filter(|capture| capture.field == UNKNOWN_KEY) {
                    let key = String::from_utf8_lossy(event.value(*capture)).into_owned();
                    let key = (event.rule_id().to_owned(), key);
                    *bounded(&mut self.keys, key, |(rule, _)| (rule, OTHERS.to_owned())) += 1;
                }
            }
        }
        bounded(&mut self.programs, line.program.to_string(), |_| OTHERS.to_owned()).add(row);
    }

    fn all(&self) -> Row {
        let mut all = Row::default();
        for row in self.programs.values() {
            all.add(*row);
        }
        all
    }

    /// Programs, the most lines first.
    fn by_lines(&self) -> Vec<(&String, &Row)> {
        let mut rows: Vec<_> = self.programs.iter().collect();
        rows.sort_by(|a, b| b.1.lines.cmp(&a.1.lines).then(a.0.cmp(b.0)));
        rows
    }

    /// Rules of the programs of the log that no line went to.
    fn never(&self) -> Vec<&str> {
        let known: BTreeSet<usize> = self
            .programs
            .keys()
            .flat_map(|program| self.rules.of_program(program))
            .collect();
        let silent = known.into_iter().filter(|index| self.fired[*index] == 0);
        silent.map(|index| self.rules.rules()[index].id()).collect()
    }

    /// Rules that lines went to, the most lines first.
    fn fired(&self, wanted: impl Fn(&Rule) -> bool) -> Vec<(String, u64)> {
        let rules = self.rules.rules().iter().zip(&self.fired);
        let rows = rules.filter(|(rule, lines)| **lines > 0 && wanted(rule));
        sorted(rows.map(|(rule, lines)| (rule.id().to_owned(), *lines)).collect())
    }

    fn ambiguous(&self) -> Vec<(String, u64)> {
        let name = |index: &u16| self.rules.rules()[*index as usize].id().to_owned();
        let rows = self.pairs.iter().map(|((winner, others), count)| {
            let others: Vec<String> = others.iter().map(name).collect();
            (format!("{} won over {}", name(winner), others.join(", ")), *count)
        });
        sorted(rows.collect())
    }

    fn object(&self, output: &mut Output) -> Result<()> {
        let programs: Vec<_> = self
            .by_lines()
            .into_iter()
            .map(|(program, row)| {
                let mut object = json!(row);
                object["program"] = json!(program);
                object
            })
            .collect();
        let counted = |rows: Vec<(String, u64)>, name: &str, count: &str| -> Vec<Value> {
            rows.into_iter()
                .map(|(id, lines)| json!({name: id, count: lines}))
                .collect()
        };
        let mut unknown: Vec<_> = self.keys.iter().collect();
        unknown.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let unknown: Vec<_> = unknown
            .into_iter()
            .map(|((rule, key), count)| json!({"rule": rule, "key": key, "count": count}))
            .collect();
        output.object(&json!({
            "lines": self.all(), "unreadable": self.unreadable, "programs": programs,
            "rules": counted(self.fired(|_| true), "id", "lines"), "never": self.never(),
            "ambiguous": counted(self.ambiguous(), "rules", "count"), "unknown_keys": unknown,
        }))?;
        Ok(())
    }

    fn print(&self, output: &mut Output) -> Result<()> {
        writeln!(output, "   lines  matched  generic  ambiguous  unmatched  program")?;
        for (program, row) in self.by_lines().into_iter().take(SHOWN) {
            print(row, &escape(program), output)?;
        }
        let count = self.programs.len();
        let name = if count == 1 {
            "the one program".to_owned()
        } else {
            format!("all {count} programs")
        };
        print(&self.all(), &name, output)?;
        if self.unreadable > 0 {
            writeln!(output, "{:>8}  lines without a readable header", self.unreadable)?;
        }
        list(
            "known only by their queue id, or as some warning (generic)",
            &self.fired(Rule::generic),
            output,
        )?;
        list("claimed by two rules (ambiguous)", &self.ambiguous(), output)?;
        let keys = self
            .keys
            .iter()
            .map(|((rule, key), count)| (format!("{key}= of {rule}"), *count));
        list(
            "keys of lists that no rule names; kept as extra.KEY",
            &sorted(keys.collect()),
            output,
        )?;
        let never = self.never();
        writeln!(output, "\n{} rules of these programs never fired", never.len())?;
        for id in never.iter().take(SHOWN) {
            writeln!(output, "          {id}")?;
        }
        if never.len() > SHOWN {
            writeln!(output, "          and {} more; --json lists them", never.len() - SHOWN)?;
        }
        Ok(())
    }
}

/// The most frequent first, equal ones by name.
fn sorted(mut rows: Vec<(String, u64)>) -> Vec<(String, u64)> {
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    rows
}

/// The rules of the winner's rank that would have taken the line, too.
fn claimants(rules: &RuleSet, line: &Line, scratch: &mut Scratch) -> Vec<u16> {
    let claims = rules.claims(&line.program, line.text(), scratch);
    let Some((first, others)) = claims.split_first() else {
        return Vec::new();
    };
    others
        .iter()
        .filter(|other| rules.rank_of(other.rule) == rules.rank_of(first.rule))
        .filter_map(|other| u16::try_from(other.rule).ok())
        .collect()
}

/// The entry of a key, or of the others where there are too many.
fn bounded<K: Ord, V: Default>(map: &mut BTreeMap<K, V>, key: K, others: impl FnOnce(K) -> K) -> &mut V {
    let key = if map.len() >= MOST && !map.contains_key(&key) {
        others(key)
    } else {
        key
    };
    map.entry(key).or_default()
}

#[allow(clippy::cast_precision_loss)] // A share need not be exact.
fn print(row: &Row, name: &str, output: &mut Output) -> Result<()> {
    let share = |count: u64| {
        let percent = count as f64 / row.lines.max(1) as f64 * 100.0;
        // Never round what is missing away.
        if percent > 99.9 && count < row.lines {
            "99.9 %".to_owned()
        } else {
            format!("{percent:.1} %")
        }
    };
    writeln!(
        output,
        "{:>8} {:>8} {:>8} {:>10} {:>10}  {name}",
        row.lines,
        share(row.matched),
        row.generic,
        row.ambiguous,
        row.unmatched
    )?;
    Ok(())
}

fn list(title: &str, rows: &[(String, u64)], output: &mut Output) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(output, "\n{title}")?;
    for (name, count) in rows.iter().take(SHOWN) {
        writeln!(output, "{count:>8}  {}", escape(name))?;
    }
    if rows.len() > SHOWN {
        writeln!(output, "          and {} more; --json lists them", rows.len() - SHOWN)?;
    }
    Ok(())
}
