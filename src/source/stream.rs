//! The lines of one stream of bytes, whether it is a file or a pipe.
//!
//! In: bytes. Out: [`Read`]s, then perhaps an error, then nothing.

use std::sync::Arc;

use super::blocks::Blocks;
use super::codec::Plain;
use super::{Read, SourceError, Tally};
use crate::line::{Moment, Reader};

/// A stream that is being read.
pub(super) struct Stream {
    name: Arc<str>,
    blocks: Option<Blocks>,
    packed: bool,
    offset: u64,
    tally: Tally,
}

impl Stream {
    pub(super) fn new(name: Arc<str>, plain: Plain) -> Self {
        Self {
            name,
            blocks: Some(Blocks::new(plain.bytes)),
            packed: plain.packed,
            offset: 0,
            tally: Tally::default(),
        }
    }

    /// Lets the reader look for the year in the first bytes. Returns the first line's moment.
    pub(super) fn look_ahead(&mut self, reader: &mut Reader, patient: bool) -> Option<Moment> {
        reader.look_ahead(self.blocks.as_mut()?.head(patient))
    }

    /// The next line. See [`super::Source::next`].
    pub(super) fn next(&mut self, reader: &mut Reader) -> Result<Option<Read>, SourceError> {
        if let Some(line) = reader.pending() {
            self.tally.lines += 1;
            return Ok(Some(Read::Line(line)));
        }
        let Some(blocks) = self.blocks.as_mut() else {
            return Ok(None);
        };
        loop {
            let number = blocks.lines() + 1;
            let raw = match blocks.next() {
                Ok(Some(raw)) => raw,
                Ok(None) => {
                    self.offset = blocks.offset();
                    self.blocks = None;
                    return Ok(None);
                }
                Err(error) => {
                    let error = SourceError::new(&self.name, blocks.lines(), self.packed, error);
                    self.offset = blocks.offset();
                    self.blocks = None;
                    return Err(error);
                }
            };
            if raw.bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.tally.raw_lines += 1;
            self.tally.cut += u64::from(raw.cut);
            if let Some(line) = reader.read(raw.bytes, number) {
                self.tally.lines += 1;
                return Ok(Some(Read::Line(line)));
            }
            self.tally.unreadable += 1;
            return Ok(Some(Read::Unreadable {
                origin: reader.origin(number),
                raw: raw.bytes.into(),
            }));
        }
    }

    /// Where the last complete line that was given ends, in unpacked bytes from the beginning.
    pub(super) fn offset(&self) -> u64 {
        self.blocks.as_ref().map_or(self.offset, Blocks::offset)
    }

    pub(super) fn tally(&self, reader: &Reader) -> Tally {
        Tally {
            zone_offset_minutes: reader.zone_offset_minutes(),
            ..self.tally
        }
    }
}
