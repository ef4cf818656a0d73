//! The files of a command, as one stream of lines in the order of time.

use anyhow::{Result, bail};

use crate::cli::Input;
use crate::config::Config;
use crate::line::{Dating, Line, Origin, TimeZone};
use crate::source::{Merge, Place, Read, Source, SourceError};

use super::output::Output;
use super::progress::Bar;

/// Lines from several files; what cannot be read is told and the others go on.
pub(super) struct Lines {
    source: Merge,
    bar: Bar,
    /// Some input could not be read.
    pub(super) incomplete: bool,
}

/// How stamps are to be read that do not tell it all: by the flags, else the configuration.
pub(super) fn dating(zone: Option<&String>, year: Option<i32>, config: &Config) -> Result<Dating> {
    let zone = zone.or(config.timezone.as_ref());
    let zone = zone.map_or(Ok(TimeZone::default()), |zone| read_zone(zone))?;
    Ok(Dating::today(zone, year))
}

impl Lines {
    /// Opens what can be opened.
    pub(super) fn open(input: &Input, config: &Config) -> Result<Self> {
        let dating = dating(input.timezone.as_ref(), input.year, config)?;
        let (sources, failed) = crate::source::open(&input.files, dating);
        Ok(Self::of(sources, failed))
    }

    /// Of these sources, and what could not be opened.
    pub(super) fn of(sources: Vec<Box<dyn Source + Send>>, failed: Vec<SourceError>) -> Self {
        let source = Merge::new(sources, failed);
        let bar = Bar::new(source.progress().total);
        Self {
            source,
            bar,
            incomplete: false,
        }
    }

    /// What a later run needs to go on behind what was given.
    pub(super) fn places(&self) -> Vec<Place> {
        self.source.places()
    }

    /// Lines that an earlier run had given.
    pub(super) fn seen(&self) -> u64 {
        self.source.tally().seen
    }

    /// The next line. None at the end; `Some(Err(_))` for a line without a readable header.
    pub(super) fn next(&mut self, output: &mut Output) -> Option<std::result::Result<Line, Origin>> {
        loop {
            self.bar.show(|| self.source.progress().read);
            match self.source.next() {
                Ok(Some(Read::Line(line))) => return Some(Ok(line)),
                Ok(Some(Read::Unreadable { origin, .. })) => return Some(Err(origin)),
                Ok(None) => {
                    self.bar.finish();
                    return None;
                }
                Err(error) => self.tell(&error, output),
            }
        }
    }

    fn tell(&mut self, error: &SourceError, output: &mut Output) {
        self.incomplete = true;
        self.bar.suspend(|| output.complaint(&error.to_string()));
    }

    /// What a person should know about the clock of these logs. None if nothing is wrong.
    pub(super) fn zone_warning(&self) -> Option<String> {
        let minutes = self
            .source
            .tally()
            .zone_offset_minutes
            .filter(|minutes| *minutes != 0)?;
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        Some(format!(
            "warning: the stamps are {sign}{hours:02}:{rest:02} ahead of what the queue ids tell; \
             name the log's zone with --timezone, for example --timezone {sign}{hours:02}:{rest:02}"
        ))
    }

    /// Lines that were longer than is kept.
    pub(super) fn cut(&self) -> u64 {
        self.source.tally().cut
    }
}

/// `UTC`, `local`, `+01:00`, `-0500`.
fn read_zone(text: &str) -> Result<TimeZone> {
    match text.to_ascii_lowercase().as_str() {
        "utc" | "z" => return Ok(TimeZone::Utc),
        "local" => return Ok(TimeZone::Local),
        _ => {}
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let sign = match text.chars().next() {
        Some('+') => 1,
        Some('-') => -1,
        _ => 0,
    };
    match (sign, digits.len(), digits.parse::<i32>()) {
        (1 | -1, 4, Ok(number)) if number / 100 <= 14 && number % 100 < 60 => {
            Ok(TimeZone::Fixed(sign * (number / 100 * 3_600 + number % 100 * 60)))
        }
        _ => bail!("`{text}` is no zone that is known here: write UTC, local, +01:00 or -05:00"),
    }
}
