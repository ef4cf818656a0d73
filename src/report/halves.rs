//! The two halves of a message that went through a pipe filter: their documents know nothing of each other, and the message
//! counts once. So a mail that may be a half waits for the other one.

use std::collections::HashMap;

use crate::transaction::{Link, Relation, Transaction};

/// So many wait at most.
const MOST: usize = 10_000;

/// Mails that may be halves, by host and Message-ID.
#[derive(Debug, Default)]
pub(super) struct Halves {
    waiting: HashMap<(String, String), Vec<Transaction>>,
    count: usize,
}

impl Halves {
    /// Keeps a mail that may be a half. False if it cannot be one.
    pub(super) fn keep(&mut self, mail: &Transaction) -> bool {
        let Some(message_id) = mail
            .message_id
            .as_ref()
            .filter(|_| mail.is_piped() || mail.is_submitted_here())
        else {
            return false;
        };
        let mut mail = mail.clone();
        mail.lines = Vec::new();
        mail.memory = None;
        let key = (mail.host.clone(), message_id.clone());
        self.waiting.entry(key).or_default().push(mail);
        self.count += 1;
        true
    }

    /// Do more wait than may?
    pub(super) fn is_full(&self) -> bool {
        self.count > MOST
    }

    /// All that wait, by time; the halves that were found are linked.
    pub(super) fn take(&mut self) -> Vec<Transaction> {
        self.count = 0;
        let mut all: Vec<Transaction> = Vec::new();
        for (_, mut mails) in self.waiting.drain() {
            mails.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
            join(&mut mails);
            all.append(&mut mails);
        }
        all.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        all
    }
}

/// Links each second half with the nearest first one before it.
fn join(mails: &mut [Transaction]) {
    for second in 1..mails.len() {
        let (before, from) = mails.split_at_mut(second);
        let Some(after) = from.first_mut() else { continue };
        if let Some(first) = before.iter_mut().rev().find(|first| first.is_resubmitted_as(after)) {
            let link = |rel, other: &Transaction| Link {
                rel,
                queue_id: other.queue_id.clone().unwrap_or_default(),
            };
            let (forth, back) = (link(Relation::ResentAs, after), link(Relation::ResentFrom, first));
            first.links.push(forth);
            after.links.push(back);
        }
    }
}
