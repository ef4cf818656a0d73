//! Which queue ids of its host does a line speak of?
//!
//! A line that names two (`PARENT: sender non-delivery notification: CHILD`, `forwarded as NEW`) is kept with both:
//! so a link inside a host stands in both documents, whatever came first.

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::{Event, Field, Kind};
use crate::line::{Digest, Line, Moment};

use super::Locality;

/// One line that mentions a queue id.
#[derive(Debug, Clone)]
pub enum Mention {
    /// A rule matched it.
    Event(Event),
    /// No rule did, but it begins with the queue id: a later rule can gain it.
    Unmatched(Arc<Line>),
}

impl Mention {
    /// The line.
    pub fn line(&self) -> &Arc<Line> {
        match self {
            Self::Event(event) => &event.line,
            Self::Unmatched(line) => line,
        }
    }

    /// The event. None for an unmatched line.
    pub fn event(&self) -> Option<&Event> {
        match self {
            Self::Event(event) => Some(event),
            Self::Unmatched(_) => None,
        }
    }

    /// A line of the client's session, which names no queue id?
    pub(super) fn is_of_session(&self) -> bool {
        self.event().is_some_and(|event| !event.has_queue_id())
    }

    /// Where it stands in the order of cause and effect: by second, in a second by [`rank`], then by time and digest.
    ///
    /// Seconds come first because RFC 3164 tells no finer; a reading of the same log with milliseconds must not
    /// tell another story.
    fn order(&self) -> (i64, u8, Moment) {
        let line = self.line();
        (line.at.second(), self.event().map_or(9, rank), line.at)
    }
}

/// A line in its place among those of its queue id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'a> {
    /// By [`Mention::order`], equal ones by digest.
    order: (i64, u8, Moment, Digest),
    pub(super) mention: &'a Mention,
    /// The event, if it speaks of this queue id first, not only as another's relation.
    pub(super) own: Option<&'a Event>,
}

impl Placed<'_> {
    pub(super) fn digest(&self) -> Digest {
        self.order.3
    }

    /// Whole seconds since 1970 UTC.
    pub(super) fn second(&self) -> i64 {
        self.order.0
    }

    pub(super) fn order(&self) -> (i64, u8, Moment, Digest) {
        self.order
    }
}

/// The natural order of what can happen to a message within one second.
pub(super) fn rank(event: &Event) -> u8 {
    match event.kind {
        Kind::Queued => 0,
        Kind::MessageId | Kind::Header => 1,
        Kind::Active | Kind::Hold | Kind::Reject => 2,
        Kind::Release => 3,
        Kind::Delivery if is_final(event) => 5,
        Kind::Delivery => 4,
        Kind::Expire | Kind::Forwarded | Kind::Expanded | Kind::Filtered => 6,
        Kind::Notice => 7,
        Kind::Requeued | Kind::Delete | Kind::Discard => 8,
        Kind::Removed => 10,
        _ => 9,
    }
}

fn is_final(delivery: &Event) -> bool {
    !matches!(delivery.bytes(Field::Status), Some(b"deferred" | b"queued" | b"held"))
}

/// Everything that was said about one queue id on one host: a set by digest.
#[derive(Debug, Clone, Default)]
pub struct Mentions {
    /// Lower case, as in the documents.
    pub host: Arc<str>,
    /// As logged.
    pub queue_id: Arc<str>,
    /// In the order in which they came.
    lines: Vec<(Digest, Mention)>,
    /// Where each stands, once they are many.
    index: HashMap<Digest, usize>,
}

/// So many lines are looked through one by one.
const FEW: usize = 24;

impl Mentions {
    /// Of one queue id on one host, nothing said yet.
    pub fn new(host: Arc<str>, queue_id: Arc<str>) -> Self {
        Self {
            host,
            queue_id,
            ..Self::default()
        }
    }

    /// Adds a line. False if it was there.
    pub fn insert(&mut self, digest: Digest, mention: Mention) -> bool {
        let known = if self.lines.len() <= FEW {
            self.lines.iter().position(|(other, _)| *other == digest)
        } else {
            if self.index.is_empty() {
                let places = self.lines.iter().enumerate();
                self.index = places.map(|(place, (digest, _))| (*digest, place)).collect();
            }
            self.index.get(&digest).copied()
        };
        if let Some(line) = known.and_then(|place| self.lines.get_mut(place)) {
            line.1 = mention;
            return false;
        }
        if self.lines.len() > FEW {
            self.index.insert(digest, self.lines.len());
        }
        self.lines.push((digest, mention));
        true
    }

