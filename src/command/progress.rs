//! Progress on long work, only where a person sees it.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Lines between two looks at how far the source is.
const EVERY: u32 = 4_096;

/// A bar on standard error, hidden unless that is a terminal.
pub(super) struct Bar {
    bar: ProgressBar,
    lines: u32,
}

impl Bar {
    /// Of so many bytes; a spinner where nobody knows.
    pub(super) fn new(total: Option<u64>) -> Self {
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = match total {
            Some(_) => "{bytes}/{total_bytes} {wide_bar} {bytes_per_sec}, {eta} left",
            None => "{spinner} {bytes} read, {bytes_per_sec}",
        };
        // A template of ours that does not parse would show in the first run on a terminal: the default serves.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar, lines: 0 }
    }

    /// One more line was read.
    pub(super) fn show(&mut self, read: impl FnOnce() -> u64) {
        self.lines += 1;
        if self.lines >= EVERY {
            self.lines = 0;
            self.bar.set_position(read());
        }
    }

    /// Says something without the bar in the way.
    pub(super) fn suspend(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
