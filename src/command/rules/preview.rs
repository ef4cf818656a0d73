//! `mailtrail rules preview`: what edited rules would change, told before they are used.
//!
//! Both rule sets read the same lines; what they make of each line is compared, and so are the documents that they end
//! with. Nothing is stored: of each document a digest is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use crate::assemble::Locality;
use crate::cli::{Global, PreviewArgs};
use crate::command::escape::escape;
use crate::command::input::{Lines, dating};
use crate::command::intake::Intake;
use crate::command::output::Output;
use crate::command::{Ending, Problems};
use crate::event::Event;
use crate::line::{Digest, Line};
use crate::rule::{RuleSet, Scratch, snapshot};
use crate::store::sink::Sink;
use crate::transaction::Document;

/// As many messages are kept open as in `mailtrail index`.
const MAX_OPEN: usize = 100_000;
/// So many rules are named of each sort of change.
const SHOWN_RULES: usize = 20;

/// Lines that are read otherwise.
#[derive(Debug, Default, Serialize)]
struct Lots {
    count: u64,
    /// By `rule before -> rule after`.
    rules: BTreeMap<String, u64>,
    examples: Vec<Example>,
}

/// A line and what changes.
#[derive(Debug, Serialize)]
struct Example {
    line: String,
    diff: Vec<String>,
}

/// Documents that would differ.
#[derive(Debug, Serialize)]
struct Documents {
    before: usize,
    after: usize,
    gained: usize,
    lost: usize,
    changed: usize,
    examples: Vec<String>,
}

/// Runs it.
pub(super) fn run(global: &Global, args: &PreviewArgs, output: &mut Output) -> Result<Ending> {
    let config = crate::command::config(global)?;
    let now = super::load(global, &config)?;
    let edited = RuleSet::load(&[PathBuf::from(&args.folder)]).map_err(Problems)?;
    let (sources, failed) = crate::source::open(&args.files, dating(&args.said, &config)?);
    let mut lines = Lines::of(sources, failed);
    let (mut before, mut after) = (Digests::default(), Digests::default());
    let locality = Locality {
        filters: config.filters.clone(),
    };
    let (mut gained, mut lost, mut changed) = (Lots::default(), Lots::default(), Lots::default());
    let mut read = 0_u64;
    {
        let mut old_store = Sink(|document| remember(&mut before, document));
        let mut new_store = Sink(|document| remember(&mut after, document));
        let mut old = Intake::new(&now, &mut old_store, locality.clone(), MAX_OPEN);
        let mut new = Intake::new(&edited, &mut new_store, locality, MAX_OPEN);
        let mut scratch = Scratch::default();
        while let Some(line) = lines.next(output) {
            read += 1;
            let Ok(line) = line else { continue };
            let shared = Arc::new(line.clone());
            let (was, is) = (now.event(&shared, &mut scratch), edited.event(&shared, &mut scratch));
            let lots = match (&was, &is) {
                (None, Some(_)) => Some(&mut gained),
                (Some(_), None) => Some(&mut lost),
                (Some(was), Some(is)) if facts(was) != facts(is) => Some(&mut changed),
                _ => None,
            };
            if let Some(lots) = lots {
                lots.add(&shared, was.as_ref(), is.as_ref(), args.examples);
            }
            old.line(line.clone())?;
            new.line(line)?;
        }
        old.commit()?;
        new.commit()?;
    }
    let documents = compare(&before, &after, args.examples);
    if output.json {
        output.object(&json!({
            "read": read, "lines": {"gained": gained, "lost": lost, "changed": changed}, "documents": documents,
        }))?;
    } else {
        writeln!(output, "{read} lines read")?;
        print("gained: no rule knew them", &gained, output)?;
        print("lost: no rule would know them", &lost, output)?;
        print("changed: they would say something else", &changed, output)?;
        let Documents {
            before,
            gained,
            lost,
            changed,
            ..
        } = documents;
        writeln!(
            output,
            "\n{changed} of {before} documents would differ, {gained} would come, {lost} would go"
        )?;
        for id in &documents.examples {
            writeln!(output, "          {}", escape(id))?;
        }
    }
    Ok(if lines.incomplete {
        Ending::Incomplete
    } else {
        Ending::Done
    })
}

