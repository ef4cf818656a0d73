//! The document of a client session that never became mail.

use std::collections::BTreeMap;

use crate::event::{Event, Field, Kind};
use crate::line::Digest;
use crate::transaction::{Transaction, TransactionKind, Tried};

use super::life::Life;
use super::{Mention, Mentions, client, evidence, mail};

/// Postfix's counters (`postfix/src/smtpd/smtpd.c`), but for the sum of all.
const COMMANDS: &[&str] = &[
    "auth", "bdat", "data", "ehlo", "etrn", "helo", "help", "mail", "noop", "quit", "rcpt", "rset", "starttls",
    "unknown", "vrfy", "xclient", "xforward",
];

/// Did this life come to nothing but a session? sendmail gives an id to every client before it knows whether there will
/// be a message.
pub(super) fn never_became_mail(life: &Life<'_>) -> bool {
    let mut ended = false;
    // sendmail tells of a VRFY or EXPN, and of no end.
    let asks = |event: &Event| event.kind == Kind::Record && event.extra().any(|(name, _)| name == "command");
    for event in life.events() {
        match event.kind {
            Kind::Disconnect | Kind::Lost | Kind::AuthFailed => ended = true,
            Kind::Record if asks(event) => ended = true,
            Kind::Connect | Kind::Tls | Kind::Postscreen | Kind::Record | Kind::Verdict => {}
            _ => return false,
        }
    }
    ended
}

/// The session of a life in which no message began.
pub(super) fn of_life(life: &Life<'_>, mentions: &Mentions) -> Option<Transaction> {
    let mut document = of_lines(&life.lines)?;
    document.id.clone_from(&life.id);
    document.queue_id = Some(mentions.queue_id.to_string());
    Some(document)
}

/// The session of these lines, of which the first is the client's coming. None without any event.
pub(super) fn of_lines(lines: &[(Digest, &Mention)]) -> Option<Transaction> {
    let events = || lines.iter().filter_map(|(_, mention)| mention.event());
    let (digest, _) = lines.first()?;
    let first = events().next()?;
    let times = || lines.iter().map(|(_, mention)| mention.line().at);
    let at = times().min()?;
    let evidence = evidence::evidence(lines);
    let client = client::with_session(client::client(events()), events());
    Some(Transaction {
        end: times().max()?,
        mta: mail::mta(first).map(str::to_owned),
        instance: mail::instance(first),
        outcome: Some(outcome(&events()).to_owned()),
        commands: events().find_map(commands).unwrap_or_default(),
        client,
        rules: first.vocabulary.fingerprint.clone(),
        lines: evidence.lines,
        line_count: evidence.count,
        memory: Some(Box::new(evidence.memory)),
        ..Transaction::new(
            TransactionKind::Session,
            digest.id_at(first.line.at),
            &first.line.host,
            at,
        )
    })
}

/// How it ended: the most telling word of all.
fn outcome<'a>(events: &(impl Iterator<Item = &'a Event> + Clone)) -> &'static str {
    let said = |word: &str| {
        events
            .clone()
            .any(|event| event.bytes(Field::Outcome) == Some(word.as_bytes()))
    };
    let of_kind = |kind: Kind| events.clone().any(|event| event.kind == kind);
    let tls_failed = |event: &Event| event.kind == Kind::Tls && event.bytes(Field::TlsProtocol).is_none();
    let logged_in = |event: &Event| event.kind == Kind::Connect && event.bytes(Field::SaslUser).is_some();
    if let Some(word) = ["pregreet", "dnsbl", "too_many_errors"]
        .into_iter()
        .find(|word| said(word))
    {
        word
    } else if of_kind(Kind::AuthFailed) && !events.clone().any(logged_in) {
        "auth_failed"
    } else if events.clone().any(tls_failed) {
        "tls_failed"
    } else if said("timeout") {
        "timeout"
    } else if of_kind(Kind::Lost) {
        "lost"
    } else {
        "no_mail"
    }
}

fn commands(event: &Event) -> Option<BTreeMap<String, Tried>> {
    let counters = event.extra().filter_map(|(name, value)| {
        let value = std::str::from_utf8(value).ok()?;
        let known = event.kind == Kind::Disconnect && COMMANDS.contains(&name.as_ref());
        Some((name.into_owned(), Tried::read(value).filter(|_| known)?))
    });
    let counters: BTreeMap<String, Tried> = counters.collect();
    (!counters.is_empty()).then_some(counters)
}
