//! Which messages of a server were read already, where the windows of two runs overlap.
//!
//! In: the server's own ids. Out: yes or no. A hash of an id is kept, not the id: 24 bytes a message.

use std::collections::HashMap;

use crate::line::{Digest, Moment};

/// Messages that were read, each with its moment in the range that was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    ids: HashMap<Digest, Moment>,
}

impl Seen {
    /// The key of a message with this id.
    pub fn key(id: &str) -> Digest {
        Digest::of_parts(&[b"message", id.as_bytes()])
    }

    /// Notes a message. False if it was known.
    pub fn insert(&mut self, key: Digest, at: Moment) -> bool {
        self.ids.insert(key, at).is_none()
    }

    /// Was it read?
    pub fn contains(&self, key: Digest) -> bool {
        self.ids.contains_key(&key)
    }

    /// Forgets what no later window can ask for again.
    pub fn forget_before(&mut self, at: Moment) {
        self.ids.retain(|_, seen| *seen >= at);
    }

    /// How many messages are known.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True if none is known.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Digest, Moment)> + '_ {
        self.ids.iter().map(|(key, at)| (*key, *at))
    }
}

impl FromIterator<(Digest, Moment)> for Seen {
    fn from_iter<I: IntoIterator<Item = (Digest, Moment)>>(ids: I) -> Self {
        Self {
            ids: ids.into_iter().collect(),
        }
    }
}
