//! What a store answers, as functions with typed results: what the commands print, and what another program may use.
//!
//! Nothing here prints, asks the clock or reads a configuration: who calls says which time it is.
//!
//! * [`search`]: documents, and what was looked at to find them.
//! * [`trace`]: the stories that fit what a person holds in the hand, with the cause and the next step per recipient.
//! * [`who`]: all that is known about a login, an address, a client or a domain.
//! * [`open`]: mail that was accepted and has no last word.
//! * [`report`]: what a stretch of time was like.
//! * [`coverage`]: what was read of a time, and where lines are missing.
//! * [`evidence`]: a story with its raw lines and their hashes, to give away.

mod coverage;
pub mod evidence;
mod open;
mod report;
mod search;
mod story;
mod trace;
pub mod who;

pub use coverage::{Coverage, HostLines, coverage, held, silences};
pub use evidence::evidence;
pub use open::{OpenMail, open};
pub use report::report;
pub use search::{Searched, TimeFrame, search, shown};
pub use story::{Story, Told};
pub use trace::{Ask, trace};
pub use who::who;

use crate::query::QueryError;
use crate::store::{Store, StoreError};
use crate::transaction::{Document, Transaction};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was asked cannot be a question.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// The newest documents of a query that are transactions.
fn transactions(store: &dyn Store, query: &crate::query::Query, limit: usize) -> Result<Vec<Transaction>, AnswerError> {
    let found = store.search(query, &crate::query::Page::newest(limit))?;
    let transaction = |document| match document {
        Document::Transaction(transaction) => Some(*transaction),
        Document::Record(_) | Document::Slice(_) | Document::Template(_) => None,
    };
    Ok(found.documents.into_iter().filter_map(transaction).collect())
}
