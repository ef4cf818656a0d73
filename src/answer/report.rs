//! What a stretch of time was like, of a store.

use super::AnswerError;
use crate::query::Query;
use crate::report::{Report, Tally};
use crate::store::Store;

/// Counts every document that the query means; so many rows a list. The query's time frame is part of it.
pub fn report(store: &dyn Store, query: &Query, rows: usize) -> Result<Report, AnswerError> {
    let mut tally = Tally::default();
    store.each(query, &mut |document| tally.add(document))?;
    Ok(tally.report(rows))
}
