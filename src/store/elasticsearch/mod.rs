//! Elasticsearch 7.10 to 9 and OpenSearch 1 to 3: for those who outgrow one machine.
//!
//! The hard part is that others write, too. A new document is created, never overwritten; one that was read is written
//! only over exactly what was read; whoever comes second is told and merges. What cannot be seen so is two processes
//! that give one life two ids, because one of them has not seen its start: [`ElasticStore::rivals`] finds these.
//!
//! In: changes and queries. Out: documents; what the server refuses is set aside in a file, with the reason.

mod bulk;
mod dead_letter;
mod indices;
mod layout;
mod lifecycle;
mod lookup;
mod mapping;
mod retention;
mod search;
mod setup;
mod shape;
mod translate;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

pub use dead_letter::{DeadLetter, DeadLetters};
pub use indices::Misfit;
pub use layout::{Family, Layout};
pub use setup::{Outcome, Request, Setup, Step};

use self::bulk::{Action, Operation};
use self::indices::Index;
use super::{Change, Found, QueueKey, Store, StoreError, Stored};
use crate::elastic_http::{Access, ElasticHttp, Server};
use crate::query::{Page, Query};
use crate::transaction::Document;

/// A cluster as a store.
pub struct ElasticStore {
    http: ElasticHttp,
    server: Server,
    layout: Layout,
    letters: DeadLetters,
    lifecycle_days: Option<u32>,
    /// The indices that are there and right.
    indices: HashMap<String, Index>,
    set_aside: u64,
    /// Ids that this process wrote or took away since [`ElasticStore::rivals`] was asked, by queue ids that come back.
    written: HashMap<QueueKey, BTreeSet<String>>,
}

/// What a repeated attempt with set-aside documents came to.
#[derive(Debug, Default)]
pub struct Retried {
    /// Stored now.
    pub stored: u64,
    /// Refused again, and set aside again.
    pub refused: u64,
    /// Another document has their id meanwhile: merge and write these.
    pub conflicts: Vec<Document>,
}

impl ElasticStore {
    /// Connects and asks who answers. `letters` is the file for documents that the server refuses.
    pub fn open(access: &Access, layout: Layout, letters: PathBuf) -> Result<Self, StoreError> {
        let http = ElasticHttp::new(access)?;
        let server = http.server()?;
        Ok(Self {
            http,
            server,
            layout,
            letters: DeadLetters::at(letters),
            lifecycle_days: None,
            indices: HashMap::new(),
            set_aside: 0,
            written: HashMap::new(),
        })
    }

    /// New indices are born under the lifecycle policy that [`Setup`] made for so many days.
    #[must_use]
    pub fn with_lifecycle(mut self, days: Option<u32>) -> Self {
        self.lifecycle_days = days;
        self
    }

    /// Who answers.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The connection, for the setup.
    pub fn http(&self) -> &ElasticHttp {
        &self.http
    }

    /// How many documents were refused and set aside since the store was opened.
    pub fn set_aside(&self) -> u64 {
        self.set_aside
    }

    /// Where they are.
    pub fn letters(&self) -> &DeadLetters {
        &self.letters
    }

    /// Sends the documents that were set aside once more.
    pub fn retry(&mut self) -> Result<Retried, StoreError> {
        let mut retried = Retried::default();
        let Some(taken) = self.letters.take()? else {
            return Ok(retried);
        };
        let mut batch: Vec<Document> = Vec::new();
        let mut bytes = 0;
        for letter in dead_letter::read(&taken)? {
            let letter = letter?;
            // A refused deletion has no document.
            if letter.document.is_null() {
                continue;
            }
            bytes += letter.reason.len() + letter.document.to_string().len();
            batch.push(shape::from_server(&letter.id, letter.document)?);
            if bytes > 20_000_000 {
                self.retry_batch(std::mem::take(&mut batch), &mut retried)?;
                bytes = 0;
            }
        }
        self.retry_batch(batch, &mut retried)?;
        std::fs::remove_file(&taken).map_err(|error| StoreError::Io {
            what: format!("cannot remove {}", taken.display()),
            error,
        })?;
        Ok(retried)
    }

    fn retry_batch(&mut self, batch: Vec<Document>, retried: &mut Retried) -> Result<(), StoreError> {
        let before = self.set_aside;
        let sent = batch.len() as u64;
        let changes = batch.iter().cloned().map(|document| Change::Put {
            document,
            version: None,
        });
        let conflicts: HashSet<String> = self.write(changes.collect())?.into_iter().collect();
        let refused = self.set_aside - before;
        retried.refused += refused;
        retried.stored += sent.saturating_sub(refused + conflicts.len() as u64);
        retried
            .conflicts
            .extend(batch.into_iter().filter(|document| conflicts.contains(document.id())));
        Ok(())
    }

