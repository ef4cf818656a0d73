//! What a service tells of itself: `/metrics` in Prometheus' text format, `/healthz`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::line::Moment;
use crate::transaction::Counts;

/// A source that was not read to its end for so long is ill.
const SILENT: Duration = Duration::from_secs(300);

/// Numbers that one thread changes and another shows.
pub(super) struct Metrics {
    began: Instant,
    numbers: Mutex<Numbers>,
}

/// The numbers since the start.
#[derive(Default)]
pub(super) struct Numbers {
    /// Lines that were new, by what became of them.
    pub(super) lines: Counts,
    /// Lines that were read before.
    pub(super) seen: u64,
    pub(super) sources: BTreeMap<String, SourceNumbers>,
    /// Messages that are not over: in the store, counted from time to time.
    pub(super) open: Option<u64>,
    /// Rules that read the lines.
    pub(super) rules: usize,
    pub(super) commits: u64,
    pub(super) commit_time: Duration,
    pub(super) last_commit: Option<(Moment, Duration)>,
    /// Of the newest line that was committed: how old it was then, in seconds.
    pub(super) lag_s: Option<f64>,
    pub(super) store_errors: u64,
    /// Why the store cannot be written to at the moment.
    pub(super) store_error: Option<String>,
    /// Documents that the store refused.
    pub(super) refused: u64,
    pub(super) reloads: u64,
    pub(super) failed_reloads: u64,
    /// The last reload failed: the rules are older than their files.
    pub(super) stale: bool,
}

/// One source.
#[derive(Default)]
pub(super) struct SourceNumbers {
    pub(super) lines: u64,
    pub(super) errors: u64,
    /// Why it cannot be read at the moment.
    pub(super) error: Option<String>,
    /// When it was last read to its end.
    pub(super) read: Option<(Moment, Instant)>,
    /// Of its newest line.
    pub(super) newest: Option<Moment>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            numbers: Mutex::default(),
        }
    }

    /// To change or show them.
    pub(super) fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is all well? And in words.
    pub(super) fn health(&self) -> (bool, String) {
        let numbers = self.numbers();
        let mut ills = Vec::new();
        ills.extend(numbers.store_error.as_ref().map(|error| format!("store: {error}")));
        for (name, source) in &numbers.sources {
            let since = source.read.map_or(self.began, |(_, read)| read);
            if let Some(error) = &source.error {
                ills.push(format!("source {name}: {error}"));
            } else if since.elapsed() > SILENT {
                ills.push(format!(
                    "source {name}: not read to its end for {} s",
                    since.elapsed().as_secs()
                ));
            }
        }
        if numbers.stale {
            ills.push("rules or configuration: the files have mistakes, those from before are used".to_owned());
        }
        if ills.is_empty() {
            (true, "ok\n".to_owned())
        } else {
            (false, ills.join("\n") + "\n")
        }
    }

    /// In Prometheus' text format.
    pub(super) fn text(&self) -> String {
        let numbers = self.numbers();
        let mut text = Text(String::new());
        let counts = numbers.lines;
        text.head("lines_total", "counter", "Lines read, by what became of them.");
        for (outcome, count) in [
            ("matched", counts.matched),
            ("noise", counts.noise),
            ("joined", counts.joined),
            ("unmatched", counts.unmatched),
            ("unreadable", counts.unreadable),
            ("seen", numbers.seen),
        ] {
            text.of("lines_total", "outcome", outcome, count);
        }
        text.head("source_lines_total", "counter", "Lines read from a source.");
        for (name, source) in &numbers.sources {
            text.of("source_lines_total", "source", name, source.lines);
        }
        text.head("source_errors_total", "counter", "Times a source could not be read.");
        for (name, source) in &numbers.sources {
            text.of("source_errors_total", "source", name, source.errors);
        }
        text.head("source_up", "gauge", "1 if the source could be read the last time.");
        for (name, source) in &numbers.sources {
            text.of("source_up", "source", name, u8::from(source.error.is_none()));
        }
        text.head(
            "source_read_timestamp_seconds",
            "gauge",
            "When a source was last read to its end.",
        );
        for (name, source) in &numbers.sources {
            if let Some((at, _)) = source.read {
                text.of("source_read_timestamp_seconds", "source", name, seconds(at));
            }
        }
        text.head(
            "source_newest_line_timestamp_seconds",
            "gauge",
            "The time of a source's newest line.",
        );
        for (name, source) in &numbers.sources {
            if let Some(at) = source.newest {
                text.of("source_newest_line_timestamp_seconds", "source", name, seconds(at));
            }
        }
        if let Some(lag) = numbers.lag_s {
            text.one(
                "lag_seconds",
                "gauge",
                "Age of the newest line when it could be searched for.",
                lag,
            );
        }
        if let Some(open) = numbers.open {
            text.one("open_transactions", "gauge", "Messages that are not over.", open);
        }
        text.one("rules", "gauge", "Rules that read the lines.", numbers.rules);
        text.head(
            "store_commit_seconds",
            "summary",
            "How long the store took to keep what was new.",
        );
        text.plain("store_commit_seconds_sum", numbers.commit_time.as_secs_f64());
        text.plain("store_commit_seconds_count", numbers.commits);
        if let Some((at, took)) = numbers.last_commit {
            let help = "How long the last one took.";
            text.one("store_last_commit_seconds", "gauge", help, took.as_secs_f64());
            let help = "When the store last kept what was new.";
            text.one("last_success_timestamp_seconds", "gauge", help, seconds(at));
        }
        text.one(
            "store_errors_total",
            "counter",
            "Times the store could not be written to.",
            numbers.store_errors,
        );
        text.one(
            "store_refused_total",
            "counter",
            "Documents that the store refused.",
            numbers.refused,
        );
        text.head(
            "reloads_total",
            "counter",
            "Times rules and configuration were read again.",
        );
        text.of("reloads_total", "result", "done", numbers.reloads);
        text.of("reloads_total", "result", "failed", numbers.failed_reloads);
        text.one(
            "up_seconds",
            "gauge",
            "How long this process runs.",
            self.began.elapsed().as_secs(),
        );
        if let Some(bytes) = resident_bytes() {
            text.one("resident_memory_bytes", "gauge", "Memory of this process.", bytes);
        }
        text.0
    }
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP mailtrail_{name} {help}\n# TYPE mailtrail_{name} {kind}");
    }

    fn plain(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "mailtrail_{name} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        self.plain(name, value);
    }

    fn of(&mut self, name: &str, label: &str, of: &str, value: impl std::fmt::Display) {
        let of = of.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = writeln!(self.0, "mailtrail_{name}{{{label}=\"{of}\"}} {value}");
    }
}

/// Since 1970 UTC.
#[allow(clippy::cast_precision_loss)] // Milliseconds since 1970 are exact in it for 285,000 years.
fn seconds(at: Moment) -> f64 {
    at.0 as f64 / 1000.0
}

/// None where the system does not tell.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kib| kib * 1024)
}
