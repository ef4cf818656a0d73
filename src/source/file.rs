//! One file: plain or packed, told by its first bytes.
//!
//! Many files may be open at once and wait for their turn, so a waiting file keeps no more than its handle.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::codec::{self, Plain};
use super::file_date;
use super::found_file::FoundFile;
use super::place::HEAD_BYTES;
use super::stream::Stream;
use super::{Place, Position, Progress, Read, Source, SourceError, Tally};
use crate::line::{Dating, Evidence, Moment, Reader};

/// Reads one file.
pub struct FileSource {
    file: FoundFile,
    reader: Reader,
    begins: Option<Moment>,
    /// Behind what earlier runs have read.
    seen: Position,
    hold: bool,
    /// None until the first line is asked for.
    stream: Option<Stream>,
    failed: bool,
    read: Arc<AtomicU64>,
    /// The first bytes that were read of it, if it is read from its beginning.
    first: Arc<Mutex<Vec<u8>>>,
    /// What was read was packed.
    packed: bool,
    now: Moment,
}

impl FileSource {
    /// Opens a file and looks at its beginning. A pipe or device is only read when it is its turn.
    pub fn open(path: &Path, dating: Dating) -> Result<Self, SourceError> {
        Self::of(FoundFile::open(path)?, dating, Position::default(), false)
    }

    /// Goes on behind what an earlier run has read of a file. `hold`: a last line without line end is left for later,
    /// as it may grow.
    pub fn of(file: FoundFile, dating: Dating, seen: Position, hold: bool) -> Result<Self, SourceError> {
        let evidence = Evidence {
            log: None,
            name: file
                .path
                .file_name()
                .and_then(|name| file_date::latest(&name.to_string_lossy())),
            modified: file.modified.filter(|_| file.regular),
        };
        let mut reader = Reader::new(Arc::clone(&file.name), dating, evidence);
        let mut begins = seen.restart.context.reached;
        if begins.is_none() && file.regular {
            let mut stream = Stream::new(Arc::clone(&file.name), file.plain()?);
            begins = stream.look_ahead(&mut reader, true);
        }
        reader.resume(seen.restart.context);
        Ok(Self {
            file,
            reader,
            begins,
            seen,
            hold,
            stream: None,
            failed: false,
            read: Arc::default(),
            first: Arc::default(),
            packed: false,
            now: dating.now,
        })
    }

    /// Where the last complete line that was given ends, in unpacked bytes from the beginning of the file. A last line
    /// without line end is given, but not counted here: it may grow.
    pub fn offset(&self) -> u64 {
        let position = self.stream.as_ref().map_or(self.seen, Stream::position);
        position.offset - position.partial
    }

    /// Was a last line without line end left for later?
    pub fn is_holding(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_holding)
    }

    /// Was everything there that was there when it was opened?
    fn whole(&self) -> Result<(), SourceError> {
        let read = self.read.load(Ordering::Relaxed);
        let missing = self.file.size.saturating_sub(read);
        if !self.file.regular || self.file.packed || missing == 0 {
            return Ok(());
        }
        Err(SourceError::shrunk(&self.file.name, self.file.size, missing))
    }

    /// The file with the head that was read, if it had a shorter one when it was opened: it may be another by now.
    fn file_as_read(&self) -> FoundFile {
        let mut file = self.file.clone();
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.packed && first.len() > file.head.len() {
            file.head.clone_from(&first);
        }
        file
    }

    /// Its unpacked bytes from where it is to be read on.
    fn plain(&self) -> Result<Plain, SourceError> {
        let offset = self.seen.restart.offset;
        let failed = |error| SourceError::new(&self.file.name, 0, self.file.packed, error);
        let mut handle = &*self.file.file;
        if self.file.regular {
            let start = if self.file.packed { 0 } else { offset };
            handle.seek(SeekFrom::Start(start)).map_err(failed)?;
        }
        let counted = Counted {
            file: Arc::clone(&self.file.file),
            read: Arc::clone(&self.read),
            first: (offset == 0).then(|| Arc::clone(&self.first)),
        };
        if offset > 0 && !self.file.packed {
            self.read.store(offset, Ordering::Relaxed);
            return Ok(Plain::of(counted));
        }
        let mut plain = codec::unpacked(&self.file.name, counted)?;
        // What ends before is told when the rest is read.
        io::copy(&mut plain.bytes.by_ref().take(offset), &mut io::sink()).map_err(failed)?;
        Ok(plain)
    }
}

impl Source for FileSource {
    fn name(&self) -> &str {
        &self.file.name
    }

    fn begins(&self) -> Option<Moment> {
        self.begins
    }

    fn next(&mut self) -> Result<Option<Read>, SourceError> {
        if self.stream.is_none() && !self.failed {
            let plain = self.plain().inspect_err(|_| self.failed = true)?;
            self.packed = plain.packed;
            let mut stream = Stream::after(Arc::clone(&self.file.name), plain, self.seen, self.hold);
            if !self.file.regular {
                stream.look_ahead(&mut self.reader, false);
            }
            self.stream = Some(stream);
        }
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        let read = stream.next(&mut self.reader);
        let read = match read {
            Ok(None) if !self.failed => self.whole().map(|()| None),
            // Where it was cut, a line without its end is no line.
            Ok(Some(read)) if stream.position().partial > 0 && !self.failed => self.whole().map(|()| Some(read)),
            read => read,
        };
        read.inspect_err(|_| self.failed = true)
    }

    fn position(&self) -> Option<Position> {
        let position = self.stream.as_ref().map_or(self.seen, Stream::position);
        self.file.regular.then_some(position)
    }

    fn place(&self, position: Position) -> Option<Place> {
        let ended = self.stream.as_ref().is_some_and(Stream::has_ended);
        let all = Some(position) == self.position();
        let finished = ended && all && !self.failed && !self.is_holding();
        self.file
            .regular
            .then(|| Place::of(&self.file_as_read(), position, finished, self.now))
    }

    fn progress(&self) -> Progress {
        let read = self.read.load(Ordering::Relaxed);
        Progress {
            read,
            // A log may have grown since it was opened.
            total: self.file.regular.then(|| self.file.size.max(read)),
        }
    }

    fn tally(&self) -> Tally {
        self.stream
            .as_ref()
            .map_or_else(Tally::default, |stream| stream.tally(&self.reader))
    }
}

/// Counts what was read from the disk.
struct Counted {
    file: Arc<File>,
    read: Arc<AtomicU64>,
    /// Where it is read from its beginning, its first bytes.
    first: Option<Arc<Mutex<Vec<u8>>>>,
}

impl io::Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = (&*self.file).read(bytes)?;
        if let Some(first) = &self.first {
            let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = HEAD_BYTES.saturating_sub(first.len());
            first.extend_from_slice(bytes.get(..count.min(missing)).unwrap_or_default());
            if first.len() == HEAD_BYTES {
                drop(first);
                self.first = None;
            }
        }
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
