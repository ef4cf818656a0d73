//! The files of a command, as one stream of lines in the order of time.

use std::sync::Arc;

use anyhow::{Result, bail};

use crate::cli::{Input, Said};
use crate::config::Config;
use crate::line::{Dating, JsonFields, Line, Origin, TimeZone};
use crate::source::{Merge, Place, Read, Source, SourceError, Tally};

use super::output::Output;
use super::progress::Bar;
use super::when;

/// Lines from several files; what cannot be read is told and the others go on.
pub(super) struct Lines {
    source: Merge,
    bar: Bar,
    /// Some input could not be read.
    pub(super) incomplete: bool,
}

/// How lines are to be read that do not tell it all: by the flags, else the configuration.
pub(super) fn dating(said: &Said, config: &Config) -> Result<Dating> {
    let zone = said.timezone.as_ref().or(config.timezone.as_ref());
    let zone = zone.map_or(Ok(TimeZone::default()), |zone| read_zone(zone))?;
    let (program, pid) = match &said.program {
        Some(program) => read_program(program)?,
        None => (None, None),
    };
    let json = &config.json;
    let told = crate::line::Said {
        host: said.host.as_ref().map(|host| host.to_ascii_lowercase().into()),
        at: said.at.as_ref().map(|at| when::moment(at)).transpose()?,
        program,
        pid,
        json: JsonFields {
            time: json.time.clone(),
            host: json.host.clone(),
            program: json.program.clone(),
            pid: json.pid.clone(),
            message: json.message.clone(),
        },
    };
    Ok(Dating {
        // Said once a run, and every source of it may ask.
        said: Box::leak(Box::new(told)),
        ..Dating::today(zone, said.year)
    })
}

impl Lines {
    /// Opens what can be opened.
    pub(super) fn open(input: &Input, config: &Config) -> Result<Self> {
        let dating = dating(&input.said, config)?;
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
        zone_words(self.source.tally())
    }

    /// Lines that were longer than is kept.
    pub(super) fn cut(&self) -> u64 {
        self.source.tally().cut
    }
}

/// What a person should know about the clock of logs. None if nothing is wrong.
pub(super) fn zone_words(tally: Tally) -> Option<String> {
    let ahead = tally.zone_offset_minutes.filter(|minutes| *minutes != 0)?;
    let (is, read) = (tally.zone_minutes + ahead, tally.zone_minutes);
    let stamps = match (is, read) {
        (0, read) => format!("UTC, as the queue ids say, but were read as UTC{}", offset(read)),
        (is, 0) => format!("UTC{}, the queue ids say UTC", offset(is)),
        (is, read) => format!(
            "UTC{}, as the queue ids tell, but were read as UTC{}",
            offset(is),
            offset(read)
        ),
    };
    let zone = match is {
        0 => "UTC".to_owned(),
        is => format!("{}{:02}:{:02}", sign(is), is.abs() / 60, is.abs() % 60),
    };
    Some(format!(
        "warning: the stamps are {stamps}: all times are wrong by {}; read them again with --timezone {zone}, or with \
             the name of their zone (--timezone Europe/Berlin)",
        span(ahead)
    ))
}

/// `-5`, `+5:45`
fn offset(minutes: i64) -> String {
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    match rest {
        0 => format!("{}{hours}", sign(minutes)),
        rest => format!("{}{hours}:{rest:02}", sign(minutes)),
    }
}

fn sign(minutes: i64) -> char {
    if minutes < 0 { '-' } else { '+' }
}

/// `5 hours`, `1 hour`, `5 hours 45 minutes`
fn span(minutes: i64) -> String {
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let parts = [(hours, "hour"), (rest, "minute")];
    let told = parts.iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told
        .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    told.join(" ")
}

/// `postfix/smtpd`, `postfix/smtpd[277]`, either with a colon behind it.
fn read_program(text: &str) -> Result<(Option<Arc<str>>, Option<u32>)> {
    let tag = text.trim().trim_end_matches(':');
    let (program, pid) = match tag.strip_suffix(']').and_then(|tag| tag.split_once('[')) {
        Some((program, pid)) => (program, Some(pid.parse())),
        None => (tag, None),
    };
    match pid.transpose() {
        Ok(pid) if !program.is_empty() && !program.contains([' ', '[', ']', ':']) => Ok((Some(program.into()), pid)),
        _ => bail!("`{text}` is no program: write postfix/smtpd or postfix/smtpd[277]"),
    }
}

/// `UTC`, `local`, `+01:00`, `-0500`, `Europe/Berlin`.
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
    if let (1 | -1, 4, Ok(number)) = (sign, digits.len(), digits.parse::<i32>())
        && number / 100 <= 14
        && number % 100 < 60
    {
        return Ok(TimeZone::Fixed(sign * (number / 100 * 3_600 + number % 100 * 60)));
    }
    if let Some(zone) = TimeZone::named(text) {
        return Ok(zone);
    }
    match TimeZone::like(text) {
        Some(name) => bail!("`{text}` is no zone that is known here: did you mean {name}?"),
        None => bail!("`{text}` is no zone that is known here: write Europe/Berlin, UTC, local, +01:00 or -05:00"),
    }
}
