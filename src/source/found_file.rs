//! A file that was opened and looked at, not yet read.
//!
//! The handle counts, not the path: a file that is rotated away meanwhile is still the one that was named.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SourceError;
use super::codec::{self, Plain};
use super::place::HEAD_BYTES;
use crate::line::Moment;

/// An open file.
#[derive(Debug, Clone)]
pub struct FoundFile {
    /// The path as it was named.
    pub path: PathBuf,
    pub(super) name: Arc<str>,
    pub(super) file: Arc<File>,
    /// False for a pipe or a device.
    pub(super) regular: bool,
    pub(super) device: u64,
    pub(super) inode: u64,
    /// Bytes on the disk when it was opened.
    pub(super) size: u64,
    /// None where the system does not tell.
    pub(super) modified: Option<Moment>,
    pub(super) packed: bool,
    /// The first unpacked bytes; empty for a pipe.
    pub(super) head: Vec<u8>,
}

impl FoundFile {
    /// Opens a file. A pipe or device is not read yet.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let name: Arc<str> = path.to_string_lossy().into();
        let failed = |error| SourceError::new(&name, 0, false, error);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let mut found = Self {
            path: path.to_owned(),
            file: Arc::new(file),
            regular: metadata.is_file(),
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: metadata.modified().ok().and_then(moment),
            packed: false,
            head: Vec::new(),
            name,
        };
        if found.regular {
            let plain = found.plain()?;
            found.packed = plain.packed;
            // What is damaged further on is told when it is read.
            let _ = plain.bytes.take(HEAD_BYTES as u64).read_to_end(&mut found.head);
        }
        Ok(found)
    }

    /// A file that may be a log. None for what is none, or cannot be read: nobody named it.
    pub(super) fn open_regular(path: &Path) -> Option<Self> {
        // A pipe must not be opened: that may wait for ever.
        path.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Self::open(path).ok()
    }

    /// Its unpacked bytes from the beginning.
    pub(super) fn plain(&self) -> Result<Plain, SourceError> {
        if self.regular {
            let rewound = (&*self.file).seek(SeekFrom::Start(0));
            rewound.map_err(|error| SourceError::new(&self.name, 0, false, error))?;
        }
        codec::unpacked(&self.name, Handle(Arc::clone(&self.file)))
    }

    pub(super) fn unpacked(&self) -> io::Result<Box<dyn io::Read + Send>> {
        Ok(self.plain().map_err(io::Error::other)?.bytes)
    }

    /// So many unpacked bytes that end at `offset`: an error or fewer where the file ends before. Of a packed file
    /// everything in front of them is unpacked.
    pub(super) fn bytes_before(&self, offset: u64, bytes: u64) -> io::Result<Vec<u8>> {
        let begin = offset.saturating_sub(bytes);
        let mut tail = Vec::new();
        if self.packed {
            let mut unpacked = self.unpacked()?;
            if io::copy(&mut unpacked.by_ref().take(begin), &mut io::sink())? == begin {
                unpacked.take(offset - begin).read_to_end(&mut tail)?;
            }
            return Ok(tail);
        }
        tail.resize(usize::try_from(offset - begin).unwrap_or_default(), 0);
        self.file.read_exact_at(&mut tail, begin)?;
        Ok(tail)
    }

    /// Does it still begin as it did when it was opened?
    pub(super) fn has_its_head(&self) -> bool {
        let head = self.bytes_before(self.head.len() as u64, self.head.len() as u64);
        head.is_ok_and(|head| head == self.head)
    }

    /// Do the other's unpacked bytes begin with all of this file's? Both have the same head. Told by the last bytes
    /// here: two logs do not agree in those and in their heads.
    pub(super) fn is_beginning_of(&self, other: &Self) -> bool {
        let Ok((size, tail)) = self.end() else { return false };
        let there = other.bytes_before(size, tail.len() as u64);
        there.is_ok_and(|there| there == tail)
    }

    /// How many unpacked bytes there are, and the last of them. A packed file that is still written ends where nothing
    /// more can be unpacked.
    fn end(&self) -> io::Result<(u64, Vec<u8>)> {
        if !self.packed {
            let tail = self.bytes_before(self.size, self.size.min(HEAD_BYTES as u64))?;
            return Ok((self.size, tail));
        }
        let mut unpacked = self.unpacked()?;
        let (mut size, mut tail) = (0, Vec::new());
        let mut block = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = unpacked.read(&mut block) {
            size += count as u64;
            tail.extend_from_slice(block.get(..count).unwrap_or_default());
            tail.drain(..tail.len().saturating_sub(HEAD_BYTES));
        }
        Ok((size, tail))
    }

    /// Was it last written at least so many milliseconds ago?
    pub(super) fn is_quiet(&self, now: Moment, milliseconds: i64) -> bool {
        self.modified.is_none_or(|modified| now.0 - modified.0 >= milliseconds)
    }
}

/// Reads from a handle that others have as well.
pub(super) struct Handle(pub(super) Arc<File>);

impl io::Read for Handle {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(bytes)
    }
}

fn moment(time: std::time::SystemTime) -> Option<Moment> {
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Moment(i64::try_from(since.as_millis()).ok()?))
}
