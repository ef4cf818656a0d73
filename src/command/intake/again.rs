//! Documents that are there already, told anew: their lines are read again with today's rules.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Result;

use super::{BATCH, Intake};
use crate::assemble::evidence::{remembered, remembered_of_record};
use crate::assemble::{self, Mention, Mentions};
use crate::line::{Line, Moment};
use crate::query::{Cursor, Page, Query};
use crate::store::Change;
use crate::transaction::{Document, Record, Transaction, TransactionKind};

impl Intake<'_> {
    /// Reads the lines of messages that are not over again, with today's rules. Returns how many queue ids.
    pub(in crate::command) fn read_open_again(&mut self, since: Moment) -> Result<usize> {
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
        let written = self.write(groups.collect()).and_then(|()| self.hear_answers());
        self.again = false;
        written.map(|()| keys.len())
    }

    /// Takes a document that was made before: its lines are read again and united with what the store has.
    pub(in crate::command) fn document(&mut self, document: &Transaction) -> Result<()> {
        // A refusal without a queue id is one line: whoever has it has it whole.
        let Some(queue_id) = &document.queue_id else {
            return Ok(());
        };
        let group = Mentions::new(document.host.as_str().into(), queue_id.as_str().into());
        let mentions = self.lines_of(document, &group);
        self.write(vec![mentions])
    }

    /// Takes the lines of a stored document as if they were read again, with today's rules. Returns how many.
    pub(in crate::command) fn stored_again(&mut self, document: &Document) -> Result<u64> {
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
        let Some(line) = Line::again(&old.raw, old.at, old.ordinal) else {
            return Ok(0);
        };
        let line = Arc::new(line.of_host(record.host.as_str().into()));
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
            let Some(line) = Line::again(&old.raw, old.at, old.ordinal) else {
                continue;
            };
            count += 1;
            let line = Arc::new(line.of_host(document.host.as_str().into()));
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

    /// The lines that a stored document remembers, read again with today's rules.
    pub(super) fn lines_of(&mut self, document: &Transaction, group: &Mentions) -> Mentions {
        let mut mentions = Mentions::new(group.host.clone(), group.queue_id.clone());
        for old in remembered(document) {
            let Some(line) = Line::again(&old.raw, old.at, old.ordinal) else {
                continue;
            };
            let line = Arc::new(line.of_host(group.host.clone()));
            let digest = line.digest();
            let mention = match self.rules.event(&line, &mut self.scratch) {
                Some(event) => Mention::Event(event),
                None => Mention::Unmatched(line),
            };
            mentions.insert(digest, mention);
        }
        mentions
    }
}
