//! Which fields a pattern keeps: always, perhaps, more than once.

use std::collections::BTreeMap;
use std::ops::Range;

/// The fields that a pattern keeps, by name.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    fields: BTreeMap<String, Often>,
}

#[derive(Debug, Clone)]
struct Often {
    /// On every way through the pattern.
    always: bool,
    /// At most so many times on one way.
    most: u32,
    place: Range<usize>,
}

impl Kept {
    /// Every name that may be kept.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// True if the field is kept whenever the pattern matches.
    pub fn always(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|often| often.always)
    }

    /// True if the field may be kept.
    pub fn perhaps_keeps(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Adds a field that is kept on every way, as a group of a regular expression may be.
    pub fn add(&mut self, name: &str) {
        self.beside(Self::one(name, 0..0));
    }

    pub(crate) fn one(name: &str, place: Range<usize>) -> Self {
        let often = Often {
            always: true,
            most: 1,
            place,
        };
        Self {
            fields: BTreeMap::from([(name.to_owned(), often)]),
        }
    }

    /// Names that one way keeps twice.
    pub(crate) fn twice(&self) -> impl Iterator<Item = (&str, Range<usize>)> {
        self.fields
            .iter()
            .filter(|(_, often)| often.most > 1)
            .map(|(name, often)| (name.as_str(), often.place.clone()))
    }

    /// One after the other.
    pub(crate) fn and(&mut self, other: Self) {
        for (name, theirs) in other.fields {
            let mine = self.fields.entry(name).or_insert(Often {
                always: false,
                most: 0,
                place: theirs.place.clone(),
            });
            mine.always |= theirs.always;
            mine.most += theirs.most;
            mine.place = theirs.place;
        }
    }

    /// The keys of a list: two of them may keep the same field, since they are two names of one thing.
    pub(crate) fn beside(&mut self, other: Self) {
        for (name, theirs) in other.fields {
            let mine = self.fields.entry(name).or_insert(Often {
                always: false,
                ..theirs.clone()
            });
            mine.always |= theirs.always;
            mine.most = mine.most.max(theirs.most);
        }
    }

    /// The one or the other.
    pub(crate) fn or(mut self, other: Self) -> Self {
        for (name, mine) in &mut self.fields {
            mine.always &= other.always(name);
        }
        for (name, theirs) in other.fields {
            let mine = self.fields.entry(name).or_insert(Often {
                always: false,
                ..theirs.clone()
            });
            mine.most = mine.most.max(theirs.most);
        }
        self
    }

    /// It may be absent.
    pub(crate) fn perhaps(mut self) -> Self {
        for often in self.fields.values_mut() {
            often.always = false;
        }
        self
    }
}
