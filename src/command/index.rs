//! `mailtrail index`: reads logs and keeps what they say.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::assemble::Locality;
use crate::cli::{Global, IndexArgs};
use crate::config::StoreKind;
use crate::line::{Dating, Line, Moment};
use crate::source::{self, JournalQuery, JournalSource, Opened, Place, Read, Source, StdinSource};
use crate::state::{self, State};
use crate::store::Store;
use crate::store::embedded::EmbeddedStore;
use crate::store::ndjson::NdjsonStore;

use super::delivery::{Delivery, Reached};
use super::input::{Lines, dating};
use super::inputs::Inputs;
use super::intake::Intake;
use super::keeper::Keeper;
use super::output::Output;
use super::windows::Frame;
use super::{Ending, cluster, data, notice, rules, when};

/// Lines between two looks at the clock.
const EVERY: u32 = 1_000;

/// When the rules change, messages that are not over are read again if they began at most so long ago, in
/// milliseconds.
const OPEN_MS: i64 = 30 * 24 * 3600 * 1000;

/// Runs it.
pub(super) fn run(global: &Global, args: &IndexArgs, output: &mut Output) -> Result<Ending> {
    let began = Instant::now();
    let config = super::config(global)?;
    let rules = rules::load(global, &config)?;
    let dating = dating(&args.said, &config)?;
    let inputs = Inputs::of(args, &config, dating)?;
    let frame = Frame::of(args)?;
    for pattern in &inputs.empty {
        output.note(&format!("no file matches {}", pattern.display()));
    }
    let kind = global.store.flatten().unwrap_or(config.store);
    // The lock comes first: two runs must not meet in the store.
    let mut keeper = None;
    if kind != StoreKind::Ndjson {
        let (taken, warning) = Keeper::take(&data::folder(global, &config)?, args.from_scratch)?;
        keeper = Some(taken);
        if let Some(warning) = warning {
            output.note(&warning);
        }
    }
    let mut store: Box<dyn Store> = match kind {
        StoreKind::Embedded => Box::new(EmbeddedStore::open_to_write(&data::folder(global, &config)?)?),
        StoreKind::Elasticsearch => Box::new(cluster::store(global, &config)?),
        StoreKind::Ndjson => Box::new(NdjsonStore::new(Box::new(std::io::stdout()))),
    };
    let locality = Locality {
        filters: config.filters.clone(),
    };
    let mut run = Run {
        hosts: config
            .hosts
            .iter()
            .map(|(from, to)| (from.clone(), to.as_str().into()))
            .collect(),
        save_every: duration(&args.save_every).context("--save-every")?,
        intake: Intake::new(&rules, store.as_mut(), locality, args.max_open),
        keeper,
        incomplete: false,
    };
    run.intake.lifetime_ms = super::queue_lifetime(&config)?;
    run.intake.sessions.untold = config.sessions == Some(false);
    if let Some(note) = run.take_up(rules.fingerprint())? {
        output.note(&note);
    }
    if !inputs.files.is_empty() {
        run.files(&inputs, dating, output)?;
    }
    for server in &inputs.servers {
        run.server(server, frame, output)?;
    }
    for (name, query) in &inputs.journals {
        run.journal(name, query, dating, output)?;
    }
    let Run { intake, incomplete, .. } = run;
    let mut summary = intake.into_summary();
    summary.seconds = began.elapsed().as_secs_f64();
    match kind {
        StoreKind::Ndjson if output.json => output.note(&serde_json::to_string(&summary)?),
        StoreKind::Ndjson => {
            let mut text = Vec::new();
            summary.print(&mut text)?;
            output.note(String::from_utf8_lossy(&text).trim_end());
        }
        _ if output.json => output.object(&summary)?,
        _ => summary.print(output)?,
    }
    let refused = store.set_aside();
    if kind == StoreKind::Elasticsearch {
        for note in cluster::forget(global, &config, notice::to_person())? {
            output.note(&note);
        }
    }
    Ok(if incomplete || refused > 0 {
        Ending::Incomplete
    } else {
        Ending::Done
    })
}

/// A run.
pub(super) struct Run<'a> {
    /// The names that hosts are given.
    pub(super) hosts: HashMap<String, Arc<str>>,
    pub(super) save_every: Duration,
    pub(super) intake: Intake<'a>,
    /// None in a store that keeps no state.
    pub(super) keeper: Option<Keeper>,
    /// Some input could not be read.
    pub(super) incomplete: bool,
}

