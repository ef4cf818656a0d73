//! Where documents are kept and found.
//!
//! The hard part is that a transaction comes again: a line may be late by days, a window may overlap, another
//! process may have written the other half. A store therefore never overwrites blindly: the caller reads what is
//! there ([`Store::of_queue_ids`]), merges, and writes ([`Store::write`]); where somebody else was faster, the store
//! says so and the caller merges again.

pub mod elasticsearch;
pub mod embedded;
pub mod ndjson;
pub mod sink;

use crate::elastic_http::HttpError;
use crate::query::{Cursor, Page, Query};
use crate::transaction::Document;

/// Documents that [`Store::each`] asks for at a time.
const EACH: usize = 5_000;

/// A queue id on a host: the key under which lives are found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueKey {
    /// As in the documents: lower case.
    pub host: String,
    /// As logged.
    pub queue_id: String,
}

/// A document as a store has it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// With its hidden memory.
    pub document: Document,
    /// What the store must see unchanged to overwrite it. None where the store has a single writer.
    pub version: Option<Version>,
}

/// Elasticsearch's `_seq_no` and `_primary_term`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// `_seq_no`
    pub seq_no: u64,
    /// `_primary_term`
    pub primary_term: u64,
}

/// A wish to change the store.
#[derive(Debug, Clone)]
pub enum Change {
    /// Write this document. With a version: only over exactly that one. Without: as a new one, or, in a store with
    /// a single writer, over whatever is there.
    Put {
        /// What to write.
        document: Document,
        /// What was read before.
        version: Option<Version>,
    },
    /// Take a provisional document away; nothing happens if it is not there.
    Remove {
        /// Its id.
        id: String,
        /// What was read before.
        version: Option<Version>,
    },
}

/// What a search found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Newest first (or oldest first, as the page asks), equal times by id.
    pub documents: Vec<Document>,
    /// How many match in all.
    pub total: u64,
}

/// Why a store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder of the embedded store, or standard output.
    #[error("{what}: {error}")]
    Io {
        /// What was tried, on which path.
        what: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The index itself.
    #[error("{0}")]
    Index(String),
    /// Nothing was ever written there.
    #[error("{0}")]
    Absent(String),
    /// Another process writes there.
    #[error("{0}")]
    Busy(String),
    /// What is there was made by another version, or is not ours.
    #[error("{0}")]
    Foreign(String),
    /// The store cannot do this by its nature (a search in `ndjson`).
    #[error("{0}")]
    Unsupported(String),
    /// The server.
    #[error(transparent)]
    Server(#[from] HttpError),
}

/// Where documents are kept and found.
pub trait Store {
    /// Is the store to be asked what it has of this queue id, before anything is written? `begun`: the message's start is
    /// among the lines that are to be written. A `false` spares a look-up; what is there after all is told by
    /// [`Store::write`] or [`Store::rivals`].
    fn may_hold(&self, key: &QueueKey, begun: bool) -> bool;

    /// Per key, every document (mails and refusals) that the store has under it, written or about to be.
    fn of_queue_ids(&mut self, keys: &[QueueKey]) -> Result<Vec<Vec<Stored>>, StoreError>;

    /// Per id the document as it is at this moment, or none. For ids that a write returned, and for documents without a
    /// queue id. A store with a single writer need not do more than [`Store::get`].
    fn of_ids(&mut self, ids: &[String]) -> Result<Vec<Option<Stored>>, StoreError> {
        let stored = |document| Stored {
            document,
            version: None,
        };
        ids.iter().map(|id| Ok(self.get(id)?.map(stored))).collect()
    }

    /// So many documents are best handed over at a time: few where each is taken as it comes and soon forgotten, many
    /// where each time is a request.
    fn portion(&self) -> usize {
        16
    }

    /// Takes changes. Returns the ids of those that somebody else was faster with: read, merge and write these again.
    /// Nothing is promised to be on disk before [`Store::commit`].
    fn write(&mut self, changes: Vec<Change>) -> Result<Vec<String>, StoreError>;

    /// As [`Store::write`], but the answer may be left to [`Store::answer`], to be asked before anything else of these
    /// ids is read or written, and before [`Store::commit`]. None: it is. Where each write is a request, what follows is
    /// read meanwhile.
    fn write_behind(&mut self, changes: Vec<Change>) -> Result<Option<Vec<String>>, StoreError> {
        self.write(changes).map(Some)
    }

    /// Waits for the answer to the oldest changes that were written behind. Nothing if none were.
    fn answer(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// Returns when everything taken so far is safe and can be found.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// To be asked after [`Store::commit`]: queue ids that were written since this was asked before, and of which the
    /// store also holds documents that this process neither wrote nor took away. Two processes may have given one life
    /// two documents, because one of them had not seen its start, or only a refusal of it; each that asks after its commit
    /// sees the other's, unless that one is yet to ask. Read, merge and write these until there are none. None where there is a single writer.
    fn rivals(&mut self) -> Result<Vec<QueueKey>, StoreError> {
        Ok(Vec::new())
    }

    /// How many documents were refused and set aside since the store was opened.
    fn set_aside(&self) -> u64 {
        0
    }

    /// The documents that match.
    fn search(&self, query: &Query, page: &Page) -> Result<Found, StoreError>;

    /// The newest documents that match, at most so many, the newest first.
    fn newest(&self, query: &Query, most: usize) -> Result<Vec<Document>, StoreError> {
        let mut newest = Vec::new();
        let mut page = Page::newest(EACH.min(most));
        loop {
            let found = self.search(query, &page)?.documents;
            let is_full = found.len() == page.limit;
            page.after = found.last().map(Cursor::behind);
            newest.extend(found);
            if !is_full || newest.len() >= most {
                newest.truncate(most);
                return Ok(newest);
            }
        }
    }

    /// Gives every document that matches, in some order, to count them. Raw lines may be left out.
    fn each(&self, query: &Query, sink: &mut dyn FnMut(&Document)) -> Result<(), StoreError> {
        let mut page = Page::newest(EACH);
        loop {
            let found = self.search(query, &page)?.documents;
            found.iter().for_each(&mut *sink);
            match found.last() {
                Some(last) if found.len() == EACH => page.after = Some(Cursor::behind(last)),
                _ => return Ok(()),
            }
        }
    }

    /// One document by its id, or by an id that it had (`was`). None if there is none.
    fn get(&self, id: &str) -> Result<Option<Document>, StoreError>;
}
