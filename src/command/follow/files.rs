//! Follows files: whenever one of them has changed, all are read on from where they were, as `index` does it.
//!
//! So a log that is rotated while it is followed is no special case. The hard part is to see a change: names are looked
//! for anew each time, files are opened and asked (on a network mount a name alone may tell what was true seconds
//! ago), also those that a log was renamed to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::feeder::{News, Outlet, PIECE};
use crate::command::delivery::{Delivery, Reached};
use crate::command::index::lost_words;
use crate::command::when;
use crate::line::Dating;
use crate::source::{self, Merge, Opened, Place, Source, SourceError, matching_paths};

/// A file that is missing for less than this is being rotated; a packed one without its end is being copied.
const MISSING: Duration = Duration::from_secs(10);
/// All is read on at least so often: a last line without its end is taken after a while.
const AT_LEAST: Duration = Duration::from_secs(60);
/// What a complaint is about is told again after this.
const AGAIN: Duration = Duration::from_secs(600);

/// The name under which files are told of.
pub(super) const NAME: &str = "files";

/// Files that are followed.
pub(super) struct Files {
    /// As the configuration names them.
    pub(super) patterns: Vec<PathBuf>,
    /// How far they were read.
    pub(super) places: Vec<Place>,
    pub(super) dating: Dating,
    pub(super) outlet: Outlet,
}

/// What tells that a file has changed: device, inode, size, time of the last writing.
type Look = BTreeMap<PathBuf, Option<(u64, u64, u64, i64, i64)>>;

impl Files {
    /// Until nobody takes what is read.
    pub(super) fn run(mut self) {
        let mut complaints = Complaints::default();
        let mut look = Look::new();
        let mut read = Instant::now();
        loop {
            let now = self.look();
            if now != look || read.elapsed() >= AT_LEAST {
                look = now;
                read = Instant::now();
                let Ok(whole) = self.pass(&mut complaints) else { return };
                if !whole {
                    // It may be read the next time.
                    look.clear();
                }
            }
            let ended = match complaints.standing() {
                None => self.outlet.send(News::Whole(NAME.to_owned())),
                Some(_) => Ok(()),
            };
            if ended.is_err() {
                return;
            }
            self.outlet.signals.sleep(self.outlet.poll);
        }
    }

    fn names(&self) -> Vec<PathBuf> {
        self.patterns
            .iter()
            .flat_map(|pattern| matching_paths(pattern))
            .collect()
    }

    fn look(&self) -> Look {
        let known = self.places.iter().map(|place| PathBuf::from(&place.path));
        self.names()
            .into_iter()
            .chain(known)
            .map(|path| {
                let look = look_at(&path);
                (path, look)
            })
            .collect()
    }

    /// Reads on. False if something could not be read.
    fn pass(&mut self, complaints: &mut Complaints) -> Result<bool> {
        let dating = Dating {
            now: when::now(),
            ..self.dating
        };
        let mut found = source::find(&self.names(), self.places.clone(), dating.now);
        for lost in &found.lost {
            self.outlet.send(News::Note(NAME.to_owned(), lost_words(lost)))?;
        }
        if let Some(places) = found.begin(dating.now) {
            self.places.clone_from(&places);
            let delivery = Delivery {
                source: Arc::from(NAME),
                reads: Vec::new(),
                seen: 0,
                reached: Some(Reached::Files(places)),
                silence: None,
            };
            self.outlet.send(News::Begun(delivery))?;
        }
        let Opened {
            sources,
            kept,
            errors: failed,
        } = found.open(dating);
        let mut merge = Merge::new(sources, failed);
        let (mut reads, mut whole, mut skipped) = (Vec::new(), true, 0);
        let mut errors = Vec::new();
        loop {
            let mut ended = false;
            match merge.next() {
                Ok(Some(read)) => reads.push(read),
                Ok(None) => ended = true,
                Err(error) => {
                    whole = false;
                    errors.push(error);
                }
            }
            // The places are behind all lines that were given, so these must be among what is handed over.
            if reads.len() >= PIECE || ended {
                self.places = kept.iter().cloned().chain(merge.places()).collect();
                let seen = merge.tally().seen;
                let delivery = Delivery {
                    source: Arc::from(NAME),
                    reads: std::mem::take(&mut reads),
                    seen: seen - skipped,
                    reached: Some(Reached::Files(self.places.clone())),
                    silence: None,
                };
                skipped = seen;
                let more = !ended;
                self.outlet.send(News::Lines { delivery, more })?;
            }
            if ended {
                break;
            }
        }
        for text in complaints.of_pass(&errors) {
            self.outlet.send(News::Failed(NAME.to_owned(), text))?;
        }
        Ok(whole)
    }
}

/// None if it is not there, or no file.
fn look_at(path: &Path) -> Option<(u64, u64, u64, i64, i64)> {
    // A pipe must not be opened: that may wait for ever.
    path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let metadata = File::open(path).and_then(|file| file.metadata()).ok()?;
    let (device, inode, size) = (metadata.dev(), metadata.ino(), metadata.size());
    Some((device, inode, size, metadata.mtime(), metadata.mtime_nsec()))
}

/// What went wrong: told once, and again after a while.
#[derive(Default)]
struct Complaints {
    /// Since when, and when it was told.
    known: HashMap<String, (Instant, Option<Instant>)>,
}

impl Complaints {
    /// Those of a pass that are to be told.
    fn of_pass(&mut self, errors: &[SourceError]) -> Vec<String> {
        let now = Instant::now();
        let texts: BTreeSet<String> = errors.iter().map(ToString::to_string).collect();
        self.known.retain(|text, _| texts.contains(text));
        let mut told = Vec::new();
        for error in errors {
            let text = error.to_string();
            let (since, last) = self.known.entry(text.clone()).or_insert((now, None));
            let may_pass = matches!(error, SourceError::Missing { .. } | SourceError::Truncated { .. });
            let patient = may_pass && now.duration_since(*since) < MISSING;
            if !patient && last.is_none_or(|last| now.duration_since(last) >= AGAIN) {
                *last = Some(now);
                told.push(text);
            }
        }
        told
    }

    /// What is still wrong.
    fn standing(&self) -> Option<&str> {
        let told = self.known.iter().find(|(_, (_, told))| told.is_some());
        told.map(|(text, _)| text.as_str())
    }
}
