//! Keeps documents in tantivy: no server, one folder, one index a period.
//!
//! Three things are hard. tantivy shows nothing before a commit, and a commit is dear: what is not committed is held in
//! `pending` as well. A look-up or a deletion costs as much as a document: filters say at once which ids and queue ids are
//! new. And memory must stay bounded: what is pending is committed when it is much, and a process keeps only the writers of
//! the periods that it wrote to last.
//!
//! A commit is atomic for each period: after a crash every period is as it was last committed. One process writes, any
//! number read.

mod filter;
mod folder;
mod pending;
mod period;

mod scan;
mod schema;
mod search;
mod settled;
mod translate;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use folder::WriteLock;
use pending::{Pending, Waiting};
use period::Period;
use schema::{Layout, key_hash, key_of, parse, period_of};

use super::{Change, Found, QueueKey, Store, StoreError, Stored};
use crate::query::{Page, Query};
use crate::transaction::Document;

/// Commits by itself when so many documents are pending,
const MAX_PENDING: usize = 50_000;
/// or so many bytes of them.
const MAX_PENDING_BYTES: usize = 64_000_000;
/// Only so many periods have a writer, with its threads.
const MAX_WRITERS: usize = 6;

/// The embedded store.
pub struct EmbeddedStore {
    folder: PathBuf,
    layout: Arc<Layout>,
    /// The newest last.
    periods: Vec<Period>,
    /// None in a store that is only read.
    writing: Option<WritingStore>,
}

struct WritingStore {
    pending: Pending,
    /// The periods that have a writer, the one used last at the end.
    recent: Vec<String>,
    _lock: WriteLock,
}

impl EmbeddedStore {
    /// Opens a store to search in it, also while another process writes.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        folder::check(folder)?;
        Self::of(folder, None)
    }

    /// Opens a store to write, and makes it if there is none. [`StoreError::Busy`] where another process writes.
    pub fn open_to_write(folder: &Path) -> Result<Self, StoreError> {
        folder::create(folder)?;
        let writing = WritingStore {
            pending: Pending::default(),
            recent: Vec::new(),
            _lock: WriteLock::take(folder)?,
        };
        Self::of(folder, Some(writing))
    }

    fn of(folder: &Path, writing: Option<WritingStore>) -> Result<Self, StoreError> {
        let layout = Arc::new(Layout::new());
        let mut periods = Vec::new();
        for (name, path) in folder::periods(folder)? {
            if let Some(mut period) = Period::open(&layout, &name, &path)? {
                if writing.is_some() {
                    period.load_keys()?;
                }
                periods.push(period);
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            layout,
            periods,
            writing,
        })
    }

    /// Sees what another process has committed since this store was opened.
    pub fn refresh(&mut self) -> Result<(), StoreError> {
        for (name, path) in folder::periods(&self.folder)? {
            match self.at(&name) {
                Ok(_) => {}
                Err(at) => {
                    if let Some(period) = Period::open(&self.layout, &name, &path)? {
                        self.periods.insert(at, period);
                    }
                }
            }
        }
        self.periods.iter().try_for_each(Period::reload)
    }

    /// The place of a period, or where it would be.
    fn at(&self, name: &str) -> Result<usize, usize> {
        self.periods.binary_search_by(|period| period.name.as_str().cmp(name))
    }

    fn find(&self, name: &str) -> Option<&Period> {
        self.at(name).ok().and_then(|at| self.periods.get(at))
    }

    fn pending(&self) -> Option<&Pending> {
        self.writing.as_ref().map(|writing| &writing.pending)
    }

    fn writing(&mut self) -> Result<&mut WritingStore, StoreError> {
        self.writing
            .as_mut()
            .ok_or_else(|| StoreError::Unsupported("the store was opened to read".to_owned()))
    }

    /// The period, opened to write. Another one's writer is closed where there are many.
    fn period_to_write(&mut self, name: &str) -> Result<&mut Period, StoreError> {
        let at = match self.at(name) {
            Ok(at) => at,
            Err(at) => {
                let path = folder::period_folder(&self.folder, name);
                let mut period = Period::open_or_create(&self.layout, name, &path)?;
                period.load_keys()?;
                self.periods.insert(at, period);
                at
            }
        };
        let recent = &mut self.writing()?.recent;
        if recent.last().is_none_or(|last| last != name) {
            recent.retain(|other| other != name);
            recent.push(name.to_owned());
            if recent.len() > MAX_WRITERS {
                self.close_oldest()?;
            }
        }
        self.periods
            .get_mut(at)
            .ok_or_else(|| StoreError::Index(format!("period {name} is gone")))
    }

    /// What is pending there must be committed first.
    fn close_oldest(&mut self) -> Result<(), StoreError> {
        self.commit_all(false)?;
        let oldest = self.writing()?.recent.remove(0);
        match self.at(&oldest).ok().and_then(|at| self.periods.get_mut(at)) {
            Some(period) => period.close(),
            None => Ok(()),
        }
    }

    fn commit_all(&mut self, merge: bool) -> Result<(), StoreError> {
        for period in self.periods.iter_mut().filter(|period| period.is_writing()) {
            period.commit(merge)?;
        }
        self.writing()?.pending.clear();
        Ok(())
    }

    fn put(&mut self, document: &Document) -> Result<(), StoreError> {
        let id = document.id();
        let Some(name) = period_of(id) else {
            return Err(StoreError::Index(format!(
                "`{}` is no document's id",
                id.escape_debug()
            )));
        };
        let name = name.to_owned();
        let json = serde_json::to_string(document)
            .map_err(|error| StoreError::Index(format!("document {id} cannot be written: {error}")))?;
        let layout = Arc::clone(&self.layout);
        self.period_to_write(&name)?.put(&layout, document, &json)?;
        self.writing()?.pending.put(document, json);
        Ok(())
    }

    fn remove(&mut self, id: &str) -> Result<(), StoreError> {
        let Some(name) = period_of(id).filter(|name| self.at(name).is_ok()) else {
            return Ok(());
        };
        let (name, layout) = (name.to_owned(), Arc::clone(&self.layout));
        self.period_to_write(&name)?.remove(&layout, id)?;
        self.writing()?.pending.remove(id);
        Ok(())
    }

    /// The committed and pending documents of one key.
    fn of_key(&self, key: &QueueKey) -> Result<Vec<Stored>, StoreError> {
        let hash = key_hash(key);
        let mut found = Vec::new();
        for period in self.periods.iter().filter(|period| period.may_hold(hash)) {
            found.extend(period.of_key(&self.layout, key)?);
        }
        if let Some(pending) = self.pending() {
            found.retain(|document| pending.get(document.id()) == Waiting::AsCommitted);
            for id in pending.ids_of(key) {
                if let Waiting::Document(json) = pending.get(id) {
                    found.push(parse(json)?);
                }
            }
        }
        // A document may have been written again with another queue id.
        found.retain(|document| key_of(document).as_ref() == Some(key));
        found.sort_by(|a, b| (a.at(), a.id()).cmp(&(b.at(), b.id())));
        let stored = |document| Stored {
            document,
            version: None,
        };
        Ok(found.into_iter().map(stored).collect())
    }

    fn with_id(&self, id: &str) -> Result<Option<Document>, StoreError> {
        match self.pending().map(|pending| pending.get(id)) {
            Some(Waiting::Document(json)) => return parse(json).map(Some),
            Some(Waiting::Gone) => return Ok(None),
            Some(Waiting::AsCommitted) | None => {}
        }
        let Some(period) = period_of(id).and_then(|name| self.find(name)) else {
            return Ok(None);
        };
        Ok(period.with_term(&self.layout, "id", id)?.pop())
    }
}

