//! What companions said of a message: verdicts, and the folder in which a recipient has it.

use std::borrow::Cow;

use crate::event::{Event, Field, Kind};
use crate::transaction::{Mailbox, Recipient, Verdict};

/// The verdicts of these events; what they say of a mailbox is told to its recipient.
pub(super) fn said<'a>(events: impl Iterator<Item = &'a Event>, to: &mut [Recipient]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for event in events {
        match event.kind {
            Kind::Mailbox => put(event, to),
            Kind::Verdict if names_none_but(event, to) => verdicts.push(verdict(event)),
            _ => {}
        }
    }
    verdicts
}

/// Tells the recipient of this user in which folder the message is. Who is called by a local name only, or is the only
/// recipient under whatever name, is the one.
fn put(event: &Event, to: &mut [Recipient]) {
    let text = |field| event.text(field).filter(|text| !text.is_empty()).map(Cow::into_owned);
    let mailbox = Mailbox {
        folder: text(Field::Folder),
        script: text(Field::Script),
    };
    if mailbox.folder.is_none() && mailbox.script.is_none() {
        return;
    }
    let user = event.text(Field::To).unwrap_or_default();
    let is_called_so = |name: &str| {
        let local = name.split_once('@').map_or(name, |(local, _)| local);
        name.eq_ignore_ascii_case(&user) || local.eq_ignore_ascii_case(&user)
    };
    let alone = to.len() == 1;
    for recipient in to {
        if alone || is_called_so(&recipient.address) || recipient.orig.as_deref().is_some_and(is_called_so) {
            recipient.mailbox.get_or_insert_with(|| mailbox.clone());
        }
    }
}

/// What was said of a client and a sender is about this message only if it names no other's recipient.
fn names_none_but(event: &Event, to: &[Recipient]) -> bool {
    let is_one = |named: &str| {
        let mut names = to
            .iter()
            .flat_map(|recipient| [Some(&recipient.address), recipient.orig.as_ref()]);
        names.any(|name| name.is_some_and(|name| name.eq_ignore_ascii_case(named)))
    };
    names_an_id(event) || to.is_empty() || event.text(Field::To).is_none_or(|named| is_one(&named))
}

fn verdict(event: &Event) -> Verdict {
    let text = |field| event.text(field).map(Cow::into_owned);
    Verdict {
        by: text(Field::By).unwrap_or_default(),
        what: text(Field::What).unwrap_or_default(),
        result: text(Field::Result).unwrap_or_default(),
        score: event.number(Field::Score),
        detail: text(Field::Detail),
        sure: names_an_id(event),
    }
}

fn names_an_id(event: &Event) -> bool {
    event.queue_id().is_some() || event.bytes(Field::MessageId).is_some_and(|id| !id.is_empty())
}
