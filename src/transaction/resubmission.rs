//! A pipe filter hands a message to sendmail(1), which begins another life on the same host. Nothing but the Message-ID and
//! the recipients join the two.

use super::{Recipient, Transaction};

/// So long after the first half's end the second may begin, in milliseconds.
const LATER_MS: i64 = 5 * 60 * 1000;

impl Transaction {
    /// Was some of it delivered into a pipe?
    pub fn is_piped(&self) -> bool {
        self.to.iter().any(Recipient::is_piped)
    }

    /// Did no client hand it in: was it submitted on this host?
    pub fn is_submitted_here(&self) -> bool {
        self.client.as_ref().is_none_or(|client| client.ip.is_none())
    }

    /// Is `after` what a pipe filter made of this one?
    pub fn is_resubmitted_as(&self, after: &Self) -> bool {
        self.host == after.host
            && self.id != after.id
            && self.message_id.is_some()
            && self.message_id == after.message_id
            && after.is_submitted_here()
            && (self.at.0..=self.end.0 + LATER_MS).contains(&after.at.0)
            && self
                .to
                .iter()
                .any(|to| to.is_piped() && after.to.iter().any(|there| to.is_found_in(there)))
    }
}

impl Recipient {
    /// Is `there` this recipient, on a later hop: by its address, or by the address asked for?
    pub fn is_found_in(&self, there: &Self) -> bool {
        let asked_for = there.orig.as_ref();
        self.address.eq_ignore_ascii_case(&there.address)
            || asked_for.is_some_and(|orig| orig.eq_ignore_ascii_case(&self.address))
    }

    fn is_piped(&self) -> bool {
        let to_a_program = self.relay.as_ref().is_some_and(|relay| {
            let own = matches!(relay.host.as_deref(), Some("local" | "virtual"));
            relay.ip.is_none() && relay.path.is_none() && !own
        });
        self.status.is_success() && to_a_program
    }
}
