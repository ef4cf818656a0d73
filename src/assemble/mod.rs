//! Joins the lines that mention one queue id into documents.
//!
//! A transaction *is* the set of its lines, and its document a pure function of that set: so merging is the union
//! of sets, and lines that come twice, late, out of order or from two files do no harm. [`mention`] says which queue
//! ids a line speaks of, [`life`] which lines of a reused id belong together, [`mail`] what they say as a whole,
//! [`open`] which ids are still growing and bounds their number. [`sessions`] finds the lines that name no queue id and
//! belong to one, [`companions`] those of other programs that do, [`record`] makes a document of each that belongs to none.
//!
//! In: [`Event`](crate::event::Event)s in any order. Out: [`Transaction`]s.

mod beside;
mod client;
pub mod companions;
pub mod evidence;
pub mod life;
mod links;
pub mod locality;
pub mod mail;
pub mod mention;
pub mod open;
mod outcome;
mod recipient;
mod record;
mod refusal;
mod session;
mod session_document;
pub mod sessions;

pub use companions::Companions;
pub use locality::Locality;
pub use mention::{Mention, Mentions};
pub use open::Open;
pub use record::{is_worth_a_record, record};
pub use refusal::refusal_without_queue_id;
pub use sessions::{Sessions, Told};

use crate::event::{Event, Kind};
use crate::line::Digest;
use crate::transaction::{Document, Transaction};

/// The document of a session of which these are all lines. None where its beginning is not among them.
pub fn session(lines: &Mentions) -> Option<Transaction> {
    let mut lines: Vec<_> = lines
        .in_order()
        .iter()
        .map(|line| (line.digest(), line.mention))
        .collect();
    let begins = |mention: &Mention| mention.event().is_some_and(|event| event.kind == Kind::Connect);
    lines.sort_by_key(|(_, mention)| !begins(mention));
    let begun = lines.first().is_some_and(|(_, mention)| begins(mention));
    session_document::of_lines(&lines).filter(|_| begun)
}

/// The document of a line that belongs to nothing else: a refusal or a record. None where it is not worth one.
pub fn alone(digest: Digest, event: &Event) -> Option<Document> {
    if refusal::is_without_queue_id(event) {
        let refusal = refusal_without_queue_id(digest, event);
        return refusal.map(Box::new).map(Document::Transaction);
    }
    record(digest, event).map(Box::new).map(Document::Record)
}

/// The documents of one queue id on one host: a mail per life, a refusal per line of a life in which nothing
/// was accepted, or a session where nothing was begun.
///
/// Empty when no rule matched any of the lines.
pub fn documents(mentions: &Mentions, locality: &Locality) -> Vec<Transaction> {
    let lives = life::lives(mentions);
    // A document is large, and there is mostly one: collecting would make room for four.
    let mut documents = Vec::with_capacity(lives.len());
    for life in &lives {
        if session_document::never_became_mail(life) {
            documents.extend(session_document::of_life(life, mentions));
        } else if refusal::nothing_was_accepted(life) {
            documents.extend(refusal::refusals(life, mentions));
        } else {
            documents.extend(mail::mail(life, mentions, locality));
        }
    }
    documents
}
