//! Which of the files to be read are one log: while it is rotated it may be there twice.
//!
//! Whoever copies a log and empties it, or packs it and deletes it, leaves both for a moment. Read in that moment, what
//! is new in the log would be counted twice. So one of them is read, and what is left of the other in a later pass.

use super::found_file::FoundFile;
use super::rotation::FileToRead;

/// Takes out those whose log is among the others.
pub(super) fn leave_copies(files: Vec<FileToRead>) -> Vec<FileToRead> {
    let mut kept: Vec<FileToRead> = Vec::with_capacity(files.len());
    for file in files {
        match kept.iter_mut().find(|other| is_one_log(&other.file, &file.file)) {
            None => kept.push(file),
            Some(other) if rank(&file) > rank(other) => *other = file,
            Some(_) => {}
        }
    }
    kept
}

/// The log itself comes before its copy, and what is plain before what is packed: that may not be whole yet.
fn rank(file: &FileToRead) -> (bool, bool, u64) {
    let is_itself = file.place.as_ref().is_some_and(|place| place.is_at(&file.file));
    (is_itself, !file.file.packed, file.file.size)
}

fn is_one_log(one: &FoundFile, other: &FoundFile) -> bool {
    let common = one.head.len().min(other.head.len());
    common > 0
        && one.head.get(..common) == other.head.get(..common)
        && (one.is_beginning_of(other) || other.is_beginning_of(one))
}
