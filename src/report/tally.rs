//! Counts documents.
//!
//! * **Received** is a mail that begins here: no second leg of a filter or a local submission, no notice, not what an
//!   alias, a split list or a requeue goes on as, and not what its client left before the end.
//! * **A recipient's outcome** is told by the document where its way ends: not by the leg before the filter, nor by an
//!   alias that went on under another id. What a pipe filter handed in again is found by its Message-ID.
//! * **Deferrals** are attempts, so a message counts as often as it was put off, on every leg.

use std::collections::BTreeMap;

use chrono::{DateTime, Timelike as _};

use super::counter::{Names, Shapes};
use super::halves::Halves;
use super::quantiles::Quantiles;
use super::{Day, Different, Reasons, Report, Row, Tls, Top, Traffic};
use crate::line::Moment;
use crate::transaction::{Document, Recipient, Record, Relation, Slice, Status, Transaction, TransactionKind};
use crate::unmatched::template;

/// So many days are told one by one; a stamp that is wrong by years must not make thousands.
const MAX_DAYS: usize = 4_000;

/// Counts documents, in any order, each once.
#[derive(Debug, Default)]
pub struct Tally {
    sums: Report,
    halves: Halves,
    days: BTreeMap<i64, Traffic>,
    hours: [Traffic; 24],
    senders: Names,
    sender_domains: Names,
    recipients: Names,
    recipient_domains: Names,
    relays: Names,
    clients: Names,
    users: Names,
    refused: Names,
    hosts: Names,
    rejected: Shapes,
    deferred: Shapes,
    bounced: Shapes,
    warnings: Shapes,
    panics: Shapes,
    /// Total, before queue, in queue, connect, transmit.
    delays: [Quantiles; 5],
}

/// Names of the delays, in the order of [`Tally`].
const DELAYS: [&str; 5] = ["total", "before_queue", "in_queue", "connect", "transmit"];

impl Tally {
    /// Counts a document.
    pub fn add(&mut self, document: &Document) {
        match document {
            Document::Slice(slice) => self.slice(slice),
            Document::Transaction(transaction) => self.transaction(transaction),
            Document::Record(record) => self.record(record),
            Document::Template(_) => {}
        }
    }

    /// What was counted, with so many rows a list.
    pub fn report(&mut self, rows: usize) -> Report {
        self.count_halves();
        let hours = self.hours.to_vec();
        let days = self.days.iter().map(|(day, traffic)| Day {
            day: day_name(*day),
            traffic: *traffic,
        });
        let names = [
            &self.senders,
            &self.sender_domains,
            &self.recipients,
            &self.recipient_domains,
            &self.relays,
            &self.clients,
            &self.users,
            &self.refused,
        ];
        let shapes = [&self.rejected, &self.deferred, &self.bounced, &self.warnings];
        let delays = DELAYS.iter().zip(&self.delays);
        let delays = delays.filter(|(_, delays)| delays.spread().count > 0);
        Report {
            different: Different {
                senders: self.senders.len(),
                sender_domains: self.sender_domains.len(),
                recipients: self.recipients.len(),
                recipient_domains: self.recipient_domains.len(),
            },
            days: days.collect(),
            hours,
            top: self.top(rows),
            reasons: Reasons {
                rejected: self.rejected.top(rows),
                deferred: self.deferred.top(rows),
                bounced: self.bounced.top(rows),
                warnings: self.warnings.top(rows),
                panics: self.panics.top(rows),
            },
            delays_s: delays
                .map(|(name, delays)| ((*name).to_owned(), delays.spread()))
                .collect(),
            hosts: self.hosts.top(rows, |sums| sums.count),
            approximate: names.iter().any(|names| names.approximate) || shapes.iter().any(|shapes| shapes.approximate),
            ..self.sums.clone()
        }
    }

    fn top(&self, rows: usize) -> Top {
        let by_count = |names: &Names| -> Vec<Row> { names.top(rows, |sums| sums.count) };
        Top {
            senders: by_count(&self.senders),
            senders_by_size: self.senders.top(rows, |sums| sums.bytes),
            sender_domains: by_count(&self.sender_domains),
            recipients: by_count(&self.recipients),
            recipients_by_size: self.recipients.top(rows, |sums| sums.bytes),
            recipient_domains: self
                .recipient_domains
                .top(rows, |sums| sums.count + sums.deferrals + sums.bounced),
            relays: by_count(&self.relays),
            clients: by_count(&self.clients),
            users: by_count(&self.users),
            refused_clients: by_count(&self.refused),
        }
    }

    fn record(&mut self, record: &Record) {
        match record.severity.as_str() {
            "warning" => self.warnings.add(&record.text, 1, template),
            "error" | "fatal" | "panic" => self.panics.add(&record.text, 1, template),
            _ => {}
        }
    }

    fn slice(&mut self, slice: &Slice) {
        self.sums.lines += slice.counts.new;
        self.sums.unmatched_lines += slice.counts.unmatched;
    }

