//! What the lines of one life say as a whole.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::event::{Event, Field, Kind, Severity};
use crate::line::Digest;
use crate::transaction::{MAX_RECIPIENTS, Recipient, Relation, Status, Transaction, TransactionKind, domain};

use super::life::Life;
use super::mention::rank;
use super::recipient::Recipients;
use super::{Locality, Mentions, beside, client, evidence, links, outcome, refusal};

/// At most this many warnings and foreign fields are kept of a mail, each at most this many bytes long.
const MAX_NOTES: usize = 50;
const MAX_NOTE_BYTES: usize = 2_048;

/// The document of a life. None if no rule matched any of its lines.
pub(super) fn mail(life: &Life<'_>, mentions: &Mentions, locality: &Locality) -> Option<Transaction> {
    let first = life.named().next()?;
    let own = || life.own();
    let from = sender(own());
    let session = session_of(life, from.as_deref());
    let from = from
        .or_else(|| sender(session.iter().copied()))
        .or_else(|| null_sender_of_a_notice(life, mentions));
    let mut recipients = Recipients::default();
    let mut state = outcome::Own::default();
    for event in session.iter().copied().chain(own()) {
        fold(event, &mut recipients, &mut state, locality);
    }
    if recipients.is_empty() {
        session
            .iter()
            .copied()
            .chain(own())
            .filter(|event| names_a_recipient(event))
            .for_each(|event| recipients.name(event));
        state.word.iter().for_each(|word| recipients.settle(*word));
    }
    if state.held {
        recipients.settle(Status::Held);
    }
    let nrcpt = own().filter_map(|event| event.number::<u64>(Field::Nrcpt)).max();
    let unheard = nrcpt.unwrap_or_default().saturating_sub(recipients.heard());
    let mut to = recipients.into_sorted();
    let verdicts = beside::said(session.iter().copied().chain(own()), &mut to);
    let (status, open) = outcome::status(&to, unheard, &state);
    let outcome = abandoned(life, mentions, nrcpt);
    let open = open && outcome.is_none() && !(to.is_empty() && nothing_came(life, nrcpt));
    let links = links::links(life, mentions, locality);
    let leg = links.iter().any(|link| {
        matches!(
            link.rel,
            Relation::FilteredFrom | Relation::SubmittedFrom | Relation::ResentFrom
        )
    });
    let evidence = evidence::evidence(&life.lines);
    let lines_of_its_own = || life.lines.iter().filter(|(_, mention)| !mention.is_of_session());
    let times = || lines_of_its_own().map(|(_, mention)| mention.line().at);
    let speaker = own().find(|event| mta(event).is_some()).unwrap_or(first);
    let missing = missing(life, mentions, from.is_some());
    let (to, to_more, fate) = bounded(to);
    Some(Transaction {
        end: times().max().unwrap_or_default(),
        mta: mta(speaker).map(str::to_owned),
        instance: instance(speaker),
        queue_id: Some(mentions.queue_id.to_string()),
        status: status.to_owned(),
        outcome,
        open,
        leg,
        from_domain: from.as_deref().and_then(domain),
        from,
        message_id: message_id(life.own_lines().iter().copied()),
        subject: subject(own()),
        size: own().filter_map(|event| event.number(Field::Size)).last(),
        nrcpt,
        client: client::through_a_proxy(
            client::with_session(client::client(own()), session.iter().copied()),
            own(),
            &session,
            locality,
        ),
        to,
        to_more,
        fate,
        unheard: (unheard > 0).then_some(unheard),
        reject: session
            .iter()
            .copied()
            .chain(own())
            .filter(|event| event.kind == Kind::Reject)
            .map(refusal::entry)
            .collect(),
        verdicts,
        warnings: warnings(life, mentions),
        links,
        missing,
        extra: extra(notes(life).into_iter()),
        rules: first.vocabulary.fingerprint.clone(),
        lines: evidence.lines,
        line_count: evidence.count,
        memory: Some(Box::new(evidence.memory)),
        ..Transaction::new(
            TransactionKind::Mail,
            life.id.clone(),
            &mentions.host,
            times().min().unwrap_or_default(),
        )
    })
}

