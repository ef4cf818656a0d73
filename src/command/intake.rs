//! From lines to stored documents: the one place where reading, rules, assembly and store meet.
//!
//! What leaves memory meets what the store has of the same queue id: the stored lines are read again, the sets are
//! united, and the documents are made anew. So nothing is ever overwritten with less, and a second reading of a log
//! ends with the same documents.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use crate::assemble::evidence::{remembered, remembered_of_record};
use crate::assemble::mention::leading_queue_id;
use crate::assemble::{self, Locality, Mention, Mentions, Open, Sessions, Told};
use crate::event::{Event, Kind};
use crate::ledger::{Counting, Ledger};
use crate::line::{Digest, Line, Moment, Origin};
use crate::query::{Cursor, Page, Query};
use crate::rule::{RuleSet, Scratch};
use crate::state::Waiting;
use crate::store::{Change, QueueKey, Store, Stored};
use crate::transaction::{Counts, Document, QUEUE_LIFETIME_MS, Record, Transaction, TransactionKind};

use super::slices;
use super::summary::Summary;
use super::templates::Templates;
use super::waiting::WaitingLines;

/// So many queue ids are written at a time.
const BATCH: usize = 2_000;

/// How often a write is tried when other writers are faster each time.
pub(super) const MAX_ROUNDS: usize = 50;

/// So many slices of the ledger are kept in memory.
const MAX_SLICES: usize = 50_000;
/// The same where a slice cannot be added to once it was written.
const MAX_SLICES_WRITTEN_ONCE: usize = 500_000;

/// Reads lines and keeps what they say.
pub(super) struct Intake<'a> {
    rules: &'a RuleSet,
    scratch: Scratch,
    locality: Locality,
    open: Open,
    store: &'a mut dyn Store,
    /// Client sessions that go on.
    pub(super) sessions: Sessions,
    /// What the sessions told, while it is looked at.
    told: Vec<Told>,
    /// Documents without a queue id, not yet written: refusals, sessions, records.
    alone: Vec<Document>,
    /// Ids of such documents that are part of a mail now.
    withdrawn: Vec<String>,
    /// Lines of queue ids of which no rule knew any line.
    waiting: WaitingLines,
    /// The latest line.
    latest: Moment,
    /// How long the queues keep mail, in milliseconds.
    pub(super) lifetime_ms: i64,
    /// Documents are made anew though no line came.
    again: bool,
    ledger: Ledger,
    /// What no rule knew.
    pub(super) templates: Templates,
    /// None in a store that cannot be read back.
    counting: Option<Counting>,
    /// Where each source is, by its name.
    reached: HashMap<Arc<str>, Reached>,
    /// The source of the last line, and where it is.
    here: Option<(Arc<str>, Moment)>,
    /// What was done so far.
    pub(super) summary: Summary,
    /// Kind and status of what this run wrote, by a seeded hash of the id: a document that is written again counts once.
    written: HashMap<u64, (&'static str, String)>,
    hasher: RandomState,
}

/// Where a source is: a line without a readable header does not tell when it was said.
#[derive(Default)]
struct Reached {
    /// The last line's moment.
    at: Option<Moment>,
    /// Lines without a readable header in front of all others.
    early: u64,
}

impl<'a> Intake<'a> {
    /// Into a store; at most `max_open` queue ids are kept in memory.
    pub(super) fn new(rules: &'a RuleSet, store: &'a mut dyn Store, locality: Locality, max_open: usize) -> Self {
        Self {
            rules,
            scratch: Scratch::default(),
            open: Open::new(locality.clone(), max_open),
            locality,
            store,
            sessions: Sessions::default(),
            told: Vec::new(),
            alone: Vec::new(),
            withdrawn: Vec::new(),
            waiting: WaitingLines::default(),
            latest: Moment::default(),
            lifetime_ms: QUEUE_LIFETIME_MS,
            again: false,
            ledger: Ledger::default(),
            templates: Templates::new(),
            counting: None,
            reached: HashMap::new(),
            here: None,
            summary: Summary::default(),
            written: HashMap::new(),
            hasher: RandomState::new(),
        }
    }

