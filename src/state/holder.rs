//! Who reads into a folder: so that a second one can be told.

use std::fmt;
use std::fs;

use crate::line::Moment;

/// The process that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its machine: a folder may lie in a network. Empty where that has no name.
    pub host: String,
    /// Since when. None where it did not say.
    pub since: Option<Moment>,
}

impl Holder {
    /// No written one is longer.
    pub(super) const MOST_BYTES: u64 = 512;

    /// This one, from now on.
    pub fn this_process() -> Self {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
        let host: String = name.unwrap_or_default().split_whitespace().take(1).collect();
        Self {
            pid: std::process::id(),
            host: host.chars().take(255).collect(),
            since: Some(Moment(chrono::Utc::now().timestamp_millis())),
        }
    }

    /// `4711 1795487124386 mx1`
    pub(super) fn written(&self) -> String {
        let since = self.since.map_or(0, |since| since.0);
        format!("{} {since} {}", self.pid, self.host)
    }

    /// Of what was written. An older mailtrail wrote only the number.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let pid = words.next()?.parse().ok()?;
        let since = words
            .next()
            .and_then(|word| word.parse().ok())
            .filter(|since| *since > 0);
        let host = words.next().unwrap_or_default();
        Some(Self {
            pid,
            host: host.chars().filter(|c| !c.is_control()).collect(),
            since: since.map(Moment),
        })
    }
}

/// `process 4711 on mx1, since 2026-11-24T10:05:00.000Z`
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)?;
        if !self.host.is_empty() {
            write!(f, " on {}", self.host)?;
        }
        match self.since {
            Some(since) => write!(f, ", since {since}"),
            None => Ok(()),
        }
    }
}
