//! Writes documents as JSON, one a line, for any other pipeline. Keeps nothing and finds nothing.

use std::io::Write;

use super::{Change, Found, QueueKey, Store, StoreError, Stored};
use crate::query::{Page, Query};
use crate::transaction::Document;

/// Documents as lines. What was written cannot be changed: the caller reads whole inputs and writes each document once.
#[derive(Debug)]
pub struct NdjsonStore<W: Write> {
    out: W,
    /// Not yet written.
    waiting: Vec<u8>,
}

/// So many bytes are written at once.
const BLOCK_BYTES: usize = 256 * 1024;

impl<W: Write> NdjsonStore<W> {
    /// Writes to `out`, in large blocks.
    pub fn new(out: W) -> Self {
        Self {
            out,
            waiting: Vec::new(),
        }
    }

    fn line(&mut self, document: Document) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.waiting, &document.without_memory())?;
        self.waiting.push(b'\n');
        if self.waiting.len() >= BLOCK_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.write_all(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }
}

fn failed(error: std::io::Error) -> StoreError {
    StoreError::Io {
        what: "cannot write the documents".to_owned(),
        error,
    }
}

fn unsupported() -> StoreError {
    StoreError::Unsupported(
        "--store ndjson only writes documents; to search, index with `--store embedded` or `--store elasticsearch`"
            .to_owned(),
    )
}

impl<W: Write> Store for NdjsonStore<W> {
    fn may_hold(&self, _key: &QueueKey, _begun: bool) -> bool {
        false
    }

    fn of_queue_ids(&mut self, keys: &[QueueKey]) -> Result<Vec<Vec<Stored>>, StoreError> {
        Ok(keys.iter().map(|_| Vec::new()).collect())
    }

    fn write(&mut self, changes: Vec<Change>) -> Result<Vec<String>, StoreError> {
        for change in changes {
            match change {
                Change::Put { document, .. } => self.line(document).map_err(failed)?,
                // Only what was written before could be taken away.
                Change::Remove { .. } => {}
            }
        }
        Ok(Vec::new())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.flush().and_then(|()| self.out.flush()).map_err(failed)
    }

    fn search(&self, _query: &Query, _page: &Page) -> Result<Found, StoreError> {
        Err(unsupported())
    }

    fn get(&self, _id: &str) -> Result<Option<Document>, StoreError> {
        Err(unsupported())
    }
}