/// What the session said of this message before it had an id: of another sender, it was of another.
fn session_of<'a>(life: &Life<'a>, from: Option<&str>) -> Vec<&'a Event> {
    let is_its = |event: &&Event| {
        let named = event.text(Field::From);
        named.is_none_or(|named| from.is_none_or(|from| named.eq_ignore_ascii_case(from)))
    };
    life.unnamed().filter(is_its).collect()
}

/// What the lines did not tell.
fn missing(life: &Life<'_>, mentions: &Mentions, has_sender: bool) -> Vec<String> {
    let mut missing = Vec::new();
    let begins = |event: &Event| matches!(event.kind, Kind::Queued | Kind::MessageId);
    if life.provisional || !(life.own().any(begins) || split_off(life, mentions).next().is_some()) {
        missing.push("start".to_owned());
    }
    if !has_sender {
        missing.push("sender".to_owned());
    }
    missing
}

/// The lines in which sendmail splits this id off another: a notice, a list's clone. It tells no other beginning.
fn split_off<'a>(life: &'a Life<'_>, mentions: &'a Mentions) -> impl Iterator<Item = &'a Event> {
    life.named().filter(|event| {
        let splits = matches!(event.kind, Kind::Notice | Kind::Expire | Kind::Expanded);
        splits && !mentions.owns(event) && mta(event) == Some("sendmail")
    })
}

/// sendmail logs no sender of its notices; RFC 3464, section 2, gives them the null sender.
fn null_sender_of_a_notice(life: &Life<'_>, mentions: &Mentions) -> Option<String> {
    let mut notices = split_off(life, mentions).filter(|event| event.bytes(Field::NoticeQueueId).is_some());
    notices.next().map(|_| String::new())
}

/// sendmail tells even of a transaction in which it took no recipient, or of which no message came.
fn nothing_came(life: &Life<'_>, nrcpt: Option<u64>) -> bool {
    let begun_empty = |event: &Event| {
        event.kind == Kind::Queued
            && event.number::<u64>(Field::Size) == Some(0)
            && event.bytes(Field::MessageId).is_none()
            && mta(event) == Some("sendmail")
    };
    nrcpt == Some(0) || life.own().any(begun_empty)
}

/// How the client left before the message was complete: then nothing more comes of it.
fn abandoned(life: &Life<'_>, mentions: &Mentions, nrcpt: Option<u64>) -> Option<String> {
    let goes_on = |event: &Event| {
        !matches!(
            event.kind,
            Kind::Queued
                | Kind::MessageId
                | Kind::Header
                | Kind::Lost
                | Kind::Record
                | Kind::Reject
                | Kind::Verdict
                | Kind::Tls
                | Kind::Connect
                | Kind::Disconnect
        )
    };
    if life.events().any(goes_on) {
        return None;
    }
    let lost = |event: &&Event| event.kind == Kind::Lost && (mentions.owns(event) || !event.has_queue_id());
    if let Some(lost) = life.events().find(lost) {
        let word = lost.text(Field::Outcome);
        return Some(word.map_or_else(|| "lost".to_owned(), Cow::into_owned));
    }
    // The client went in good order, and no header of a message was seen before.
    let went = life.unnamed().any(|event| event.kind == Kind::Disconnect);
    let has_headers = life
        .events()
        .any(|event| matches!(event.kind, Kind::MessageId | Kind::Header));
    let is_empty = (went && !has_headers) || nothing_came(life, nrcpt);
    is_empty.then(|| "no_mail".to_owned())
}