impl Store for EmbeddedStore {
    fn may_hold(&self, key: &QueueKey, _begun: bool) -> bool {
        let hash = key_hash(key);
        self.periods.iter().any(|period| period.may_hold(hash))
    }

    fn of_queue_ids(&mut self, keys: &[QueueKey]) -> Result<Vec<Vec<Stored>>, StoreError> {
        keys.iter().map(|key| self.of_key(key)).collect()
    }

    fn write(&mut self, changes: Vec<Change>) -> Result<Vec<String>, StoreError> {
        for change in changes {
            match change {
                Change::Put { document, .. } => self.put(&document)?,
                Change::Remove { id, .. } => self.remove(&id)?,
            }
            let (count, bytes) = self.writing()?.pending.size();
            if count >= MAX_PENDING || bytes >= MAX_PENDING_BYTES {
                self.commit_all(false)?;
            }
        }
        Ok(Vec::new())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.commit_all(true)
    }

    fn search(&self, query: &Query, page: &Page) -> Result<Found, StoreError> {
        search::search(&self.layout, &self.periods, query, page)
    }

    fn each(&self, query: &Query, sink: &mut dyn FnMut(&Document)) -> Result<(), StoreError> {
        search::each(&self.layout, &self.periods, query, sink)
    }

    fn get(&self, id: &str) -> Result<Option<Document>, StoreError> {
        let id = crate::query::fold(id);
        if let Some(document) = self.with_id(&id)? {
            return Ok(Some(document));
        }
        if let Some(now) = self.pending().and_then(|pending| pending.now(&id)) {
            return self.with_id(now);
        }
        for period in self.periods.iter().rev() {
            if let Some(document) = period.with_term(&self.layout, "was", &id)?.first() {
                // It may have been written again since.
                return self.with_id(document.id());
            }
        }
        Ok(None)
    }
}

impl Drop for EmbeddedStore {
    /// What is not committed is lost, as promised; segments that are being joined are waited for.
    fn drop(&mut self) {
        for period in &mut self.periods {
            // There is nobody left to tell, and the next writer clears up.
            let _ = period.close();
        }
    }
}
