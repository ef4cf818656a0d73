//! A site's mail of some days, as its central log server would have written it.
//!
//! Sessions of many clients run at the same time on several hosts: their lines interleave in the order of time. What
//! was made is counted while it is made ([`Told`]), not read from the log, so a test can compare documents with it.

mod clock;
mod log;
mod people;
mod postfix;
mod random;
mod sendmail;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

pub(crate) use log::Form;
use log::Log;

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mta {
    Postfix,
    Sendmail,
}

/// What a log holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) lines: u64,
    /// Queue ids under which a message was taken, local submissions and notices among them.
    pub(crate) messages: u64,
    /// Recipients of those, by what became of them in the end.
    pub(crate) recipients: BTreeMap<&'static str, u64>,
    /// Refusals of a client that had no message taken.
    pub(crate) refused: u64,
    /// The most queue ids that were open at one time.
    pub(crate) most_open: u64,
}

impl fmt::Display for Told {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lines,
            messages,
            recipients,
            refused,
            most_open,
        } = self;
        write!(
            out,
            "{{\"lines\":{lines},\"messages\":{messages},\"refused\":{refused},\"most_open\":{most_open}"
        )?;
        out.write_str(",\"recipients\":{")?;
        for (index, (status, count)) in recipients.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(out, "{comma}\"{status}\":{count}")?;
        }
        out.write_str("}}")
    }
}

/// Writes a log of at least so many lines; every message that begins in it also ends in it.
pub(crate) fn generate(out: &mut dyn Write, mta: Mta, lines: u64, seed: u64, form: Form) -> io::Result<Told> {
    let log = Log::new(out, form);
    match mta {
        Mta::Postfix => postfix::Site::new(log, seed).run(lines),
        Mta::Sendmail => sendmail::Site::new(log, seed).run(lines),
    }
}