/// One event's effect on the recipients and on the mail as a whole.
fn fold(event: &Event, recipients: &mut Recipients, state: &mut outcome::Own, locality: &Locality) {
    match event.kind {
        Kind::Delivery => recipients.attempt(event, locality),
        Kind::Hold => state.held = true,
        Kind::Release => state.held = false,
        Kind::Removed => {
            state.removed = true;
            state.held = false;
            // Stock RFC 5424 loses the daemon: `removed` before the last word is `postsuper -d`.
            if !event.line.program.contains('/') {
                recipients.settle(Status::Deleted);
                state.word = state.word.or(recipients.is_empty().then_some(Status::Deleted));
            }
        }
        Kind::Delete => settle(recipients, state, Status::Deleted),
        Kind::Discard => settle(recipients, state, Status::Discarded),
        Kind::Expire => settle(recipients, state, Status::Expired),
        Kind::Requeued | Kind::Expanded => settle(recipients, state, Status::Expanded),
        // sendmail's notice says whether it gave up; Postfix's deliveries have said so before. A bounce for recipients
        // that no line names (an alias loop) is the only trace of their fate.
        Kind::Notice => match event.text(Field::Status).and_then(|word| Status::from_word(&word)) {
            Some(status) => settle(recipients, state, status),
            None if event.bytes(Field::Notice) == Some(b"bounce") && mta(event) == Some("sendmail") => {
                state.word = state.word.or(Some(Status::Bounced));
            }
            None => {}
        },
        // `discard` and `hold` by an access map or milter under a queue id.
        Kind::Reject => match event.bytes(Field::Action) {
            Some(b"discard" | b"milter-discard") => settle(recipients, state, Status::Discarded),
            Some(b"hold" | b"milter-hold" | b"quarantine") => state.held = true,
            _ => {}
        },
        _ => {}
    }
}

/// Before any delivery a recipient is named only where cleanup or an access map acts on the message: the first one.
fn names_a_recipient(event: &Event) -> bool {
    matches!(event.kind, Kind::Header | Kind::Hold | Kind::Discard)
        || (event.kind == Kind::Reject && !refusal::refuses(event))
}

fn settle(recipients: &mut Recipients, state: &mut outcome::Own, status: Status) {
    recipients.settle(status);
    state.word = Some(status);
    state.held = false;
}

type Bounded = (Vec<Recipient>, BTreeMap<Status, u64>, BTreeMap<Status, Vec<String>>);

/// The first recipients by address; the rest counted by status.
fn bounded(mut to: Vec<Recipient>) -> Bounded {
    let mut more = BTreeMap::new();
    for recipient in to.split_off(to.len().min(MAX_RECIPIENTS)) {
        *more.entry(recipient.status).or_insert(0) += 1;
    }
    let mut fate: BTreeMap<Status, Vec<String>> = BTreeMap::new();
    for recipient in &to {
        let addresses = fate.entry(recipient.status).or_default();
        if addresses.last() != Some(&recipient.address) {
            addresses.push(recipient.address.clone());
        }
    }
    (to, more, fate)
}

/// The envelope sender: the queue manager's word, else the first that told one.
pub(super) fn sender<'a>(events: impl Iterator<Item = &'a Event>) -> Option<String> {
    let mut first = None;
    for event in events {
        let Some(from) = event.text(Field::From) else { continue };
        // Not the bounce's or reject's own view of it.
        if event.kind == Kind::Active {
            return Some(from.into_owned());
        }
        first = first.or_else(|| Some(from.into_owned()));
    }
    first
}

/// The first Message-ID. A message with two of them logs both.
pub(super) fn message_id<'a>(lines: impl Iterator<Item = (Digest, &'a Event)>) -> Option<String> {
    lines
        .filter_map(|(digest, event)| {
            let id = event.text(Field::MessageId).filter(|id| !id.is_empty())?;
            Some((event.line.at, digest, id))
        })
        .min_by_key(|(at, digest, _)| (*at, *digest))
        .map(|(_, _, id)| id.into_owned())
}

