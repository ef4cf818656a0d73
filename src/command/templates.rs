//! Keeps what no rule knew: templates are counted while a run reads, united with what the store has, and the largest are
//! named when the run ends.
//!
//! A template is counted as a slice of the ledger is, so that a run that was killed and runs again counts nothing twice.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::ledger::{Counting, joined};
use crate::line::{Line, Moment};
use crate::query::Query;
use crate::store::{Change, Store, Stored, Version};
use crate::transaction::{Counts, Document, Slice, Template};
use crate::unmatched::{Group, Tally, groups};

use super::intake::MAX_ROUNDS;
use super::when;

/// So many are read at a time.
const PAGE: usize = 1_000;
/// So many templates of a store are looked through, the newest ones.
const MOST: usize = 50_000;
/// So many are named when a run ends.
const NAMED: usize = 3;

/// Program and template.
type Key = (String, String);

/// What no rule knew in this run.
pub(super) struct Templates {
    /// Since the last write.
    tally: Tally,
    /// Of the whole run.
    run: Tally,
    /// When the run began.
    pub(super) began: Moment,
    /// When each template of the store was met first. None until it was asked for.
    known: Option<HashMap<Key, Moment>>,
}

/// A template as the summary of a run names it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Named {
    /// The message with `<*>` for what varies.
    pub(super) template: String,
    /// Who said it.
    pub(super) programs: Vec<String>,
    /// How often in this run.
    pub(super) count: u64,
    /// No earlier run had met it.
    pub(super) new: bool,
}

impl Templates {
    pub(super) fn new() -> Self {
        Self {
            tally: Tally::default(),
            run: Tally::default(),
            began: when::now(),
            known: None,
        }
    }

    /// A line that no rule knew.
    pub(super) fn add(&mut self, line: &Line) {
        self.tally.add(line);
    }

    /// Writes what was counted since the last write. `counting`: None in a store that cannot be read back.
    pub(super) fn write(&mut self, store: &mut dyn Store, counting: Option<&Counting>, rules: &str) -> Result<()> {
        let mut templates = self.tally.take();
        if templates.is_empty() {
            return Ok(());
        }
        for template in &mut templates {
            rules.clone_into(&mut template.rules);
            self.run.absorb(template);
        }
        let Some(counting) = counting else {
            let changes = templates.into_iter().map(|template| put(template, None)).collect();
            store.write(changes)?;
            return Ok(());
        };
        if self.known.is_none() {
            self.known = Some(first_met(store)?);
        }
        let known = self.known.get_or_insert_default();
        for template in &mut templates {
            let key = (template.program.clone(), template.template.clone());
            template.noticed = Some(*known.entry(key).or_insert(self.began));
        }
        while !templates.is_empty() {
            let rest = templates.split_off(templates.len().min(PAGE));
            write(store, templates, counting)?;
            templates = rest;
        }
        Ok(())
    }

    /// The largest groups of the run.
    pub(super) fn named(&self) -> Vec<Named> {
        let mut templates = self.run.templates();
        for template in &mut templates {
            let key = (template.program.clone(), template.template.clone());
            template.noticed = self.known.as_ref().and_then(|known| known.get(&key)).copied();
        }
        let largest = groups(&templates).into_iter().take(NAMED);
        largest
            .map(|group| Named {
                new: self.known.is_some() && group.noticed >= Some(self.began),
                programs: group.programs.keys().cloned().collect(),
                template: group.template,
                count: group.count,
            })
            .collect()
    }
}

