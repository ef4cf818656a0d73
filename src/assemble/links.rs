//! How the queue ids of one host are related.

use crate::event::{Event, Field, Kind};
use crate::transaction::{Link, Relation};

use super::life::Life;
use super::{Locality, Mentions};

/// The links of a life, each once, in the order of [`Relation`].
pub(super) fn links(life: &Life<'_>, mentions: &Mentions, locality: &Locality) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for event in life.events() {
        let Some((relation, other)) = relation(event, locality) else {
            continue;
        };
        let link = if mentions.owns(event) {
            Link {
                rel: relation,
                queue_id: other,
            }
        } else {
            Link {
                rel: relation.inverse(),
                queue_id: event.queue_id().unwrap_or_default().to_owned(),
            }
        };
        if link.queue_id != *mentions.queue_id && !link.queue_id.is_empty() && !links.contains(&link) {
            links.push(link);
        }
    }
    links.sort();
    links
}

/// What the event says of its own queue id and another of the same host.
fn relation(event: &Event, locality: &Locality) -> Option<(Relation, String)> {
    let other = |field| event.text(field).map(std::borrow::Cow::into_owned);
    match event.kind {
        // sendmail's one line says that it gave up and which notice tells so.
        Kind::Notice | Kind::Expire => {
            let relation = match (
                event.bytes(Field::NoticeTo),
                event.bytes(Field::Notice).unwrap_or_default(),
            ) {
                (Some(b"postmaster"), _) => Relation::PostmasterNotice,
                (_, b"delay") => Relation::DelayNotice,
                (_, b"success") => Relation::SuccessNotice,
                _ => Relation::Bounce,
            };
            Some((relation, other(Field::NoticeQueueId)?))
        }
        Kind::Delivery => match other(Field::NewQueueId) {
            Some(new) => Some((Relation::ForwardedTo, new)),
            None if event.captures.has(Field::NextQueueId) && locality.is_local(event) => {
                let relation = if is_submission(event) {
                    Relation::SubmittedAs
                } else {
                    Relation::FilteredTo
                };
                Some((relation, other(Field::NextQueueId)?))
            }
            None => None,
        },
        Kind::Queued => match other(Field::OldQueueId) {
            Some(old) => Some((Relation::RequeuedFrom, old)),
            None if locality.is_local_client(event) => Some((Relation::FilteredFrom, other(Field::OrigQueueId)?)),
            None => None,
        },
        Kind::Forwarded => Some((Relation::ForwardedTo, other(Field::NewQueueId)?)),
        Kind::Expanded => Some((Relation::ClonedTo, other(Field::NewQueueId)?)),
        Kind::Requeued => Some((Relation::RequeuedAs, other(Field::NewQueueId)?)),
        Kind::Filtered => Some((Relation::FilteredTo, other(Field::NewQueueId)?)),
        _ => None,
    }
}

/// sendmail's command hands a message to its daemon by the mailer `relay`.
pub(super) fn is_submission(delivery: &Event) -> bool {
    delivery.bytes(Field::Mailer) == Some(b"relay")
}
