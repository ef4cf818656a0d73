//! `mailtrail who`: the incident view of a login, an address, a host or a domain.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::net::IpAddr;

use anyhow::Result;
use serde::Serialize;

use crate::cli::{Global, WhoArgs};
use crate::line::Moment;
use crate::query::Query;
use crate::store::{Store, StoreError};
use crate::transaction::{Document, Status, Transaction, TransactionKind};

use super::escape::escape;
use super::output::Output;
use super::search::TimeFrame;
use super::{Ending, opened};

/// So many names are kept of each sort; the rarest beyond are not told.
const MAX_NAMES: usize = 100_000;
/// So many queue ids are listed.
const MAX_QUEUED: usize = 1_000;

/// What is known about a subject.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Who {
    /// As it was asked for.
    pub subject: String,
    /// Messages that it sent, by status.
    pub mails: BTreeMap<String, u64>,
    /// Recipients of these, by where they stand.
    pub outcomes: BTreeMap<String, u64>,
    /// The first trace of it.
    pub first: Option<Moment>,
    /// The last.
    pub last: Option<Moment>,
    /// Messages by hour, the earliest first, as `2026-11-24T02`.
    pub hours: Vec<Hour>,
    /// Where it came from, the most messages first: `client [ip] as login`.
    pub clients: Vec<Named>,
    /// Refusals that it met.
    pub rejects: u64,
    /// Messages without a last word; at most 1,000, the oldest first.
    pub queued: Vec<Queued>,
    /// To whom it sent: whom to warn, the most messages first.
    pub recipients: Vec<Named>,
    /// Messages to it, by status; only for an address or a domain.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub received: BTreeMap<String, u64>,
}

/// Messages of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hour {
    /// `2026-11-24T02` (UTC)
    pub hour: String,
    /// How many.
    pub mails: u64,
    /// Five times as many as in the middle one of its hours, or more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stands_out: bool,
}

/// A name and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// An address, or a client.
    pub name: String,
    /// How many messages.
    pub mails: u64,
}

/// A message that is still in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Queued {
    /// Where.
    pub host: String,
    /// Its queue id there.
    pub queue_id: String,
    /// `queued`, `deferred`, `held`.
    pub status: String,
    /// When it was taken.
    #[serde(rename = "@timestamp")]
    pub at: Moment,
}

/// What a person asks about.
enum Subject {
    Ip,
    Address,
    /// A domain, a host or a login without a domain.
    Name,
}

impl Subject {
    fn of(text: &str) -> Self {
        if text.parse::<IpAddr>().is_ok()
            || text.contains('/') && text.split('/').next().is_some_and(|ip| ip.parse::<IpAddr>().is_ok())
        {
            Self::Ip
        } else if text.contains('@') {
            Self::Address
        } else {
            Self::Name
        }
    }

    /// Fields in which it stands as the sending side, and as the receiving one.
    fn fields(&self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Ip => (&["ip"], &[]),
            Self::Address => (&["from", "user"], &["to", "orig"]),
            Self::Name => (&["user", "client", "from_domain"], &["to_domain"]),
        }
    }
}

/// All that a store knows about a login, an IP address or network, an address, a domain or a host.
pub fn who(store: &dyn Store, subject: &str, frame: Query) -> Result<Who> {
    let (sending, receiving) = Subject::of(subject).fields();
    let network = subject.contains('/');
    let any = |fields: &[&str]| -> Result<Query> {
        let of = |field: &&str| -> Result<Query> {
            // A network is no single value: the language reads it.
            if network {
                return Ok(format!("{field}:{subject}").parse::<Query>()?);
            }
            Ok(Query::is(field, subject)?)
        };
        Ok(Query::any(fields.iter().map(of).collect::<Result<Vec<_>>>()?))
    };
    let mut facts = Facts::default();
    let query = Query::all([any(sending)?.of_messages()?, frame.clone()]);
    store.each(&query, &mut |document| facts.sent(document))?;
    if !receiving.is_empty() {
        received(store, &Query::all([any(receiving)?.of_messages()?, frame]), &mut facts)?;
    }
    Ok(facts.into_who(subject))
}

