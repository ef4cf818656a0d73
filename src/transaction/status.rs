//! Where a recipient stands.

use serde::{Deserialize, Serialize};

words! {
    /// Where a recipient stands.
    Status {
        Queued "queued" "Taken, nothing tried yet.",
        Deferred "deferred" "Tried, will be tried again.",
        Held "held" "On hold.",
        Delivered "delivered" "In a mailbox, a pipe, a file.",
        Relayed "relayed" "Accepted by another server.",
        Filtered "filtered" "Handed to a content filter that hands it back.",
        Expanded "expanded" "Goes on under another address or id.",
        Probed "probed" "Address verification only.",
        Bounced "bounced" "Given back.",
        Expired "expired" "Given back after the queue's lifetime.",
        Rejected "rejected" "Refused.",
        Discarded "discarded" "Thrown away by rule.",
        Deleted "deleted" "Removed by a person.",
    }
}

impl Status {
    /// Is this the last word about a recipient here?
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Deferred | Self::Held)
    }

    /// Did the message go on or arrive?
    pub fn is_success(self) -> bool {
        matches!(
            self,
            Self::Delivered | Self::Relayed | Self::Filtered | Self::Expanded | Self::Probed
        )
    }
}
