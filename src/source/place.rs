//! Which file was read how far: knows a file again after it was renamed, packed, copied, or its inode given away.
//!
//! A file is known by its first bytes, and believed to be the same by those in front of the position: a name or an
//! inode number proves nothing (Filebeat and Fluent Bit lost lines that way), and no two logs begin with the same
//! kilobyte. Where they do, what is left out is what was read.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::found_file::FoundFile;
use super::position::Position;
use crate::line::{Digest, Moment};

/// So many first bytes tell a file.
pub(super) const HEAD_BYTES: usize = 1024;
/// So many bytes in front of the position are compared.
const TAIL_BYTES: u64 = 256;

/// A file, and how far it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Where it was found last.
    pub path: String,
    /// The device and inode number where it was.
    pub device: u64,
    /// See `device`.
    pub inode: u64,
    /// Bytes on the disk when it was opened.
    pub size: u64,
    /// When it had last been written, in milliseconds since 1970 UTC.
    pub modified: i64,
    /// Its first (unpacked) bytes.
    pub head: Print,
    /// The bytes in front of the position. Of a packed file none: nobody writes on in the middle of it; nor of one that was
    /// emptied meanwhile.
    pub tail: Print,
    /// How far it was read.
    pub position: Position,
    /// When it was read, or found untouched, last.
    pub read_at: Moment,
    /// Everything was read: as long as it is not written to, it need not be opened.
    pub finished: bool,
}

/// Some bytes, by which they are known again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Print {
    /// How many.
    pub bytes: u64,
    /// Their digest.
    pub digest: String,
}

impl Print {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.len() as u64,
            digest: Digest::of_parts(&[b"print", bytes]).to_string(),
        }
    }

    fn is_of(&self, bytes: &[u8]) -> bool {
        *self == Self::of(bytes)
    }
}

impl Place {
    /// The place in a file behind this position. `finished`: everything was read.
    pub(super) fn of(file: &FoundFile, position: Position, finished: bool, read_at: Moment) -> Self {
        let tail = if file.packed {
            Vec::new()
        } else {
            let bytes = position.offset.min(TAIL_BYTES);
            let tail = file.bytes_before(position.offset, bytes);
            // Emptied since it was read (`copytruncate`): what is there now is another log, and its copy is known by the
            // head alone.
            tail.ok().filter(|_| file.has_its_head()).unwrap_or_default()
        };
        Self {
            path: file.name.to_string(),
            device: file.device,
            inode: file.inode,
            size: file.size,
            modified: file.modified.map_or(0, |at| at.0),
            head: Print::of(&file.head),
            tail: Print::of(&tail),
            position,
            read_at,
            finished,
        }
    }

    /// Is it the file that was read up to here, under whatever name?
    pub(super) fn fits(&self, file: &FoundFile) -> bool {
        if self.position.offset == 0 {
            // Nothing was read of it: its inode may have gone to any file since, and any log may begin like it.
            return self.is_at(file) && *self.path == *file.name;
        }
        if self.head.bytes == 0 {
            // Its name and its inode prove nothing.
            return self.tail.bytes > 0 && self.tail_fits(file).unwrap_or(false);
        }
        let Some(head) = usize::try_from(self.head.bytes)
            .ok()
            .and_then(|bytes| file.head.get(..bytes))
        else {
            return false;
        };
        self.head.is_of(head) && self.tail_fits(file).unwrap_or(false)
    }

    /// Is it a copy of this file that has not come as far as this was read? It may still be written.
    pub(super) fn is_of_shorter_copy(&self, file: &FoundFile) -> bool {
        if file.packed || self.head.bytes == 0 || self.is_at(file) || file.size >= self.position.offset {
            return false;
        }
        let head = usize::try_from(self.head.bytes)
            .ok()
            .and_then(|bytes| file.head.get(..bytes));
        // Logs that got the same lines begin alike and need not go on so.
        head.is_some_and(|head| self.head.is_of(head))
            && FoundFile::open_regular(Path::new(&self.path))
                .is_some_and(|original| self.is_at(&original) && file.is_beginning_of(&original))
    }

    fn tail_fits(&self, file: &FoundFile) -> io::Result<bool> {
        let Position { offset, .. } = self.position;
        if self.tail.bytes == 0 {
            return Ok(file.packed || file.size >= offset);
        }
        Ok(self.tail.is_of(&file.bytes_before(offset, self.tail.bytes)?))
    }

    /// Is it the same inode?
    pub(super) fn is_at(&self, file: &FoundFile) -> bool {
        (self.device, self.inode) == (file.device, file.inode)
    }

    /// Was nothing written to it since it was read to its end?
    pub(super) fn is_untouched(&self, file: &FoundFile) -> bool {
        let modified = file.modified.map_or(0, |at| at.0);
        self.finished && self.is_at(file) && (self.size, self.modified) == (file.size, modified)
    }
}
