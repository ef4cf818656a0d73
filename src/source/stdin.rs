//! Standard input, named `-`: plain or packed, as it comes.

use std::io;
use std::sync::Arc;

use super::codec;
use super::stream::Stream;
use super::{Progress, Read, Source, SourceError, Tally};
use crate::line::{Dating, Evidence, Moment, Reader};

/// Reads standard input. Nothing is read before the first line is asked for.
pub struct StdinSource {
    reader: Reader,
    stream: Option<Stream>,
}

impl StdinSource {
    /// With the year of stamps that have none by queue ids, else the present.
    pub fn new(dating: Dating) -> Self {
        Self {
            reader: Reader::new(Arc::from("-"), dating, Evidence::default()),
            stream: None,
        }
    }
}

impl Source for StdinSource {
    fn name(&self) -> &'static str {
        "-"
    }

    fn begins(&self) -> Option<Moment> {
        None
    }

    fn next(&mut self) -> Result<Option<Read>, SourceError> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let plain = codec::unpacked("-", io::stdin())?;
                let stream = none.insert(Stream::new(Arc::from("-"), plain));
                stream.look_ahead(&mut self.reader, false);
                stream
            }
        };
        stream.next(&mut self.reader)
    }

    fn progress(&self) -> Progress {
        Progress {
            read: self.stream.as_ref().map_or(0, |stream| stream.position().offset),
            total: None,
        }
    }

    fn tally(&self) -> Tally {
        self.stream
            .as_ref()
            .map_or_else(Tally::default, |stream| stream.tally(&self.reader))
    }
}
