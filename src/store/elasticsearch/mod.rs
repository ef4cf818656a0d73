//! Elasticsearch 7.10 to 9 and OpenSearch 1 to 3: for those who outgrow one machine.
//!
//! The hard part is that others write, too. A new document is created, never overwritten; one that was read is written
//! only over exactly what was read; whoever comes second is told and merges. What cannot be seen so is two processes
//! that give one life two documents: one has not seen the start of a short queue id, or has seen a refusal under an id
//! and not that the message was taken. [`Store::rivals`] finds these.
//!
//! In: changes and queries. Out: documents; what the server refuses is set aside in a file, with the reason.

mod bulk;
mod dashboards;
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
mod under_way;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

pub use dashboards::dashboards;
pub use dead_letter::{DeadLetter, DeadLetters};
pub use indices::Misfit;
pub use layout::{Family, Layout};
pub use setup::{Outcome, Request, Setup, Step};

use self::bulk::{Action, Operation};
use self::indices::Index;
use self::under_way::UnderWay;
use super::{Change, Found, QueueKey, Store, StoreError, Stored, Version};
use crate::elastic_http::{Access, ElasticHttp, Server};
use crate::query::{Page, Query};
use crate::transaction::Document;

/// A cluster as a store.
pub struct ElasticStore {
    http: Arc<ElasticHttp>,
    server: Server,
    layout: Layout,
    letters: DeadLetters,
    lifecycle_days: Option<u32>,
    /// The indices that are there and right.
    indices: HashMap<String, Index>,
    set_aside: u64,
    /// Ids that this process wrote or replaced since [`Store::rivals`] was asked.
    written: HashMap<QueueKey, BTreeSet<String>>,
    /// Found before it was asked for, so that `written` stays small.
    rivals: BTreeSet<QueueKey>,
    /// Most of what comes is stored already: a log is read again.
    again: bool,
    /// Another process has written just now, or may have: a search must see what it wrote.
    unsure: bool,
    under_way: UnderWay,
}

/// A tenth: then it is cheaper to ask first.
fn is_many(stored: usize, of: usize) -> bool {
    stored * 10 > of
}

/// So many queue ids are remembered as written before the server is asked about them.
const MAX_WRITTEN: usize = 20_000;

/// Merges documents with those that have their ids, and writes them.
pub type Unite<'a, E> = &'a mut dyn FnMut(&mut ElasticStore, &[Document]) -> Result<(), E>;

/// What a repeated attempt with set-aside documents came to.
#[derive(Debug, Default)]
pub struct Retried {
    /// Stored now.
    pub stored: u64,
    /// Refused again, and set aside again.
    pub refused: u64,
    /// Another document had their id meanwhile; the caller united both.
    pub united: u64,
}

impl ElasticStore {
    /// Connects and asks who answers. `letters` is the file for documents that the server refuses.
    pub fn open(access: &Access, layout: Layout, letters: PathBuf) -> Result<Self, StoreError> {
        let http = Arc::new(ElasticHttp::new(access)?);
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
            rivals: BTreeSet::new(),
            again: false,
            unsure: true,
            under_way: UnderWay::default(),
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

    /// Where they are.
    pub fn letters(&self) -> &DeadLetters {
        &self.letters
    }

    /// Sends the documents that were set aside once more. `unite` gets those whose id another document has meanwhile,
    /// merges and writes them; what fails there keeps all letters for another attempt.
    pub fn retry<E: From<StoreError>>(&mut self, unite: Unite<'_, E>) -> Result<Retried, E> {
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
                self.retry_batch(std::mem::take(&mut batch), &mut retried, unite)?;
                bytes = 0;
            }
        }
        self.retry_batch(batch, &mut retried, unite)?;
        std::fs::remove_file(&taken).map_err(|error| StoreError::Io {
            what: format!("cannot remove {}", taken.display()),
            error,
        })?;
        Ok(retried)
    }

    fn retry_batch<E: From<StoreError>>(
        &mut self,
        batch: Vec<Document>,
        retried: &mut Retried,
        unite: Unite<'_, E>,
    ) -> Result<(), E> {
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
        retried.united += conflicts.len() as u64;
        let doubled: Vec<Document> = batch
            .into_iter()
            .filter(|document| conflicts.contains(document.id()))
            .collect();
        if doubled.is_empty() {
            Ok(())
        } else {
            unite(self, &doubled)
        }
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
        let family = match &action {
            Action::Create(document) | Action::Replace(document, _) => Family::of(document),
            // Only provisional transactions are ever taken away.
            Action::Delete(_) => Family::Transactions,
        };
        let index = self.index_for(family, &id)?;
        let mut nothing = Index::default();
        let known = self.indices.get_mut(&index).unwrap_or(&mut nothing);
        Operation::new(id, index, action, &mut |name| known.admits(name))
    }

    fn send(&mut self, operations: Vec<Operation>) -> Result<bulk::Written, StoreError> {
        let written = bulk::send(&self.http, operations)?;
        self.keep_refused(&written)?;
        Ok(written)
    }

    /// Keeps what the server refused.
    fn keep_refused(&mut self, written: &bulk::Written) -> Result<(), StoreError> {
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
        Ok(())
    }

    /// What conflicts tell of others, and of the documents to come.
    fn heed(&mut self, conflicts: usize, created: usize) {
        self.unsure |= conflicts > 0;
        self.again |= is_many(conflicts, created);
    }

    /// The change that brings a document there.
    fn put(&mut self, document: Document, version: Option<Version>) -> Result<Operation, StoreError> {
        self.remember(&document);
        let id = document.id().to_owned();
        let action = match version {
            Some(version) => Action::Replace(document, version),
            None => Action::Create(document),
        };
        self.operation(id, action)
    }

    /// All that is remembered is on the server: whoever writes later sees it, who wrote before is seen now.
    fn look_for_rivals(&mut self) -> Result<(), StoreError> {
        self.under_way.wait();
        let found = lookup::rivals(&self.http, &self.layout, &self.written)?;
        self.rivals.extend(found);
        self.written.clear();
        Ok(())
    }

    fn remember(&mut self, document: &Document) {
        let Some(transaction) = document.transaction() else {
            return;
        };
        let Some(queue_id) = &transaction.queue_id else { return };
        let key = QueueKey {
            host: transaction.host.clone(),
            queue_id: queue_id.clone(),
        };
        let ids = self.written.entry(key).or_default();
        ids.insert(transaction.id.clone());
        ids.extend(transaction.was.iter().cloned());
    }
}

