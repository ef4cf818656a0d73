//! `mailtrail follow`: reads several sources as they grow, until it is stopped.
//!
//! One thread a source reads; this one alone has rules, store and state, and takes what they hand over. Lines and the
//! place behind them come in one piece, and a commit lies between two pieces: what is saved is always one cut through
//! all sources. So a reload, a failure of the store and a crash are all the same: begin again at what was saved.

mod batch;
mod feeder;
mod files;
mod http;
mod journal;
mod log;
mod metrics;
mod server;
mod setup;
mod signals;

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::assemble::Locality;
use crate::cli::{FollowArgs, Global};
use crate::config::StoreKind;
use crate::ledger::Gap;
use crate::query::{Page, Query};
use crate::source::Window;
use crate::store::Store;
use crate::store::embedded::EmbeddedStore;

use super::delivery::Delivery;
use super::index::{Run, duration};
use super::intake::Intake;
use super::keeper::Keeper;
use super::windows::silences;
use super::{Ending, cluster, data, when};

use batch::{Batch, newest};
use feeder::{News, Outlet};
use log::connection;
pub(super) use log::{Level, say};
use metrics::Metrics;
use setup::{Setup, shout};
use signals::{Signals, notify};

/// Pieces that wait to be taken.
const WAITING: usize = 8;
/// Signals are heeded at least so often.
const HEED: Duration = Duration::from_millis(200);
/// The store is given at most a fifth of the time,
const REST: u32 = 4;
/// but what is new is not kept back for longer.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// How often messages that are not over are counted.
const COUNT_OPEN: Duration = Duration::from_secs(30);
/// How often silences are asked for again, and old periods dropped.
const SELDOM: Duration = Duration::from_secs(15 * 60);
/// After a failure the store is left alone for so long at most.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Why it does not go on as it was.
enum Turn {
    Stop,
    Reload(Box<Setup>),
}

/// Runs it. Whatever it says is an event, also why it does not begin.
pub(super) fn run(global: &Global, args: &FollowArgs) -> Ending {
    match follow(global, args) {
        Ok(()) => Ending::Done,
        Err(error) => {
            shout(&error);
            let msg = "nothing is followed: put it right and start it again";
            say(Level::Error, "failed", &[("msg", &msg)]);
            Ending::Incomplete
        }
    }
}

fn follow(global: &Global, args: &FollowArgs) -> Result<()> {
    let mut setup = Setup::load(global, args)?;
    let poll = duration(&args.poll).context("--poll")?.max(Duration::from_millis(50));
    let commit_every = duration(&args.commit_every).context("--commit-every")?;
    let (mut keeper, warning) = Keeper::take(&data::folder(global, &setup.config)?, false)?;
    if let Some(warning) = warning {
        say(Level::Warn, "state", &[("msg", &warning)]);
    }
    let metrics = Arc::new(Metrics::new());
    let listening = setup.listen(args).cloned();
    if let Some(address) = &listening {
        let at = http::listen(address, &metrics)?;
        say(Level::Info, "listening", &[("address", &at)]);
    }
    let signals = Signals::catch()?;
    let mut failures = 0_u32;
    loop {
        let mut service = Service {
            global,
            args,
            setup: &setup,
            metrics: &metrics,
            signals: &signals,
            poll,
            commit_every,
            keeper: Some(keeper),
            failures: &mut failures,
        };
        let turn = service.serve();
        let Some(back) = service.keeper.take() else {
            anyhow::bail!("the state is lost");
        };
        keeper = back;
        match turn {
            Ok(Turn::Stop) => break,
            Ok(Turn::Reload(new)) => {
                setup = *new;
                setup.hold_back(global, args, &keeper, listening.as_ref())?;
                metrics.numbers().reloads += 1;
                say(Level::Info, "reloaded", &[("rules", &setup.rules.rules().len())]);
            }
            Err(error) => {
                failures += 1;
                let text = format!("{error:#}");
                say(Level::Error, "store_failed", &[("failures", &failures), ("msg", &text)]);
                {
                    let mut numbers = metrics.numbers();
                    numbers.store_errors += 1;
                    numbers.store_error = Some(text);
                }
                signals.sleep((Duration::from_secs(1) * 2_u32.saturating_pow(failures.min(6) - 1)).min(LONGEST_WAIT));
                if signals.is_stop() {
                    break;
                }
                if let Some(warning) = keeper.begin_again()? {
                    say(Level::Warn, "state", &[("msg", &warning)]);
                }
            }
        }
    }
    notify("STOPPING=1");
    let lines = metrics.numbers().lines.new;
    say(Level::Info, "stopped", &[("lines", &lines)]);
    Ok(())
}

/// From a start, a reload or a failure to the next.
struct Service<'a> {
    global: &'a Global,
    args: &'a FollowArgs,
    setup: &'a Setup,
    metrics: &'a Arc<Metrics>,
    signals: &'a Signals,
    poll: Duration,
    commit_every: Duration,
    /// None while it is in use.
    keeper: Option<Keeper>,
    /// Of the store, one after the other.
    failures: &'a mut u32,
}

