//! The journey of a message: its transactions over all hops, in the order of cause and effect.
//!
//! A document states only what its own lines state; here the inverse is looked up and the ends are tied. The hard
//! part is to join no strangers: a queue id is an id on one host and comes again, a message id is what the sender
//! chose. So every link names its evidence and says how sure it is.
//!
//! In: one document and a way to look others up. Out: [`Journey`].

mod evidence;
mod follow;
mod recipients;

pub use follow::Lookup;

use serde::Serialize;

use crate::line::Moment;
use crate::transaction::{Status, Transaction};

/// A message's way.
#[derive(Debug, Clone, Serialize)]
pub struct Journey {
    /// None if no hop told one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The transactions in causal order.
    pub hops: Vec<Transaction>,
    /// How they hang together, and which notices were sent about them.
    pub links: Vec<JourneyLink>,
    /// The last word of the whole journey on each recipient.
    pub recipients: Vec<Fate>,
    /// Bounces, delay notices and copies to the postmaster about this message; or, of a notice, the message it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Transaction>,
}

/// A step from one transaction to another, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JourneyLink {
    /// The id of the earlier document.
    pub from: String,
    /// The id of the later one.
    pub to: String,
    /// `relayed_to`, or a relation of [`crate::transaction::Relation`].
    pub rel: String,
    /// The words that say so.
    pub evidence: String,
    /// False where the evidence could fit another message.
    pub sure: bool,
}

/// The last word on a recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// Where it went in the end.
    pub address: String,
    /// The address the first hop was asked for.
    pub asked_for: String,
    /// The last word of the whole journey.
    #[serde(rename = "final")]
    pub status: Status,
    /// The host that said it.
    pub host: String,
    /// When. None if nothing was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// In which words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// The ids of the documents on the way.
    pub path: Vec<String>,
}

impl Journey {
    /// Follows a transaction in both directions. Errors are those of the look-ups.
    pub fn of<E>(
        start: Transaction,
        find: &mut dyn FnMut(Lookup<'_>) -> Result<Vec<Transaction>, E>,
    ) -> Result<Self, E> {
        let mut trail = follow::Trail::new(start);
        trail.follow(find)?;
        Ok(trail.into_journey())
    }
}
