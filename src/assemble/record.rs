//! The document of a line that belongs to no message.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::event::{Event, FIELDS, Field, Kind};
use crate::line::Digest;
use crate::transaction::{Record, RecordKind, SCHEMA, Source, User};

use super::{Mention, evidence, mail};

/// Is an event that belongs to no session worth a document?
pub fn is_worth_a_record(event: &Event) -> bool {
    let worth = match event.kind {
        Kind::Record | Kind::Verdict | Kind::Mailbox | Kind::AuthFailed | Kind::Postscreen | Kind::Lost => true,
        // That a connection came up is told by the millions.
        Kind::Tls => event.bytes(Field::TlsProtocol).is_none(),
        _ => false,
    };
    worth && !event.has_queue_id() && !event.generic
}

/// The document of an event that names no queue id and belongs to no session. None where it is not worth one.
pub fn record(digest: Digest, event: &Event) -> Option<Record> {
    if !is_worth_a_record(event) {
        return None;
    }
    let text = |field| {
        event
            .text(field)
            .filter(|text| !text.is_empty() && text != "unknown")
            .map(Cow::into_owned)
    };
    let source = Source {
        ip: text(Field::ClientIp),
        domain: text(Field::ClientHost),
        port: event.number(Field::ClientPort),
    };
    let mention = Mention::Event(event.clone());
    let evidence = evidence::evidence(&[(digest, &mention)]);
    Some(Record {
        schema: SCHEMA,
        kind: RecordKind::Record,
        id: digest.id_at(event.line.at),
        at: event.line.at,
        host: event.line.host.to_string(),
        program: event.line.program.to_string(),
        pid: event.line.pid,
        severity: event.severity.name().to_owned(),
        rule: event.rule_id().to_owned(),
        text: String::from_utf8_lossy(event.line.text()).into_owned(),
        source: (source != Source::default()).then_some(source),
        user: text(Field::SaslUser).map(|name| User { name }),
        message_id: text(Field::MessageId),
        extra: fields(event),
        rules: event.vocabulary.fingerprint.clone(),
        lines: evidence.lines,
        memory: Some(evidence.memory),
    })
}

/// The fields that have no place of their own, by the names that rules give them: `to` is an object in a mail, and one
/// name is never both.
fn fields(event: &Event) -> BTreeMap<String, String> {
    const PLACED: &[Field] = &[
        Field::ClientIp,
        Field::ClientHost,
        Field::ClientPort,
        Field::SaslUser,
        Field::MessageId,
        Field::Text,
    ];
    let mut fields = mail::extra(std::iter::once(event));
    for (field, name, _) in FIELDS.iter().filter(|(field, ..)| !PLACED.contains(field)) {
        if let Some(value) = event.text(*field).filter(|value| !value.is_empty()) {
            fields.insert((*name).to_owned(), mail::cut(&value));
        }
    }
    fields
}