    fn transaction(&mut self, transaction: &Transaction) {
        let (from, to) = (&mut self.sums.from, &mut self.sums.to);
        *from = Some(from.map_or(transaction.at, |from| from.min(transaction.at)));
        *to = Some(to.map_or(transaction.end, |to| to.max(transaction.end)));
        for warning in &transaction.warnings {
            self.warnings.add(warning, 1, template);
        }
        if transaction.kind == TransactionKind::Reject {
            self.refusal(transaction);
        } else if transaction.kind == TransactionKind::Mail {
            if !self.halves.keep(transaction) {
                self.mail(transaction);
            } else if self.halves.is_full() {
                self.count_halves();
            }
        } else {
            let count = transaction.count.unwrap_or(1);
            let outcome = transaction.outcome.as_deref().unwrap_or("unknown");
            self.sums.sessions += count;
            *self.sums.outcomes.entry(outcome.to_owned()).or_default() += count;
        }
    }

    fn refusal(&mut self, transaction: &Transaction) {
        let count = transaction.count.unwrap_or(1);
        for reject in &transaction.reject {
            self.refused(transaction, &transaction.status, reject.at, &reject.reason, count);
        }
    }

    fn refused(&mut self, transaction: &Transaction, word: &str, at: Moment, reason: &str, count: u64) {
        *self.sums.refusals.entry(word.to_owned()).or_default() += count;
        if word != "rejected" && word != "greylisted" {
            return;
        }
        self.sums.rejects += count;
        self.at(at, |traffic| traffic.rejected += count);
        self.rejected.add(reason, count, template);
        if let Some(client) = client(transaction) {
            self.refused.of(&client).count += count;
        }
    }

    /// Counts what waited for its other half.
    fn count_halves(&mut self) {
        for mail in self.halves.take() {
            self.mail(&mail);
        }
    }

    fn mail(&mut self, mail: &Transaction) {
        if is_notice(mail) || is_made_here(mail) {
            self.sums.notices += 1;
        } else if begins(mail) && mail.outcome.is_none() {
            self.received(mail);
        }
        for reject in &mail.reject {
            self.refused(mail, word_of(&reject.action), reject.at, &reject.reason, 1);
        }
        let goes_on = mail.links.iter().any(|link| {
            use Relation::{FilteredTo, RequeuedAs, ResentAs, SubmittedAs};
            matches!(link.rel, FilteredTo | SubmittedAs | ResentAs | RequeuedAs)
        });
        let mut put_off = 0;
        for to in &mail.to {
            put_off += self.attempts(to);
            // The document where the way ends tells the outcome.
            if goes_on && (to.status.is_success() || !to.status.is_final()) {
                continue;
            }
            self.outcome(mail, to);
        }
        for (status, count) in &mail.to_more {
            *self.sums.recipients.entry(status.word().to_owned()).or_default() += count;
        }
        if put_off > 0 {
            self.sums.deferred_mails += 1;
            self.sums.deferrals += put_off;
        }
    }

    fn received(&mut self, mail: &Transaction) {
        let size = mail.size.unwrap_or_default();
        self.sums.mails += 1;
        self.sums.bytes_received += size;
        self.at(mail.at, |traffic| traffic.received += 1);
        let count = |names: &mut Names, name: &str| {
            let sums = names.of(name);
            sums.count += 1;
            sums.bytes += size;
        };
        count(&mut self.hosts, &mail.host);
        let client = client(mail);
        match mail.from.as_deref() {
            Some("") => count(&mut self.senders, "<>"),
            Some(from) => count(&mut self.senders, &with_lower_domain(from)),
            None => {}
        }
        if let Some(domain) = mail.from_domain.as_ref().or(client.as_ref()) {
            count(&mut self.sender_domains, domain);
        }
        if let Some(client) = &client {
            count(&mut self.clients, client);
        }
        let Some(session) = mail.client.as_ref().filter(|client| client.ip.is_some()) else {
            return;
        };
        if let Some(user) = &session.sasl_user {
            count(&mut self.users, user);
        }
        let Tls {
            messages,
            encrypted,
            protocols,
        } = &mut self.sums.tls;
        *messages += 1;
        if let Some(tls) = &session.tls {
            *encrypted += 1;
            // A closed set in any real log.
            if let Some(protocol) = tls.protocol.as_ref().filter(|_| protocols.len() < 50) {
                *protocols.entry(protocol.clone()).or_default() += 1;
            }
        }
    }

    /// Counts how often a recipient was put off, and why. Returns how often.
    fn attempts(&mut self, to: &Recipient) -> u64 {
        let mut put_off = 0;
        for attempt in to.history.iter().filter(|attempt| attempt.status == Status::Deferred) {
            put_off += 1;
            self.at(attempt.at, |traffic| traffic.deferred += 1);
            if let Some(response) = &attempt.response {
                self.deferred.add(response, 1, template);
            }
        }
        // Attempts in the middle are not kept; they were between deferrals.
        if put_off > 0 {
            put_off += to.attempts.saturating_sub(to.history.len() as u64);
            let domain = to.domain.as_deref().unwrap_or(&to.address);
            self.recipient_domains.of(domain).deferrals += put_off;
        }
        put_off
    }

