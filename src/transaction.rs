//! The documents: what happened to one message on one host, told per recipient.
//!
//! Names and JSON shapes are the outward contract: others read them. A field may be added; none changes its meaning.
//! An absent fact is an absent field. Times are UTC with milliseconds, durations are seconds (`_s`), sizes are bytes.

/// A closed set, each variant with its word in the documents.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($variant:ident $word:literal $doc:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $(#[doc = $doc] #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// All of them with their words.
            pub const ALL: &'static [($name, &'static str)] = &[$(($name::$variant, $word),)*];

            /// The word in the documents.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// From the word in the documents. None if it is no such word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

mod by_kind;
mod link;
mod recipient;
mod record;
mod resubmission;
mod session;
mod slice;
mod status;
mod template;

pub use link::{Link, Relation};
pub use recipient::{Attempt, Delays, Mailbox, NextHop, Recipient, Relay, domain};
pub use record::{Record, RecordKind, Source, User};
pub use session::Tried;
pub use slice::{Counts, SLICE_MS, Slice, SliceKind, SliceMemory};
pub use status::Status;
pub use template::{MAX_HOSTS, Template, TemplateKind};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::line::Moment;

/// The version of the contract.
pub const SCHEMA: u32 = 1;

/// A document of a store.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Document {
    /// The life of a queue id, a refusal, or a client session.
    Transaction(Box<Transaction>),
    /// A line of its own.
    Record(Box<Record>),
    /// What was read in five minutes.
    Slice(Box<Slice>),
    /// Unmatched lines of one shape, of one day.
    Template(Box<Template>),
}

impl Document {
    /// The document's id: period, dash, digest.
    pub fn id(&self) -> &str {
        match self {
            Self::Transaction(transaction) => &transaction.id,
            Self::Record(record) => &record.id,
            Self::Slice(slice) => &slice.id,
            Self::Template(template) => &template.id,
        }
    }

    /// The time by which it is sorted and found.
    pub fn at(&self) -> Moment {
        match self {
            Self::Transaction(transaction) => transaction.at,
            Self::Record(record) => record.at,
            Self::Slice(slice) => slice.at,
            Self::Template(template) => template.at,
        }
    }

    /// The life of a queue id, the refusal or the session that this is. None for another kind.
    pub fn transaction(&self) -> Option<&Transaction> {
        match self {
            Self::Transaction(transaction) => Some(transaction),
            Self::Record(_) | Self::Slice(_) | Self::Template(_) => None,
        }
    }

    /// The fingerprint of the rule set that read the lines. None for a kind that no rule made.
    pub fn rules(&self) -> Option<&str> {
        match self {
            Self::Transaction(transaction) => Some(&transaction.rules),
            Self::Record(record) => Some(&record.rules),
            Self::Slice(_) | Self::Template(_) => None,
        }
    }

    /// The rules' own fields, by name. None for a kind that has none.
    pub fn extra(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Transaction(transaction) => Some(&transaction.extra),
            Self::Record(record) => Some(&record.extra),
            Self::Slice(_) | Self::Template(_) => None,
        }
    }

    /// [`Document::extra`], to be changed.
    pub fn extra_mut(&mut self) -> Option<&mut BTreeMap<String, String>> {
        match self {
            Self::Transaction(transaction) => Some(&mut transaction.extra),
            Self::Record(record) => Some(&mut record.extra),
            Self::Slice(_) | Self::Template(_) => None,
        }
    }

    /// As others may see it: without the hidden memory.
    #[must_use]
    pub fn without_memory(mut self) -> Self {
        match &mut self {
            Self::Transaction(transaction) => transaction.memory = None,
            Self::Record(record) => record.memory = None,
            Self::Slice(slice) => slice.memory = None,
            Self::Template(template) => {
                template.memory = None;
                template.noticed = None;
            }
        }
        self
    }
}

/// Which kind of document a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransactionKind {
    /// The life of one queue id on one host, of a message that was accepted (or begun).
    Mail,
    /// One refusal.
    Reject,
    /// A client session that never became mail.
    Session,
}

impl TransactionKind {
    /// The word in the documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Reject => "reject",
            Self::Session => "session",
        }
    }
}

