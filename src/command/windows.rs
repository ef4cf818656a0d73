//! Reads servers by time frames that overlap, so that `index` may run as often as one likes, and be missed.
//!
//! The hard part is that nothing may fall between two frames: what is indexed late, what a host that was cut off sends
//! hours later, what a run read that then failed. A frame therefore begins before the watermark, which only moves to what
//! was read and stored completely; messages that were read before are known by their ids. What was said long before the
//! frame is found by when it was received, or, where the server does not tell, by a host's silence in the ledger.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::answer::{self, TimeFrame};
use crate::cli::IndexArgs;
use crate::ledger::Gap;
use crate::line::{Digest, Moment};
use crate::source::{Read, Seen, Source, Window, WindowSource};
use crate::state::Cursor;
use crate::store::Store;

use super::delivery::{Deliver, Delivery, Reached, ServerReach};
use super::index::Run;
use super::output::Output;
use super::servers::Server;
use super::when;

/// A frame begins so long before the watermark, in milliseconds: servers index what they receive with some delay.
const MARGIN_MS: i64 = 5 * 60 * 1000;
/// What was read in so long before the watermark is known by its ids, in milliseconds.
const REMEMBERED_MS: i64 = 60 * 60 * 1000;
/// A host's silence is asked for again when it began at most so long ago
const SILENCE_MS: i64 = 7 * 24 * 3600 * 1000;
/// and ended at most so long ago, in milliseconds: a host that was cut off sends what it kept when it comes back.
const BACK_MS: i64 = 2 * 3600 * 1000;
/// So many silences are asked for in one run.
const MOST_SILENCES: usize = 50;
/// Late lines that are so near to each other are asked for together, in seconds.
const TOGETHER_S: i64 = 60;

/// The time frame that a person asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    from: Moment,
    to: Moment,
    /// So much before the watermark a later frame may begin.
    remembered: i64,
    /// This frame begins so much before the watermark, in milliseconds.
    margin: i64,
}

impl Frame {
    /// Of the flags.
    pub(super) fn of(args: &IndexArgs) -> Result<Self> {
        let last = when::span(&args.last).context("--last")?;
        let moment = |text: &Option<String>, flag| text.as_deref().map(when::moment).transpose().context(flag);
        let to = moment(&args.until, "--until")?.unwrap_or_else(when::now);
        let from = moment(&args.since, "--since")?.unwrap_or(Moment(to.0.saturating_sub(last)));
        if from >= to {
            bail!("there is nothing between {from} and {to}: --since must be before --until");
        }
        let remembered = last.max(to.0 - from.0).max(REMEMBERED_MS);
        Ok(Self {
            from,
            to,
            remembered,
            margin: MARGIN_MS,
        })
    }

    /// Until now, from so many milliseconds before the watermark, or before now where less was never read.
    pub(super) fn until_now(last: i64, margin: i64) -> Self {
        let to = when::now();
        Self {
            from: Moment(to.0 - last),
            to,
            remembered: REMEMBERED_MS,
            margin,
        }
    }

    /// What is to be read, given how far it was read: no hole is left.
    fn window(self, watermark: Option<Moment>) -> Window {
        let from = match watermark {
            Some(watermark) if watermark <= self.to => self.from.min(Moment(watermark.0 - self.margin)),
            // A frame in the past.
            _ => self.from,
        };
        Window { from, to: self.to }.whole_seconds()
    }
}

