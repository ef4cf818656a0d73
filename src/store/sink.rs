//! A store for whoever only wants to see the documents: each is handed over as it is written. Keeps nothing and finds
//! nothing.

use super::{Change, Found, QueueKey, Store, StoreError, Stored};
use crate::query::{Page, Query};
use crate::transaction::Document;

/// Hands every written document to a function.
#[derive(Debug)]
pub struct Sink<F: FnMut(Document)>(pub F);

impl<F: FnMut(Document)> Store for Sink<F> {
    fn may_hold(&self, _key: &QueueKey, _begun: bool) -> bool {
        false
    }

    fn of_queue_ids(&mut self, keys: &[QueueKey]) -> Result<Vec<Vec<Stored>>, StoreError> {
        Ok(keys.iter().map(|_| Vec::new()).collect())
    }

    fn write(&mut self, changes: Vec<Change>) -> Result<Vec<String>, StoreError> {
        for change in changes {
            if let Change::Put { document, .. } = change {
                (self.0)(document);
            }
        }
        Ok(Vec::new())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn search(&self, _query: &Query, _page: &Page) -> Result<Found, StoreError> {
        Ok(Found::default())
    }

    fn get(&self, _id: &str) -> Result<Option<Document>, StoreError> {
        Ok(None)
    }
}
