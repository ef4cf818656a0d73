//! The one word for a mail.

use crate::transaction::{Recipient, Status};

/// What the mail's own events said, where they name no recipient.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// On hold and not released.
    pub(super) held: bool,
    /// The last word that the events gave to the mail as a whole: discarded, deleted, bounced, expired, expanded.
    pub(super) word: Option<Status>,
    /// The queue manager took it out of the queue.
    pub(super) removed: bool,
}

/// The mail's status and whether it is open: the table of the documents, first line that fits.
pub(super) fn status(to: &[Recipient], unheard: u64, own: &Own) -> (&'static str, bool) {
    let is = |status: Status| to.iter().any(|recipient| recipient.status == status);
    // Recipients that no line names share the fate of the mail as a whole, if it has one.
    let unnamed = own.word.filter(|word| unheard > 0 && word.is_final());
    let waiting = unheard > 0 && !own.removed && own.word.is_none();
    if to.iter().any(|recipient| !recipient.status.is_final()) || (waiting && !to.is_empty()) {
        let word = [Status::Held, Status::Deferred].into_iter().find(|status| is(*status));
        let word = word.unwrap_or(if own.held { Status::Held } else { Status::Queued });
        return (word.word(), true);
    }
    let Some(first) = to.first() else {
        return match own.word {
            Some(word) => (word.word(), !word.is_final()),
            None if own.held => (Status::Held.word(), true),
            // Removed and no recipient was ever named: the lines between are missing.
            None => (Status::Queued.word(), !own.removed),
        };
    };
    let fates = || to.iter().map(|recipient| recipient.status).chain(unnamed);
    if fates().all(|status| status == first.status) {
        return (first.status.word(), false);
    }
    if fates().all(Status::is_success) {
        let order = [
            Status::Delivered,
            Status::Relayed,
            Status::Filtered,
            Status::Expanded,
            Status::Probed,
        ];
        let word = order.into_iter().find(|status| is(*status)).unwrap_or(first.status);
        return (word.word(), false);
    }
    if fates().any(Status::is_success) {
        ("partial", false)
    } else {
        ("failed", false)
    }
}