impl Run<'_> {
    /// Reads a server.
    pub(super) fn server(&mut self, server: &Server, frame: Frame, output: &mut Output) -> Result<()> {
        let before = match &self.keeper {
            Some(keeper) => {
                self.intake.count_for(keeper.counting());
                keeper.state.servers.get(&server.name).cloned().unwrap_or_default()
            }
            None => Cursor::default(),
        };
        let mut reading = Reading::of(server, &before);
        let mut saved = Instant::now();
        let read = reading.read(frame, true, &mut |delivery| {
            self.take(delivery)?;
            if saved.elapsed() >= self.save_every {
                self.save_with(|_| ())?;
                saved = Instant::now();
            }
            Ok(())
        });
        let read = self.told(server, read, output)?;
        self.save_with(|_| ())?;
        if read && !server.tells_receipt() && self.keeper.is_some() {
            let silences = silences(self.intake.store(), reading.window)?;
            let read = reading.read_silences(&silences, &mut |delivery| self.take(delivery));
            self.told(server, read, output)?;
            self.save_with(|_| ())?;
        }
        Ok(())
    }

    /// Says what the server did wrong. False if it did.
    fn told(&mut self, server: &Server, read: Result<(), Stop>, output: &mut Output) -> Result<bool> {
        match read {
            Ok(()) => Ok(true),
            Err(Stop::Taker(error)) => Err(error),
            Err(Stop::Server(error)) => {
                self.incomplete = true;
                output.complaint(&format!("source `{}`: {error}", server.name));
                Ok(false)
            }
        }
    }
}

/// The silences of hosts that came back: they may have sent what they had kept.
pub(super) fn silences(store: &dyn Store, window: Window) -> Result<Vec<Gap>> {
    let week_ago = Moment(window.to.0 - SILENCE_MS);
    let mut silences = answer::silences(
        store,
        TimeFrame {
            from: Some(week_ago),
            until: Some(window.to),
        },
    )?;
    silences.retain(|gap| gap.ended && gap.to.0 >= window.to.0 - BACK_MS && gap.from < window.from);
    silences.truncate(MOST_SILENCES);
    Ok(silences)
}

/// Why a reading stopped before its end.
pub(super) enum Stop {
    /// The server could not be read; what was handed over stands, and the next reading begins there.
    Server(String),
    /// Whoever takes the lines could not.
    Taker(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Taker(error)
    }
}

/// A server that is read, window by window.
pub(super) struct Reading<'a> {
    server: &'a Server,
    name: Arc<str>,
    watermark: Option<Moment>,
    known: Seen,
    /// The one that was read last.
    pub(super) window: Window,
    /// Milliseconds.
    remembered: i64,
}

impl<'a> Reading<'a> {
    /// Behind what was read before.
    pub(super) fn of(server: &'a Server, before: &Cursor) -> Self {
        Self {
            server,
            name: server.name.as_str().into(),
            watermark: before.watermark,
            known: before.seen().collect(),
            window: Window::last(0, Moment(0)),
            remembered: REMEMBERED_MS,
        }
    }

    /// Everything before it was read. None: nothing was.
    pub(super) fn watermark(&self) -> Option<Moment> {
        self.watermark
    }

    /// Reads a window. `late`: and what was received since the one before and said before this one, where the server
    /// tells that.
    pub(super) fn read(&mut self, frame: Frame, late: bool, deliver: &mut Deliver<'_>) -> Result<(), Stop> {
        self.window = frame.window(self.watermark);
        self.remembered = frame.remembered;
        // What came late comes first: a watermark that has moved would hide it.
        if late {
            self.read_late(deliver)?;
        }
        let mut source = self.server.said(self.window, self.known.clone());
        let (mut reads, mut seen, mut up_to) = (Vec::new(), 0, source.read_up_to());
        loop {
            let read = source.next();
            // Between two batches, everything that was given was taken.
            let ended = !matches!(read, Ok(Some(_)));
            if source.read_up_to() > up_to || ended {
                up_to = source.read_up_to();
                let skipped = source.skipped() - seen;
                seen = source.skipped();
                let reached = self.reached(&source);
                deliver(self.delivery(std::mem::take(&mut reads), skipped, Some(reached)))?;
            }
            match read {
                Ok(Some(read)) => reads.push(read),
                Ok(None) => break,
                Err(error) => return Err(Stop::Server(error.to_string())),
            }
        }
        if let Some(since) = self.since() {
            self.known.forget_before(since);
        }
        Ok(())
    }

    fn delivery(&self, reads: Vec<Read>, seen: u64, reached: Option<ServerReach>) -> Delivery {
        Delivery {
            source: Arc::clone(&self.name),
            reads,
            seen,
            reached: reached.map(Reached::Server),
            silence: None,
        }
    }

