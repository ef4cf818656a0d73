//! What runs beside an MTA and names no queue id: which message does it speak of?
//!
//! Who tells a Message-ID speaks of every queue id of the host that had it then: the legs of a filter's round trip are one
//! message. Who tells client and sender speaks of the message that this client handed in for this sender within
//! seconds; that is no more than likely, and the documents say so. Either side may come first in a log, so both wait for
//! each other, bounded in number. A line that is given to a mail becomes one of its lines; one that is not is a record,
//! which is withdrawn if its mail comes after all. What is no longer in memory, the store is asked for ([`Asked`]).
//!
//! In: events in the order of their log. Out: [`Told`].

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use crate::event::{Event, Field, Kind};
use crate::line::{Digest, Line, Moment};

use super::sessions::Told;
use super::{mail, record};

/// So many messages, messages that are coming in, and words of companions are remembered, each.
const MOST: usize = 20_000;
/// A Message-ID may be told so long after it was spoken of, and a message be begun so long before; in milliseconds.
const EARLY_MS: i64 = 60 * 1000;
/// A message is begun so long after its client and sender were spoken of, in milliseconds.
const SOON_MS: i64 = 10 * 1000;
/// The store is asked so many times for the message of a word.
const ASKS: u8 = 3;
/// Stands for the queue id of a word whose recipient was refused.
const REFUSED: &str = "NOQUEUE";
/// What is said of a Message-ID is about the messages of the day before, in milliseconds.
const LATE_MS: i64 = 24 * 3600 * 1000;

/// The messages and the words that wait for each other.
#[derive(Debug, Default)]
pub struct Companions {
    hasher: RandomState,
    /// Queue ids by host and Message-ID, each with the moment at which that was told.
    messages: HashMap<u64, Vec<(Arc<str>, Moment)>>,
    messages_in_order: VecDeque<u64>,
    /// Messages of which the sender is not told yet, by host and queue id: the line in which they began.
    begun: HashMap<u64, Event>,
    begun_in_order: VecDeque<u64>,
    /// What companions said, by host and Message-ID, or by host, client and sender.
    words: HashMap<u64, Vec<Word>>,
    words_in_order: VecDeque<u64>,
    /// The latest moment of each host.
    latest: HashMap<Arc<str>, Moment>,
}

/// What a companion said.
#[derive(Debug)]
struct Word {
    digest: Digest,
    event: Event,
    /// The mails that have it.
    joined: Vec<Arc<str>>,
    /// The recipient of which it speaks was refused: what comes later is another try.
    refused: bool,
    /// Its record was told.
    told: bool,
    /// So many times the store may still be asked: another process may write its message later.
    asks: u8,
}

/// A word of which no message is in memory: the store may have it.
#[derive(Debug)]
pub struct Asked {
    /// The line.
    pub digest: Digest,
    /// What it says.
    pub event: Event,
}

impl Asked {
    /// The Message-ID that it tells. None if it tells none.
    pub fn message_id(&self) -> Option<String> {
        let id = self.event.text(Field::MessageId)?;
        (!id.is_empty()).then(|| id.into_owned())
    }

    /// Client and sender.
    pub fn client_and_sender(&self) -> Option<(String, String)> {
        let text = |field| self.event.text(field).map(std::borrow::Cow::into_owned);
        Some((text(Field::ClientIp)?, text(Field::From)?))
    }

    /// When a message must have begun of which this speaks: from, to (exclusive).
    pub fn begun_between(&self) -> (Moment, Moment) {
        let at = self.event.line.at.0;
        let (before, after) = match self.message_id() {
            Some(_) => (LATE_MS, EARLY_MS),
            None => (EARLY_MS, SOON_MS),
        };
        (Moment(at - before), Moment(at + after + 1))
    }
}

impl Companions {
    /// Takes an event. True: it is kept here and wants no document of its own.
    pub fn note(&mut self, digest: Digest, event: &Event, told: &mut Vec<Told>) -> bool {
        match event.kind {
            Kind::MessageId => self.message(event, told),
            Kind::Queued => {
                self.message(event, told);
                // sendmail tells client and sender at once.
                if event.bytes(Field::From).is_some() {
                    self.handed_in(event, event, told);
                } else {
                    self.begin(event);
                }
            }
            Kind::Active => {
                let Some(key) = self.key(event, &[Field::QueueId]) else {
                    return false;
                };
                if let Some(begun) = self.begun.remove(&key) {
                    self.handed_in(&begun, event, told);
                }
            }
            Kind::Reject if !event.has_queue_id() => self.refused(event),
            Kind::Verdict | Kind::Mailbox | Kind::Record => return self.word(digest, event, told),
            _ => {}
        }
        false
    }

