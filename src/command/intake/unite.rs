//! What was read of a queue id and what the store has of it become one.
//!
//! The hard part is that others write, too: what changed meanwhile is read and united once more, until nobody was faster.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use anyhow::{Context as _, Result, bail};

use super::{Intake, MAX_ROUNDS};
use crate::assemble::{self, Mention, Mentions};
use crate::event::Kind;
use crate::store::{Change, QueueKey, Stored};
use crate::transaction::{Document, Transaction, TransactionKind};

/// So many writes may wait for their answers.
const MOST_BEHIND: usize = 3;

/// What was written and is not answered for.
#[derive(Default)]
pub(super) struct Behind {
    groups: Vec<Mentions>,
    owners: Owners,
}

/// A hash of the id of each change, and the place of its group.
type Owners = Vec<(u64, usize)>;

impl Behind {
    fn has_any_of(&self, groups: &[Mentions]) -> bool {
        let own: HashSet<_> = self.groups.iter().map(key_of).collect();
        groups.iter().any(|group| own.contains(&key_of(group)))
    }

    /// The groups with which somebody else was faster.
    fn lost(self, conflicts: &[String], hasher: &RandomState) -> Vec<Mentions> {
        if conflicts.is_empty() {
            return Vec::new();
        }
        let conflicts: HashSet<u64> = conflicts.iter().map(|id| hasher.hash_one(id)).collect();
        let of_conflict = |(hash, index): (u64, usize)| conflicts.contains(&hash).then_some(index);
        let lost: HashSet<usize> = self.owners.into_iter().filter_map(of_conflict).collect();
        let groups = self.groups.into_iter().enumerate();
        groups
            .filter(|(index, _)| lost.contains(index))
            .map(|(_, group)| group)
            .collect()
    }
}

fn key_of(group: &Mentions) -> (&str, &str) {
    (&group.host, &group.queue_id)
}

impl Intake<'_> {
    /// Where another process gave a life another id because one of both had not seen its start, both become one.
    pub(super) fn unite_rivals(&mut self) -> Result<()> {
        for _ in 0..MAX_ROUNDS {
            let rivals = self.store.rivals()?;
            if rivals.is_empty() {
                return Ok(());
            }
            let groups = rivals
                .into_iter()
                .map(|key| Mentions::new(key.host.into(), key.queue_id.into()));
            self.write(groups.collect())?;
            self.commit_store()?;
        }
        bail!("other writers changed the same queue ids {MAX_ROUNDS} times in a row")
    }

    pub(super) fn write(&mut self, groups: Vec<Mentions>) -> Result<()> {
        let portion = self.store.portion();
        let mut groups = groups.into_iter();
        while groups.len() > 0 {
            self.write_batch(groups.by_ref().take(portion).collect())?;
        }
        Ok(())
    }

    /// Unites with what the store has and writes, though the store may answer later.
    fn write_batch(&mut self, mut groups: Vec<Mentions>) -> Result<()> {
        if self.behind.iter().any(|behind| behind.has_any_of(&groups)) {
            self.hear_answers()?;
        }
        let (changes, owners) = self.united(&mut groups)?;
        self.write_behind(changes, Behind { groups, owners })
    }

    /// Writes changes, though the store may answer later.
    pub(super) fn write_behind(&mut self, changes: Vec<Change>, behind: Behind) -> Result<()> {
        while self.behind.len() >= MOST_BEHIND {
            self.hear_answer()?;
        }
        match self.store.write_behind(changes)? {
            None => {
                self.behind.push_back(behind);
                Ok(())
            }
            Some(conflicts) => self.write_again(behind.lost(&conflicts, &self.hasher)),
        }
    }

    /// Waits for the answers to all that was written behind.
    pub(super) fn hear_answers(&mut self) -> Result<()> {
        while !self.behind.is_empty() {
            self.hear_answer()?;
        }
        Ok(())
    }

    fn hear_answer(&mut self) -> Result<()> {
        let Some(behind) = self.behind.pop_front() else {
            return Ok(());
        };
        let conflicts = self.store.answer()?;
        self.write_again(behind.lost(&conflicts, &self.hasher))
    }

    /// Unites and writes those where another writer was faster, until none was.
    fn write_again(&mut self, mut groups: Vec<Mentions>) -> Result<()> {
        for _ in 0..MAX_ROUNDS {
            if groups.is_empty() {
                return Ok(());
            }
            let (changes, owners) = self.united(&mut groups)?;
            let conflicts = self.store.write(changes)?;
            groups = Behind { groups, owners }.lost(&conflicts, &self.hasher);
        }
        bail!(
            "other writers changed the same {} queue ids {MAX_ROUNDS} times in a row",
            groups.len()
        )
    }

    /// The changes that these lines make of what the store has, and whose they are.
    fn united(&mut self, groups: &mut [Mentions]) -> Result<(Vec<Change>, Owners)> {
        let known = self.known(groups)?;
        let mut changes = Vec::with_capacity(groups.len());
        // By a hash of the ids: two that have the same are only written once more.
        let mut owners = Vec::with_capacity(groups.len());
        for (index, (mentions, stored)) in groups.iter_mut().zip(known).enumerate() {
            for change in self.changes(mentions, stored) {
                owners.push((self.hasher.hash_one(id_of(&change)), index));
                changes.push(change);
            }
        }
        Ok((changes, owners))
    }

    /// What the store has of each queue id.
    fn known(&mut self, groups: &[Mentions]) -> Result<Vec<Vec<Stored>>> {
        let mut known: Vec<Vec<Stored>> = groups.iter().map(|_| Vec::new()).collect();
        let (mut indices, mut keys) = (Vec::new(), Vec::new());
        let mut key = QueueKey::default();
        for (index, mentions) in groups.iter().enumerate() {
            key.host.clear();
            key.host.push_str(&mentions.host);
            key.queue_id.clear();
            key.queue_id.push_str(&mentions.queue_id);
            if self.store.may_hold(&key, self.has_all_since_start(mentions)) {
                indices.push(index);
                keys.push(key.clone());
            }
        }
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

    /// Is the start among the lines, and none of an earlier run?
    fn has_all_since_start(&self, mentions: &Mentions) -> bool {
        let is_resumed = || {
            let key = (mentions.host.clone(), mentions.queue_id.to_string());
            self.resumed.contains(&key)
        };
        is_begun(mentions) && (self.resumed.is_empty() || !is_resumed())
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
                let mut document = documents.swap_remove(index);
                remember(&mut document, &old.was);
                if nothing_new || document == *old {
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
}

/// Is the start of the message among the lines? Then the id of its document is the final one. The start of another that
/// was requeued or bounced from it is none.
fn is_begun(mentions: &Mentions) -> bool {
    let mut events = mentions.iter().filter_map(Mention::event);
    events.any(|event| event.kind == Kind::Queued && mentions.owns(event))
}

fn id_of(change: &Change) -> &str {
    match change {
        Change::Put { document, .. } => document.id(),
        Change::Remove { id, .. } => id,
    }
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
        remember(heir, &old.was);
        remember(heir, std::slice::from_ref(&old.id));
    }
}

/// From now on the document is found by these ids, too.
fn remember(document: &mut Transaction, ids: &[String]) {
    for id in ids {
        if !document.was.contains(id) && *id != document.id {
            document.was.push(id.clone());
        }
    }
}