    /// From now on, lines are counted for this generation of a state.
    pub(super) fn count_for(&mut self, counting: Counting) {
        self.counting = Some(counting);
    }

    /// The state was saved.
    pub(super) fn next_generation(&mut self) {
        if let Some(counting) = &mut self.counting {
            counting.generation += 1;
        }
    }

    /// Takes up lines that waited when an earlier run ended, with today's rules.
    pub(super) fn resume(&mut self, waiting: &[Waiting]) {
        for old in waiting {
            let Some(line) = old.line() else { continue };
            let line = Arc::new(line);
            let digest = line.digest();
            match self.rules.event(&line, &mut self.scratch) {
                Some(event) => self.keep(digest, event),
                None if old.queue_id.is_empty() => {}
                None => self.open.add_unmatched(digest, line, &old.queue_id),
            }
        }
    }

    /// Lines that wait for others of their queue id, and those of sessions that go on.
    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.to_save();
        waiting.extend(self.sessions.lines().iter().map(|line| Waiting::of(line, "")));
        waiting
    }

    /// Reads the lines of messages that are not over again, with today's rules. Returns how many queue ids.
    pub(super) fn read_open_again(&mut self, since: Moment) -> Result<usize> {
        let query = Query::all([Query::is("open", "true")?, Query::between(Some(since), None)]);
        let mut keys = BTreeSet::new();
        let mut page = Page::newest(BATCH);
        loop {
            let found = self.store.search(&query, &page)?.documents;
            let Some(last) = found.last() else { break };
            page.after = Some(Cursor::behind(last));
            let key = |document: &Document| {
                let transaction = document.transaction()?;
                Some((transaction.host.clone(), transaction.queue_id.clone()?))
            };
            keys.extend(found.iter().filter_map(key));
        }
        self.again = true;
        let groups = keys
            .iter()
            .map(|(host, id)| Mentions::new(host.as_str().into(), id.as_str().into()));
        let written = self.write(groups.collect());
        self.again = false;
        written.map(|()| keys.len())
    }

    /// Takes a line.
    pub(super) fn line(&mut self, line: Line) -> Result<()> {
        self.take(line, true)
    }

    /// Takes a line that an earlier run may have counted.
    pub(super) fn line_again(&mut self, line: Line) -> Result<()> {
        self.take(line, false)
    }

    fn take(&mut self, line: Line, counts: bool) -> Result<()> {
        let line = Arc::new(line);
        let digest = line.digest();
        self.reach(&line);
        self.latest = self.latest.max(line.at);
        if let Some(event) = self.rules.event(&line, &mut self.scratch) {
            if counts {
                self.count(&line, Counts::of_event(&event));
            }
            self.keep(digest, event);
        } else {
            if counts {
                self.count(&line, Counts::unmatched());
                self.summary.unmatched_line(&line);
                self.templates.add(&line);
            }
            self.unmatched(digest, Arc::clone(&line));
        }
        if counts && line.joined > 0 {
            self.count(&line, Counts::joined(line.joined.into()));
        }
        if self.alone.len() >= BATCH {
            self.write_alone()?;
        }
        let most = if self.counting.is_some() {
            MAX_SLICES
        } else {
            MAX_SLICES_WRITTEN_ONCE
        };
        if self.ledger.len() >= most {
            self.write_slices()?;
        }
        let finished = self.open.take_finished();
        self.write(finished)
    }

    /// Takes a line without a readable header.
    pub(super) fn unreadable(&mut self, origin: &Origin) {
        let counts = Counts::unreadable();
        self.summary.count(counts);
        self.leave();
        let reached = self.reached.entry(Arc::clone(&origin.source)).or_default();
        match reached.at {
            Some(at) => self.ledger.unreadable(at),
            None => reached.early += 1,
        }
    }

    /// Remembers where the source of the last line is.
    fn leave(&mut self) {
        if let Some((source, at)) = self.here.take()
            && let Some(reached) = self.reached.get_mut(&source)
        {
            reached.at = Some(at);
        }
    }

    fn reach(&mut self, line: &Line) {
        if let Some((source, at)) = &mut self.here
            && Arc::ptr_eq(source, &line.origin.source)
        {
            *at = line.at;
            return;
        }
        self.leave();
        self.here = Some((Arc::clone(&line.origin.source), line.at));
        if let Some(reached) = self.reached.get_mut(&line.origin.source) {
            reached.at = Some(line.at);
            for _ in 0..std::mem::take(&mut reached.early) {
                self.ledger.unreadable(line.at);
            }
            return;
        }
        let reached = Reached {
            at: Some(line.at),
            early: 0,
        };
        self.reached.insert(Arc::clone(&line.origin.source), reached);
    }

    fn count(&mut self, line: &Line, counts: Counts) {
        self.summary.count(counts);
        self.ledger.line(&line.host, &line.program, line.at, counts);
    }

    fn keep(&mut self, digest: Digest, event: Event) {
        if event.kind == Kind::Noise {
            return;
        }
        let kept = self.sessions.note(digest, &event, &mut self.told);
        self.take_told();
        if let Some(event) = self.open.add(digest, event).filter(|_| !kept) {
            let record = assemble::record(digest, &event);
            self.alone.extend(record.map(Box::new).map(Document::Record));
        }
    }

    fn take_told(&mut self) {
        for told in self.told.drain(..) {
            match told {
                Told::Joined {
                    queue_id,
                    digest,
                    event,
                } => self.open.add_joined(digest, event, &queue_id),
                Told::Document(document) => self.alone.push(Document::Transaction(document)),
                Told::Withdrawn(id) => {
                    self.alone.retain(|document| document.id() != id);
                    self.withdrawn.push(id);
                }
            }
        }
    }

    fn unmatched(&mut self, digest: Digest, line: Arc<Line>) {
        if let Some(queue_id) = leading_queue_id(&line) {
            let queue_id = queue_id.to_owned();
            self.open.add_unmatched(digest, line, &queue_id);
        }
    }

    /// Writes all that was read and waits until the store has it.
    pub(super) fn commit(&mut self) -> Result<()> {
        self.sessions.settle(&mut self.told);
        self.take_told();
        let rest = self.open.take_all();
        self.write(rest)?;
        self.write_alone()?;
        self.write_slices()?;
        let rules = self.rules.fingerprint();
        self.templates.write(self.store, self.counting.as_ref(), rules)?;
        self.store.commit()?;
        self.unite_rivals()
    }

    /// The store, to look at.
    pub(super) fn store(&self) -> &dyn Store {
        self.store
    }

    /// What was done since this was asked before.
    pub(super) fn take_summary(&mut self) -> Summary {
        self.written.clear();
        std::mem::take(&mut self.summary)
    }

    /// What was done in all.
    pub(super) fn into_summary(mut self) -> Summary {
        self.summary.templates = self.templates.named();
        for (kind, status) in self.written.into_values() {
            self.summary.document(kind, status);
        }
        self.summary
    }

    fn write_slices(&mut self) -> Result<()> {
        let slices = self.ledger.take();
        slices::write(self.store, slices, self.counting.as_ref())
    }

    /// Where another process gave a life another id because one of both had not seen its start, both become one.
    fn unite_rivals(&mut self) -> Result<()> {
        for _ in 0..MAX_ROUNDS {
            let rivals = self.store.rivals()?;
            if rivals.is_empty() {
                return Ok(());
            }
            let groups = rivals
                .into_iter()
                .map(|key| Mentions::new(key.host.into(), key.queue_id.into()));
            self.write(groups.collect())?;
            self.store.commit()?;
        }
        bail!("other writers changed the same queue ids {MAX_ROUNDS} times in a row")
    }

    /// Takes a document that was made before: its lines are read again and united with what the store has.
    pub(super) fn document(&mut self, document: &Transaction) -> Result<()> {
        // A refusal without a queue id is one line: whoever has it has it whole.
        let Some(queue_id) = &document.queue_id else {
            return Ok(());
        };
        let group = Mentions::new(document.host.as_str().into(), queue_id.as_str().into());
        let mentions = self.lines_of(document, &group);
        self.write(vec![mentions])
    }

    /// Takes the lines of a stored document as if they were read again, with today's rules. Returns how many.
    pub(super) fn stored_again(&mut self, document: &Document) -> Result<u64> {
        match document {
            Document::Transaction(transaction) => self.transaction_again(transaction),
            Document::Record(record) => self.record_again(record),
            Document::Slice(_) | Document::Template(_) => Ok(0),
        }
    }

    /// A record is one line; it may have become something else, or nothing.
    fn record_again(&mut self, record: &Record) -> Result<u64> {
        let Some(old) = remembered_of_record(record).pop() else {
            return Ok(0);
        };
        let Some(mut line) = Line::again(&old.raw, old.at, old.ordinal) else {
            return Ok(0);
        };
        line.host = record.host.as_str().into();
        let line = Arc::new(line);
        let event = self.rules.event(&line, &mut self.scratch);
        let made = event.and_then(|event| assemble::record(line.digest(), &event));
        let stored = self.store.of_ids(std::slice::from_ref(&record.id))?.pop().flatten();
        let version = stored.and_then(|stored| stored.version);
        if let Some(made) = made.filter(|made| made.id == record.id) {
            let document = Document::Record(Box::new(made));
            self.note(&document);
            self.store.write(vec![Change::Put { document, version }])?;
            return Ok(1);
        }
        let id = record.id.clone();
        self.store.write(vec![Change::Remove { id, version }])?;
        self.line_again(Arc::unwrap_or_clone(line))?;
        Ok(1)
    }

    fn transaction_again(&mut self, document: &Transaction) -> Result<u64> {
        if document.kind == TransactionKind::Session && document.queue_id.is_none() {
            return self.session_again(document);
        }
        let mut count = 0;
        for old in remembered(document) {
            let Some(mut line) = Line::again(&old.raw, old.at, old.ordinal) else {
                continue;
            };
            line.host = document.host.as_str().into();
            count += 1;
            let line = Arc::new(line);
            let event = self.rules.event(&line, &mut self.scratch);
            let of_its_session = event.is_some_and(|event| event.queue_id().is_none());
            let line = Arc::unwrap_or_clone(line);
            if document.queue_id.is_some() && of_its_session {
                // The stored document has it, and no other mail may get it.
                continue;
            }
            if document.queue_id.is_none() {
                self.refusal_again(document, line)?;
            } else {
                self.line_again(line)?;
            }
        }
        Ok(count)
    }

    /// A session is told anew from its own lines.
    fn session_again(&mut self, document: &Transaction) -> Result<u64> {
        let group = Mentions::new(document.host.as_str().into(), "".into());
        let lines = self.lines_of(document, &group);
        let made = assemble::session(&lines).filter(|made| made.id == document.id);
        let stored = self.store.of_ids(std::slice::from_ref(&document.id))?.pop().flatten();
        if let Some(made) = made {
            let change = self.put(made, stored.and_then(|stored| stored.version));
            self.store.write(vec![change])?;
        }
        Ok(lines.len() as u64)
    }

    /// A refusal without a queue id is one line; it may have become something else, or nothing.
    fn refusal_again(&mut self, document: &Transaction, line: Line) -> Result<()> {
        let line = Arc::new(line);
        let event = self.rules.event(&line, &mut self.scratch);
        let made = event.and_then(|event| assemble::refusal_without_queue_id(line.digest(), &event));
        let stored = self.store.of_ids(std::slice::from_ref(&document.id))?.pop().flatten();
        let version = stored.and_then(|stored| stored.version);
        if let Some(made) = made.filter(|made| made.id == document.id) {
            let change = self.put(made, version);
            self.store.write(vec![change])?;
            return Ok(());
        }
        let id = document.id.clone();
        self.store.write(vec![Change::Remove { id, version }])?;
        self.line_again(Arc::unwrap_or_clone(line))
    }

    /// What has no queue id is whole when it is written: whoever has it has the same.
    fn write_alone(&mut self) -> Result<()> {
        let put = |document| Change::Put {
            document,
            version: None,
        };
        let mut changes = Vec::with_capacity(self.alone.len() + self.withdrawn.len());
        for document in std::mem::take(&mut self.alone) {
            self.note(&document);
            changes.push(put(document));
        }
        let remove = |id| Change::Remove { id, version: None };
        changes.extend(std::mem::take(&mut self.withdrawn).into_iter().map(remove));
        self.store.write(changes)?;
        Ok(())
    }

    fn write(&mut self, mut groups: Vec<Mentions>) -> Result<()> {
        while !groups.is_empty() {
            let rest = groups.split_off(groups.len().min(BATCH));
            self.write_batch(groups)?;
            groups = rest;
        }
        Ok(())
    }

    /// Unites with what the store has, writes, and again for those where another writer was faster.
    fn write_batch(&mut self, mut groups: Vec<Mentions>) -> Result<()> {
        for _ in 0..MAX_ROUNDS {
            let known = self.known(&groups)?;
            let mut changes = Vec::with_capacity(groups.len());
            let mut owners: HashMap<String, usize> = HashMap::new();
            for (index, (mentions, stored)) in groups.iter_mut().zip(known).enumerate() {
                for change in self.changes(mentions, stored) {
                    owners.insert(id_of(&change).to_owned(), index);
                    changes.push(change);
                }
            }
            let conflicts = self.store.write(changes)?;
            let again: Vec<usize> = conflicts.iter().filter_map(|id| owners.get(id).copied()).collect();
            if again.is_empty() {
                return Ok(());
            }
            let mut index = 0;
            groups.retain(|_| {
                index += 1;
                again.contains(&(index - 1))
            });
        }
        bail!(
            "other writers changed the same {} queue ids {MAX_ROUNDS} times in a row",
            groups.len()
        )
    }

    /// What the store has of each queue id.
    fn known(&mut self, groups: &[Mentions]) -> Result<Vec<Vec<Stored>>> {
        let mut known: Vec<Vec<Stored>> = groups.iter().map(|_| Vec::new()).collect();
        let (indices, keys): (Vec<usize>, Vec<QueueKey>) = groups
            .iter()
            .map(|mentions| QueueKey {
                host: mentions.host.to_string(),
                queue_id: mentions.queue_id.to_string(),
            })
            .enumerate()
            .filter(|(_, key)| self.store.may_hold(key))
            .unzip();
        if !keys.is_empty() {
            let found = self
                .store
                .of_queue_ids(&keys)
                .context("cannot read back what is stored")?;
            for (index, stored) in indices.into_iter().zip(found) {
                known[index] = stored;
            }
        }
        Ok(known)
    }

    /// The changes that bring the store from what it has to what all lines together say.
    fn changes(&mut self, mentions: &mut Mentions, stored: Vec<Stored>) -> Vec<Change> {
        let key = (mentions.host.clone(), mentions.queue_id.clone());
        if let Some(waiting) = self.waiting.take(&key) {
            mentions.merge(waiting);
        }
        let before = mentions.len();
        let stored_count = stored.len();
        for transaction in stored.iter().filter_map(|stored| stored.document.transaction()) {
            let lines = self.lines_of(transaction, mentions);
            mentions.merge(lines);
        }
        // Several documents of which none brought a new line may still be one life.
        let nothing_new = before == 0 && stored_count < 2 && !self.again;
        let mut documents = assemble::documents(mentions, &self.locality);
        if documents.is_empty() {
            self.waiting.add(key, mentions.clone());
        }
        let mut changes = Vec::with_capacity(documents.len());
        for Stored { document, version } in stored {
            let Document::Transaction(old) = document else {
                continue;
            };
            if let Some(index) = documents.iter().position(|document| document.id == old.id) {
                documents[index].was.clone_from(&old.was);
                let document = documents.swap_remove(index);
                if nothing_new || same(&document, &old) {
                    self.note_mail(&document);
                } else {
                    changes.push(self.put(document, version));
                }
            } else {
                changes.push(Change::Remove {
                    id: old.id.clone(),
                    version,
                });
                inherit(&mut documents, &mut changes, &old);
            }
        }
        changes.extend(
            documents
                .into_iter()
                .map(|document| self.put(document, None))
                .collect::<Vec<_>>(),
        );
        // The new document is written before the provisional one goes.
        changes.sort_by_key(|change| matches!(change, Change::Remove { .. }));
        changes
    }

    /// The lines that a stored document remembers, read again with today's rules.
    fn lines_of(&mut self, document: &Transaction, group: &Mentions) -> Mentions {
        let mut mentions = Mentions::new(group.host.clone(), group.queue_id.clone());
        for old in remembered(document) {
            let Some(mut line) = Line::again(&old.raw, old.at, old.ordinal) else {
                continue;
            };
            line.host = group.host.clone();
            let line = Arc::new(line);
            let digest = line.digest();
            let mention = match self.rules.event(&line, &mut self.scratch) {
                Some(event) => Mention::Event(event),
                None => Mention::Unmatched(line),
            };
            mentions.insert(digest, mention);
        }
        mentions
    }

    fn put(&mut self, document: Transaction, version: Option<crate::store::Version>) -> Change {
        let mut document = document;
        if self.counting.is_none() {
            // Whole inputs: the last line is the day on which it is read.
            document.tell_end(self.latest, self.lifetime_ms);
        }
        self.note_mail(&document);
        Change::Put {
            document: Document::Transaction(Box::new(document)),
            version,
        }
    }

    fn note(&mut self, document: &Document) {
        match document {
            Document::Transaction(transaction) => self.note_mail(transaction),
            Document::Record(record) => {
                let id = self.hasher.hash_one(&record.id);
                self.written.insert(id, ("record", String::new()));
            }
            Document::Slice(_) | Document::Template(_) => {}
        }
    }

    fn note_mail(&mut self, document: &Transaction) {
        self.written.insert(
            self.hasher.hash_one(&document.id),
            (document.kind.word(), document.status.clone()),
        );
    }
}

