//! Mail that was accepted and has no last word.

use super::AnswerError;
use crate::line::Moment;
use crate::query::{Page, Query};
use crate::store::{Found, Store};

/// What is open.
#[derive(Debug)]
pub struct OpenMail {
    /// No last word yet, and a queue may still have it; the oldest first.
    pub waiting: Found,
    /// Older than a queue keeps mail: the log has lost its end; the oldest first.
    pub lost: Found,
}

/// Mail that was accepted before `before` and has no last word; what began before `alive` has lost its end. At most so
/// many of each, over all hosts.
pub fn open(
    store: &dyn Store,
    filter: Option<&Query>,
    before: Moment,
    alive: Moment,
    limit: usize,
) -> Result<OpenMail, AnswerError> {
    let found = |from: Option<Moment>, until: Moment| -> Result<Found, AnswerError> {
        let parts = [
            Query::is("open", "true")?,
            Query::is("kind", "mail")?,
            Query::between(from, Some(until)),
        ];
        let query = Query::all(parts.into_iter().chain(filter.cloned()));
        Ok(store.search(&query, &Page::oldest(limit))?)
    };
    Ok(OpenMail {
        waiting: found(Some(alive), before)?,
        lost: found(None, alive.min(before))?,
    })
}