fn write(store: &mut dyn Store, mut templates: Vec<Template>, counting: &Counting) -> Result<()> {
    for _ in 0..MAX_ROUNDS {
        let ids: Vec<String> = templates.iter().map(|template| template.id.clone()).collect();
        let known = store.of_ids(&ids).context("cannot read back the templates")?;
        let mut changes = Vec::with_capacity(templates.len());
        for (template, stored) in templates.iter().zip(known) {
            let (stored, version) = match stored {
                Some(Stored {
                    document: Document::Template(stored),
                    version,
                }) => (Some(stored), version),
                _ => (None, None),
            };
            let united = united(template, stored.as_deref(), counting);
            if stored.as_deref() != Some(&united) {
                changes.push(put(united, version));
            }
        }
        let conflicts = store.write(changes)?;
        templates.retain(|template| conflicts.contains(&template.id));
        if templates.is_empty() {
            return Ok(());
        }
    }
    bail!(
        "other writers changed the same {} templates {MAX_ROUNDS} times in a row",
        templates.len()
    )
}

fn put(template: Template, version: Option<Version>) -> Change {
    Change::Put {
        document: Document::Template(Box::new(template)),
        version,
    }
}

/// The template as it is to be stored.
fn united(template: &Template, stored: Option<&Template>, counting: &Counting) -> Template {
    let counted = joined(slice(template), stored.map(slice).as_ref(), counting);
    let mut united = template.clone();
    united.count = counted.counts.new;
    united.first = counted.first;
    united.last = counted.last;
    united.memory = counted.memory;
    if let Some(stored) = stored {
        stored.hosts.iter().for_each(|host| united.host(host));
        if (stored.first, &stored.example) < (template.first, &template.example) {
            united.example.clone_from(&stored.example);
        }
        united.noticed = match (stored.noticed, template.noticed) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    united
}

/// Its count as the ledger counts.
fn slice(template: &Template) -> Slice {
    Slice {
        counts: Counts {
            new: template.count,
            unmatched: template.count,
            ..Counts::default()
        },
        first: template.first,
        last: template.last,
        memory: template.memory.clone(),
        ..Slice::new("", &template.program, template.at)
    }
}

/// All templates of a store, the newest days first.
pub(super) fn stored(store: &dyn Store) -> Result<Vec<Template>> {
    let query = Query::is("kind", "template")?;
    let documents = store.newest(&query, MOST)?.into_iter();
    Ok(documents
        .filter_map(|document| match document {
            Document::Template(template) => Some(*template),
            Document::Transaction(_) | Document::Record(_) | Document::Slice(_) => None,
        })
        .collect())
}

/// When each template of a store was met first.
fn first_met(store: &dyn Store) -> Result<HashMap<Key, Moment>> {
    let mut known: HashMap<Key, Moment> = HashMap::new();
    for template in stored(store)? {
        let Some(noticed) = template.noticed else { continue };
        let first = known.entry((template.program, template.template)).or_insert(noticed);
        *first = noticed.min(*first);
    }
    Ok(known)
}

/// As `unmatched --json` shows a group: the template document, and what only a comparison tells.
#[derive(Debug, Serialize)]
pub(super) struct Shown<'a> {
    schema: u32,
    kind: &'static str,
    number: usize,
    template: &'a str,
    /// The one that said it most.
    program: &'a str,
    programs: Vec<&'a str>,
    hosts: &'a std::collections::BTreeSet<String>,
    count: u64,
    /// Of all unmatched lines.
    share: f64,
    first: Moment,
    last: Moment,
    example: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    noticed: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<bool>,
}

/// A group for JSON. `all`: how many unmatched lines there are.
#[allow(clippy::cast_precision_loss)] // A share need not be exact.
pub(super) fn shown(number: usize, group: &Group, all: u64, new: Option<bool>) -> Shown<'_> {
    let most = group.programs.iter().max_by_key(|(_, count)| **count);
    Shown {
        schema: crate::transaction::SCHEMA,
        kind: "template",
        number,
        template: &group.template,
        program: most.map_or("", |(program, _)| program),
        programs: group.programs.keys().map(String::as_str).collect(),
        hosts: &group.hosts,
        count: group.count,
        share: (group.count as f64 / all.max(1) as f64 * 10_000.0).round() / 10_000.0,
        first: group.first,
        last: group.last,
        example: group.examples.first().map_or("", String::as_str),
        noticed: group.noticed,
        new,
    }
}