    fn outcome(&mut self, mail: &Transaction, to: &Recipient) {
        *self.sums.recipients.entry(to.status.word().to_owned()).or_default() += 1;
        let domain = to.domain.as_deref().unwrap_or(&to.address);
        let at = to.last_at.unwrap_or(mail.end);
        match to.status {
            Status::Delivered | Status::Relayed => {
                let size = mail.size.unwrap_or_default();
                self.sums.bytes_delivered += size;
                self.at(at, |traffic| traffic.delivered += 1);
                let address = with_lower_domain(&to.address);
                for sums in [self.recipients.of(&address), self.recipient_domains.of(domain)] {
                    sums.count += 1;
                    sums.bytes += size;
                    if let Some(delay) = to.delay_s {
                        sums.delay_ms += millis(delay);
                        sums.delays += 1;
                        sums.max_delay_s = sums.max_delay_s.max(delay);
                    }
                }
                let relay = to
                    .relay
                    .as_ref()
                    .and_then(|relay| relay.host.as_ref().or(relay.ip.as_ref()));
                if let Some(relay) = relay {
                    let sums = self.relays.of(&relay.to_lowercase());
                    sums.count += 1;
                    sums.bytes += size;
                }
                self.delays(to);
            }
            Status::Expanded => self.sums.forwarded += 1,
            Status::Bounced | Status::Expired => {
                self.at(at, |traffic| traffic.bounced += 1);
                self.recipient_domains.of(domain).bounced += 1;
                if let Some(response) = &to.response {
                    self.bounced.add(response, 1, template);
                }
            }
            _ => {}
        }
    }

    fn delays(&mut self, to: &Recipient) {
        let [total, before_queue, in_queue, connect, transmit] = &mut self.delays;
        if let Some(delay) = to.delay_s {
            total.add(delay);
        }
        if let Some(parts) = to.delays_s {
            before_queue.add(parts.before_queue);
            in_queue.add(parts.in_queue);
            connect.add(parts.connect);
            transmit.add(parts.transmit);
        }
    }

    fn at(&mut self, at: Moment, change: impl Fn(&mut Traffic)) {
        let hour = DateTime::from_timestamp_millis(at.0).map_or(0, |at| at.hour());
        if let Some(traffic) = self.hours.get_mut(hour as usize) {
            change(traffic);
        }
        let day = at.0.div_euclid(86_400_000);
        if self.days.len() < MAX_DAYS || self.days.contains_key(&day) {
            change(self.days.entry(day).or_default());
        }
    }
}

/// A bounce, a delay notice and the like.
pub(crate) fn is_notice(mail: &Transaction) -> bool {
    mail.links.iter().any(|link| {
        use Relation::{BounceOf, DelayNoticeOf, PostmasterNoticeOf, SuccessNoticeOf};
        matches!(
            link.rel,
            BounceOf | DelayNoticeOf | PostmasterNoticeOf | SuccessNoticeOf
        )
    })
}

/// Postfix made it itself: nobody handed it in, and no line is missing that could say who did. Such are its reports to the
/// postmaster about sessions, and its questions whether an address exists.
fn is_made_here(mail: &Transaction) -> bool {
    mail.mta.as_deref() == Some("postfix")
        && mail.client.is_none()
        && !mail.extra.contains_key("submitter")
        && !mail.extra.contains_key("uid")
        && !mail.missing.iter().any(|what| what == "start")
        && begins(mail)
}

/// Does the message begin here, as opposed to what went on under this queue id?
pub(crate) fn begins(mail: &Transaction) -> bool {
    !mail.leg
        && !mail.links.iter().any(|link| {
            use Relation::{ClonedFrom, FilteredFrom, ForwardedFrom, RequeuedFrom, ResentFrom, SubmittedFrom};
            matches!(
                link.rel,
                ClonedFrom | FilteredFrom | ForwardedFrom | RequeuedFrom | ResentFrom | SubmittedFrom
            )
        })
}

/// `app1.site.example` or `203.0.113.6`; None for a local submission.
fn client(transaction: &Transaction) -> Option<String> {
    let client = transaction.client.as_ref()?;
    client
        .host
        .as_ref()
        .or(client.ip.as_ref())
        .map(|name| name.to_lowercase())
}

/// What an action inside an accepted message is called in `refusals`.
fn word_of(action: &str) -> &'static str {
    match action {
        "hold" | "milter-hold" | "quarantine" => "held",
        "discard" | "milter-discard" => "discarded",
        "reject" | "milter-reject" | "proxy-reject" => "rejected",
        _ => "warned",
    }
}

/// Domains are the same in any case; what is before the `@` may not be.
fn with_lower_domain(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_lowercase()),
        None => address.to_owned(),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Clamped.
fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0).round().clamp(0.0, 1e12) as u64
}

fn day_name(day: i64) -> String {
    let text = Moment(day.saturating_mul(86_400_000)).rfc3339();
    text.get(..10).unwrap_or(&text).to_owned()
}
