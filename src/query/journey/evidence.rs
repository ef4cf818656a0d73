//! Is one hop what another was handed on as? By the id in a reply, by the message id, by both, and by the names of the hosts.

use crate::transaction::{Recipient, Relation, Status, Transaction};

/// Clocks of two hosts may differ by this much, in milliseconds.
const SKEW_MS: i64 = 5 * 60 * 1000;

/// The words that say that a hop's reply led to another: the id in it, and the message id where both have it.
pub(super) fn evidence_of_reply(queue_id: &str, before: &Transaction, after: &Transaction) -> String {
    match &before.message_id {
        Some(id) if after.message_id.as_ref() == Some(id) => format!("queued as {queue_id}, message id <{id}>"),
        _ => format!("queued as {queue_id}"),
    }
}

/// Which of two hops with one message id came first? The one that names the other as its relay, or that the other names
/// as its client; the clocks of two hosts decide only where neither is told.
pub(super) fn in_order<'a>(a: &'a Transaction, b: &'a Transaction) -> (&'a Transaction, &'a Transaction) {
    match (hands_to(a, b), hands_to(b, a)) {
        (true, false) => (a, b),
        (false, true) => (b, a),
        _ if a.at <= b.at => (a, b),
        _ => (b, a),
    }
}

/// How well a hop fits another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fit {
    /// How much of what both tell agrees beside the queue id: the relay's name, the client's name, the message id.
    agreed: usize,
    /// See [`handed_on`].
    sure: bool,
}

/// How well `next` fits as what the recipient of `hop` was handed on as. None if something speaks against it.
pub(super) fn fit(hop: &Transaction, recipient: &Recipient, next: &Transaction) -> Option<Fit> {
    let relay = recipient.relay.as_ref().and_then(|relay| relay.host.as_deref());
    let client = next.client.as_ref().and_then(|client| client.host.as_deref());
    let agreed = [
        relay.is_some_and(|relay| same_host(relay, &next.host)),
        client.is_some_and(|client| same_host(client, &hop.host)),
        hop.message_id == next.message_id,
    ];
    Some(Fit {
        agreed: agreed.iter().filter(|agrees| **agrees).count(),
        sure: handed_on(hop, recipient, next)?,
    })
}

/// A reply came from one server: of several hosts that have its queue id, those that fit best; none is sure among equals.
pub(super) fn best(fits: Vec<(Fit, Transaction)>) -> Vec<(bool, Transaction)> {
    let most = fits.iter().map(|(fit, _)| fit.agreed).max().unwrap_or_default();
    let best: Vec<_> = fits.into_iter().filter(|(fit, _)| fit.agreed == most).collect();
    let alone = best.len() == 1;
    best.into_iter()
        .map(|(fit, other)| (fit.sure && alone, other))
        .collect()
}

/// Is the id in a reply one of the hop's own host: that of a filter's second leg, of sendmail's daemon?
pub(super) fn is_on_this_host(hop: &Transaction, queue_id: &str) -> bool {
    hop.links
        .iter()
        .any(|link| matches!(link.rel, Relation::FilteredTo | Relation::SubmittedAs) && link.queue_id == queue_id)
}

/// Does one of the two name the other's host: as its relay, as its client?
fn hands_to(before: &Transaction, after: &Transaction) -> bool {
    let is = |name: Option<&String>, host: &str| name.is_some_and(|name| same_host(name, host));
    let relays = before.to.iter().filter_map(|to| to.relay.as_ref());
    let client = after.client.as_ref().and_then(|client| client.host.as_ref());
    before.host != after.host
        && (is(client, &before.host) || relays.into_iter().any(|relay| is(relay.host.as_ref(), &after.host)))
}

/// The same name, or one of them is the other's first label: logs know their own host by either.
fn same_host(a: &str, b: &str) -> bool {
    let (a, b) = (
        a.trim_end_matches('.').to_lowercase(),
        b.trim_end_matches('.').to_lowercase(),
    );
    let begins = |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with('.'));
    a == b || begins(&a, &b) || begins(&b, &a)
}

/// Can `next` be what the recipient of `hop` was handed on as, given that the id in the reply is its queue id?
/// Some(true) where the message id agrees, Some(false) where only time does, None where something speaks against it.
fn handed_on(hop: &Transaction, recipient: &Recipient, next: &Transaction) -> Option<bool> {
    let last = recipient.last_at.unwrap_or(hop.end);
    let in_time = next.at.0 <= last.0 + SKEW_MS && next.at.0 >= hop.at.0 - SKEW_MS;
    match (&hop.message_id, &next.message_id) {
        (Some(a), Some(b)) if a == b && in_time => Some(true),
        (Some(a), Some(b)) if a != b => None,
        _ if in_time => {
            let same_sender = hop.from.is_none() || next.from.is_none() || hop.from == next.from;
            let sure = same_sender && (last.0 - next.at.0).abs() < SKEW_MS / 5;
            same_sender.then_some(sure && next.to.iter().any(|to| recipient.is_found_in(to)))
        }
        _ => None,
    }
}

/// A relayed recipient of the earlier one turns up in the later one, from the same sender, in its time.
pub(super) fn is_explained_by_message_id(before: &Transaction, after: &Transaction) -> bool {
    let in_time = after.at.0 <= before.end.0 + SKEW_MS && after.at.0 >= before.at.0 - SKEW_MS;
    let same_sender = before.from.is_some() && before.from == after.from;
    // Where the reply named an id, that id decides.
    let open_end = before
        .to
        .iter()
        .filter(|to| to.next.is_none() && matches!(to.status, Status::Relayed | Status::Filtered | Status::Expanded));
    let mut shared = open_end.filter(|to| after.to.iter().any(|other| to.is_found_in(other)));
    in_time && same_sender && shared.next().is_some()
}