    /// Moves to what the source has given.
    fn reached(&mut self, source: &WindowSource) -> ServerReach {
        let up_to = source.read_up_to();
        // A frame that begins behind the watermark leaves a hole, which a later run must find.
        if self.watermark.is_none_or(|watermark| self.window.from <= watermark) {
            self.watermark = self.watermark.max(Some(up_to));
        }
        self.remember(source.seen().iter().collect())
    }

    fn remember(&mut self, messages: Vec<(Digest, Moment)>) -> ServerReach {
        let known = &mut self.known;
        let new = messages
            .into_iter()
            .filter(|(key, at)| known.insert(*key, *at))
            .collect();
        ServerReach {
            watermark: self.watermark,
            new,
            since: self.since(),
        }
    }

    /// Older messages cannot be met again.
    fn since(&self) -> Option<Moment> {
        Some(Moment(self.watermark?.0 - self.remembered - MARGIN_MS))
    }

    /// Reads what was received since the last run and said before this window.
    fn read_late(&mut self, deliver: &mut Deliver<'_>) -> Result<(), Stop> {
        let window = self.window;
        let Some(watermark) = self.watermark.filter(|watermark| *watermark <= window.to) else {
            return Ok(());
        };
        let received = Window {
            from: Moment(watermark.0 - MARGIN_MS),
            to: window.to,
        };
        let Some(mut source) = self.server.received(received, self.known.clone()) else {
            return Ok(());
        };
        let mut seconds = BTreeSet::new();
        loop {
            match source.next() {
                Ok(Some(Read::Line(line))) if line.at < window.from => {
                    seconds.insert(line.at.second());
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    let way_out = "`received: false` does without what came late";
                    return Err(Stop::Server(format!("{error}; {way_out}")));
                }
            }
        }
        if seconds.is_empty() {
            return Ok(());
        }
        let messages: Vec<_> = source
            .seen()
            .iter()
            .filter(|(key, _)| !self.known.contains(*key))
            .collect();
        let mut done = BTreeSet::new();
        let mut reads = Vec::new();
        for stretch in stretches(&seconds) {
            // Among all that was said in the same seconds, or equal lines would be counted wrongly.
            let only = messages.iter().copied().collect();
            let mut source = self.server.said(stretch, Seen::default()).only(only);
            loop {
                match source.next() {
                    Ok(Some(read)) => reads.push(read),
                    Ok(None) => break,
                    Err(error) => {
                        deliver(self.delivery(reads, 0, None))?;
                        return Err(Stop::Server(error.to_string()));
                    }
                }
            }
            done.extend(source.seen().iter().map(|(key, _)| key.0));
        }
        // By the time of receipt: only that may bring them back.
        let done = messages.into_iter().filter(|(key, _)| done.contains(&key.0)).collect();
        let reached = self.remember(done);
        deliver(self.delivery(reads, 0, Some(reached)))?;
        Ok(())
    }

    /// Asks again for the silences of hosts that came back.
    pub(super) fn read_silences(&mut self, silences: &[Gap], deliver: &mut Deliver<'_>) -> Result<(), Stop> {
        let window = self.window;
        let week_ago = Moment(window.to.0 - SILENCE_MS);
        for gap in silences {
            let stretch = Window {
                from: Moment::from_second(gap.from.second().max(week_ago.second())),
                to: Moment::from_second(gap.to.second() + 1).min(window.from),
            };
            let mut source = self.server.said(stretch, self.known.clone());
            let mut reads = Vec::new();
            let ended = loop {
                match source.next() {
                    Ok(Some(read)) => reads.push(read),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(Stop::Server(error.to_string())),
                }
            };
            deliver(Delivery {
                silence: Some(gap.clone()),
                ..self.delivery(reads, 0, None)
            })?;
            ended?;
        }
        Ok(())
    }
}

/// Windows of whole seconds around these.
fn stretches(seconds: &BTreeSet<i64>) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    for second in seconds {
        let end = Moment::from_second(second + 1);
        match windows.last_mut() {
            Some(last) if second - last.to.second() <= TOGETHER_S => last.to = end,
            _ => windows.push(Window {
                from: Moment::from_second(*second),
                to: end,
            }),
        }
    }
    windows
}
