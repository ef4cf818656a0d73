//! Counts the documents of a subject.

use std::collections::{BTreeMap, HashSet};

use super::logins::name;
use super::names::Names;
use super::subject::Subject;
use super::{Ask, Hour, MAX_LISTED, Queued, Reached, Who};
use crate::line::Moment;
use crate::report::{Reason, is_notice};
use crate::transaction::{Document, Recipient, Record, Relation, Status, Transaction, TransactionKind};
use crate::unmatched::template;

/// So many queue ids are held to see where messages go on.
const MAX_IDS: usize = 2_000_000;
/// An hour stands out from this many messages on, and this many times the middle one.
const LOUD: u64 = 10;
const LOUDER: u64 = 5;
const HOUR_MS: i64 = 3_600_000;
/// So many hours are told one by one; a stamp that is wrong by years must not make millions.
const MAX_HOURS: usize = 100_000;

/// What was counted so far.
pub(super) struct Count<'s> {
    subject: &'s Subject,
    ask: Ask,
    who: Who,
    /// Queue ids that a next hop gave to messages of the subject.
    given: HashSet<String>,
    /// Queue ids of the subject's documents.
    own: HashSet<String>,
    hours: BTreeMap<i64, u64>,
    clients: Names<u64>,
    reasons: Names<(u64, String)>,
    recipients: Names<(u64, u64)>,
    queued: BTreeMap<(Moment, String, String), Queued>,
}

impl<'s> Count<'s> {
    pub(super) fn new(subject: &'s Subject, ask: Ask) -> Self {
        Self {
            subject,
            ask,
            who: Who::default(),
            given: HashSet::new(),
            own: HashSet::new(),
            hours: BTreeMap::new(),
            clients: Names::default(),
            reasons: Names::default(),
            recipients: Names::default(),
            queued: BTreeMap::new(),
        }
    }

    /// First, of every document: where does the message go on?
    pub(super) fn learn(&mut self, document: &Document) {
        let mail = document.transaction().filter(|one| one.kind == TransactionKind::Mail);
        let Some(mail) = mail else { return };
        if self.own.len() + self.given.len() >= MAX_IDS {
            self.who.approximate = true;
            return;
        }
        self.own.extend(mail.queue_id.clone());
        let next = mail.to.iter().filter_map(|to| to.next.as_ref());
        self.given.extend(next.map(|next| next.queue_id.clone()));
    }

    /// Then, of every document in which the subject acts.
    pub(super) fn sent(&mut self, document: &Document) {
        match document {
            Document::Transaction(transaction) => {
                self.seen(transaction.at, transaction.end);
                match transaction.kind {
                    TransactionKind::Mail => self.mail(transaction),
                    TransactionKind::Reject => self.refused(transaction),
                    TransactionKind::Session => self.session(transaction),
                }
            }
            Document::Record(record) => {
                self.seen(record.at, record.at);
                // A closed set: the rules.
                *self.who.record_rules.entry(record.rule.clone()).or_default() += 1;
            }
            Document::Slice(_) | Document::Template(_) => {}
        }
    }

    /// And of every document in which mail is for the subject.
    pub(super) fn received(&mut self, document: &Document) {
        let Some(transaction) = document.transaction() else {
            return;
        };
        self.seen(transaction.at, transaction.end);
        let subject = self.subject;
        for to in transaction.to.iter().filter(|to| subject.is_recipient(to)) {
            if transaction.kind == TransactionKind::Mail && self.ends_here(transaction, to) {
                *self.who.received.entry(to.status).or_default() += 1;
            }
        }
        let refused = transaction.reject.iter().filter(|reject| is_final(&reject.action));
        let refused = refused.filter(|reject| reject.to.as_deref().is_some_and(|to| subject.is_refused(to)));
        let count = refused.count() as u64 * transaction.count.unwrap_or(1);
        if count > 0 {
            *self.who.received.entry(Status::Rejected).or_default() += count;
        }
    }

    fn seen(&mut self, from: Moment, to: Moment) {
        let Who { first, last, .. } = &mut self.who;
        *first = Some(first.map_or(from, |first| first.min(from)));
        *last = Some(last.map_or(to, |last| last.max(to)));
    }

    fn session(&mut self, session: &Transaction) {
        // A closed set: how sessions end.
        let outcome = session.outcome.as_deref().unwrap_or("unknown").to_owned();
        *self.who.sessions.entry(outcome).or_default() += session.count.unwrap_or(1);
        self.client(session, 0);
    }

    fn refused(&mut self, transaction: &Transaction) {
        let count = transaction.count.unwrap_or(1);
        for reject in transaction.reject.iter().filter(|reject| is_final(&reject.action)) {
            self.who.rejects += count;
            self.reason(&reject.reason, count);
        }
        self.client(transaction, 0);
    }

    fn reason(&mut self, reason: &str, count: u64) {
        if let Some((sum, example)) = self.reasons.of(template(reason)) {
            *sum += count;
            // Whatever the order of the documents.
            if example.is_empty() || reason < example.as_str() {
                reason.clone_into(example);
            }
        }
    }