    /// The index of a document, created if it is not there.
    fn index_for(&mut self, family: Family, id: &str) -> Result<String, StoreError> {
        let index = self.layout.index_of(family, id).ok_or_else(|| {
            StoreError::Index(format!("`{}` is no document id: it has no period", id.escape_default()))
        })?;
        if !self.indices.contains_key(&index) {
            let lifecycle = self.lifecycle_days.map(|days| (days, self.server.flavour));
            let found = indices::ensure(&self.http, &self.layout, family, &index, lifecycle)?;
            self.indices.insert(index.clone(), found);
        }
        Ok(index)
    }

    fn operation(&mut self, id: String, action: Action) -> Result<Operation, StoreError> {
        let index = self.index_for(Family::Transactions, &id)?;
        let mut nothing = Index::default();
        let known = self.indices.get_mut(&index).unwrap_or(&mut nothing);
        Operation::new(id, index, action, &mut |name| known.admits(name))
    }

    fn send(&mut self, operations: Vec<Operation>) -> Result<bulk::Written, StoreError> {
        let written = bulk::send(&self.http, operations)?;
        if !written.letters.is_empty() {
            self.letters.add(&written.letters)?;
            self.set_aside += written.letters.len() as u64;
            self.http.notice(&format!(
                "{} documents were refused and set aside in {}: {}",
                written.letters.len(),
                self.letters.path().display(),
                written.letters.first().map_or("", |letter| letter.reason.as_str())
            ));
        }
        Ok(written)
    }

    fn remember(&mut self, document: &Document) {
        let Some(transaction) = document.transaction() else {
            return;
        };
        let Some(queue_id) = &transaction.queue_id else { return };
        if comes_back(queue_id) {
            let key = QueueKey {
                host: transaction.host.clone(),
                queue_id: queue_id.clone(),
            };
            let ids = self.written.entry(key).or_default();
            ids.insert(transaction.id.clone());
            ids.extend(transaction.was.iter().cloned());
        }
    }
}

/// A short Postfix queue id is used again and does not tell its start; a long one, or sendmail's, has letters beyond
/// the hexadecimal digits (`postfix/src/global/mail_queue.h`).
fn comes_back(queue_id: &str) -> bool {
    queue_id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Store for ElasticStore {
    /// Others write, too: nothing is ever sure.
    fn may_hold(&self, _key: &QueueKey) -> bool {
        true
    }

    fn of_queue_ids(&mut self, keys: &[QueueKey]) -> Result<Vec<Vec<Stored>>, StoreError> {
        lookup::of_queue_ids(&self.http, &self.layout, keys)
    }

    fn of_ids(&mut self, ids: &[String]) -> Result<Vec<Option<Stored>>, StoreError> {
        lookup::of_ids(&self.http, &self.layout, ids)
    }

    /// Returns when the server has answered for every change.
    fn write(&mut self, changes: Vec<Change>) -> Result<Vec<String>, StoreError> {
        let mut puts = Vec::new();
        let mut removals = Vec::new();
        let mut earlier: HashMap<String, Vec<String>> = HashMap::new();
        for change in changes {
            match change {
                Change::Put { document, version } => {
                    self.remember(&document);
                    let id = document.id().to_owned();
                    let was = document.transaction().map(|transaction| transaction.was.clone());
                    if let Some(was) = was.filter(|was| !was.is_empty()) {
                        earlier.insert(id.clone(), was);
                    }
                    let action = match version {
                        Some(version) => Action::Replace(document, version),
                        None => Action::Create(document),
                    };
                    puts.push(self.operation(id, action)?);
                }
                Change::Remove { id, version } => removals.push((id, version)),
            }
        }
        let written = self.send(puts)?;
        let mut conflicts = written.conflicts;
        // A provisional document goes only when its successor is there: otherwise its lines would be nowhere.
        let failed = conflicts.iter().chain(written.letters.iter().map(|letter| &letter.id));
        let needed: HashSet<String> = failed.filter_map(|id| earlier.remove(id)).flatten().collect();
        let mut deletions = Vec::new();
        for (id, version) in removals {
            if !needed.contains(&id) {
                deletions.push(self.operation(id, Action::Delete(version))?);
            }
        }
        // To the server a wrong version and a document that is gone are the same.
        let doubtful = self.send(deletions)?.conflicts;
        let there = self.of_ids(&doubtful)?;
        let there = doubtful.into_iter().zip(there).filter(|(_, stored)| stored.is_some());
        conflicts.extend(there.map(|(id, _)| id));
        Ok(conflicts)
    }

    /// All is safe already when [`Store::write`] returns; from here on it is found, too.
    fn commit(&mut self) -> Result<(), StoreError> {
        lookup::refresh(&self.http, &self.layout)
    }

    fn rivals(&mut self) -> Result<Vec<QueueKey>, StoreError> {
        let written = std::mem::take(&mut self.written);
        let found = lookup::rivals(&self.http, &self.layout, &written);
        if found.is_err() {
            self.written = written;
        }
        found
    }

    fn search(&self, query: &Query, page: &Page) -> Result<Found, StoreError> {
        search::search(&self.http, &self.layout, query, page)
    }

    fn get(&self, id: &str) -> Result<Option<Document>, StoreError> {
        search::get(&self.http, &self.layout, id)
    }
}
