//! Where lines come from: files, standard input, several of them in the order of time, the journal, Graylog, an index.
//!
//! The hard part is that inputs fail half way (a truncated archive, a folder among the files) while the others must
//! go on: a [`Source`] may be asked again after an error.
//!
//! In: paths. Out: [`Line`]s with their origin, and what could not be read as a line.

mod arrival;
mod batch;
mod blocks;
mod codec;
mod copies;
pub mod elasticsearch;
mod error;
mod feed;
mod field_names;
mod file;
mod file_date;
mod found_file;
pub mod graylog;
mod journal;
mod json_field;
mod mail_query;
mod merge;
mod paths;
mod place;
mod position;
mod rotation;
mod seen;
mod server_time;
mod stdin;
mod stored;
mod stream;
mod window;
mod window_source;

pub use elasticsearch::IndexQuery;
pub use error::SourceError;
pub use field_names::FieldNames;
pub use file::FileSource;
pub use found_file::FoundFile;
pub use graylog::{Graylog, GraylogAccess, GraylogQuery};
pub use journal::{JournalPlace, JournalQuery, JournalSource};
pub use merge::Merge;
pub use paths::matching_paths;
pub use place::Place;
pub use position::{Mark, Position};
pub use rotation::{FileToRead, Found, Opened, find};
pub use seen::Seen;
pub use stdin::StdinSource;
pub use window::Window;
pub use window_source::WindowSource;

use std::sync::Arc;

use crate::line::{Line, Moment, Origin};

/// What a source gives.
#[derive(Debug, Clone)]
pub enum Read {
    /// A line with its header read.
    Line(Line),
    /// A line without a header that tells its time. Empty lines are not given at all.
    Unreadable {
        /// Where it stands.
        origin: Origin,
        /// Its bytes, without the line end, at most [`crate::line::MAX_LINE_BYTES`]; passwords are masked.
        raw: Arc<[u8]>,
    },
}

/// Gives lines, one after the other.
pub trait Source {
    /// What people call it: the path as given, `-` for standard input.
    fn name(&self) -> &str;

    /// The moment of the first readable line, if it is known before it is asked for. None if it is not.
    fn begins(&self) -> Option<Moment>;

    /// The next line. `Ok(None)` is the end, now and whenever it is asked again.
    ///
    /// After an error it may be asked again: a single file then gives `Ok(None)`, several of them go on without the
    /// one that failed.
    fn next(&mut self) -> Result<Option<Read>, SourceError>;

    /// Behind the last line that [`Source::next`] gave. None where no later run can go on.
    fn position(&self) -> Option<Position> {
        None
    }

    /// What a later run needs to go on behind this position, which is one of this run. None where none can.
    fn place(&self, _position: Position) -> Option<Place> {
        None
    }

    /// How far it is.
    fn progress(&self) -> Progress;

    /// What was read so far.
    fn tally(&self) -> Tally;
}

/// How far a source is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read, as they lie on the disk (compressed, where they are).
    pub read: u64,
    /// Bytes there are. None where that is not known: standard input, a pipe.
    pub total: Option<u64>,
}

/// What a source has read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Raw lines, without empty ones.
    pub raw_lines: u64,
    /// Lines that were made of them: more where `message repeated N times` stood for several.
    pub lines: u64,
    /// Raw lines without a readable header.
    pub unreadable: u64,
    /// Lines that an earlier run had given: read again and left out. Not among the others.
    pub seen: u64,
    /// Raw lines that were longer than [`crate::line::MAX_LINE_BYTES`] and were cut there.
    pub cut: u64,
    /// By how many minutes the zone is wrong that stamps without one were read in, as
    /// [`crate::line::Reader::zone_offset_minutes`] tells: not 0 is worth a warning. None where nothing tells it.
    pub zone_offset_minutes: Option<i64>,
    /// The zone that they were read in, where the log ends: minutes east of Greenwich.
    pub zone_minutes: i64,
}

impl Tally {
    /// Of both. Of two offsets the one is kept that is not 0.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let is_wrong = |tally: &Self| tally.zone_offset_minutes.is_some_and(|minutes| minutes != 0);
        let of = if is_wrong(&self) || (!is_wrong(&other) && other.zone_offset_minutes.is_none()) {
            self
        } else {
            other
        };
        Self {
            raw_lines: self.raw_lines + other.raw_lines,
            lines: self.lines + other.lines,
            unreadable: self.unreadable + other.unreadable,
            seen: self.seen + other.seen,
            cut: self.cut + other.cut,
            zone_offset_minutes: of.zone_offset_minutes,
            zone_minutes: of.zone_minutes,
        }
    }
}

/// Opens what a person named: `-` is standard input, anything else a path.
///
/// Returns a source for each that can be opened, and the errors of the others, both in the order of the names.
pub fn open(
    names: &[std::path::PathBuf],
    dating: crate::line::Dating,
) -> (Vec<Box<dyn Source + Send>>, Vec<SourceError>) {
    let mut sources: Vec<Box<dyn Source + Send>> = Vec::new();
    let mut errors = Vec::new();
    for name in names {
        if name.as_os_str() == "-" {
            sources.push(Box::new(StdinSource::new(dating)));
            continue;
        }
        match FileSource::open(name, dating) {
            Ok(source) => sources.push(Box::new(source)),
            Err(error) => errors.push(error),
        }
    }
    (sources, errors)
}
