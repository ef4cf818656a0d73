//! Which of the files that are there now are those that were read before, and what is missing.
//!
//! Between two runs a log may have been renamed, packed, copied and emptied, or taken away with another one in its
//! place under the same name and inode number. The rest of a log that was renamed is found beside it, though only
//! the new one was named.
//!
//! While a log is being packed there are two of it; only the original is read.
//!
//! In: paths, and the [`Place`]s that an earlier run left. Out: [`Found`].

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::copies::leave_copies;
use super::found_file::FoundFile;
use super::place::Place;
use super::position::Position;
use super::{FileSource, Source, SourceError};
use crate::line::{Dating, Moment};

/// A last line without line end is taken when its file was not written to for so long, in milliseconds.
const QUIET_MS: i64 = 10 * 60 * 1000;
/// No more files beside a log are looked at.
const MOST_BESIDE: usize = 1_000;
/// A log is looked for, and one that was renamed is looked at again, for so long after it was written to: its writer
/// may not have been told yet. Milliseconds.
const DAY_MS: i64 = 24 * 3600 * 1000;
/// A file system's clock may be so much behind, in milliseconds.
const CLOCK_MS: i64 = 1_000;
/// The place in a file that was not seen for so long is forgotten, in milliseconds.
const FORGET_MS: i64 = 60 * DAY_MS;

/// What there is to read.
#[derive(Debug, Default)]
pub struct Found {
    /// Files with something new, or nobody knows.
    pub files: Vec<FileToRead>,
    /// Places in files that were read to their end, and in those that are not there or were not named.
    pub kept: Vec<Place>,
    /// Logs that others took the place of, and that are nowhere: what was written to them since is missing.
    pub lost: Vec<Place>,
    /// What could not be opened.
    pub errors: Vec<SourceError>,
}

/// A file to be read.
#[derive(Debug)]
pub struct FileToRead {
    /// The file.
    pub file: FoundFile,
    /// How far it was read, under whatever name. None for a new one.
    pub place: Option<Place>,
    /// A last line without line end may still grow.
    pub hold: bool,
}

/// What was found, opened.
pub struct Opened {
    /// Each goes on behind what was read of its file before.
    pub sources: Vec<Box<dyn Source + Send>>,
    /// Places to keep as they are: of files that are not read now, or could not be opened.
    pub kept: Vec<Place>,
    /// What could not be opened.
    pub errors: Vec<SourceError>,
}

impl Found {
    /// Gives the files that were not known a place at their beginning. Returns all places, as they are before anything
    /// is read; None if each file was known.
    pub fn begin(&mut self, now: Moment) -> Option<Vec<Place>> {
        let mut is_new = false;
        for FileToRead { file, place, .. } in self.files.iter_mut().filter(|new| new.file.regular) {
            if place.is_none() {
                *place = Some(Place::of(file, Position::default(), false, now));
                is_new = true;
            }
        }
        let known = self.files.iter().filter_map(|file| file.place.clone());
        is_new.then(|| self.kept.iter().cloned().chain(known).collect())
    }

    /// Opens the files.
    pub fn open(self, dating: Dating) -> Opened {
        let mut opened = Opened {
            sources: Vec::with_capacity(self.files.len()),
            kept: self.kept,
            errors: self.errors,
        };
        for FileToRead { file, place, hold } in self.files {
            let seen = place.as_ref().map(|place| place.position).unwrap_or_default();
            match FileSource::of(file, dating, seen, hold) {
                Ok(source) => opened.sources.push(Box::new(source)),
                Err(error) => {
                    opened.errors.push(error);
                    opened.kept.extend(place);
                }
            }
        }
        opened
    }
}

/// Looks at the files that were named, and at those that they were once.
pub fn find(names: &[PathBuf], known: Vec<Place>, now: Moment) -> Found {
    let mut found = Found::default();
    let mut search = Search {
        used: vec![false; known.len()],
        known,
        opened: HashSet::new(),
        now,
    };
    // The next run may begin in another folder.
    let names: Vec<PathBuf> = names
        .iter()
        .map(|name| std::path::absolute(name).unwrap_or_else(|_| name.clone()))
        .collect();
    let all: HashSet<&Path> = names.iter().map(PathBuf::as_path).collect();
    for name in &names {
        if original(name).is_some_and(|original| all.contains(original.as_path())) {
            continue;
        }
        match FoundFile::open(name) {
            Ok(file) => search.add(file, &mut found),
            Err(error) => found.errors.push(error),
        }
    }
    search.look_beside(&names, &mut found);
    found.files = leave_copies(std::mem::take(&mut found.files));
    let Search { used, known, .. } = search;
    let rest = known
        .into_iter()
        .zip(used)
        .filter(|(_, used)| !used)
        .map(|(place, _)| place);
    found
        .kept
        .extend(rest.filter(|place| now.0 - place.read_at.0 < FORGET_MS));
    found
}

struct Search {
    known: Vec<Place>,
    /// Which of them were found again, or given up.
    used: Vec<bool>,
    /// Device and inode: a file that was named twice is read once.
    opened: HashSet<(u64, u64)>,
    now: Moment,
}

