//! Standard output for results, standard error for the rest.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice, StripStream};
use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::cli::{Color, Global};
use crate::problem::Problem;

use super::Problems;

/// Where a command speaks.
pub(super) struct Output {
    out: Box<dyn Write>,
    err: AutoStream<io::Stderr>,
    /// JSON was asked for.
    pub(super) json: bool,
}

impl Output {
    pub(super) fn new(global: &Global) -> Self {
        let choice = match global.color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            // Knows NO_COLOR, CLICOLOR and dumb terminals.
            Color::Auto => AutoStream::choice(&io::stdout()),
        };
        let err = match global.color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            Color::Auto => AutoStream::choice(&io::stderr()),
        };
        let stdout: Box<dyn Write + Send> = Box::new(BufWriter::with_capacity(1 << 16, io::stdout()));
        Self {
            out: match choice {
                ColorChoice::Never => Box::new(StripStream::new(stdout)),
                _ => stdout,
            },
            err: AutoStream::new(io::stderr(), err),
            json: global.json,
        }
    }

    /// Is a person reading?
    pub(super) fn is_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// One JSON value a line.
    pub(super) fn object(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }

    /// A remark that is no result.
    pub(super) fn note(&mut self, text: &str) {
        // What was said before comes first; a reader that went away is found at the end.
        let _ = self.out.flush();
        // Where standard error is gone there is nobody to tell.
        let _ = writeln!(self.err, "{text}");
    }

    /// Something went wrong and the command goes on.
    pub(super) fn complaint(&mut self, text: &str) {
        let style = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let _ = writeln!(self.err, "{style}error:{style:#} {text}");
    }

    /// What a person must fix in files.
    pub(super) fn problems(&mut self, problems: &[Problem]) {
        for problem in problems {
            let _ = writeln!(self.err, "{problem}");
        }
    }

    /// Why the command failed.
    pub(super) fn error(&mut self, error: &anyhow::Error) {
        let _ = self.out.flush();
        match error.downcast_ref::<Problems>() {
            Some(Problems(problems)) => {
                self.problems(problems);
                let count = problems.len();
                self.note(&format!(
                    "{count} problem{}; nothing was done",
                    if count == 1 { "" } else { "s" }
                ));
            }
            None => self.complaint(&format!("{error:#}")),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
