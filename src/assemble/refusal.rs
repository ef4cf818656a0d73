//! Refused mail: a document per refusal.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::event::{Event, Field, Kind};
use crate::line::Digest;
use crate::transaction::{Recipient, Reject, Status, Transaction, TransactionKind, domain};

use super::life::Life;
use super::{Mention, Mentions, client, evidence, mail};

/// Did this life come to nothing but refusals?
///
/// Postfix gives an id after the first accepted recipient, sendmail to every transaction: a message begun and then
/// refused as a whole (a header check, a milter, the end of data) was never accepted either.
pub(super) fn nothing_was_accepted(life: &Life<'_>) -> bool {
    let mut refused = false;
    let mut refused_whole = false;
    let mut message = false;
    for event in life.events() {
        match event.kind {
            Kind::Active
            | Kind::Delivery
            | Kind::Removed
            | Kind::Hold
            | Kind::Release
            | Kind::Delete
            | Kind::Discard
            | Kind::Expire
            | Kind::Notice
            | Kind::Forwarded
            | Kind::Expanded
            | Kind::Requeued => return false,
            Kind::Reject if refuses(event) => {
                refused = true;
                refused_whole |= !matches!(event.bytes(Field::Stage), Some(b"RCPT" | b"check_rcpt"));
            }
            // Postfix's cleanup reads the message only after DATA; sendmail tells the accepted recipients.
            Kind::MessageId => message = true,
            Kind::Queued => message |= event.number::<u64>(Field::Nrcpt).is_some_and(|nrcpt| nrcpt > 0),
            _ => {}
        }
    }
    refused && (refused_whole || !message)
}

/// A warning or a side action (`filter`, `prepend`) refuses nothing.
pub(super) fn refuses(event: &Event) -> bool {
    !matches!(status(event), "warned" | "held" | "discarded")
}

/// One document per refusal of a life in which nothing was accepted; each holds the lines of the life beside it.
pub(super) fn refusals(life: &Life<'_>, mentions: &Mentions) -> Vec<Transaction> {
    let is_refusal = |mention: &Mention| mention.event().is_some_and(|event| event.kind == Kind::Reject);
    life.lines
        .iter()
        .filter(|(_, mention)| is_refusal(mention))
        .filter_map(|(digest, mention)| {
            let event = mention.event()?;
            let lines = life
                .lines
                .iter()
                .filter(|(other, line)| other == digest || !is_refusal(line))
                .copied();
            let mut document = refusal(*digest, event, &lines.collect::<Vec<_>>());
            document.queue_id = Some(mentions.queue_id.to_string());
            let named = document.client.take();
            let of_life = client::client(life.named());
            let client = match (named, of_life) {
                // The transaction's own line tells the address, too.
                (Some(named), Some(of_life)) if named.ip.is_none() && named.host == of_life.host => Some(of_life),
                (named, of_life) => named.or(of_life),
            };
            document.client = client::with_session(client, life.unnamed());
            if document.from.is_none() {
                document.from = mail::sender(life.named());
                document.from_domain = document.from.as_deref().and_then(domain);
            }
            document.message_id = mail::message_id(life.event_lines());
            document.subject = mail::subject(life.events());
            Some(document)
        })
        .collect()
}

/// Is the event a refusal before any queue id?
pub(super) fn is_without_queue_id(event: &Event) -> bool {
    event.kind == Kind::Reject && !event.has_queue_id()
}

/// The document of a refusal before any queue id. None if the event is none.
pub fn refusal_without_queue_id(digest: Digest, event: &Event) -> Option<Transaction> {
    is_without_queue_id(event).then(|| {
        let mention = Mention::Event(event.clone());
        refusal(digest, event, &[(digest, &mention)])
    })
}

fn refusal(digest: Digest, event: &Event, lines: &[(Digest, &Mention)]) -> Transaction {
    // A recipient is large, and there is mostly one: collecting would make room for four.
    let mut to = Vec::with_capacity(event.all(Field::To).count());
    to.extend(
        event
            .texts(Field::To)
            .map(|address| Recipient::new(&address, Status::Rejected)),
    );
    let from = event.text(Field::From).map(Cow::into_owned);
    let addresses: Vec<_> = to
        .iter()
        .map(|recipient: &Recipient| recipient.address.clone())
        .collect();
    let evidence = evidence::evidence(lines);
    Transaction {
        mta: mail::mta(event).map(str::to_owned),
        instance: mail::instance(event),
        status: status(event).to_owned(),
        from_domain: from.as_deref().and_then(domain),
        from,
        subject: event.text(Field::Subject).map(Cow::into_owned),
        size: event.number(Field::Size),
        client: client::client(std::iter::once(event)),
        fate: if addresses.is_empty() {
            BTreeMap::default()
        } else {
            [(Status::Rejected, addresses)].into()
        },
        to,
        reject: vec![entry(event)],
        extra: mail::extra(std::iter::once(event)),
        rules: event.vocabulary.fingerprint.clone(),
        lines: evidence.lines,
        line_count: evidence.count,
        memory: Some(Box::new(evidence.memory)),
        ..Transaction::new(
            TransactionKind::Reject,
            digest.id_at(event.line.at),
            &event.line.host,
            event.line.at,
        )
    }
}

/// The `reject[]` entry of a refusal.
pub(super) fn entry(event: &Event) -> Reject {
    let text = |field| event.text(field).filter(|text| !text.is_empty()).map(Cow::into_owned);
    Reject {
        at: event.line.at,
        action: text(Field::Action).unwrap_or_else(|| "reject".to_owned()),
        stage: text(Field::Stage),
        code: event.number(Field::Code),
        dsn: text(Field::Dsn),
        to: text(Field::To),
        reason: text(Field::Reason).unwrap_or_default(),
    }
}

/// What became of the refused: the rule's own word (`greylisted`), else the action's.
fn status(event: &Event) -> &'static str {
    if event.bytes(Field::Outcome) == Some(b"greylisted") {
        return "greylisted";
    }
    let action = event.bytes(Field::Action).unwrap_or_default();
    match action.strip_prefix(b"milter-").unwrap_or(action) {
        b"reject" => "rejected",
        b"discard" => "discarded",
        b"hold" | b"quarantine" => "held",
        _ => "warned",
    }
}
