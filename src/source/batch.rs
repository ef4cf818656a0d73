//! The messages of one stretch of time, complete.

use super::stored::Stored;
use crate::line::Moment;

/// All messages from where the last batch ended up to `up_to`, in any order, some perhaps twice.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) messages: Vec<Stored>,
    /// The first moment that is not read yet.
    pub(super) up_to: Moment,
}