fn received(store: &dyn Store, query: &Query, facts: &mut Facts) -> Result<(), StoreError> {
    store.each(query, &mut |document| {
        let mail = document
            .transaction()
            .filter(|mail| mail.kind == TransactionKind::Mail && !mail.leg);
        if let Some(mail) = mail {
            facts.seen(mail);
            *facts.who.received.entry(mail.status.clone()).or_default() += 1;
        }
    })
}

#[derive(Default)]
struct Facts {
    who: Who,
    hours: BTreeMap<i64, u64>,
    clients: HashMap<String, u64>,
    recipients: HashMap<String, u64>,
}

impl Facts {
    fn seen(&mut self, transaction: &Transaction) {
        let (first, last) = (&mut self.who.first, &mut self.who.last);
        *first = Some(first.map_or(transaction.at, |first| first.min(transaction.at)));
        *last = Some(last.map_or(transaction.end, |last| last.max(transaction.end)));
    }

    fn sent(&mut self, document: &Document) {
        let Some(transaction) = document.transaction() else {
            return;
        };
        self.seen(transaction);
        if transaction.kind == TransactionKind::Reject {
            let count = transaction.count.unwrap_or(1);
            self.who.rejects += count;
            self.client(transaction, 0);
        } else if transaction.kind == TransactionKind::Mail {
            self.mail(transaction);
        }
    }

    fn mail(&mut self, mail: &Transaction) {
        for to in &mail.to {
            // The leg behind a filter tells the outcome.
            if to.status != Status::Filtered {
                *self.who.outcomes.entry(to.status.word().to_owned()).or_default() += 1;
            }
        }
        if mail.open && self.who.queued.len() < MAX_QUEUED {
            self.who.queued.push(Queued {
                host: mail.host.clone(),
                queue_id: mail.queue_id.clone().unwrap_or_default(),
                status: mail.status.clone(),
                at: mail.at,
            });
        }
        if mail.leg {
            return;
        }
        *self.who.mails.entry(mail.status.clone()).or_default() += 1;
        *self.hours.entry(mail.at.0.div_euclid(3_600_000)).or_default() += 1;
        self.who.rejects += mail.reject.len() as u64;
        self.client(mail, 1);
        for to in &mail.to {
            let address = to.orig.as_ref().unwrap_or(&to.address).to_lowercase();
            if self.recipients.len() < MAX_NAMES || self.recipients.contains_key(&address) {
                *self.recipients.entry(address).or_default() += 1;
            }
        }
    }

    fn client(&mut self, transaction: &Transaction, mails: u64) {
        let Some(client) = &transaction.client else { return };
        let mut name = client.host.clone().unwrap_or_default();
        if let Some(ip) = &client.ip {
            let gap = if name.is_empty() { "" } else { " " };
            name = format!("{name}{gap}[{ip}]");
        }
        if let Some(user) = &client.sasl_user {
            name = format!("{name} as {user}");
        }
        if self.clients.len() < MAX_NAMES || self.clients.contains_key(&name) {
            *self.clients.entry(name).or_default() += mails;
        }
    }

    fn into_who(self, subject: &str) -> Who {
        let mut middle: Vec<u64> = self.hours.values().copied().collect();
        middle.sort_unstable();
        let middle = middle.get(middle.len() / 2).copied().unwrap_or_default();
        let hours = self.hours.iter().map(|(hour, mails)| Hour {
            hour: Moment(hour * 3_600_000).rfc3339().chars().take(13).collect(),
            mails: *mails,
            stands_out: self.hours.len() > 2 && *mails >= 5 * middle,
        });
        let mut queued = self.who.queued;
        queued.sort_by(|a, b| (a.at, &a.host, &a.queue_id).cmp(&(b.at, &b.host, &b.queue_id)));
        Who {
            subject: subject.to_owned(),
            hours: hours.collect(),
            clients: by_count(self.clients),
            recipients: by_count(self.recipients),
            queued,
            ..self.who
        }
    }
}

