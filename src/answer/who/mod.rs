//! All that a store knows about a login, an IP address or network, an address, a domain or a host: the view for an
//! incident.
//!
//! The hard part is to count a message once. It is a document on each host that it passed, and a filter makes two of
//! one. So the documents are gone through twice: first for the queue ids under which messages go on, then to count. A
//! message counts where it begins, a recipient where its way ends.
//!
//! In: a subject as a person writes it. Out: [`Who`].

mod count;
mod logins;
mod names;
mod subject;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AnswerError, Ask};
use crate::line::Moment;
use crate::query::Query;
use crate::report::Reason;
use crate::store::Store;
use crate::transaction::{Record, Status};

use count::Count;
use logins::Logins;
use subject::Subject;

/// So many messages, records and the like are listed.
const MAX_LISTED: usize = 1_000;

/// What is known about a subject. Counts are of messages, unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Who {
    /// As it was asked for.
    pub subject: String,
    /// The first trace of it.
    pub first: Option<Moment>,
    /// The last.
    pub last: Option<Moment>,
    /// Messages that it sent, each once, by the status that the first host gives them.
    pub mails: BTreeMap<String, u64>,
    /// Recipients of these, by where their way ends in what was indexed.
    pub outcomes: BTreeMap<Status, u64>,
    /// The first message that it sent.
    pub first_mail: Option<Moment>,
    /// Sent messages by hour, the earliest first.
    pub hours: Vec<Hour>,
    /// Where it came from, the most messages first: `client [ip] as login`.
    pub clients: Vec<Named>,
    /// Refusals that it met.
    pub rejects: u64,
    /// Their reasons, those of one shape together, the most frequent first; at most 1,000.
    pub reasons: Vec<Reason>,
    /// Its sessions that sent no mail, by how they ended.
    pub sessions: BTreeMap<String, u64>,
    /// Logins that failed.
    pub failed_logins: u64,
    /// Of these, those before its first message; all if it sent none.
    pub failed_logins_before: u64,
    /// Who tried: `client [ip] as login`, the most tries first.
    pub login_failures: Vec<Named>,
    /// Messages without a last word; at most 1,000, the oldest first.
    pub queued: Vec<Queued>,
    /// How many such there are.
    pub queued_total: u64,
    /// To whom it sent, the most messages first.
    pub recipients: Vec<Reached>,
    /// Messages to it, by where they ended; only for an address or a domain.
    pub received: BTreeMap<Status, u64>,
    /// Other lines about it (firewall, intrusion detection, logins, warnings) by rule.
    pub record_rules: BTreeMap<String, u64>,
    /// The newest of these, at most 1,000, the newest first, without raw lines.
    pub records: Vec<Record>,
    /// More names occurred than are counted: lists are not complete.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub approximate: bool,
}

/// Messages of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hour {
    /// `2026-11-24T02` (UTC)
    pub hour: String,
    /// How many.
    pub mails: u64,
    /// At least ten, and five times as many as in the middle one of its hours.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stands_out: bool,
}

/// A name and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// A client.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// A recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// The address that was asked for.
    pub name: String,
    /// How many messages were for it.
    pub count: u64,
    /// How many of these it has, or its next server took.
    pub reached: u64,
}

/// A message that has no last word.
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
    /// Older than a queue keeps mail: its end is missing in the log.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

/// All that a store knows about the subject among what `frame` means.
pub fn who(store: &dyn Store, subject: &str, frame: &Query, ask: Ask) -> Result<Who, AnswerError> {
    let of = Subject::of(subject);
    let sending = Query::all([of.sending()?.of_messages()?, frame.clone()]);
    let receiving = of.receiving()?;
    let receiving = receiving.map(|query| Ok::<_, AnswerError>(Query::all([query.of_messages()?, frame.clone()])));
    let receiving = receiving.transpose()?;
    let mut count = Count::new(&of, ask);
    for query in [Some(&sending), receiving.as_ref()].into_iter().flatten() {
        store.each(query, &mut |document| count.learn(document))?;
    }
    let mut logins = Logins::default();
    store.each(&sending, &mut |document| {
        logins.add(document);
        count.sent(document);
    })?;
    if let Some(query) = &receiving {
        store.each(query, &mut |document| count.received(document))?;
    }
    let records = Query::all([sending, Query::is("kind", "record")?]);
    let records = store.newest(&records, MAX_LISTED)?;
    let mut who = count.into_who(subject);
    logins.told_in(&mut who);
    who.records = records.into_iter().filter_map(count::record).collect();
    Ok(who)
}