    /// Takes a line of [`Companions::lines`] up; its record, if it belongs to no mail, was told.
    pub fn resume(&mut self, digest: Digest, event: &Event, queue_id: &str) {
        self.heard(event);
        if event.kind == Kind::Queued {
            self.begin(event);
            return;
        }
        let Some(key) = self.key_of_word(event) else { return };
        let joined = Some(queue_id).filter(|id| !id.is_empty() && *id != REFUSED);
        let word = Word {
            digest,
            event: event.clone(),
            joined: joined.into_iter().map(Into::into).collect(),
            refused: queue_id == REFUSED,
            told: true,
            asks: 1,
        };
        self.remember(key, word, &mut Vec::new());
    }

    /// Tells a record of each word that has no mail so far: to be called before everything is written.
    pub fn settle(&mut self, told: &mut Vec<Told>) {
        for word in self.words.values_mut().flatten() {
            word.tell(told);
        }
    }

    /// The words of which no message is in memory, each a few times.
    pub fn take_asked(&mut self) -> Vec<Asked> {
        let mut asked = Vec::new();
        for word in self.words.values_mut().flatten().filter(|word| word.asks > 0) {
            word.asks -= 1;
            if word.joined.is_empty() && !word.refused {
                asked.push(Asked {
                    digest: word.digest,
                    event: word.event.clone(),
                });
            }
        }
        asked.sort_by_key(|asked| (asked.event.line.at, asked.digest));
        asked
    }

    /// A message of this word was found elsewhere.
    pub fn found(&mut self, asked: &Asked, queue_id: &str, told: &mut Vec<Told>) {
        let key = self.key_of_word(&asked.event);
        let words = key.and_then(|key| self.words.get_mut(&key)).into_iter().flatten();
        for word in words.filter(|word| word.digest == asked.digest) {
            word.join(&queue_id.into(), told);
        }
    }

    /// The lines that may still find each other, in the order in which they are to be read again, each with the queue id
    /// that it is joined to; empty if to none.
    pub fn lines(&self) -> Vec<(Arc<Line>, String)> {
        let is_young = |event: &Event, ms: i64| {
            let latest = self.latest.get(&event.line.host);
            latest.is_some_and(|latest| latest.0 - event.line.at.0 <= ms)
        };
        let begun = self
            .begun
            .values()
            .filter(|event| is_young(event, EARLY_MS))
            .map(|event| (event, String::new()));
        let words = self
            .words
            .values()
            .flatten()
            .filter(|word| is_young(&word.event, EARLY_MS))
            .map(|word| {
                let joined = word.joined.first().map(AsRef::as_ref);
                let joined = joined.or(word.refused.then_some(REFUSED));
                (&word.event, joined.unwrap_or_default().to_owned())
            });
        let mut lines: Vec<_> = begun
            .chain(words)
            .map(|(event, joined)| (Arc::clone(&event.line), joined))
            .collect();
        lines.sort_by_cached_key(|(line, _)| (line.at, line.digest()));
        lines
    }

    /// The key of these fields of an event on its host. None if one is not there.
    fn key(&self, event: &Event, fields: &[Field]) -> Option<u64> {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(event.line.host.as_bytes());
        for field in fields {
            hasher.write_u16(*field as u16);
            hasher.write(event.bytes(*field)?);
        }
        Some(hasher.finish())
    }

    /// Client and sender, whatever the sender's case.
    fn key_of_client(&self, client: &Event, sender: &Event) -> Option<u64> {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(client.line.host.as_bytes());
        hasher.write(client.bytes(Field::ClientIp)?);
        hasher.write_u8(0);
        hasher.write(sender.text(Field::From)?.to_lowercase().as_bytes());
        Some(hasher.finish())
    }

    /// None for what names neither a Message-ID nor client and sender, and for what an MTA said.
    fn key_of_word(&self, event: &Event) -> Option<u64> {
        if event.has_queue_id() || event.generic || mail::mta(event).is_some() {
            return None;
        }
        match event.bytes(Field::MessageId) {
            Some(id) if !id.is_empty() => self.key(event, &[Field::MessageId]),
            _ if event.kind == Kind::Verdict => self.key_of_client(event, event),
            _ => None,
        }
    }

    fn heard(&mut self, event: &Event) {
        if let Some(latest) = self.latest.get_mut(&event.line.host) {
            *latest = event.line.at.max(*latest);
        } else if self.latest.len() < MOST {
            self.latest.insert(Arc::clone(&event.line.host), event.line.at);
        }
    }

