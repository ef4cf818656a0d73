//! What was written and is not committed: tantivy does not show it, so it is kept here as well.

use std::collections::HashMap;

use super::schema::key_of;
use crate::store::QueueKey;
use crate::transaction::Document;

/// What a commit will do to an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting<'a> {
    /// Put this document there, as JSON.
    Document(&'a str),
    /// Take it away.
    Gone,
    /// Nothing.
    AsCommitted,
}

/// The documents since the last commit.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// By id, as JSON; None where one was taken away.
    documents: HashMap<String, Option<String>>,
    ids_of: HashMap<QueueKey, Vec<String>>,
    /// From an earlier id to the one that the document has now.
    now: HashMap<String, String>,
    bytes: usize,
}

impl Pending {
    pub(super) fn put(&mut self, document: &Document, json: String) {
        let id = document.id().to_owned();
        for was in document.transaction().iter().flat_map(|transaction| &transaction.was) {
            self.now.insert(was.clone(), id.clone());
        }
        if let Some(key) = key_of(document) {
            let ids = self.ids_of.entry(key).or_default();
            if !ids.contains(&id) {
                ids.push(id.clone());
            }
        }
        self.bytes += json.len();
        self.set(id, Some(json));
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.set(id.to_owned(), None);
    }

    fn set(&mut self, id: String, json: Option<String>) {
        if let Some(Some(before)) = self.documents.insert(id, json) {
            self.bytes = self.bytes.saturating_sub(before.len());
        }
    }

    /// What is to be under an id.
    pub(super) fn get(&self, id: &str) -> Waiting<'_> {
        match self.documents.get(id) {
            Some(Some(json)) => Waiting::Document(json),
            Some(None) => Waiting::Gone,
            None => Waiting::AsCommitted,
        }
    }

    /// The id that a document with this earlier id has now.
    pub(super) fn now(&self, was: &str) -> Option<&str> {
        self.now.get(was).map(String::as_str)
    }

    /// The ids of a queue id's documents.
    pub(super) fn ids_of(&self, key: &QueueKey) -> &[String] {
        self.ids_of.get(key).map_or(&[], Vec::as_slice)
    }

    /// How many, and how many bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.documents.len(), self.bytes)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