    fn mail(&mut self, mail: &Transaction) {
        if mail.open && !is_only_begun(mail) {
            self.open(mail);
        }
        for to in &mail.to {
            if self.ends_here(mail, to) {
                *self.who.outcomes.entry(to.status).or_default() += 1;
                self.recipient(to);
            }
        }
        for (status, count) in &mail.to_more {
            *self.who.outcomes.entry(*status).or_default() += count;
        }
        for reject in mail.reject.iter().filter(|reject| is_final(&reject.action)) {
            self.who.rejects += 1;
            self.reason(&reject.reason, 1);
        }
        if is_notice(mail) || self.comes_from_own(mail) {
            return;
        }
        // The client was gone, or changed its mind, before the message was complete.
        let ended = mail.outcome.as_deref().or(is_only_begun(mail).then_some("no_mail"));
        if let Some(outcome) = ended {
            *self.who.sessions.entry(outcome.to_owned()).or_default() += 1;
            self.client(mail, 0);
            return;
        }
        *self.who.mails.entry(mail.status.clone()).or_default() += 1;
        let first = &mut self.who.first_mail;
        *first = Some(first.map_or(mail.at, |first| first.min(mail.at)));
        let hour = mail.at.0.div_euclid(HOUR_MS);
        if self.hours.len() < MAX_HOURS || self.hours.contains_key(&hour) {
            *self.hours.entry(hour).or_default() += 1;
        }
        self.client(mail, 1);
    }

    /// Is this how another document of the subject goes on?
    fn comes_from_own(&self, mail: &Transaction) -> bool {
        use Relation::{ClonedFrom, FilteredFrom, ForwardedFrom, RequeuedFrom, ResentFrom, SubmittedFrom};
        let mut before = mail.links.iter().filter(|link| {
            matches!(
                link.rel,
                ClonedFrom | FilteredFrom | ForwardedFrom | RequeuedFrom | ResentFrom | SubmittedFrom
            )
        });
        mail.queue_id.as_ref().is_some_and(|id| self.given.contains(id))
            || before.any(|link| self.own.contains(&link.queue_id))
    }

    /// Is there no document of the subject that tells more about this recipient?
    fn ends_here(&self, mail: &Transaction, to: &Recipient) -> bool {
        use Relation::{FilteredTo, RequeuedAs, ResentAs, SubmittedAs};
        let mut after = mail
            .links
            .iter()
            .filter(|link| matches!(link.rel, FilteredTo | SubmittedAs | ResentAs | RequeuedAs));
        let hands_on = after.any(|link| self.own.contains(&link.queue_id));
        let next = to.next.as_ref().is_some_and(|next| self.own.contains(&next.queue_id));
        !(hands_on && (to.status.is_success() || !to.status.is_final()) || next && to.status.is_success())
    }

    fn recipient(&mut self, to: &Recipient) {
        let address = to.orig.as_ref().unwrap_or(&to.address).to_lowercase();
        let has_it = matches!(to.status, Status::Delivered | Status::Relayed | Status::Expanded);
        if let Some((count, reached)) = self.recipients.of(address) {
            *count += 1;
            *reached += u64::from(has_it);
        }
    }

    fn open(&mut self, mail: &Transaction) {
        self.who.queued_total += 1;
        let queue_id = mail.queue_id.clone().unwrap_or_default();
        let queued = Queued {
            host: mail.host.clone(),
            queue_id: queue_id.clone(),
            status: mail.status.clone(),
            at: mail.at,
            lost: self.ask.now.0.saturating_sub(mail.at.0) > self.ask.lifetime_ms,
        };
        self.queued.insert((mail.at, mail.host.clone(), queue_id), queued);
        if self.queued.len() > MAX_LISTED {
            self.queued.pop_last();
        }
    }

    fn client(&mut self, transaction: &Transaction, mails: u64) {
        let Some(client) = &transaction.client else { return };
        let name = name(
            client.host.as_deref(),
            client.ip.as_deref(),
            client.sasl_user.as_deref(),
        );
        if !name.is_empty() {
            self.clients.add(name, mails);
        }
    }

    pub(super) fn into_who(self, subject: &str) -> Who {
        let approximate = self.who.approximate || self.clients.cut || self.reasons.cut || self.recipients.cut;
        let recipients = self.recipients.sorted(|(count, _)| *count).into_iter();
        let reasons = self.reasons.sorted(|(count, _)| *count).into_iter().take(MAX_LISTED);
        let reasons = reasons.map(|(template, (count, example))| Reason {
            template,
            count,
            example,
        });
        Who {
            subject: subject.to_owned(),
            hours: hours(&self.hours),
            clients: self.clients.named(),
            reasons: reasons.collect(),
            recipients: recipients
                .map(|(name, (count, reached))| Reached { name, count, reached })
                .collect(),
            queued: self.queued.into_values().collect(),
            approximate,
            ..self.who
        }
    }
}

/// A queue id was given, and no line tells that a message came.
fn is_only_begun(mail: &Transaction) -> bool {
    mail.to.is_empty() && mail.nrcpt.is_none() && mail.message_id.is_none() && mail.status == "queued"
}

/// The hours with the ones that stand out from the middle one.
fn hours(counts: &BTreeMap<i64, u64>) -> Vec<Hour> {
    let mut sorted: Vec<u64> = counts.values().copied().collect();
    sorted.sort_unstable();
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let hour = |(hour, mails): (&i64, &u64)| Hour {
        hour: Moment(hour * HOUR_MS).rfc3339().chars().take(13).collect(),
        mails: *mails,
        stands_out: counts.len() > 2 && *mails >= LOUD.max(LOUDER * middle),
    };
    counts.iter().map(hour).collect()
}

fn is_final(action: &str) -> bool {
    matches!(action, "reject" | "milter-reject" | "proxy-reject")
}

/// As others may see it.
pub(super) fn record(document: Document) -> Option<Record> {
    let Document::Record(mut record) = document else {
        return None;
    };
    record.lines.clear();
    record.memory = None;
    Some(*record)
}