    /// A queue id has this Message-ID.
    fn message(&mut self, event: &Event, told: &mut Vec<Told>) {
        self.heard(event);
        let named = event.bytes(Field::MessageId).is_some_and(|id| !id.is_empty());
        let Some(key) = self.key(event, &[Field::MessageId]).filter(|_| named) else {
            return;
        };
        let Some(queue_id) = event.queue_id() else { return };
        let known = self.messages.entry(key).or_default();
        if known.iter().any(|(known, _)| **known == *queue_id) {
            return;
        }
        let queue_id: Arc<str> = queue_id.into();
        let at = event.line.at;
        known.push((Arc::clone(&queue_id), at));
        self.messages_in_order.push_back(key);
        if self.messages_in_order.len() > MOST
            && let Some(oldest) = self.messages_in_order.pop_front()
            && let Some(messages) = self.messages.get_mut(&oldest)
        {
            messages.remove(0);
            if messages.is_empty() {
                self.messages.remove(&oldest);
            }
        }
        for word in self.words.get_mut(&key).into_iter().flatten() {
            if is_about(&word.event, at) {
                word.join(&queue_id, told);
            }
        }
    }

    /// A message begins; its sender is told later.
    fn begin(&mut self, event: &Event) {
        let Some(key) = self.key(event, &[Field::QueueId]) else {
            return;
        };
        if event.bytes(Field::ClientIp).is_none() {
            return;
        }
        if self.begun.insert(key, event.clone()).is_none() {
            self.begun_in_order.push_back(key);
        }
        if self.begun_in_order.len() > MOST
            && let Some(oldest) = self.begun_in_order.pop_front()
        {
            self.begun.remove(&oldest);
        }
    }

    /// This client handed a message in for this sender: what was said of both within seconds is about it.
    fn handed_in(&mut self, begun: &Event, sender: &Event, told: &mut Vec<Told>) {
        self.heard(sender);
        let Some(queue_id) = begun.queue_id().filter(|_| !self.words.is_empty()) else {
            return;
        };
        let Some(key) = self.key_of_client(begun, sender) else {
            return;
        };
        let queue_id: Arc<str> = queue_id.into();
        for word in self.words.get_mut(&key).into_iter().flatten() {
            let ahead = begun.line.at.0 - word.event.line.at.0;
            // The next message of the client is another one.
            if word.joined.is_empty() && !word.refused && (-EARLY_MS..=SOON_MS).contains(&ahead) {
                word.join(&queue_id, told);
            }
        }
    }

    /// A recipient is refused: what was said of it before is about that.
    fn refused(&mut self, event: &Event) {
        let Some(key) = self.key_of_client(event, event).filter(|_| !self.words.is_empty()) else {
            return;
        };
        let same = |a: &Event, b: &Event| match (a.text(Field::To), b.text(Field::To)) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(&b),
            _ => false,
        };
        for word in self.words.get_mut(&key).into_iter().flatten() {
            word.refused |= word.joined.is_empty() && same(&word.event, event);
        }
    }

    /// A companion said something without a queue id. False if it names nothing by which a message can be found.
    fn word(&mut self, digest: Digest, event: &Event, told: &mut Vec<Told>) -> bool {
        let Some(key) = self.key_of_word(event) else {
            return false;
        };
        self.heard(event);
        let known = self.words.get(&key);
        if known.is_some_and(|words| words.iter().any(|word| word.digest == digest)) {
            return true;
        }
        let mut word = Word {
            digest,
            event: event.clone(),
            joined: Vec::new(),
            refused: false,
            told: false,
            asks: ASKS,
        };
        for (queue_id, at) in self.messages.get(&key).into_iter().flatten() {
            if is_about(event, *at) {
                word.join(queue_id, told);
            }
        }
        self.remember(key, word, told);
        true
    }

    fn remember(&mut self, key: u64, word: Word, told: &mut Vec<Told>) {
        self.words.entry(key).or_default().push(word);
        self.words_in_order.push_back(key);
        if self.words_in_order.len() > MOST
            && let Some(oldest) = self.words_in_order.pop_front()
            && let Some(words) = self.words.get_mut(&oldest)
        {
            words.remove(0).tell(told);
            if words.is_empty() {
                self.words.remove(&oldest);
            }
        }
    }
}

impl Word {
    fn join(&mut self, queue_id: &Arc<str>, told: &mut Vec<Told>) {
        if self.joined.contains(queue_id) {
            return;
        }
        if self.joined.is_empty() && self.told {
            told.push(Told::Withdrawn(self.digest, self.event.line.at));
        }
        self.joined.push(Arc::clone(queue_id));
        told.push(Told::Joined {
            queue_id: Arc::clone(queue_id),
            digest: self.digest,
            event: self.event.clone(),
        });
    }

    /// Tells its record, if it has no mail.
    fn tell(&mut self, told: &mut Vec<Told>) {
        if !self.told && self.joined.is_empty() {
            self.told = true;
            if record::is_worth_a_record(&self.event) {
                told.push(Told::Alone(self.digest, self.event.clone()));
            }
        }
    }
}

/// Is what was said of a Message-ID about the message that told it at this moment?
fn is_about(word: &Event, message: Moment) -> bool {
    (-LATE_MS..=EARLY_MS).contains(&(message.0 - word.line.at.0))
}
