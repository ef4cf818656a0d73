//! Mail that was accepted and has no last word.

use super::AnswerError;
use crate::line::Moment;
use crate::query::{Page, Query};
use crate::store::{Found, Store};

/// What is open. Mail on hold waits for a person, however long: it is never lost.
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
    let found = |which: Query| -> Result<Found, AnswerError> {
        let parts = [
            Query::is("open", "true")?,
            Query::is("kind", "mail")?,
            Query::between(None, Some(before)),
            which,
        ];
        let query = Query::all(parts.into_iter().chain(filter.cloned()));
        Ok(store.search(&query, &Page::oldest(limit))?)
    };
    let held = Query::is("status", "held")?;
    let young = Query::between(Some(alive), None);
    Ok(OpenMail {
        waiting: found(Query::any([young, held.clone()]))?,
        lost: found(Query::all([Query::between(None, Some(alive)), held.negated()]))?,
    })
}