/// What an event says, as it is compared: not which rule says it, so that a new name alone is no change.
fn facts(event: &Event) -> (&'static str, bool, BTreeMap<String, Vec<String>>) {
    (event.kind.name(), event.generic, snapshot::fields(event))
}

impl Lots {
    fn add(&mut self, line: &Line, was: Option<&Event>, is: Option<&Event>, most: usize) {
        self.count += 1;
        let name = |event: Option<&Event>| event.map_or("(none)", Event::rule_id).to_owned();
        let (from, to) = (name(was), name(is));
        let rules = if from == to { from } else { format!("{from} -> {to}") };
        *self.rules.entry(rules).or_default() += 1;
        if self.examples.len() < most {
            self.examples.push(Example {
                line: format!("{}: {}", line.program, String::from_utf8_lossy(line.text())),
                diff: diff(was, is),
            });
        }
    }
}

/// The facts that go and come, each with its sign.
fn diff(was: Option<&Event>, is: Option<&Event>) -> Vec<String> {
    let told = |event: Option<&Event>| -> BTreeSet<String> {
        let Some(event) = event else { return BTreeSet::new() };
        let mut told: BTreeSet<String> = snapshot::fields(event)
            .into_iter()
            .flat_map(|(name, values)| values.into_iter().map(move |value| format!("{name}: {value}")))
            .collect();
        told.insert(format!("kind: {}", event.kind.name()));
        told
    };
    let (old, new) = (told(was), told(is));
    let gone = old.difference(&new).map(|fact| format!("- {fact}"));
    gone.chain(new.difference(&old).map(|fact| format!("+ {fact}")))
        .collect()
}

fn print(title: &str, lots: &Lots, output: &mut Output) -> Result<()> {
    writeln!(output, "\n{:>8}  {title}", lots.count)?;
    let mut rules: Vec<(&String, &u64)> = lots.rules.iter().collect();
    rules.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    for (rule, count) in rules.iter().take(SHOWN_RULES) {
        writeln!(output, "{count:>8}  {rule}")?;
    }
    for example in &lots.examples {
        writeln!(output, "          {}", escape(&example.line))?;
        for fact in &example.diff {
            writeln!(output, "            {}", escape(fact))?;
        }
    }
    Ok(())
}

fn compare(before: &Digests, after: &Digests, most: usize) -> Documents {
    let (old, new) = (before, after);
    let gained = new.keys().filter(|id| !old.contains_key(*id)).count();
    let lost = old.keys().filter(|id| !new.contains_key(*id)).count();
    let differs = |id: &&String| new.get(*id).is_some_and(|(digest, _)| *digest != old[*id].0);
    let changed: Vec<&String> = old.keys().filter(differs).collect();
    Documents {
        before: old.len(),
        after: new.len(),
        gained,
        lost,
        changed: changed.len(),
        examples: changed
            .iter()
            .take(most)
            .map(|id| match (&old[*id].1, &new[*id].1) {
                (was, is) if was == is => was.clone(),
                (was, is) => format!("{was} -> {is}"),
            })
            .collect(),
    }
}

/// What each document is like, by id: its digest, and what a person knows it by.
type Digests = BTreeMap<String, (Digest, String)>;

fn remember(documents: &mut Digests, document: Document) {
    let Document::Transaction(mut transaction) = document else {
        return;
    };
    // Which rules read it is no difference.
    transaction.rules.clear();
    transaction.memory = None;
    let name = format!(
        "{} {} on {}: {}",
        transaction.at,
        transaction.queue_id.as_deref().unwrap_or("refusal"),
        transaction.host,
        transaction.status
    );
    let json = serde_json::to_vec(&transaction).unwrap_or_default();
    documents.insert(transaction.id, (Digest::of_parts(&[&json]), name));
}
