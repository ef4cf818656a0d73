//! One recipient of a message: each attempt, and where it stands.

use serde::{Deserialize, Serialize};

use crate::line::Moment;

use super::Status;

/// One recipient and its fate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipient {
    /// Without `<>`, as logged.
    pub address: String,
    /// Lower case. None for a bare name, a program, a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The address asked for (`orig_to`), where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orig: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// RFC 3463, of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dsn: Option<String>,
    /// Of the last attempt. None when no server was reached and none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<Relay>,
    /// The last attempt's words, whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// The id in the next hop's reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<NextHop>,
    /// What happened after the MTA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<Mailbox>,
    /// From arrival to the end of the last attempt, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<f64>,
    /// Where that time went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delays_s: Option<Delays>,
    /// The first attempt. None when none was logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_at: Option<Moment>,
    /// The last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Moment>,
    /// How many there were, exactly.
    pub attempts: u64,
    /// The first 3 and the last 7 attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Attempt>,
}

impl Recipient {
    /// Named, with nothing tried yet.
    pub fn new(address: &str, status: Status) -> Self {
        Self {
            address: address.to_owned(),
            domain: domain(address),
            orig: None,
            status,
            dsn: None,
            relay: None,
            response: None,
            next: None,
            mailbox: None,
            delay_s: None,
            delays_s: None,
            first_at: None,
            last_at: None,
            attempts: 0,
            history: Vec::new(),
        }
    }
}

/// The domain of an address, lower case. None for a bare name, a program, a file.
pub fn domain(address: &str) -> Option<String> {
    if address.starts_with(['|', '/', '"']) && !address.ends_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let (_, domain) = address.rsplit_once('@')?;
    (!domain.is_empty() && !domain.contains([' ', '"', '/'])).then(|| domain.to_lowercase())
}

/// One delivery attempt for one recipient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it ended.
    pub at: Moment,
    /// What it led to.
    pub status: Status,
    /// RFC 3463 status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dsn: Option<String>,
    /// From arrival to the end of this attempt, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<f64>,
    /// None when no server was reached and none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<Relay>,
    /// The remote's words, or the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
}

/// Postfix `delays=a/b/c/d` (`postfix/src/global/log_adhoc.c`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Delays {
    /// Before the queue manager, in seconds.
    pub before_queue: f64,
    /// In the queue manager.
    pub in_queue: f64,
    /// Connection, with DNS, EHLO and TLS.
    pub connect: f64,
    /// Transmission of the message.
    pub transmit: f64,
}

/// Where a message was handed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relay {
    /// A host's name, or `local`, `virtual`, a pipe's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// None for a socket or a local delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// TCP port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// A UNIX socket (`private/dovecot-lmtp`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What the next hop's reply names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextHop {
    /// The id that the next hop gave.
    pub queue_id: String,
    /// The host that the relay or the reply names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// What happened after the MTA.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// The folder it was stored in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The Sieve script that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}
