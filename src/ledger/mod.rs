//! Counts what was read, per host, program and five minutes: no line is lost in silence.
//!
//! The hard part is that a run may be killed after it wrote and before it saved how far it is; it then counts the same
//! lines again. So a slice remembers what was counted before the run, and a run that repeats another one begins there:
//! [`joined`]. Another state that reads the same hosts counts for itself, and the larger count stands.
//!
//! In: lines and what became of them. Out: [`Slice`]s, and [`gaps`] between them.

mod gaps;
mod saves;

pub use gaps::{Gap, gaps};
pub use saves::Saves;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::line::Moment;
use crate::transaction::{Counts, SLICE_MS, Slice, SliceMemory};

/// No more programs are told apart; a hostile log can name a million.
const MOST_PROGRAMS: usize = 2_000;
const OTHERS: &str = "(others)";

/// Whose counting it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counting {
    /// The state's name.
    pub writer: String,
    /// The generation that the state gets when it is saved.
    pub generation: u64,
    /// This process.
    pub attempt: String,
    /// What was saved of that state before.
    pub saves: Saves,
}

impl Counting {
    /// The state was saved with all that was counted: from now on it is for the next generation.
    pub fn saved(&mut self) {
        self.saves.note(&self.attempt, self.generation);
        self.generation += 1;
    }

    /// Will no run read again what this says was counted?
    fn is_saved(&self, memory: &SliceMemory) -> bool {
        memory.generation < self.generation && self.saves.has(memory)
    }
}

/// The slices that are being counted.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By the addresses of the names, which are kept once and kept alive here: cheaper than their text.
    slices: HashMap<(usize, usize, i64), Open, BuildHasherDefault<Mixed>>,
    programs: HashSet<Arc<str>>,
    nobody: Arc<str>,
}

/// Of addresses and a time: nothing that a log can choose.
#[derive(Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word.cast_unsigned());
    }
}

#[derive(Debug)]
struct Open {
    host: Arc<str>,
    program: Arc<str>,
    counts: Counts,
    first: Moment,
    last: Moment,
}

impl Ledger {
    /// Counts a line of a host's program.
    pub fn line(&mut self, host: &Arc<str>, program: &Arc<str>, at: Moment, counts: Counts) {
        let slot = at.0.div_euclid(SLICE_MS);
        let key = (host.as_ptr() as usize, program.as_ptr() as usize, slot);
        let open = self.slices.entry(key).or_insert_with(|| Open {
            host: Arc::clone(host),
            program: Arc::clone(program),
            counts: Counts::default(),
            first: at,
            last: at,
        });
        open.counts += counts;
        open.first = open.first.min(at);
        open.last = open.last.max(at);
    }

    /// Counts a line without a readable header that follows one of this moment.
    pub fn unreadable(&mut self, near: Moment) {
        let nobody = Arc::clone(&self.nobody);
        self.line(&nobody, &nobody, near, Counts::unreadable());
    }

    /// How many slices there are.
    pub fn len(&self) -> usize {
        self.slices.len()
    }

    /// None?
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Everything counted since it was taken last, in the order of time.
    pub fn take(&mut self) -> Vec<Slice> {
        let mut slices: BTreeMap<(i64, Arc<str>, Arc<str>), Slice> = BTreeMap::new();
        for ((_, _, slot), open) in self.slices.drain() {
            let known = self.programs.len() < MOST_PROGRAMS || self.programs.contains(&open.program);
            let program = if known {
                self.programs.insert(Arc::clone(&open.program));
                open.program
            } else {
                Arc::from(OTHERS)
            };
            let key = (slot, Arc::clone(&open.host), Arc::clone(&program));
            let slice = slices.entry(key).or_insert_with(|| Slice {
                first: open.first,
                last: open.last,
                ..Slice::new(&open.host, &program, Moment(slot * SLICE_MS))
            });
            slice.counts += open.counts;
            slice.first = slice.first.min(open.first);
            slice.last = slice.last.max(open.last);
        }
        slices.into_values().collect()
    }
}

/// The slice as it is to be stored: what was counted just now, and what the store has of it.
///
/// What this state had counted before is added to. Of a run that did not get to save its state only what it began with
/// counts, since its lines are counted again. Of several states' counts the largest stands, of equal ones the newest.
pub fn joined(mut slice: Slice, stored: Option<&Slice>, counting: &Counting) -> Slice {
    let memory = stored.and_then(|stored| stored.memory.as_ref());
    let mine = memory.filter(|memory| memory.writer == counting.writer);
    if let Some(other) = stored.filter(|stored| mine.is_none() && stored.counts.new > slice.counts.new) {
        return other.clone();
    }
    let before = match mine {
        // This run wrote it before.
        Some(memory) if memory.generation == counting.generation && memory.attempt == counting.attempt => {
            slice.counts += memory.own;
            memory.before
        }
        Some(memory) => {
            let is_saved = counting.is_saved(memory);
            let before = if is_saved { memory.own } else { memory.before };
            slice.counts += before;
            before
        }
        None => Counts::default(),
    };
    slice.memory = Some(SliceMemory {
        writer: counting.writer.clone(),
        generation: counting.generation,
        attempt: counting.attempt.clone(),
        before,
        own: slice.counts,
    });
    if let Some(stored) = stored {
        slice.first = slice.first.min(stored.first);
        slice.last = slice.last.max(stored.last);
        if stored.counts.new > slice.counts.new {
            slice.counts = stored.counts;
        }
    }
    slice
}