/// The Subject, where it is logged.
pub(super) fn subject<'a>(mut events: impl Iterator<Item = &'a Event>) -> Option<String> {
    events
        .find_map(|event| event.text(Field::Subject))
        .filter(|subject| !subject.is_empty())
        .map(Cow::into_owned)
}

/// Warnings that name the queue id, and its lines that no rule matched: their texts, each once.
fn warnings(life: &Life<'_>, mentions: &Mentions) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for (_, mention) in &life.lines {
        let grave = match mention.event() {
            None => true,
            Some(event) => {
                (event.kind == Kind::Record || event.generic || event.severity >= Severity::Warning)
                    && event.kind != Kind::Reject
                    && event.has_queue_id()
                    && mentions.owns(event)
            }
        };
        if grave && texts.len() < MAX_NOTES {
            let text = cut(&String::from_utf8_lossy(mention.line().text()));
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    texts
}

/// What has no place of its own in a document, by the names that it gets there.
const NOTED: [(Field, &str); 3] = [
    (Field::Uid, "uid"),
    (Field::Submitter, "submitter"),
    (Field::Ctladdr, "ctladdr"),
];

/// The fields that the assembler does not know, and the local submitter; the first value of a name wins.
pub(super) fn extra<'a>(events: impl Iterator<Item = &'a Event>) -> BTreeMap<String, String> {
    let mut extra = BTreeMap::new();
    for event in events {
        let known = NOTED
            .iter()
            .filter_map(|(field, name)| Some((Cow::Borrowed(*name), event.bytes(*field)?)));
        let filter = event
            .bytes(Field::OrigClientIp)
            .and_then(|_| event.bytes(Field::ClientIp));
        let filter = filter.map(|ip| (Cow::Borrowed("filter_ip"), ip));
        for (name, value) in event.extra().chain(known).chain(filter) {
            // That there is no queue id is said by its absence.
            if name != "no_queue_id"
                && extra.len() < MAX_NOTES
                && name.len() <= 64
                && !extra.contains_key(name.as_ref())
            {
                extra.insert(name.into_owned(), cut(&String::from_utf8_lossy(value)));
            }
        }
    }
    extra
}

/// The events whose foreign fields are kept, in an order that does not depend on the log's resolution. A refusal's own
/// are about its recipient.
fn notes<'a>(life: &Life<'a>) -> Vec<&'a Event> {
    let has_some = |event: &Event| {
        let captures = &event.captures;
        captures.has_foreign()
            || captures.has(Field::OrigClientIp)
            || NOTED.iter().any(|(field, _)| captures.has(*field))
    };
    let mut lines: Vec<_> = life
        .own_lines()
        .iter()
        .filter(|(_, event)| event.kind != Kind::Reject && has_some(event))
        .map(|(digest, event)| ((event.line.at.second(), rank(event), *digest), *event))
        .collect();
    lines.sort_unstable_by_key(|(order, _)| *order);
    lines.into_iter().map(|(_, event)| event).collect()
}

/// The first bytes of a text, as many as are kept.
pub(super) fn cut(text: &str) -> String {
    let end = (0..=text.len().min(MAX_NOTE_BYTES))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or_default()].to_owned()
}

/// The MTA that spoke: the first part of the rule's id. None for a companion.
pub(super) fn mta(event: &Event) -> Option<&'static str> {
    let of = |family: &&str| {
        let behind = event.rule_id().strip_prefix(*family);
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('/'))
    };
    ["postfix", "sendmail"].into_iter().find(of)
}

/// Postfix's syslog name: the first part of the tag. None for sendmail.
pub(super) fn instance(event: &Event) -> Option<String> {
    let name = event.line.program.split('/').next().unwrap_or_default();
    (mta(event) == Some("postfix") && !name.is_empty()).then(|| name.to_owned())
}