fn id_of(change: &Change) -> &str {
    match change {
        Change::Put { document, .. } => document.id(),
        Change::Remove { id, .. } => id,
    }
}

/// Equal but for the rule set that read the lines? Then nothing needs to be written.
fn same(new: &Transaction, old: &Transaction) -> bool {
    new == old
}

/// The document that took over the lines of a provisional one remembers its id, so that links in tickets live on.
fn inherit(documents: &mut [Transaction], changes: &mut [Change], old: &Transaction) {
    if old.kind != TransactionKind::Mail {
        return;
    }
    let put = changes.iter_mut().filter_map(|change| match change {
        Change::Put {
            document: Document::Transaction(document),
            ..
        } => Some(&mut **document),
        Change::Put { .. } | Change::Remove { .. } => None,
    });
    let mut heirs: Vec<&mut Transaction> = documents.iter_mut().chain(put).collect();
    let has_its_lines = |heir: &Transaction| old.lines.first().is_some_and(|line| heir.lines.contains(line));
    let index = heirs.iter().position(|heir| has_its_lines(heir)).unwrap_or_default();
    if let Some(heir) = heirs.get_mut(index) {
        for id in old.was.iter().chain([&old.id]) {
            if !heir.was.contains(id) && *id != heir.id {
                heir.was.push(id.clone());
            }
        }
    }
}
