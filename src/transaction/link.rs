//! How a queue id is related to others of its host.

use serde::{Deserialize, Serialize};

/// Another queue id of this host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// How the other is related to this one.
    pub rel: Relation,
    /// The other.
    pub queue_id: String,
}

words! {
    /// How two queue ids of a host are related; each has its inverse.
    Relation {
        Bounce "bounce" "The other is the bounce of this one.",
        BounceOf "bounce_of" "This is the bounce of the other.",
        DelayNotice "delay_notice" "The other tells the sender that this one is late.",
        DelayNoticeOf "delay_notice_of" "Inverse.",
        SuccessNotice "success_notice" "The other tells the sender that this one arrived.",
        SuccessNoticeOf "success_notice_of" "Inverse.",
        PostmasterNotice "postmaster_notice" "The other tells the postmaster.",
        PostmasterNoticeOf "postmaster_notice_of" "Inverse.",
        FilteredTo "filtered_to" "The other is the second leg of a filter's round trip.",
        FilteredFrom "filtered_from" "Inverse.",
        ForwardedTo "forwarded_to" "An alias or forward goes on under the other.",
        ForwardedFrom "forwarded_from" "Inverse.",
        RequeuedAs "requeued_as" "`postsuper -r` gave the other.",
        RequeuedFrom "requeued_from" "Inverse.",
        ClonedTo "cloned_to" "sendmail split a list with an owner off.",
        ClonedFrom "cloned_from" "Inverse.",
        SubmittedAs "submitted_as" "sendmail's command handed it to its daemon.",
        SubmittedFrom "submitted_from" "Inverse.",
        ResentAs "resent_as" "A pipe filter submitted it again.",
        ResentFrom "resent_from" "Inverse.",
    }
}

impl Relation {
    /// The same relation seen from the other side.
    #[must_use]
    pub fn inverse(self) -> Self {
        // The table holds each relation beside its inverse.
        let index = self as usize;
        Self::ALL[index ^ 1].0
    }
}