impl Search {
    fn add(&mut self, file: FoundFile, found: &mut Found) {
        if file.regular && !self.opened.insert((file.device, file.inode)) {
            return;
        }
        let here = |place: &Place| place.is_at(&file) && place.fits(&file);
        let index = self.known.iter().position(here).or_else(|| self.elsewhere(&file));
        if let Some(used) = index.and_then(|index| self.used.get_mut(index)) {
            *used = true;
        }
        let place = index.and_then(|index| self.known.get(index)).cloned();
        if place.is_none() && self.known.iter().any(|place| place.is_of_shorter_copy(&file)) {
            return;
        }
        // Perhaps a copy in the making, of which nothing can be told yet.
        let is_beside = |log: &Place| is_beside(Path::new(&log.path), Path::new(&*file.name));
        if place.is_none() && file.regular && file.size == 0 && self.known.iter().any(is_beside) {
            return;
        }
        match place {
            Some(mut place) if place.is_untouched(&file) => {
                place.path = file.name.to_string();
                place.read_at = self.now;
                found.kept.push(place);
            }
            place => {
                let hold = !file.packed && !file.is_quiet(self.now, QUIET_MS) && !is_left(&file, place.as_ref());
                found.files.push(FileToRead { file, place, hold });
            }
        }
    }

    /// Of several copies the one that was read furthest.
    fn elsewhere(&self, file: &FoundFile) -> Option<usize> {
        let fitting = self.known.iter().enumerate().filter(|(_, place)| place.fits(file));
        fitting
            .max_by_key(|(_, place)| place.position.offset)
            .map(|(index, _)| index)
    }

    /// Finds the rest of logs that others took the place of.
    fn look_beside(&mut self, names: &[PathBuf], found: &mut Found) {
        for index in 0..self.known.len() {
            let Some(place) = self.known.get(index).cloned() else {
                continue;
            };
            let used = self.used.get(index) != Some(&false);
            // An empty log may have been filled and emptied again.
            if used && place.head.bytes > 0 {
                continue;
            }
            let path = Path::new(&place.path);
            let was_written = place.read_at.0 - place.modified < DAY_MS;
            if !names.iter().any(|name| name == path) {
                // It was found beside a log before.
                let beside = was_written && original(path).is_none() && names.iter().any(|name| is_beside(name, path));
                if let Some(file) = FoundFile::open_regular(path).filter(|file| beside && place.is_at(file)) {
                    self.add(file, found);
                }
                continue;
            }
            let mut beside = files_beside(path);
            // The same inode first: of several copies it is the log itself.
            beside.sort_by_key(|file| !place.is_at(file));
            if let Some(file) = beside.iter().find(|file| place.fits(file)) {
                self.add(file.clone(), found);
            } else if !used && was_written && place.head.bytes > 0 && path.exists() && original(path).is_none() {
                if let Some(used) = self.used.get_mut(index) {
                    *used = true;
                }
                found.lost.push(place.clone());
            }
            // Logs that came and were rotated away since.
            let since = Moment(place.read_at.0 - CLOCK_MS);
            for file in beside.into_iter().filter(|file| file.modified >= Some(since)) {
                self.add(file, found);
            }
        }
    }
}

/// The file that a packed one is being made of: `gzip`, `xz`, `zstd` and `bzip2` remove it when they are done. Until
/// then the packed one has a part of what the other one has, and cannot be known again by it.
fn original(path: &Path) -> Option<PathBuf> {
    let ending = path.extension()?.to_str()?;
    let original = path.with_extension("");
    (["gz", "bz2", "xz", "zst"].contains(&ending) && original.is_file()).then_some(original)
}

/// The files whose names begin with a log's name.
fn files_beside(log: &Path) -> Vec<FoundFile> {
    let entries = log.parent().and_then(|folder| fs::read_dir(folder).ok());
    let paths = entries
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    let paths = paths.filter(|other| is_beside(log, other) && original(other).is_none());
    let mut beside: Vec<PathBuf> = paths.collect();
    beside.sort();
    let files = beside.iter().take(MOST_BESIDE);
    files.filter_map(|path| FoundFile::open_regular(path)).collect()
}

/// Was the file copied or renamed, and is another one written to by now? As long as the original is there with all that
/// the copy has, it may still be copied.
fn is_left(file: &FoundFile, place: Option<&Place>) -> bool {
    let Some(place) = place.filter(|place| *place.path != *file.name) else {
        return false;
    };
    let there = fs::metadata(&place.path);
    if place.is_at(file) {
        return there.is_ok_and(|other| other.len() > 0);
    }
    !there.is_ok_and(|original| original.ino() == place.inode && original.len() >= file.size)
}

/// `mail.log.1`, `mail.log-20261124.gz` beside `mail.log`.
fn is_beside(log: &Path, other: &Path) -> bool {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let (Some(log_name), Some(other_name)) = (name(log), name(other)) else {
        return false;
    };
    let rest = other_name.strip_prefix(&log_name);
    log.parent() == other.parent() && rest.is_some_and(|rest| rest.starts_with(['.', '-', '_']))
}
