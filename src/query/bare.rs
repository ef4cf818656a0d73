//! A word without a field: its shape says where it is looked for.

use std::ops::Range;

use super::value::{plain, read_network, written};
use super::{FIELDS, Piece, Place, Query, QueryError, Test};

/// Where an address, or a message id, is looked for.
const ADDRESSES: &[&str] = &["to.address", "reject.to", "from", "to.orig", "message_id"];
/// Where a client's or server's address is looked for.
const IPS: &[&str] = &["client.ip", "to.relay.ip"];
/// Where a queue id is looked for.
const QUEUE_IDS: &[&str] = &["queue_id", "links.queue_id", "to.next.queue_id"];
/// Where a document's id is looked for.
const IDS: &[&str] = &["id", "was"];
/// Where everything else is looked for: hosts, domains, words.
const OTHERS: &[&str] = &[
    "host",
    "client.host",
    "client.helo",
    "to.relay.host",
    "from_domain",
    "to.domain",
    "reject.reason",
    "to.response",
    "subject",
    "warnings",
    "text",
];

/// A word that was not quoted.
pub(super) fn word(pieces: &[Piece], span: &Range<usize>) -> Result<Query, QueryError> {
    if pieces == [Piece::Any] {
        return Ok(Query::Everything);
    }
    let text = written(pieces);
    let bare = text.trim_start_matches('<').trim_end_matches('>');
    if bare.contains('@') {
        return anywhere(&[ADDRESSES], pieces, span);
    }
    if let Some(network) = read_network(&text) {
        let term = |place| Query::Term {
            place,
            test: Test::Ip(network.clone()),
        };
        return Ok(Query::any(places(IPS).map(term)));
    }
    if is_document_id(bare) {
        return anywhere(&[IDS], pieces, span);
    }
    match queue_id(bare) {
        Shape::Sure => anywhere(&[QUEUE_IDS], pieces, span),
        Shape::Maybe => anywhere(&[QUEUE_IDS, OTHERS], pieces, span),
        Shape::No => anywhere(&[OTHERS], pieces, span),
    }
}

/// A quoted text: an address stays one, anything else is a host or words.
pub(super) fn quoted(text: &str, span: &Range<usize>) -> Result<Query, QueryError> {
    let pieces = [Piece::Literal(text.to_owned())];
    if text.contains(char::is_whitespace) || text.is_empty() {
        return anywhere(&[OTHERS], &pieces, span);
    }
    word(&pieces, span)
}

fn places(paths: &'static [&'static str]) -> impl Iterator<Item = Place> {
    FIELDS
        .iter()
        .filter(|field| paths.contains(&field.path))
        .map(Place::Field)
}

fn anywhere(groups: &[&'static [&'static str]], pieces: &[Piece], span: &Range<usize>) -> Result<Query, QueryError> {
    groups
        .iter()
        .flat_map(|paths| places(paths))
        .map(|place| plain(place, pieces, span.clone()))
        .collect::<Result<Vec<_>, _>>()
        .map(Query::any)
}

enum Shape {
    Sure,
    Maybe,
    No,
}

/// Does it look like a queue id, or, with wildcards, like a part of one?
///
/// Short Postfix ids are hexadecimal; long ones are of a 52-letter alphabet without vowels around a `z`
/// (`postfix/src/global/mail_queue.h`); sendmail's are eight letters or digits and a process id. A digit must be among
/// them, or any word of `a` to `f` would do; digits alone may as well be a word.
fn queue_id(text: &str) -> Shape {
    let wild = |byte: u8| matches!(byte, b'*' | b'?');
    let wildcards = text.bytes().any(wild);
    let literal: Vec<u8> = text.bytes().filter(|byte| !wild(*byte)).collect();
    let digits = literal.iter().filter(|byte| byte.is_ascii_digit()).count();
    let long_letter = |byte: &u8| byte.is_ascii_alphanumeric() && !b"aeiouAEIOU".contains(byte);
    let hexadecimal = literal.iter().all(u8::is_ascii_hexdigit);
    let short = (5..=24).contains(&literal.len()) && hexadecimal;
    let long = literal.len() >= 12 && literal.iter().all(long_letter) && literal.contains(&b'z');
    let sendmail = (13..=18).contains(&literal.len())
        && literal.iter().all(u8::is_ascii_alphanumeric)
        && literal.iter().rev().take(5).all(u8::is_ascii_digit);
    let shaped = digits > 0 && (short || long || sendmail);
    match (shaped, wildcards || digits == literal.len()) {
        (false, _) => Shape::No,
        (true, true) => Shape::Maybe,
        (true, false) => Shape::Sure,
    }
}

/// `202611-9c1f0b7e4d2a6c55e0f1a2b3c4d5e6f7`
fn is_document_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(period, digest)| {
        period.len() == 6
            && period.bytes().all(|byte| byte.is_ascii_digit())
            && digest.len() == 32
            && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
