//! Reads servers by time frames that overlap, so that `index` may run as often as one likes, and be missed.
//!
//! The hard part is that nothing may fall between two frames: what is indexed late, what a host that was cut off sends
//! hours later, what a run read that then failed. A frame therefore begins before the watermark, which only moves to what
//! was read and stored completely; messages that were read before are known by their ids. What was said long before the
//! frame is found by when it was received, or, where the server does not tell, by a host's silence in the ledger.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::cli::IndexArgs;
use crate::ledger::Gap;
use crate::line::{Line, Moment};
use crate::source::{Read, Seen, Source, Window, WindowSource};
use crate::state::Cursor;

use super::index::Run;
use super::output::Output;
use super::servers::Server;
use super::{gaps, when};

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
        Ok(Self { from, to, remembered })
    }

    /// What is to be read, given how far it was read: no hole is left.
    fn window(self, watermark: Option<Moment>) -> Window {
        let from = match watermark {
            Some(watermark) if watermark <= self.to => self.from.min(Moment(watermark.0 - MARGIN_MS)),
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
        let window = frame.window(before.watermark);
        let known: Seen = before.seen().collect();
        let mut progress = Progress {
            name: server.name.clone(),
            cursor: before,
            window,
            remembered: frame.remembered,
        };
        // What came late comes first: a watermark that has moved would hide it.
        let Some(tells_receipt) = self.read_late(server, &mut progress, &known, output)? else {
            return Ok(());
        };
        let mut source = server.said(window, known.clone());
        if self.read_window(&mut source, &mut progress, output)? && !tells_receipt {
            self.read_silences(server, &progress, &known, output)?;
        }
        Ok(())
    }

    /// Reads a window to its end. False where it could not: it was told, and the next run begins there.
    fn read_window(&mut self, source: &mut WindowSource, progress: &mut Progress, output: &mut Output) -> Result<bool> {
        let mut saved = Instant::now();
        let mut up_to = source.read_up_to();
        loop {
            let read = source.next();
            // Between two batches, everything that was given was taken.
            if source.read_up_to() > up_to && saved.elapsed() >= self.save_every {
                up_to = source.read_up_to();
                self.save_progress(source, progress)?;
                saved = Instant::now();
            }
            match read {
                Ok(Some(read)) => self.take(read)?,
                Ok(None) => {
                    self.save_progress(source, progress)?;
                    self.finish(source);
                    return Ok(true);
                }
                Err(error) => {
                    self.save_progress(source, progress)?;
                    self.finish(source);
                    self.failed(&progress.name, &error.to_string(), output);
                    return Ok(false);
                }
            }
        }
    }

    fn take(&mut self, read: Read) -> Result<()> {
        match read {
            Read::Line(line) => self.intake.line(self.named(line)),
            Read::Unreadable { origin, .. } => {
                self.intake.unreadable(&origin);
                Ok(())
            }
        }
    }

    fn finish(&mut self, source: &WindowSource) {
        self.intake.summary.seen(source.skipped());
    }

    fn failed(&mut self, name: &str, error: &str, output: &mut Output) {
        self.incomplete = true;
        output.complaint(&format!("source `{name}`: {error}"));
    }

    fn save_progress(&mut self, source: &WindowSource, progress: &mut Progress) -> Result<()> {
        progress.reached(source);
        self.save_cursor(progress)
    }

    fn save_cursor(&mut self, progress: &Progress) -> Result<()> {
        let (name, cursor) = (progress.name.clone(), progress.cursor.clone());
        self.save_with(|state| {
            state.servers.insert(name, cursor);
        })
    }

    /// Reads what was received since the last run and said before this window. Returns whether the server tells the
    /// receipt; None where it could not be read: it was told, and the next run begins there.
    fn read_late(
        &mut self,
        server: &Server,
        progress: &mut Progress,
        known: &Seen,
        output: &mut Output,
    ) -> Result<Option<bool>> {
        let window = progress.window;
        let Some(watermark) = progress.cursor.watermark.filter(|watermark| *watermark <= window.to) else {
            return Ok(Some(server.tells_receipt()));
        };
        let received = Window {
            from: Moment(watermark.0 - MARGIN_MS),
            to: window.to,
        };
        let Some(mut source) = server.received(received, known.clone()) else {
            return Ok(Some(false));
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
                    self.failed(&server.name, &format!("{error}; {way_out}"), output);
                    return Ok(None);
                }
            }
        }
        if seconds.is_empty() {
            return Ok(Some(true));
        }
        let messages: Vec<_> = source.seen().iter().filter(|(key, _)| !known.contains(*key)).collect();
        let mut done = BTreeSet::new();
        for stretch in stretches(&seconds) {
            // Among all that was said in the same seconds, or equal lines would be counted wrongly.
            let only = messages.iter().copied().collect();
            let mut source = server.said(stretch, Seen::default()).only(only);
            loop {
                match source.next() {
                    Ok(Some(read)) => self.take(read)?,
                    Ok(None) => break,
                    Err(error) => {
                        self.failed(&server.name, &error.to_string(), output);
                        return Ok(None);
                    }
                }
            }
            done.extend(source.seen().iter().map(|(key, _)| key.0));
        }
        // By the time of receipt: only that may bring them back.
        progress.remember(messages.into_iter().filter(|(key, _)| done.contains(&key.0)));
        self.save_cursor(progress)?;
        Ok(Some(true))
    }

    /// Asks again for the silences of hosts that came back: they may have sent what they had kept.
    fn read_silences(&mut self, server: &Server, progress: &Progress, known: &Seen, output: &mut Output) -> Result<()> {
        let window = progress.window;
        if self.keeper.is_none() {
            return Ok(());
        }
        let week_ago = Moment(window.to.0 - SILENCE_MS);
        let silences = gaps::between(self.intake.store(), Some(week_ago), Some(window.to))?;
        let back = |gap: &&Gap| gap.ended && gap.to.0 >= window.to.0 - BACK_MS && gap.from < window.from;
        for gap in silences.iter().filter(back).take(MOST_SILENCES) {
            let stretch = Window {
                from: Moment::from_second(gap.from.second().max(week_ago.second())),
                to: Moment::from_second(gap.to.second() + 1).min(window.from),
            };
            let mut source = server.said(stretch, known.clone());
            loop {
                match source.next() {
                    Ok(Some(Read::Line(line))) => self.take_silent(line, gap)?,
                    Ok(Some(Read::Unreadable { .. })) => {}
                    Ok(None) => break,
                    Err(error) => {
                        self.failed(&server.name, &error.to_string(), output);
                        return self.save_with(|_| ());
                    }
                }
            }
        }
        self.save_with(|_| ())
    }

    /// A line that was said in a silence. Those of its first and last second may have been counted.
    fn take_silent(&mut self, line: Line, gap: &Gap) -> Result<()> {
        let line = self.named(line);
        if *line.host != *gap.host {
            return Ok(());
        }
        let second = line.at.second();
        if second > gap.from.second() && second < gap.to.second() {
            self.intake.line(line)
        } else {
            self.intake.line_again(line)
        }
    }
}

/// How far a server is read.
struct Progress {
    name: String,
    cursor: Cursor,
    window: Window,
    /// Milliseconds.
    remembered: i64,
}

impl Progress {
    /// Moves to what the source has given.
    fn reached(&mut self, source: &WindowSource) {
        let up_to = source.read_up_to();
        let watermark = &mut self.cursor.watermark;
        // A frame that begins behind the watermark leaves a hole, which a later run must find.
        if watermark.is_none_or(|watermark| self.window.from <= watermark) {
            *watermark = (*watermark).max(Some(up_to));
        }
        self.remember(source.seen().iter().collect::<Vec<_>>().into_iter());
    }

    fn remember(&mut self, messages: impl Iterator<Item = (crate::line::Digest, Moment)>) {
        let Some(watermark) = self.cursor.watermark else { return };
        let since = Moment(watermark.0 - self.remembered - MARGIN_MS);
        let all: Vec<_> = self.cursor.seen().chain(messages).collect();
        self.cursor.keep_seen(all.into_iter(), since);
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
