//! What a stretch of time was like: totals, hours, senders, recipients, reasons, delays.
//!
//! Hard is to count a message once. A content filter hands it back under a new queue id, an alias goes on under
//! another, a bounce is a mail of its own: each is a document. So only a document that begins a message counts as
//! received, and only the document that ends a recipient's way counts as its outcome ([`Tally`] has the rules).
//!
//! In: [`Document`](crate::transaction::Document)s in any order, each once. Out: a [`Report`], and its texts.

mod counter;
mod halves;
mod html;
mod quantiles;
mod tally;
mod text;

pub use html::html;
pub use quantiles::Spread;
pub use tally::Tally;
pub(crate) use tally::is_notice;
pub use text::text;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::line::Moment;

/// The answer of `report`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// The earliest time of what was counted. None if nothing was.
    pub from: Option<Moment>,
    /// The latest.
    pub to: Option<Moment>,
    /// Log lines behind it, by the coverage ledger; 0 where no ledger was read.
    pub lines: u64,
    /// Of these, lines that no rule knew.
    pub unmatched_lines: u64,
    /// Messages that were received: each once, whatever filters it passed.
    pub mails: u64,
    /// Bounces, delay notices and other notices that were made here.
    pub notices: u64,
    /// Bytes of the messages received, where their size is known.
    pub bytes_received: u64,
    /// Bytes of the messages, once a recipient that has it.
    pub bytes_delivered: u64,
    /// Recipients by where they stand. A recipient counts where its way ends, not at the filter or alias before.
    pub recipients: BTreeMap<String, u64>,
    /// Recipients that went on as an alias, list or forward.
    pub forwarded: u64,
    /// Messages of which a delivery was put off at least once.
    pub deferred_mails: u64,
    /// How often a delivery was put off.
    pub deferrals: u64,
    /// Refusals: what was not taken, for good or for now.
    pub rejects: u64,
    /// What filters and access rules did: `rejected`, `greylisted`, `warned`, `held`, `discarded`.
    pub refusals: BTreeMap<String, u64>,
    /// Client sessions that never became mail.
    pub sessions: u64,
    /// The same by how they ended.
    pub outcomes: BTreeMap<String, u64>,
    /// How many different ones there are.
    pub different: Different,
    /// Traffic by day (UTC), the earliest first.
    pub days: Vec<Day>,
    /// Traffic by hour of the day (UTC), all days together: 24.
    pub hours: Vec<Traffic>,
    /// The most frequent ones.
    pub top: Top,
    /// Why, in the servers' words: `<*>` stands for what varies.
    pub reasons: Reasons,
    /// How long deliveries took, in seconds: `total`, and where it went: `before_queue`, `in_queue`, `connect`,
    /// `transmit`.
    pub delays_s: BTreeMap<String, Spread>,
    /// Encryption of the sessions that messages came in by.
    pub tls: Tls,
    /// Per host that logged.
    pub hosts: Vec<Row>,
    /// True if there were more different names than are counted exactly: the least frequent were forgotten.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub approximate: bool,
}

/// How many different ones there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Different {
    /// Envelope senders.
    pub senders: u64,
    /// Their domains.
    pub sender_domains: u64,
    /// Recipients of deliveries.
    pub recipients: u64,
    /// Their domains.
    pub recipient_domains: u64,
}

/// What happened in a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Messages.
    pub received: u64,
    /// Recipients that got it.
    pub delivered: u64,
    /// Deliveries put off.
    pub deferred: u64,
    /// Recipients that it came back from: bounced and expired.
    pub bounced: u64,
    /// Refusals.
    pub rejected: u64,
}

/// One day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Day {
    /// `2026-11-24`
    pub day: String,
    /// Its traffic.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// A name and what it stands for.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Row {
    /// An address, a domain, a host, an IP.
    pub name: String,
    /// Messages, or recipients.
    pub count: u64,
    /// Bytes, where sizes are known.
    #[serde(skip_serializing_if = "is_zero")]
    pub bytes: u64,
    /// Deliveries put off.
    #[serde(skip_serializing_if = "is_zero")]
    pub deferrals: u64,
    /// Recipients that it came back from.
    #[serde(skip_serializing_if = "is_zero")]
    pub bounced: u64,
    /// Mean delay of the deliveries, in seconds. None if none was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_delay_s: Option<f64>,
    /// The longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_delay_s: Option<f64>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The most frequent ones, each list with its largest first; equal ones by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Top {
    /// Envelope senders by messages; `<>` is the null sender.
    pub senders: Vec<Row>,
    /// Envelope senders by bytes.
    pub senders_by_size: Vec<Row>,
    /// Domains of senders by messages; the client where the sender has none.
    pub sender_domains: Vec<Row>,
    /// Recipients by deliveries.
    pub recipients: Vec<Row>,
    /// Recipients by bytes.
    pub recipients_by_size: Vec<Row>,
    /// Domains of recipients by deliveries, with deferrals and delays.
    pub recipient_domains: Vec<Row>,
    /// Servers and daemons that messages were handed to, by recipients.
    pub relays: Vec<Row>,
    /// Clients that handed messages in, by messages.
    pub clients: Vec<Row>,
    /// Logins by messages.
    pub users: Vec<Row>,
    /// Clients that were refused, by refusals.
    pub refused_clients: Vec<Row>,
}

/// Why, in the servers' words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reasons {
    /// Of refusals.
    pub rejected: Vec<Reason>,
    /// Of deliveries that were put off.
    pub deferred: Vec<Reason>,
    /// Of recipients that it came back from.
    pub bounced: Vec<Reason>,
    /// Warnings.
    pub warnings: Vec<Reason>,
    /// Errors, fatal ones and panics of the mail system itself.
    pub panics: Vec<Reason>,
}

/// Texts of one shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// `host <*> said: 450 4.2.1 <*>: Mailbox temporarily locked`
    pub template: String,
    /// How many.
    pub count: u64,
    /// One of them: the first in the order of bytes.
    pub example: String,
}

/// Encryption of the sessions that messages came in by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tls {
    /// Messages from clients over the network.
    pub messages: u64,
    /// Those of which the log tells that the session was encrypted.
    pub encrypted: u64,
    /// By protocol.
    pub protocols: BTreeMap<String, u64>,
}

impl Report {
    /// Recipients that got it, or whose next server took it.
    pub fn delivered(&self) -> u64 {
        let count = |status: &str| self.recipients.get(status).copied().unwrap_or_default();
        count("delivered") + count("relayed")
    }

    /// Recipients that it came back from.
    pub fn bounced(&self) -> u64 {
        let count = |status: &str| self.recipients.get(status).copied().unwrap_or_default();
        count("bounced") + count("expired")
    }

    /// Refusals in percent of all that was asked for: (delivered + refused).
    pub fn rejected_percent(&self) -> u64 {
        (self.rejects * 100)
            .checked_div(self.rejects + self.delivered())
            .unwrap_or_default()
    }
}
