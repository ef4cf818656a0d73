//! One file: plain, gzip or Zstandard, told by its first bytes.
//!
//! Many files may be open at once and wait for their turn, so a waiting file keeps no more than its handle. The
//! handle, not the path: a file that is rotated away meanwhile is still the one that was named.

use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::codec;
use super::file_date;
use super::stream::Stream;
use super::{Progress, Read, Source, SourceError, Tally};
use crate::line::{Dating, Evidence, Moment, Reader};

/// Reads one file.
pub struct FileSource {
    name: Arc<str>,
    reader: Reader,
    begins: Option<Moment>,
    /// Until the first line is asked for.
    waiting: Option<File>,
    stream: Option<Stream>,
    read: Arc<AtomicU64>,
    /// None for a pipe.
    total: Option<u64>,
}

impl FileSource {
    /// Opens a file and looks at its beginning. A pipe or device is only read when it is its turn.
    pub fn open(path: &Path, dating: Dating) -> Result<Self, SourceError> {
        let name: Arc<str> = path.to_string_lossy().into();
        let failed = |error| SourceError::new(&name, 0, false, error);
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let regular = metadata.is_file();
        let evidence = Evidence {
            log: None,
            name: path
                .file_name()
                .and_then(|name| file_date::latest(&name.to_string_lossy())),
            modified: regular.then(|| metadata.modified().ok().and_then(moment)).flatten(),
        };
        let mut reader = Reader::new(Arc::clone(&name), dating, evidence);
        let mut begins = None;
        if regular {
            let head = file.try_clone().map_err(failed)?;
            let mut stream = Stream::new(Arc::clone(&name), codec::unpacked(&name, head)?);
            begins = stream.look_ahead(&mut reader, true);
            file.rewind().map_err(failed)?;
        }
        Ok(Self {
            name,
            reader,
            begins,
            waiting: Some(file),
            stream: None,
            read: Arc::default(),
            total: regular.then_some(metadata.len()),
        })
    }

    /// Where the last complete line that was given ends, in unpacked bytes from the beginning of the file. A last line
    /// without line end is given, but not counted here: it may grow.
    pub fn offset(&self) -> u64 {
        self.stream.as_ref().map_or(0, Stream::offset)
    }
}

impl Source for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn begins(&self) -> Option<Moment> {
        self.begins
    }

    fn next(&mut self) -> Result<Option<Read>, SourceError> {
        if let Some(file) = self.waiting.take() {
            let counted = Counted {
                file,
                read: Arc::clone(&self.read),
            };
            let mut stream = Stream::new(Arc::clone(&self.name), codec::unpacked(&self.name, counted)?);
            if self.total.is_none() {
                stream.look_ahead(&mut self.reader, false);
            }
            self.stream = Some(stream);
        }
        match &mut self.stream {
            Some(stream) => stream.next(&mut self.reader),
            None => Ok(None),
        }
    }

    fn progress(&self) -> Progress {
        let read = self.read.load(Ordering::Relaxed);
        Progress {
            read,
            // A log may have grown since it was opened.
            total: self.total.map(|total| total.max(read)),
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
    file: File,
    read: Arc<AtomicU64>,
}

impl io::Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(bytes)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

fn moment(time: std::time::SystemTime) -> Option<Moment> {
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Moment)
}