impl Store for ElasticStore {
    /// Others write, too. But whoever has seen a message's start knows its id, so if the message is there the server says
    /// so when it is created; and asking for every new queue id first costs as much as writing it.
    fn may_hold(&self, key: &QueueKey, begun: bool) -> bool {
        !begun || self.again || self.written.contains_key(key)
    }

    /// Each is a request, or several.
    fn portion(&self) -> usize {
        2_000
    }

    fn of_queue_ids(&mut self, keys: &[QueueKey]) -> Result<Vec<Vec<Stored>>, StoreError> {
        // By id everything is seen at once, by a search what was refreshed.
        let (mine, others): (Vec<usize>, Vec<usize>) =
            (0..keys.len()).partition(|place| self.written.contains_key(&keys[*place]));
        let mut found = vec![Vec::new(); keys.len()];
        let ids: Vec<(usize, &String)> = mine
            .iter()
            .flat_map(|place| self.written[&keys[*place]].iter().map(|id| (*place, id)))
            .collect();
        let wanted: Vec<String> = ids.iter().map(|(_, id)| (*id).clone()).collect();
        let stored = lookup::of_ids(&self.http, &self.layout, &wanted)?;
        for ((place, _), stored) in ids.into_iter().zip(stored) {
            found[place].extend(stored);
        }
        let unknown: Vec<QueueKey> = others.iter().map(|place| keys[*place].clone()).collect();
        // What others write between two refreshes is not seen here. It is told as a conflict, or found as a rival.
        if self.unsure && !unknown.is_empty() {
            lookup::refresh(&self.http, &self.layout)?;
            self.unsure = false;
        }
        let stored = lookup::of_queue_ids(&self.http, &self.layout, &unknown)?;
        if !unknown.is_empty() {
            self.again = is_many(stored.iter().filter(|stored| !stored.is_empty()).count(), unknown.len());
        }
        for (place, stored) in others.into_iter().zip(stored) {
            found[place] = stored;
        }
        Ok(found)
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
                    if let Some(transaction) = document.transaction().filter(|transaction| !transaction.was.is_empty())
                    {
                        earlier.insert(transaction.id.clone(), transaction.was.clone());
                    }
                    puts.push(self.put(document, version)?);
                }
                Change::Remove { id, version } => removals.push((id, version)),
            }
        }
        let created = bulk::created(&puts);
        let written = self.send(puts)?;
        let mut conflicts = written.conflicts;
        self.heed(conflicts.len(), created);
        // A document goes only when the one that took over its lines is there: otherwise, after a crash, they would be
        // nowhere. Which one that is, only the caller knows: it asks for all removals again.
        if !conflicts.is_empty() {
            conflicts.extend(removals.into_iter().map(|(id, _)| id));
            return Ok(conflicts);
        }
        // A refused successor comes back when its letter is sent again; until then the earlier document stays.
        let refused = written.letters.iter().filter_map(|letter| earlier.remove(&letter.id));
        let needed: HashSet<String> = refused.flatten().collect();
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
        self.unsure |= !conflicts.is_empty();
        if self.written.len() > MAX_WRITTEN {
            self.look_for_rivals()?;
        }
        Ok(conflicts)
    }

    fn write_behind(&mut self, changes: Vec<Change>) -> Result<Option<Vec<String>>, StoreError> {
        // What replaces a document must be there before that goes.
        if changes.iter().any(|change| matches!(change, Change::Remove { .. })) {
            return self.write(changes).map(Some);
        }
        let mut puts = Vec::with_capacity(changes.len());
        for change in changes {
            if let Change::Put { document, version } = change {
                puts.push(self.put(document, version)?);
            }
        }
        if puts.is_empty() {
            return Ok(Some(Vec::new()));
        }
        self.under_way.send(&self.http, puts);
        if self.written.len() > MAX_WRITTEN {
            self.look_for_rivals()?;
        }
        Ok(None)
    }

    fn answer(&mut self) -> Result<Vec<String>, StoreError> {
        let Some((created, written)) = self.under_way.answer() else {
            return Ok(Vec::new());
        };
        let written = written?;
        self.keep_refused(&written)?;
        self.heed(written.conflicts.len(), created);
        Ok(written.conflicts)
    }

    /// All is safe already when [`Store::write`] or [`Store::answer`] returns; from here on it is found, too.
    fn commit(&mut self) -> Result<(), StoreError> {
        lookup::refresh(&self.http, &self.layout)
    }

    fn rivals(&mut self) -> Result<Vec<QueueKey>, StoreError> {
        self.look_for_rivals()?;
        Ok(std::mem::take(&mut self.rivals).into_iter().collect())
    }

    fn set_aside(&self) -> u64 {
        self.set_aside
    }

    fn search(&self, query: &Query, page: &Page) -> Result<Found, StoreError> {
        search::search(&self.http, &self.layout, query, page)
    }

    fn get(&self, id: &str) -> Result<Option<Document>, StoreError> {
        search::get(&self.http, &self.layout, id)
    }
}
