//! One client's session: what was read of it, and what it comes to when it ends.

use std::sync::Arc;

use super::sessions::Told;
use super::{Mention, refusal, session_document};
use crate::event::{Event, Field, Kind};
use crate::line::{Digest, Line, Moment};

/// So many lines of one are kept.
const MAX_LINES: usize = 200;

/// What one process says between a client's coming and going.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Connect first, where it was seen.
    pub(super) lines: Vec<(Digest, Mention)>,
    /// Is the first line the client's coming?
    pub(super) begun: bool,
    /// The second of the client's going.
    pub(super) over: Option<i64>,
    /// Something was taken from this client.
    pub(super) mail: bool,
    /// `hold`, `discard`, `warn` ... of the next message, each with: its document was written.
    pub(super) pending: Vec<(Digest, Mention, bool)>,
    /// The last queue ids that began here, with their second.
    pub(super) queued: Vec<(Arc<str>, i64)>,
    /// The line in which the last of them began.
    pub(super) last_queued: Option<Arc<Line>>,
    pub(super) last: Moment,
}

impl Session {
    pub(super) fn has(&self, digest: Digest) -> bool {
        self.lines.iter().any(|(known, _)| *known == digest)
    }

    pub(super) fn host(&self) -> Option<&Arc<str>> {
        let pending = self.pending.iter().map(|(_, mention, _)| mention);
        let mut mentions = self.lines.iter().map(|(_, mention)| mention).chain(pending);
        mentions.next().map(|mention| &mention.line().host)
    }

    pub(super) fn push(&mut self, digest: Digest, event: &Event) {
        self.last = self.last.max(event.line.at);
        if self.lines.len() >= MAX_LINES {
            // The first ones tell who it is, the last ones how it ended.
            self.lines.remove(MAX_LINES / 2);
        }
        self.lines.push((digest, Mention::Event(event.clone())));
    }

    /// Does the event name this session's client, or none?
    pub(super) fn is_of(&self, event: &Event) -> bool {
        let Some(named) = event.bytes(Field::ClientIp) else {
            return true;
        };
        let client =
            |(_, mention): &'_ (Digest, Mention)| mention.event()?.bytes(Field::ClientIp).map(|ip| ip == named);
        self.lines.iter().find_map(client).unwrap_or(true)
    }

    /// Could the event be of this session, which began when it did?
    pub(super) fn reaches(&self, event: &Event) -> bool {
        let first = self.lines.first().map(|(_, mention)| mention.line().at.second());
        first.is_none_or(|first| first <= event.line.at.second())
    }

    pub(super) fn facts(&self) -> impl Iterator<Item = (Digest, &Event)> {
        self.lines
            .iter()
            .filter_map(|(digest, mention)| Some((*digest, mention.event().filter(|event| is_fact(event))?)))
    }

    pub(super) fn end(self, told: &mut Vec<Told>) {
        for (digest, mention, written) in &self.pending {
            if !written {
                told.extend(alone(*digest, mention));
            }
        }
        if self.begun && !self.mail {
            let lines: Vec<_> = self.lines.iter().map(|(digest, mention)| (*digest, mention)).collect();
            let document = session_document::of_lines(&lines);
            told.extend(document.map(Box::new).map(Told::Session));
        }
    }
}

/// The refusal of this line. None where it is none.
pub(super) fn alone(digest: Digest, mention: &Mention) -> Option<Told> {
    let refusal = mention.event().filter(|event| refusal::is_without_queue_id(event))?;
    Some(Told::Alone(digest, refusal.clone()))
}

/// Does the line tell something of every message of its session?
pub(super) fn is_fact(event: &Event) -> bool {
    match event.kind {
        Kind::Tls => event.bytes(Field::TlsProtocol).is_some(),
        Kind::Connect => event.bytes(Field::SaslUser).is_some(),
        Kind::Record => event.bytes(Field::Action) == Some(b"proxied"),
        _ => false,
    }
}
