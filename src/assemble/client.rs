//! The client that handed a mail in: what the mail's own lines tell, what its session told before, and who stands behind a
//! before-queue filter.

use std::borrow::Cow;

use crate::event::{Event, Field, Kind};
use crate::transaction::{Client, Tls};

use super::Locality;

/// The client that handed the mail in, from all lines that speak of it; the first word wins per fact.
pub(super) fn client<'a>(events: impl Iterator<Item = &'a Event>) -> Option<Client> {
    let mut client = Client::default();
    let mut tls = Tls::default();
    for event in events.filter(|event| matches!(event.kind, Kind::Queued | Kind::Header | Kind::Reject)) {
        let text = |field: Field| {
            event
                .text(field)
                .filter(|text| !text.is_empty() && text != "unknown")
                .map(Cow::into_owned)
        };
        // After a filter's re-entry the original client is the client, and the filter is a detail.
        if event.bytes(Field::OrigClientIp).is_some() || event.bytes(Field::OrigClientHost).is_some() {
            client.host = text(Field::OrigClientHost);
            client.ip = text(Field::OrigClientIp);
            continue;
        }
        if client.ip.is_none() {
            client.ip = text(Field::ClientIp).map(|ip| ip.trim_start_matches("IPv6:").to_owned());
            client.host = client.host.take().or_else(|| text(Field::ClientHost));
            client.port = event.number(Field::ClientPort);
        }
        let fill = |slot: &mut Option<String>, field| *slot = slot.take().or_else(|| text(field));
        fill(&mut client.helo, Field::Helo);
        fill(&mut client.proto, Field::Proto);
        fill(&mut client.sasl_user, Field::SaslUser);
        fill(&mut client.sasl_method, Field::SaslMethod);
        fill(&mut tls.protocol, Field::TlsProtocol);
        fill(&mut tls.cipher, Field::TlsCipher);
        fill(&mut tls.trust, Field::TlsTrust);
    }
    client.tls = (tls != Tls::default()).then_some(tls);
    (client != Client::default()).then_some(client)
}

/// The client with what its session told beside: TLS and login, where all lines agree.
pub(super) fn with_session<'a>(
    client: Option<Client>,
    session: impl Iterator<Item = &'a Event> + Clone,
) -> Option<Client> {
    let text = |event: &'a Event, field| event.text(field).filter(|text| !text.is_empty()).map(Cow::into_owned);
    let mut client = client.unwrap_or_default();
    let of_all = |found: Vec<Tls>| match found.split_first() {
        Some((first, others)) if others.iter().all(|other| other == first) => Some(first.clone()),
        _ => None,
    };
    if client.tls.is_none() {
        let tls = session
            .clone()
            .filter(|event| event.kind == Kind::Tls && event.bytes(Field::TlsProtocol).is_some());
        let tls = tls.map(|event| Tls {
            protocol: text(event, Field::TlsProtocol),
            cipher: text(event, Field::TlsCipher),
            trust: text(event, Field::TlsTrust),
        });
        client.tls = of_all(tls.collect());
    }
    for event in session.filter(|event| client_of_session(event.kind)) {
        let unknown = |text: &String| text != "unknown";
        let fill =
            |slot: &mut Option<String>, field| *slot = slot.take().or_else(|| text(event, field).filter(unknown));
        fill(&mut client.ip, Field::ClientIp);
        fill(&mut client.host, Field::ClientHost);
        fill(&mut client.helo, Field::Helo);
        fill(&mut client.proto, Field::Proto);
        fill(&mut client.sasl_user, Field::SaslUser);
        fill(&mut client.sasl_method, Field::SaslMethod);
        client.port = client.port.or_else(|| event.number(Field::ClientPort));
    }
    (client != Client::default()).then_some(client)
}

/// Do lines of this kind tell who the client is?
fn client_of_session(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Connect
            | Kind::AuthFailed
            | Kind::Reject
            | Kind::Record
            | Kind::Lost
            | Kind::Disconnect
            | Kind::Postscreen
    )
}

/// Behind a before-queue filter the client is the one that the filter's own session names.
pub(super) fn through_a_proxy<'a>(
    client: Option<Client>,
    mut own: impl Iterator<Item = &'a Event>,
    session: &[&Event],
    locality: &Locality,
) -> Option<Client> {
    let mut client = client?;
    let by_the_filter = own.any(|event| event.kind == Kind::Queued && locality.is_local_client(event));
    let outer = session
        .iter()
        .find(|event| event.bytes(Field::Action) == Some(b"proxied"));
    if let Some(outer) = outer.filter(|_| by_the_filter) {
        let text = |field| {
            outer
                .text(field)
                .filter(|text| !text.is_empty() && text != "unknown")
                .map(Cow::into_owned)
        };
        if text(Field::ClientIp).is_some() {
            client.ip = text(Field::ClientIp);
            client.host = text(Field::ClientHost);
            client.port = outer.number(Field::ClientPort);
        }
    }
    Some(client)
}
