//! The last word of a journey on each recipient of its first hop.

use crate::transaction::{Recipient, Status, Transaction};

use super::{Fate, JourneyLink};

/// The recipients of the first hops, each followed to where it ended.
pub(super) fn fates(hops: &[Transaction], links: &[JourneyLink]) -> Vec<Fate> {
    let map = Map { hops, links };
    let mut fates = Vec::new();
    for hop in hops.iter().filter(|hop| !map.is_led_to(hop)) {
        if hop.to.is_empty() {
            for next in map.next(hop) {
                for recipient in &next.to {
                    map.end(next, recipient, &recipient.address, vec![hop.id.clone()], &mut fates);
                }
            }
        }
        for recipient in &hop.to {
            let asked_for = recipient.orig.as_deref().unwrap_or(&recipient.address);
            map.end(hop, recipient, asked_for, Vec::new(), &mut fates);
        }
    }
    fates
}

struct Map<'a> {
    hops: &'a [Transaction],
    links: &'a [JourneyLink],
}

impl<'a> Map<'a> {
    fn hop(&self, id: &str) -> Option<&'a Transaction> {
        self.hops.iter().find(|hop| hop.id == id)
    }

    fn is_led_to(&self, hop: &Transaction) -> bool {
        self.links
            .iter()
            .any(|link| link.to == hop.id && link.from != hop.id && self.hop(&link.from).is_some())
    }

    fn next(&self, hop: &Transaction) -> impl Iterator<Item = &'a Transaction> {
        self.links
            .iter()
            .filter(|link| link.from == hop.id)
            .filter_map(|link| self.hop(&link.to))
    }

    /// Follows one recipient from this hop to the end.
    fn end(
        &self,
        hop: &'a Transaction,
        recipient: &'a Recipient,
        asked_for: &str,
        mut path: Vec<String>,
        fates: &mut Vec<Fate>,
    ) {
        path.push(hop.id.clone());
        let goes_on = matches!(
            recipient.status,
            Status::Relayed | Status::Filtered | Status::Expanded | Status::Delivered
        );
        let before = fates.len();
        for next in self.next(hop).filter(|next| goes_on && !path.contains(&next.id)) {
            let there = recipients_there(hop, recipient, next);
            if there.is_empty() && is_handed_to(hop, recipient, next) {
                self.unnamed(hop, recipient, next, asked_for, path.clone(), fates);
            }
            for there in there {
                self.end(next, there, asked_for, path.clone(), fates);
            }
        }
        if fates.len() == before {
            let fate = Fate {
                address: recipient.address.clone(),
                asked_for: asked_for.to_owned(),
                status: recipient.status,
                host: hop.host.clone(),
                at: recipient.last_at,
                response: recipient.response.clone(),
                path,
            };
            if !fates.contains(&fate) {
                fates.push(fate);
            }
        }
    }
}

impl<'a> Map<'a> {
    /// Follows one recipient through a hop that names it by no address: sendmail splits a list with an owner off under
    /// another id, and gives no word to what stays behind.
    fn unnamed(
        &self,
        hop: &'a Transaction,
        recipient: &'a Recipient,
        next: &'a Transaction,
        asked_for: &str,
        mut path: Vec<String>,
        fates: &mut Vec<Fate>,
    ) {
        path.push(next.id.clone());
        let before = fates.len();
        for beyond in self.next(next).filter(|beyond| !path.contains(&beyond.id)) {
            let same: Vec<_> = beyond.to.iter().filter(|there| is(there, &recipient.address)).collect();
            let there = if same.is_empty() {
                unaccounted(hop, beyond)
            } else {
                same
            };
            for there in there {
                self.end(beyond, there, asked_for, path.clone(), fates);
            }
        }
        let status = Status::from_word(&next.status);
        let waits = next.open && next.unheard.is_some_and(|unheard| unheard > 0);
        let status = if next.to.is_empty() {
            status
        } else {
            waits.then_some(Status::Queued)
        };
        if let Some(status) = status.filter(|_| fates.len() == before) {
            fates.push(Fate {
                address: recipient.address.clone(),
                asked_for: asked_for.to_owned(),
                status,
                host: next.host.clone(),
                at: status.is_final().then_some(next.end),
                response: None,
                path,
            });
        }
    }
}

/// Was this very recipient handed on to the next hop: by the id in its reply, or as the only one?
fn is_handed_to(hop: &Transaction, recipient: &Recipient, next: &Transaction) -> bool {
    match &recipient.next {
        Some(named) => next.queue_id.as_deref() == Some(&named.queue_id),
        None => hop.to.len() == 1,
    }
}

/// The recipients of the next hop that this one became.
fn recipients_there<'a>(hop: &Transaction, recipient: &Recipient, next: &'a Transaction) -> Vec<&'a Recipient> {
    // Several next hops: each recipient follows the one whose id its own reply named.
    if let Some(named) = &recipient.next
        && next.queue_id.as_deref() != Some(&named.queue_id)
    {
        return Vec::new();
    }
    let same: Vec<_> = next.to.iter().filter(|there| is(there, &recipient.address)).collect();
    if !same.is_empty() {
        return same;
    }
    if recipient.next.is_none() && recipient.status != Status::Expanded {
        return Vec::new();
    }
    unaccounted(hop, next)
}

/// Behind an alias that left no trace: what no other recipient of this hop accounts for.
fn unaccounted<'a>(hop: &Transaction, next: &'a Transaction) -> Vec<&'a Recipient> {
    let of_another = |there: &Recipient| hop.to.iter().any(|other| is(there, &other.address));
    next.to.iter().filter(|there| !of_another(there)).collect()
}

/// Is it this address, or was it asked for by it?
fn is(there: &Recipient, address: &str) -> bool {
    let asked = there.orig.as_ref();
    there.address.eq_ignore_ascii_case(address) || asked.is_some_and(|orig| orig.eq_ignore_ascii_case(address))
}
