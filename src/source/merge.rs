//! Several sources at once, in the order of time.
//!
//! Each source is only nearly in order, and stays in its own order; between sources the one goes on whose next line is
//! the earliest, of equal ones the one named first. A source that fails is reported once and the others go on.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{Place, Position, Progress, Read, Source, SourceError, Tally};
use crate::line::Moment;

/// Reads several sources in the order of time.
pub struct Merge {
    sources: Vec<Waiting>,
    /// Which source is next: the moment of its next line, or where it has been; then its place.
    order: BinaryHeap<Reverse<(Moment, usize)>>,
    failed: VecDeque<SourceError>,
}

struct Waiting {
    source: Box<dyn Source + Send>,
    /// None if it is yet to be asked.
    ready: Option<Read>,
    at: Moment,
    /// Behind what was given on; what is ready is not.
    given: Option<Position>,
}

impl Merge {
    /// Of these sources. `failed`: errors of those that could not even be opened; they are told first.
    pub fn new(sources: Vec<Box<dyn Source + Send>>, failed: Vec<SourceError>) -> Self {
        let sources: Vec<Waiting> = sources
            .into_iter()
            .map(|source| Waiting {
                // One that does not know its beginning is asked before all others.
                at: source.begins().unwrap_or(Moment(i64::MIN)),
                given: source.position(),
                source,
                ready: None,
            })
            .collect();
        Self {
            order: sources
                .iter()
                .enumerate()
                .map(|(place, waiting)| Reverse((waiting.at, place)))
                .collect(),
            sources,
            failed: failed.into(),
        }
    }
}

impl Merge {
    /// What a later run needs to go on behind what was given, for each source where one can.
    pub fn places(&self) -> Vec<Place> {
        let place = |waiting: &Waiting| waiting.source.place(waiting.given?);
        self.sources.iter().filter_map(place).collect()
    }
}

impl Source for Merge {
    fn name(&self) -> &str {
        match self.sources.as_slice() {
            [only] => only.source.name(),
            _ => "several sources",
        }
    }

    fn begins(&self) -> Option<Moment> {
        self.sources
            .iter()
            .map(|waiting| waiting.source.begins())
            .min()
            .flatten()
    }

    fn next(&mut self) -> Result<Option<Read>, SourceError> {
        if let Some(error) = self.failed.pop_front() {
            return Err(error);
        }
        while let Some(Reverse((_, place))) = self.order.pop() {
            let Some(waiting) = self.sources.get_mut(place) else {
                continue;
            };
            if waiting.ready.is_none() {
                match waiting.source.next() {
                    Ok(Some(read)) => {
                        if let Read::Line(line) = &read {
                            waiting.at = line.at;
                        }
                        waiting.ready = Some(read);
                    }
                    Ok(None) => {
                        waiting.given = waiting.source.position();
                        continue;
                    }
                    Err(error) => {
                        waiting.given = waiting.source.position();
                        self.order.push(Reverse((waiting.at, place)));
                        return Err(error);
                    }
                }
            }
            let key = Reverse((waiting.at, place));
            // Another one may be earlier than what this one has come to.
            let first = self.order.peek().is_none_or(|other| *other <= key);
            let read = if first { waiting.ready.take() } else { None };
            if read.is_some() {
                waiting.given = waiting.source.position();
            }
            self.order.push(key);
            if read.is_some() {
                return Ok(read);
            }
        }
        Ok(None)
    }

    fn progress(&self) -> Progress {
        let sum = |sum: Progress, waiting: &Waiting| {
            let progress = waiting.source.progress();
            Progress {
                read: sum.read + progress.read,
                total: sum.total.zip(progress.total).map(|(sum, total)| sum + total),
            }
        };
        let none = Progress {
            read: 0,
            total: Some(0),
        };
        self.sources.iter().fold(none, sum)
    }

    fn tally(&self) -> Tally {
        let tallies = self.sources.iter().map(|waiting| waiting.source.tally());
        tallies.fold(Tally::default(), Tally::plus)
    }
}