impl Run<'_> {
    /// Takes up what an earlier run left, with today's rules.
    ///
    /// Returns what a person should know.
    pub(super) fn take_up(&mut self, rules: &str) -> Result<Option<String>> {
        let Some(keeper) = &mut self.keeper else {
            return Ok(None);
        };
        self.intake.resume(&keeper.state.waiting);
        let state = &mut keeper.state;
        let before = std::mem::replace(&mut state.rules, rules.to_owned());
        let Some(at) = state.saved_at.filter(|_| before != state.rules) else {
            return Ok(None);
        };
        let count = self.intake.read_open_again(Moment(at.0 - OPEN_MS))?;
        Ok(Some(format!(
            "the rules have changed: the lines of {count} messages that are not over were read again with them; \
             `mailtrail reindex` does so for all others, `mailtrail index --from-scratch` reads the sources again"
        )))
    }

    /// Reads files, on from where they were.
    fn files(&mut self, inputs: &Inputs, dating: Dating, output: &mut Output) -> Result<()> {
        let Some(keeper) = &mut self.keeper else {
            let (sources, failed) = source::open(&inputs.files, dating);
            let mut lines = Lines::of(sources, failed);
            return self.read(&mut lines, &[], output);
        };
        let mut counting = keeper.counting();
        if inputs.is_stdin() {
            // Whoever pipes a log in twice reads it twice: the larger count stands.
            counting.writer = state::random();
        }
        self.intake.count_for(counting);
        let (stdin, named): (Vec<_>, Vec<_>) = inputs.files.iter().cloned().partition(|file| file == Path::new("-"));
        let found = source::find(&named, std::mem::take(&mut keeper.state.files), dating.now);
        for lost in &found.lost {
            self.incomplete = true;
            output.complaint(&lost_words(lost));
        }
        let mut opened = found.open(dating);
        if !stdin.is_empty() {
            opened.sources.insert(0, Box::new(StdinSource::new(dating)));
        }
        let Opened { sources, kept, errors } = opened;
        let mut lines = Lines::of(sources, errors);
        self.read(&mut lines, &kept, output)
    }

    /// Reads a journal, on from where it was.
    fn journal(&mut self, name: &Arc<str>, query: &JournalQuery, dating: Dating, output: &mut Output) -> Result<()> {
        let before = self.keeper.as_ref().and_then(|keeper| {
            self.intake.count_for(keeper.counting());
            keeper.state.journals.get(&**name).cloned()
        });
        let mut saved = Instant::now();
        let mut failed = None;
        match JournalSource::open(query, before, dating, false) {
            Ok(mut source) => {
                loop {
                    match source.next() {
                        Ok(Some(read)) => self.take(Delivery {
                            source: Arc::clone(name),
                            reads: vec![read],
                            seen: 0,
                            reached: source.place().cloned().map(Reached::Journal),
                            silence: None,
                        })?,
                        Ok(None) => break,
                        Err(error) => {
                            failed = Some(error);
                            break;
                        }
                    }
                    if saved.elapsed() >= self.save_every {
                        self.save_with(|_| ())?;
                        saved = Instant::now();
                    }
                }
                self.intake.summary.seen(source.tally().seen);
            }
            Err(error) => failed = Some(error),
        }
        self.save_with(|_| ())?;
        if let Some(error) = failed {
            self.incomplete = true;
            output.complaint(&format!("source `{name}`: {error}"));
        }
        Ok(())
    }

    /// Reads lines to their end, and saves on the way how far it is. `kept`: the places of other files.
    fn read(&mut self, lines: &mut Lines, kept: &[Place], output: &mut Output) -> Result<()> {
        let mut saved = Instant::now();
        let mut count = 0;
        while let Some(line) = lines.next(output) {
            match line {
                Ok(line) => self.intake.line(self.named(line))?,
                Err(origin) => self.intake.unreadable(&origin),
            }
            count += 1;
            if count % EVERY == 0 && self.keeper.is_some() && saved.elapsed() >= self.save_every {
                self.save(lines, kept)?;
                saved = Instant::now();
            }
        }
        self.save(lines, kept)?;
        self.intake.summary.seen(lines.seen());
        self.incomplete |= lines.incomplete;
        if let Some(warning) = lines.zone_warning() {
            output.note(&warning);
        }
        if lines.cut() > 0 {
            output.note(&format!(
                "warning: {} lines were longer than 64 KiB and were cut there",
                lines.cut()
            ));
        }
        Ok(())
    }

    /// Takes what a source hands over. It is saved with the next [`Run::save_with`].
    pub(super) fn take(&mut self, delivery: Delivery) -> Result<()> {
        for read in delivery.reads {
            match read {
                Read::Line(line) => {
                    let line = self.named(line);
                    match &delivery.silence {
                        Some(gap) if *line.host != *gap.host => {}
                        // Those of its first and last second may have been counted.
                        Some(gap) if line.at.second() <= gap.from.second() || line.at.second() >= gap.to.second() => {
                            self.intake.line_again(line)?;
                        }
                        _ => self.intake.line(line)?,
                    }
                }
                Read::Unreadable { origin, .. } if delivery.silence.is_none() => self.intake.unreadable(&origin),
                Read::Unreadable { .. } => {}
            }
        }
        self.intake.summary.seen(delivery.seen);
        let (Some(reached), Some(keeper)) = (delivery.reached, &mut self.keeper) else {
            return Ok(());
        };
        keeper.reached(&delivery.source, reached);
        Ok(())
    }

    /// The line, with its host called as the configuration says.
    pub(super) fn named(&self, line: Line) -> Line {
        match self.hosts.get(&*line.host) {
            Some(name) => line.of_host(Arc::clone(name)),
            None => line,
        }
    }

    fn save(&mut self, lines: &Lines, kept: &[Place]) -> Result<()> {
        self.save_with(|state| state.files = kept.iter().cloned().chain(lines.places()).collect())
    }

    /// First the store, then the state: what is saved as read must be kept.
    pub(super) fn save_with(&mut self, change: impl FnOnce(&mut State)) -> Result<()> {
        self.intake.commit()?;
        let Some(keeper) = &mut self.keeper else { return Ok(()) };
        keeper.settle();
        change(&mut keeper.state);
        keeper.state.began = Some(self.intake.templates.began);
        keeper.state.waiting = self.intake.waiting();
        keeper.save()?;
        self.intake.next_generation();
        Ok(())
    }
}

pub(super) fn lost_words(lost: &Place) -> String {
    format!(
        "another file took the place of {}, and what was written to the old one after line {} is nowhere beside it; \
         name where it goes when it is rotated, for example '{}*'",
        super::escape::escape(&lost.path),
        lost.position.lines,
        super::escape::escape(&lost.path)
    )
}

pub(super) fn duration(text: &str) -> Result<Duration> {
    Ok(Duration::from_millis(
        u64::try_from(when::span(text)?).unwrap_or_default(),
    ))
}