    /// Adds all lines of another.
    pub fn merge(&mut self, other: Self) {
        for (digest, mention) in other.lines {
            self.insert(digest, mention);
        }
    }

    /// What was said, in no useful order.
    pub fn iter(&self) -> impl Iterator<Item = &Mention> {
        self.lines.iter().map(|(_, mention)| mention)
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Nothing said?
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// In the order of cause and effect, equal ones by digest.
    pub(super) fn in_order(&self) -> Vec<Placed<'_>> {
        let placed = |(digest, mention): &'_ (Digest, Mention)| {
            let (second, rank, at) = mention.order();
            (second, rank, at, *digest)
        };
        let mut lines: Vec<_> = self
            .lines
            .iter()
            .map(|line| Placed {
                order: placed(line),
                mention: &line.1,
                own: line.1.event().filter(|event| self.owns(event)),
            })
            .collect();
        lines.sort_unstable_by_key(Placed::order);
        lines
    }

    /// Does the event speak of this queue id first, or only as another's relation?
    pub(crate) fn owns(&self, event: &Event) -> bool {
        event.bytes(Field::QueueId) == Some(self.queue_id.as_bytes())
    }
}

/// The queue ids of the line's own host that the event speaks of, its own first.
pub fn queue_ids<'event>(event: &'event Event, locality: &Locality) -> Vec<&'event str> {
    let own = event.queue_id().filter(|id| !id.is_empty());
    own.into_iter().chain(other_queue_ids(event, locality)).collect()
}

/// The fields that can name another queue id of the line's own host; the last two only where the other side is this host.
const OTHERS: [Field; 5] = [
    Field::NoticeQueueId,
    Field::NewQueueId,
    Field::OldQueueId,
    Field::OrigQueueId,
    Field::NextQueueId,
];

/// Those beside its own, each once. Mostly none.
pub(super) fn other_queue_ids<'event>(event: &'event Event, locality: &Locality) -> Vec<&'event str> {
    let mut ids: Vec<&str> = Vec::new();
    if !OTHERS.iter().any(|field| event.captures.has(*field)) {
        return ids;
    }
    let own = event.queue_id();
    let mut add = |field| {
        if let Some(id) = event.bytes(field).and_then(|id| std::str::from_utf8(id).ok())
            && !id.is_empty()
            && own != Some(id)
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    };
    OTHERS[..3].iter().for_each(|field| add(*field));
    // What XFORWARD or the next hop's reply names is an id of this host only where the other side is on this host.
    if event.kind == Kind::Queued && event.bytes(Field::OrigQueueId).is_some() && locality.is_local_client(event) {
        add(Field::OrigQueueId);
    }
    if event.kind == Kind::Delivery && event.bytes(Field::NextQueueId).is_some() && locality.is_local(event) {
        add(Field::NextQueueId);
    }
    ids
}

/// The queue id with which an unmatched line of an MTA begins. None if it does not look like one.
///
/// Postfix: 6 or more capital hexadecimal digits, or a long id (`postfix/src/global/mail_queue.h`); sendmail: 14
/// letters and digits, 8.12 and older 12 and more.
pub fn leading_queue_id(line: &Line) -> Option<&str> {
    let severities: [&[u8]; 4] = [b"warning: ", b"error: ", b"fatal: ", b"panic: "];
    let text = line.text();
    let text = severities
        .iter()
        .find_map(|severity| text.strip_prefix(*severity))
        .unwrap_or(text);
    let end = text.iter().take(32).position(|byte| *byte == b':')?;
    let id = std::str::from_utf8(text.get(..end)?).ok()?;
    let hexadecimal = id
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
    let alphanumeric = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let digits = id.bytes().any(|byte| byte.is_ascii_digit());
    let looks_right = (hexadecimal && id.len() >= 6) || (alphanumeric && id.len() >= 12);
    (looks_right && digits && id.len() <= 24).then_some(id)
}