impl Service<'_> {
    fn serve(&mut self) -> Result<Turn> {
        let (global, setup) = (self.global, self.setup);
        let mut store: Box<dyn Store> = match setup.kind {
            StoreKind::Elasticsearch => {
                Box::new(cluster::store_that_tells(global, &setup.config, connection("store"))?)
            }
            _ => Box::new(EmbeddedStore::open_to_write(
                self.keeper
                    .as_ref()
                    .map_or_else(|| std::path::Path::new("."), Keeper::folder),
            )?),
        };
        let locality = Locality {
            filters: setup.config.filters.clone(),
        };
        // Whatever may fail comes before the state is taken.
        let lifetime_ms = super::queue_lifetime(&setup.config)?;
        let hosts = &setup.config.hosts;
        let mut run = Run {
            hosts: hosts
                .iter()
                .map(|(from, to)| (from.clone(), to.as_str().into()))
                .collect(),
            save_every: self.commit_every,
            intake: Intake::new(&setup.rules, store.as_mut(), locality, self.args.max_open),
            keeper: self.keeper.take(),
            incomplete: false,
        };
        run.intake.lifetime_ms = lifetime_ms;
        run.intake.sessions.untold = setup.config.sessions == Some(false);
        let turn = self.take_all(&mut run);
        self.keeper = run.keeper.take();
        let refused = store.set_aside();
        self.metrics.numbers().refused += refused;
        turn
    }

    fn take_all(&mut self, run: &mut Run<'_>) -> Result<Turn> {
        if let Some(note) = run.take_up(self.setup.rules.fingerprint())? {
            say(Level::Info, "rules_changed", &[("msg", &note)]);
            run.save_with(|_| ())?;
        }
        if let Some(keeper) = &run.keeper {
            run.intake.count_for(keeper.counting());
        }
        let (news, asked) = self.start(run)?;
        self.metrics.numbers().rules = self.setup.rules.rules().len();
        let rules = self.setup.rules.rules().len();
        let sources = self.metrics.numbers().sources.len();
        say(
            Level::Info,
            "started",
            &[("pid", &std::process::id()), ("sources", &sources), ("rules", &rules)],
        );
        notify("READY=1\nSTATUS=reading");
        let mut batch = Batch::default();
        let (mut counted, mut seldom) = (None::<Instant>, Instant::now());
        loop {
            match news.recv_timeout(HEED) {
                Ok(News::Lines { delivery, more }) => {
                    batch.note(&delivery, more);
                    self.note(&delivery);
                    run.take(delivery)?;
                }
                Ok(News::Begun(delivery)) => {
                    run.take(delivery)?;
                    self.commit(run, &mut batch)?;
                }
                Ok(News::Whole(source)) => {
                    batch.behind = false;
                    let mut numbers = self.metrics.numbers();
                    let source_numbers = numbers.sources.entry(source.clone()).or_default();
                    source_numbers.read = Some((when::now(), Instant::now()));
                    if source_numbers.error.take().is_some() {
                        say(Level::Info, "source_well", &[("source", &source)]);
                    }
                }
                Ok(News::Failed(source, text)) => {
                    let mut numbers = self.metrics.numbers();
                    let source_numbers = numbers.sources.entry(source.clone()).or_default();
                    source_numbers.errors += 1;
                    if source_numbers.error.as_ref() != Some(&text) {
                        say(Level::Error, "source_failed", &[("source", &source), ("msg", &text)]);
                    }
                    source_numbers.error = Some(text);
                }
                Ok(News::Note(source, text)) => say(Level::Warn, "source", &[("source", &source), ("msg", &text)]),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            let is_stop = self.signals.is_stop();
            if batch.is_due(self.commit_every) || is_stop && batch.since.is_some() {
                self.commit(run, &mut batch)?;
            }
            if is_stop {
                return Ok(Turn::Stop);
            }
            if self.signals.take_reload()
                && let Some(setup) = self.reload()
            {
                if batch.since.is_some() {
                    self.commit(run, &mut batch)?;
                }
                return Ok(Turn::Reload(Box::new(setup)));
            }
            if counted.is_none_or(|at| at.elapsed() >= COUNT_OPEN) && batch.since.is_none() {
                counted = Some(Instant::now());
                let open = run.intake.store().search(&Query::is("open", "true")?, &Page::newest(1));
                self.metrics.numbers().open = open.ok().map(|found| found.total);
            }
            if seldom.elapsed() >= SELDOM && batch.since.is_none() {
                seldom = Instant::now();
                self.seldom(run, &asked)?;
            }
        }
    }

    /// Starts a thread for each source. They end when what they hand over is not taken any more.
    fn start(&self, run: &Run<'_>) -> Result<(Receiver<News>, Asked)> {
        let (to, news) = sync_channel(WAITING);
        let outlet = Outlet {
            to,
            signals: self.signals.clone(),
            poll: self.poll,
        };
        let state = run
            .keeper
            .as_ref()
            .map(|keeper| keeper.state.clone())
            .unwrap_or_default();
        let mut numbers = self.metrics.numbers();
        let before = std::mem::take(&mut numbers.sources);
        let mut asked = Vec::new();
        let mut names = Vec::new();
        let inputs = self.setup.inputs()?;
        for server in inputs.servers {
            names.push(server.name.clone());
            let gaps: Arc<Mutex<Vec<Gap>>> = Arc::default();
            if !server.tells_receipt() {
                asked.push(Arc::clone(&gaps));
            }
            let follower = server::Follower {
                before: state.servers.get(&server.name).cloned().unwrap_or_default(),
                server,
                silences: gaps,
                outlet: outlet.clone(),
            };
            thread::Builder::new()
                .name("server".to_owned())
                .spawn(|| follower.run())?;
        }
        for (name, query) in inputs.journals {
            names.push(name.to_string());
            let follower = journal::Follower {
                before: state.journals.get(&*name).cloned(),
                name,
                query,
                dating: self.setup.dating,
                outlet: outlet.clone(),
            };
            thread::Builder::new()
                .name("journal".to_owned())
                .spawn(|| follower.run())?;
        }
        if !self.setup.files.is_empty() {
            names.push(files::NAME.to_owned());
            let follower = files::Files {
                patterns: self.setup.files.clone(),
                places: state.files,
                dating: self.setup.dating,
                outlet,
            };
            thread::Builder::new()
                .name("files".to_owned())
                .spawn(|| follower.run())?;
        }
        for (name, mut source) in before {
            source.read = None;
            if names.contains(&name) {
                numbers.sources.insert(name, source);
            }
        }
        for name in names {
            numbers.sources.entry(name).or_default();
        }
        Ok((news, asked))
    }

    /// None: the files have mistakes, and what was read before stays.
    fn reload(&mut self) -> Option<Setup> {
        notify("STATUS=reading rules and configuration again");
        match Setup::load(self.global, self.args) {
            Ok(setup) => {
                self.metrics.numbers().stale = false;
                Some(setup)
            }
            Err(error) => {
                shout(&error);
                let mut numbers = self.metrics.numbers();
                numbers.failed_reloads += 1;
                numbers.stale = true;
                let msg = "nothing was reloaded: rules and configuration stay as they were";
                say(
                    Level::Error,
                    "reload_failed",
                    &[("rules", &numbers.rules), ("msg", &msg)],
                );
                notify("STATUS=rules or configuration have mistakes: those from before are used");
                None
            }
        }
    }

    fn note(&self, delivery: &Delivery) {
        let mut numbers = self.metrics.numbers();
        let source = numbers.sources.entry(delivery.source.to_string()).or_default();
        source.lines += delivery.reads.len() as u64;
        source.newest = source.newest.max(newest(delivery));
    }

    fn commit(&mut self, run: &mut Run<'_>, batch: &mut Batch) -> Result<()> {
        let began = Instant::now();
        run.save_with(|_| ())?;
        let took = began.elapsed();
        let summary = run.intake.take_summary();
        let now = when::now();
        let lines = summary.lines.new.new;
        {
            let mut numbers = self.metrics.numbers();
            numbers.lines += summary.lines.new;
            numbers.seen += summary.lines.seen;
            numbers.commits += 1;
            numbers.commit_time += took;
            numbers.last_commit = Some((now, took));
            if let Some(newest) = batch.newest {
                #[allow(clippy::cast_precision_loss)] // Of milliseconds.
                let lag = (now.0 - newest.0) as f64 / 1000.0;
                numbers.lag_s = Some(lag);
            }
            numbers.store_error = None;
        }
        *self.failures = 0;
        if lines > 0 {
            let unmatched = summary.lines.new.unmatched;
            say(
                Level::Info,
                "committed",
                &[("lines", &lines), ("unmatched", &unmatched), ("ms", &took.as_millis())],
            );
        }
        *batch = Batch {
            rest: (took * REST).min(LONGEST_REST),
            behind: batch.behind,
            ..Batch::default()
        };
        Ok(())
    }

    fn seldom(&self, run: &mut Run<'_>, asked: &Asked) -> Result<()> {
        if !asked.is_empty() {
            let last_hour = Window::last(60, when::now());
            let gaps = silences(run.intake.store(), last_hour)?;
            for list in asked {
                if let Ok(mut list) = list.lock() {
                    list.clone_from(&gaps);
                }
            }
        }
        if self.setup.kind == StoreKind::Elasticsearch {
            for note in cluster::forget(self.global, &self.setup.config, connection("store"))? {
                say(Level::Info, "retention", &[("msg", &note)]);
            }
        }
        Ok(())
    }
}

/// Silences that servers are to be asked for again.
type Asked = Vec<Arc<Mutex<Vec<Gap>>>>;