/// One life of a queue id, one refusal, or one client session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// Mail, reject or session.
    pub kind: TransactionKind,
    /// Content only: period and a digest of host, queue id and, for short ids, the start.
    pub id: String,
    /// The earliest line.
    #[serde(rename = "@timestamp")]
    pub at: Moment,
    /// The latest line.
    pub end: Moment,
    /// The host as logged, lower case.
    pub host: String,
    /// `postfix` or `sendmail`. None if no rule of either spoke.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mta: Option<String>,
    /// The syslog name in front of the daemon (`postfix-out`). None for sendmail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// None for a refusal before any queue id, and for most sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// A mail's [`Status`] or `failed`, `partial`; a refusal's `rejected`, `greylisted`, `discarded`, `held`, `warned`. Empty
    /// for a session.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// How a session ended: `lost`, `timeout`, `tls_failed`, `auth_failed`, `pregreet`, `too_many_errors`, `no_mail`,
    /// `dnsbl`. Of a mail: that its client was gone (`lost`, `timeout`) before the message was complete, or that none came
    /// (`no_mail`). None where it ended well, or no line told the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Of a session: its commands, where the server counts them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub commands: BTreeMap<String, Tried>,
    /// No final word yet.
    pub open: bool,
    /// The second leg of a filter's round trip or of a local re-submission: counts do not count it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leg: bool,
    /// Envelope sender without `<>`; empty for the null sender. None if no line told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The sender's domain, lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_domain: Option<String>,
    /// Without `<>`. None if there is none or no line told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The Subject, where the MTA logs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Recipients that the queue announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nrcpt: Option<u64>,
    /// Who handed the mail in; after a filter's re-entry the original client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    /// The recipients, by address; at most [`MAX_RECIPIENTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Recipient>,
    /// Recipients beyond those of `to`, counted by status.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub to_more: BTreeMap<Status, u64>,
    /// The recipients' addresses by status.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fate: BTreeMap<Status, Vec<String>>,
    /// Recipients announced by `nrcpt` and not yet heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unheard: Option<u64>,
    /// Refused recipients and stages inside an accepted message; the one refusal of a `reject`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reject: Vec<Reject>,
    /// What companions said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
    /// Warnings that name this queue id, and lines of it that no rule matched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Other queue ids of this host that this life touches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// What the lines did not tell: `start`, `sender`, `end`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Earlier, provisional ids of this document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<String>,
    /// The rules' own fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
    /// How many equal ones this stands for, where above 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The fingerprint of the rule set that read the lines.
    pub rules: String,
    /// The raw lines: the first 20 and the last 30 by time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// How many lines there are.
    pub line_count: u64,
    /// False where more lines came than a document can remember.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub line_count_exact: bool,
    /// What a later merge needs. Hidden: stores keep it, nobody is shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Box<Memory>>,
}

impl Transaction {
    /// Of this kind and id, with nothing known but when and where.
    pub fn new(kind: TransactionKind, id: String, host: &str, at: Moment) -> Self {
        Self {
            schema: SCHEMA,
            kind,
            id,
            at,
            end: at,
            host: host.to_owned(),
            mta: None,
            instance: None,
            queue_id: None,
            status: String::new(),
            outcome: None,
            commands: BTreeMap::new(),
            open: false,
            leg: false,
            from: None,
            from_domain: None,
            message_id: None,
            subject: None,
            size: None,
            nrcpt: None,
            client: None,
            to: Vec::new(),
            to_more: BTreeMap::new(),
            fate: BTreeMap::new(),
            unheard: None,
            reject: Vec::new(),
            verdicts: Vec::new(),
            warnings: Vec::new(),
            links: Vec::new(),
            missing: Vec::new(),
            was: Vec::new(),
            extra: BTreeMap::new(),
            count: None,
            rules: String::new(),
            lines: Vec::new(),
            line_count: 0,
            line_count_exact: true,
            memory: None,
        }
    }
}

/// How long Postfix and sendmail keep mail that cannot be delivered, unless told otherwise, in milliseconds.
pub const QUEUE_LIFETIME_MS: i64 = 5 * 24 * 3600 * 1000;

impl Transaction {
    /// Tells a mail that is older than its queue's lifetime and has no last word: its end is missing. A document does not
    /// hold this, since it depends on the day it is read.
    pub fn tell_end(&mut self, now: Moment, lifetime_ms: i64) {
        let end = "end".to_owned();
        let is_overdue = self.open && now.0.saturating_sub(self.at.0) > lifetime_ms;
        if self.kind == TransactionKind::Mail && is_overdue && !self.missing.contains(&end) {
            self.missing.push(end);
        }
    }
}

/// At most this many recipients are listed in `to`.
pub const MAX_RECIPIENTS: usize = 2_000;

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_true(flag: &bool) -> bool {
    *flag
}

/// What a later merge needs beside `lines`: a transaction is the set of its lines, so a merge is their union.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Per line of `lines`: milliseconds since 1970 UTC (an RFC 3164 line does not tell the year).
    pub at: Vec<i64>,
    /// Per line of `lines`: its ordinal among equal ones. Empty if all are 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ordinal: Vec<u16>,
    /// The lines between the first 20 and the last 30: base64 of zstd of one `at ordinal raw` a line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub between: String,
    /// Lines of `lines` that are not UTF-8, by their index: base64 of the bytes as they were.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bytes: BTreeMap<usize, String>,
}

/// Who handed a mail in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// None where the name is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// None for a local submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The client's port, where logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What it called itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helo: Option<String>,
    /// `SMTP`, `ESMTP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proto: Option<String>,
    /// The login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_user: Option<String>,
    /// `PLAIN`, `LOGIN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_method: Option<String>,
    /// The session's TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// The TLS of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// `TLSv1.3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// `TLS_AES_256_GCM_SHA384`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// `Anonymous`, `Untrusted`, `Trusted`, `Verified`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<String>,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// When.
    pub at: Moment,
    /// `reject`, `reject_warning`, `hold`, `discard` ...
    pub action: String,
    /// CONNECT, EHLO, MAIL, RCPT, DATA, END-OF-MESSAGE ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// SMTP reply code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// RFC 3463 status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dsn: Option<String>,
    /// The recipient that was refused, or named when it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// In the server's words.
    pub reason: String,
}

/// A companion's word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// `opendkim`, `spamd`.
    pub by: String,
    /// `spf`, `dkim`, `spam`, `virus`.
    pub what: String,
    /// `pass`, `fail`.
    pub result: String,
    /// A number, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// In its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// False where client, sender and seconds joined it, not an id.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub sure: bool,
}
