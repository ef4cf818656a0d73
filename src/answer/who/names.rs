//! Counts by name, in bounded memory.

use std::collections::HashMap;

use super::Named;

/// So many names are counted of each sort; later ones are left out, and the answer says that it is not complete.
const MAX_NAMES: usize = 200_000;
/// So many are told.
const MAX_TOLD: usize = 10_000;

/// Counts by name.
#[derive(Debug)]
pub(super) struct Names<C> {
    counts: HashMap<String, C>,
    /// Some were left out.
    pub(super) cut: bool,
}

impl<C> Default for Names<C> {
    fn default() -> Self {
        Self {
            counts: HashMap::new(),
            cut: false,
        }
    }
}

impl<C: Default> Names<C> {
    /// The count of a name. None where there are too many.
    pub(super) fn of(&mut self, name: String) -> Option<&mut C> {
        if self.counts.len() >= MAX_NAMES && !self.counts.contains_key(&name) {
            self.cut = true;
            return None;
        }
        Some(self.counts.entry(name).or_default())
    }

    /// All, the largest first, equal ones by name.
    pub(super) fn sorted(self, by: impl Fn(&C) -> u64) -> Vec<(String, C)> {
        let mut all: Vec<(String, C)> = self.counts.into_iter().collect();
        all.sort_by(|a, b| by(&b.1).cmp(&by(&a.1)).then_with(|| a.0.cmp(&b.0)));
        all.truncate(MAX_TOLD);
        all
    }
}

impl Names<u64> {
    /// Counts a name.
    pub(super) fn add(&mut self, name: String, count: u64) {
        if let Some(sum) = self.of(name) {
            *sum += count;
        }
    }

    /// All, the largest first.
    pub(super) fn named(self) -> Vec<Named> {
        let sorted = self.sorted(|count| *count).into_iter();
        sorted.map(|(name, count)| Named { name, count }).collect()
    }
}
