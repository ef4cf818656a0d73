//! From lines to stored documents: the one place where reading, rules, assembly and store meet.
//!
//! What leaves memory meets what the store has of the same queue id: the stored lines are read again, the sets are
//! united, and the documents are made anew. So nothing is ever overwritten with less, and a second reading of a log
//! ends with the same documents.

mod again;
mod beside;
mod unite;

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use anyhow::Result;

use crate::assemble::mention::{leading_queue_id, queue_ids};
use crate::assemble::{self, Companions, Locality, Mentions, Open, Sessions, Told};
use crate::event::{Event, Kind};
use crate::ledger::{Counting, Ledger};
use crate::line::{Digest, Line, Moment, Origin};
use crate::rule::{RuleSet, Scratch};
use crate::state::Waiting;
use crate::store::{Change, Store};
use crate::transaction::{Counts, Document, QUEUE_LIFETIME_MS, Transaction};

use unite::Behind;

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
    /// What other programs said without a queue id.
    companions: Companions,
    /// What the sessions and the companions told, while it is looked at.
    told: Vec<Told>,
    /// Documents without a queue id, not yet written: refusals, sessions, records.
    alone: Vec<Alone>,
    /// Ids of such documents that are part of a mail now.
    withdrawn: Vec<String>,
    /// Queue ids that left `open`, to be written together,
    ready: Vec<Mentions>,
    /// once they are so many.
    most_ready: usize,
    /// Lines of queue ids of which no rule knew any line.
    waiting: WaitingLines,
    /// Queue ids of which an earlier run kept a line back: it has written the others, though the start is here.
    resumed: HashSet<(Arc<str>, String)>,
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
    /// What was written and is not answered for.
    behind: VecDeque<Behind>,
    hasher: RandomState,
}

/// What becomes a document without a queue id.
enum Alone {
    /// A refusal or a record.
    Line(Digest, Event),
    Session(Box<Transaction>),
}

impl Alone {
    /// Is it of the line with this digest, which was said then?
    fn is_of(&self, digest: Digest, at: Moment) -> bool {
        match self {
            Self::Line(own, _) => *own == digest,
            Self::Session(session) => session.id == digest.id_at(at),
        }
    }

    fn into_document(self) -> Option<Document> {
        match self {
            Self::Line(digest, event) => assemble::alone(digest, &event),
            Self::Session(session) => Some(Document::Transaction(session)),
        }
    }
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
        let most_ready = store.portion().min(max_open);
        Self {
            rules,
            scratch: Scratch::default(),
            open: Open::new(locality.clone(), max_open),
            locality,
            store,
            sessions: Sessions::default(),
            companions: Companions::default(),
            told: Vec::new(),
            alone: Vec::new(),
            withdrawn: Vec::new(),
            ready: Vec::new(),
            most_ready,
            waiting: WaitingLines::default(),
            resumed: HashSet::new(),
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
            behind: VecDeque::new(),
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
            counting.saved();
        }
    }

    /// Takes up lines that waited when an earlier run ended, with today's rules.
    pub(super) fn resume(&mut self, waiting: &[Waiting]) {
        for old in waiting {
            let Some(line) = old.line() else { continue };
            let line = Arc::new(line);
            let digest = line.digest();
            match self.rules.event(&line, &mut self.scratch) {
                Some(event) if old.beside && !self.sessions.untold => {
                    self.companions.resume(digest, &event, &old.queue_id);
                }
                Some(event) => {
                    let ids = queue_ids(&event, &self.locality).into_iter();
                    self.resumed
                        .extend(ids.map(|id| (Arc::clone(&event.line.host), id.to_owned())));
                    self.keep(digest, event);
                }
                None if old.queue_id.is_empty() => {}
                None => self.open.add_unmatched(digest, line, &old.queue_id),
            }
        }
    }

    /// Lines that wait for others of their queue id, and those of sessions that go on.
    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.to_save();
        waiting.extend(self.sessions.lines().iter().map(|line| Waiting::of(line, "")));
        let beside = self.companions.lines();
        waiting.extend(beside.iter().map(|(line, queue_id)| Waiting {
            beside: true,
            ..Waiting::of(line, queue_id)
        }));
        waiting
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
        self.ready.extend(finished);
        if self.ready.len() >= self.most_ready {
            self.write_ready()?;
        }
        Ok(())
    }

    /// Writes all that is in memory.
    fn write_rest(&mut self) -> Result<()> {
        let rest = self.open.take_all();
        self.ready.extend(rest);
        self.write_ready()?;
        self.write_alone()
    }

    /// All that was written is answered for, safe and found.
    fn commit_store(&mut self) -> Result<()> {
        self.hear_answers()?;
        Ok(self.store.commit()?)
    }

    /// Writes what left the open ids: in an order that tells nothing of how they stood there. One that came back meanwhile
    /// left several times.
    fn write_ready(&mut self) -> Result<()> {
        let mut ready = std::mem::take(&mut self.ready);
        ready.sort_by(|a, b| (&a.host, &a.queue_id).cmp(&(&b.host, &b.queue_id)));
        ready.dedup_by(|later, kept| {
            let same = (&later.host, &later.queue_id) == (&kept.host, &kept.queue_id);
            if same {
                kept.merge(std::mem::take(later));
            }
            same
        });
        self.write(ready)
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
        // Of a part of a host's lines nobody can tell of which message a companion speaks.
        let kept = !self.sessions.untold && self.companions.note(digest, &event, &mut self.told) || kept;
        self.take_told();
        if let Some(event) = self.open.add(digest, event).filter(|_| !kept)
            && assemble::is_worth_a_record(&event)
        {
            self.alone.push(Alone::Line(digest, event));
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
                Told::Alone(digest, event) => self.alone.push(Alone::Line(digest, event)),
                Told::Session(session) => self.alone.push(Alone::Session(session)),
                Told::Withdrawn(digest, at) => {
                    self.alone.retain(|alone| !alone.is_of(digest, at));
                    self.withdrawn.push(digest.id_at(at));
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
        self.companions.settle(&mut self.told);
        self.take_told();
        self.write_rest()?;
        self.write_slices()?;
        let rules = self.rules.fingerprint();
        self.templates.write(self.store, self.counting.as_ref(), rules)?;
        self.commit_store()?;
        self.join_what_is_stored()?;
        self.unite_rivals()?;
        self.resumed.clear();
        Ok(())
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

    /// What has no queue id is whole when it is written: whoever has it has the same.
    fn write_alone(&mut self) -> Result<()> {
        let put = |document| Change::Put {
            document,
            version: None,
        };
        let portion = self.store.portion();
        let mut changes = Vec::with_capacity(portion);
        for document in std::mem::take(&mut self.alone) {
            let Some(document) = document.into_document() else {
                continue;
            };
            self.note(&document);
            changes.push(put(document));
            if changes.len() >= portion {
                let full = std::mem::replace(&mut changes, Vec::with_capacity(portion));
                self.write_behind(full, Behind::default())?;
            }
        }
        if !self.withdrawn.is_empty() {
            // What goes must have come.
            self.hear_answers()?;
            let remove = |id| Change::Remove { id, version: None };
            changes.extend(std::mem::take(&mut self.withdrawn).into_iter().map(remove));
        }
        self.write_behind(changes, Behind::default())
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