fn by_count(names: HashMap<String, u64>) -> Vec<Named> {
    let mut all: Vec<Named> = names.into_iter().map(|(name, mails)| Named { name, mails }).collect();
    all.sort_by(|a, b| b.mails.cmp(&a.mails).then_with(|| a.name.cmp(&b.name)));
    all
}

/// Runs it.
pub(super) fn run(global: &Global, args: &WhoArgs, output: &mut Output) -> Result<Ending> {
    let frame = TimeFrame::of(&args.time)?;
    let subject = args.subject.trim().trim_start_matches('<').trim_end_matches('>');
    let who = who(opened(global)?.as_ref(), subject, frame.query())?;
    let found = who.first.is_some();
    if output.json {
        output.object(&who)?;
    } else if found {
        print(&who, args.limit, output)?;
    } else {
        output.note(&format!(
            "nothing is known about `{}`: no message or refusal has it as login, client, sender or recipient",
            escape(subject)
        ));
    }
    Ok(if found { Ending::Done } else { Ending::No })
}

fn print(who: &Who, limit: usize, out: &mut Output) -> Result<()> {
    let clock = |at: Option<Moment>| {
        at.map(|at| at.rfc3339().replace('T', " ").chars().take(19).collect::<String>())
            .unwrap_or_default()
    };
    writeln!(
        out,
        "{}: seen from {} to {} UTC",
        escape(&who.subject),
        clock(who.first),
        clock(who.last)
    )?;
    let counts = |counts: &BTreeMap<String, u64>| {
        let words: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        words.join(", ")
    };
    let total: u64 = who.mails.values().sum();
    if total > 0 {
        writeln!(
            out,
            "\nIt sent {total} message{} ({})",
            plural(total),
            counts(&who.mails)
        )?;
        let people: u64 = who.outcomes.values().sum();
        writeln!(
            out,
            "  to {} different address{}; {people} deliveries: {}",
            who.recipients.len(),
            if who.recipients.len() == 1 { "" } else { "es" },
            counts(&who.outcomes)
        )?;
    } else {
        writeln!(out, "\nIt sent no message.")?;
    }
    let received: u64 = who.received.values().sum();
    if received > 0 {
        writeln!(
            out,
            "It was sent {received} message{} ({})",
            plural(received),
            counts(&who.received)
        )?;
    }
    if who.rejects > 0 {
        writeln!(out, "It was refused {} time{}.", who.rejects, plural(who.rejects))?;
    }
    let loud: Vec<&Hour> = who.hours.iter().filter(|hour| hour.stands_out).collect();
    if !loud.is_empty() {
        writeln!(out, "\nHours that stand out (UTC)")?;
        for hour in loud.iter().take(limit) {
            writeln!(out, "  {}:00  {} messages", hour.hour.replace('T', " "), hour.mails)?;
        }
    }
    list("It came from", &who.clients, limit, out)?;
    if !who.queued.is_empty() {
        writeln!(
            out,
            "\nStill in a queue: {}; stop these first if this is abuse",
            who.queued.len()
        )?;
        for queued in who.queued.iter().take(limit) {
            writeln!(
                out,
                "  {}  {}  {}  {}",
                clock(Some(queued.at)),
                escape(&queued.host),
                escape(&queued.queue_id),
                queued.status
            )?;
        }
    }
    list("Recipients, whom to warn if this is abuse", &who.recipients, limit, out)
}

fn list(title: &str, names: &[Named], limit: usize, out: &mut Output) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    for named in names.iter().take(limit) {
        writeln!(out, "  {:>7}  {}", named.mails, escape(&named.name))?;
    }
    if names.len() > limit {
        writeln!(out, "  and {} more; -n shows more, --json all", names.len() - limit)?;
    }
    Ok(())
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}
