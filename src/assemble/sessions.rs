//! Client sessions: what one server process says between a client's coming and going, mostly without a queue id.
//!
//! Only host, process and client join such lines. The hard part is to give each fact (TLS, login, `hold` before the id
//! exists) to the right mail and to no other: a process serves one client after the other, its lines stand in the order
//! in which it wrote them, and every one names the client. postscreen alone serves many at once; its clients have ports.
//! A line that is given to a mail becomes one of its lines, so the mail's document stays a function of its lines, and two
//! readings that cut a session somewhere end with the same set. What is not known yet when a run ends is kept
//! ([`Sessions::lines`]) for the next; so is the rest of a session whose beginning another file holds.
//!
//! In: events in the order of their log. Out: [`Told`].

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use crate::event::{Event, Field, Kind};
use crate::line::{Digest, Line, Moment};
use crate::transaction::Transaction;

use super::session::{Session, alone, is_fact};
use super::{Mention, refusal};

/// At most so many sessions are followed at a time.
const MAX_SESSIONS: usize = 20_000;
/// So many refusals of nothing (`hold`, `warn`) wait for their message.
const MAX_PENDING: usize = 200;
/// A session of which so long nothing was heard is over, in milliseconds of its host's time.
const SILENT_MS: i64 = 60 * 60 * 1000;
/// The rests of so many sessions without a beginning are kept, with so many events each,
const MAX_RESTS: usize = 2_000;
const MAX_REST_EVENTS: usize = 50;
/// of sendmail only from so long after a reading begins,
const FIRST_MS: i64 = 60 * 1000;
/// and so long, in milliseconds of their host's time.
const REST_MS: i64 = 7 * 24 * SILENT_MS;
/// Events between two looks at what is over.
const SWEEP_EVERY: u32 = 8_192;

/// What came of a line.
#[derive(Debug)]
pub enum Told {
    /// It belongs to this queue id of its host, too.
    Joined {
        /// The queue id.
        queue_id: Arc<str>,
        /// The line.
        digest: Digest,
        /// What it says.
        event: Event,
    },
    /// A refusal, or a line that belongs to no mail that is known: a document of its own, [`super::alone`].
    Alone(Digest, Event),
    /// A session that never became mail.
    Session(Box<Transaction>),
    /// The document of this line, which was said at this moment, is part of a mail now.
    Withdrawn(Digest, Moment),
}

/// The sessions that are going on.
#[derive(Debug, Default)]
pub struct Sessions {
    /// No session is told: several readers share the lines of a host, and none of them sees a session whole.
    pub untold: bool,
    /// By a seeded hash of host, program, process and, for postscreen, client.
    open: HashMap<u64, Session>,
    hasher: RandomState,
    /// What came of sessions whose beginning was not read: it may be in another file, which is read later.
    rests: HashMap<u64, Rest>,
    /// The first moment of each host in this reading.
    first: HashMap<Arc<str>, Moment>,
    /// The latest moment of each host: clocks differ, and one host's log may come after another's.
    latest: HashMap<Arc<str>, Moment>,
    taken: u32,
}

/// The end of a session.
#[derive(Debug, Default)]
struct Rest {
    events: Vec<(Digest, Event)>,
    /// The client's going, or another's coming, was read.
    whole: bool,
}

impl Sessions {
    /// Takes an event. True: it is kept here and wants no document of its own.
    pub fn note(&mut self, digest: Digest, event: &Event, told: &mut Vec<Told>) -> bool {
        let own_id = event.has_queue_id();
        if self.untold {
            return !own_id && Self::line_alone(digest, event, told);
        }
        let of_a_session = match event.kind {
            Kind::Queued | Kind::Disconnect | Kind::Lost | Kind::AuthFailed | Kind::Postscreen | Kind::Tls => true,
            Kind::Connect | Kind::Reject => !own_id,
            _ => false,
        };
        let names_a_client = event.kind == Kind::Record && !own_id;
        let key = (of_a_session || names_a_client).then(|| self.key(event)).flatten();
        if let Some(key) = key.filter(|_| of_a_session) {
            self.note_rest(key, digest, event);
        }
        let kept = match (event.kind, key) {
            (Kind::Queued, Some(key)) => {
                self.queued(key, event, told);
                false
            }
            (Kind::Reject, _) if !own_id => {
                self.refused(key, digest, event, told);
                true
            }
            _ if own_id => false,
            (Kind::Connect, _) if !event.captures.has(Field::SaslUser) => {
                if let Some(key) = key {
                    self.connect(key, digest, event, told);
                }
                true
            }
            (Kind::Connect | Kind::Tls, _) => self.fact(key, digest, event, told),
            (Kind::Record, _) if event.bytes(Field::Action) == Some(b"proxied") => self.fact(key, digest, event, told),
            (Kind::Record, _) if event.captures.has(Field::NextQueueId) => {
                key.is_some_and(|key| self.proxied(key, digest, event, told))
            }
            (Kind::Disconnect | Kind::Lost, _) => {
                if let Some(key) = key {
                    self.more(key, digest, event, told);
                }
                true
            }
            (Kind::AuthFailed | Kind::Postscreen, _) => key.is_some_and(|key| self.more(key, digest, event, told)),
            _ => return false,
        };
        self.taken += 1;
        if self.taken >= SWEEP_EVERY || self.open.len() > MAX_SESSIONS {
            self.sweep(told);
        }
        kept
    }

    /// No session is told: a refusal is a document of its own, what else a server says of a client is none.
    fn line_alone(digest: Digest, event: &Event, told: &mut Vec<Told>) -> bool {
        if refusal::is_without_queue_id(event) {
            told.push(Told::Alone(digest, event.clone()));
            return true;
        }
        matches!(
            event.kind,
            Kind::Connect | Kind::Tls | Kind::Disconnect | Kind::Lost | Kind::AuthFailed | Kind::Postscreen
        )
    }

    /// Keeps what belongs to a session of Postfix whose beginning was not read.
    fn note_rest(&mut self, key: u64, digest: Digest, event: &Event) {
        let comes = event.kind == Kind::Connect;
        if comes
            || self
                .open
                .get(&key)
                .is_some_and(|session| session.begun && session.reaches(event))
        {
            if let Some(rest) = self.rests.get_mut(&key).filter(|_| comes) {
                rest.whole = true;
            }
            return;
        }
        // sendmail tells no beginning: only where a reading begins can it have been before.
        let at = event.line.at;
        let first = match self.first.get(&event.line.host) {
            Some(first) => *first,
            None => *self.first.entry(event.line.host.clone()).or_insert(at),
        };
        let told_beginning = event.rule_id().starts_with("postfix/") || at.0 - first.0 <= FIRST_MS;
        let is_full = self.rests.len() >= MAX_RESTS && !self.rests.contains_key(&key);
        if is_full || !told_beginning {
            return;
        }
        let rest = self.rests.entry(key).or_default();
        if !rest.whole && !rest.events.iter().any(|(known, _)| *known == digest) {
            rest.events.push((digest, event.clone()));
            rest.whole = event.kind == Kind::Disconnect || rest.events.len() >= MAX_REST_EVENTS;
        }
    }

    /// Joins the sessions that go on with what was read of their end before.
    fn join_rests(&mut self, told: &mut Vec<Told>) {
        let goes_on = |session: &Session, rest: &Rest| {
            let first = rest.events.first().map(|(_, event)| event);
            session.over.is_none()
                && first.is_some_and(|first| {
                    let later = first.line.at.0 - session.last.0;
                    session.is_of(first) && session.reaches(first) && (0..=SILENT_MS).contains(&later)
                })
        };
        let mut found: Vec<u64> = self
            .rests
            .iter()
            .filter(|(key, rest)| self.open.get(key).is_some_and(|session| goes_on(session, rest)))
            .map(|(key, _)| *key)
            .collect();
        found.sort_unstable();
        for rest in found
            .iter()
            .filter_map(|key| self.rests.remove(key))
            .collect::<Vec<_>>()
        {
            for (digest, event) in rest.events {
                // As long as no session was known, it had a document of its own.
                if self.note(digest, &event, told)
                    && matches!(event.kind, Kind::AuthFailed | Kind::Postscreen | Kind::Lost)
                {
                    told.push(Told::Withdrawn(digest, event.line.at));
                }
            }
        }
    }

    /// Ends what is over: to be called before everything is written. What still goes on stays.
    pub fn settle(&mut self, told: &mut Vec<Told>) {
        if !self.rests.is_empty() {
            self.join_rests(told);
        }
        self.sweep(told);
        for session in self.open.values_mut() {
            for (digest, mention, written) in session.pending.iter_mut().filter(|(.., written)| !*written) {
                *written = true;
                told.extend(alone(*digest, mention));
            }
        }
    }

    /// The lines of what still goes on, in the order in which they are to be read again.
    pub fn lines(&self) -> Vec<Arc<Line>> {
        let first = |session: &&Session| {
            let (digest, mention) = session.lines.first()?;
            Some((mention.line().host.clone(), mention.line().at, *digest))
        };
        let mut sessions: Vec<&Session> = self.open.values().collect();
        sessions.sort_by_cached_key(first);
        let lines = sessions.into_iter().flat_map(|session| {
            let before = session.lines.iter().map(|(_, mention)| mention.line());
            let pending = session.pending.iter().map(|(_, mention, _)| mention.line());
            before.chain(&session.last_queued).chain(pending).cloned()
        });
        let mut rests: Vec<&Rest> = self.rests.values().collect();
        rests.sort_by_cached_key(|rest| rest.events.first().map(|(digest, event)| (event.line.at, *digest)));
        let rests = rests.into_iter().flat_map(|rest| &rest.events);
        lines.chain(rests.map(|(_, event)| event.line.clone())).collect()
    }

    fn key(&self, event: &Event) -> Option<u64> {
        let line = &event.line;
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u32(line.pid?);
        hasher.write(line.host.as_bytes());
        hasher.write_u8(0);
        hasher.write(line.program_head().as_bytes());
        hasher.write_u8(0);
        // postscreen looks up no names, and tells the port.
        if event.bytes(Field::ClientHost).is_none()
            && let (Some(ip), Some(port)) = (event.bytes(Field::ClientIp), event.bytes(Field::ClientPort))
        {
            hasher.write(ip);
            hasher.write(port);
        }
        Some(hasher.finish())
    }

    fn heard(&mut self, event: &Event) {
        match self.latest.get_mut(&event.line.host) {
            Some(latest) => *latest = event.line.at.max(*latest),
            None => {
                self.latest.insert(event.line.host.clone(), event.line.at);
            }
        }
    }

    fn connect(&mut self, key: u64, digest: Digest, event: &Event, told: &mut Vec<Told>) {
        self.heard(event);
        let known = self.open.get(&key);
        if known.is_some_and(|session| session.has(digest)) {
            return;
        }
        let mut session = Session {
            begun: true,
            ..Session::default()
        };
        session.push(digest, event);
        if let Some(before) = self.open.insert(key, session) {
            before.end(told);
        }
    }

    /// TLS or a login: for the messages that come.
    fn fact(&mut self, key: Option<u64>, digest: Digest, event: &Event, told: &mut Vec<Told>) -> bool {
        if !event.captures.has(Field::ClientIp) && !event.captures.has(Field::ClientHost) {
            // A server's, which this host is the client of: only what failed is worth a document.
            return event.captures.has(Field::TlsProtocol);
        }
        let Some(key) = key else { return false };
        self.heard(event);
        let session = self.open.entry(key).or_default();
        if session.has(digest) {
            return true;
        }
        // sendmail tells no connect: another client, or a long silence, is another session.
        if !session.is_of(event) || event.line.at.0 - session.last.0 > SILENT_MS {
            std::mem::take(session).end(told);
        }
        session.push(digest, event);
        // Within one second lines may have changed places.
        let second = event.line.at.second();
        for (queue_id, _) in session.queued.iter().filter(|(_, at)| *at == second) {
            told.push(joined(queue_id, digest, event));
        }
        true
    }

    /// More of a session that is known. False if none is.
    fn more(&mut self, key: u64, digest: Digest, event: &Event, told: &mut Vec<Told>) -> bool {
        self.heard(event);
        // dnsblog is a process of its own; its words are about no session that is known.
        let of_it = |session: &&mut Session| session.is_of(event) && session.reaches(event);
        let Some(session) = self.open.get_mut(&key).filter(of_it) else {
            return false;
        };
        if session.has(digest) {
            return true;
        }
        match event.kind {
            Kind::Disconnect => {
                session.over = Some(event.line.at.second());
                if let Some((queue_id, _)) = session.queued.last().filter(|_| sent_no_message(event)) {
                    told.push(joined(queue_id, digest, event));
                }
            }
            // Handed to a server process, which tells of it as another session.
            Kind::Postscreen => {
                session.mail |= matches!(
                    event.bytes(Field::Result),
                    Some(b"PASS NEW" | b"PASS OLD" | b"ALLOWLISTED")
                );
            }
            Kind::Lost if is_amid_a_message(event) => {
                if let [(queue_id, _)] | [.., (queue_id, _)] = session.queued.as_slice() {
                    told.push(joined(queue_id, digest, event));
                }
            }
            _ => {}
        }
        session.push(digest, event);
        true
    }

    /// A refusal is a document. What refuses nothing (`hold`, `warn`) is about the message that comes.
    fn refused(&mut self, key: Option<u64>, digest: Digest, event: &Event, told: &mut Vec<Told>) {
        let mention = Mention::Event(event.clone());
        let refuses = refusal::refuses(event);
        let Some(key) = key else {
            told.extend(alone(digest, &mention));
            return;
        };
        self.heard(event);
        if refuses {
            told.extend(alone(digest, &mention));
            if let Some(session) = self.open.get_mut(&key).filter(|session| session.is_of(event))
                && !session.has(digest)
            {
                session.push(digest, event);
            }
            return;
        }
        let session = self.open.entry(key).or_default();
        if session.pending.iter().any(|(known, ..)| *known == digest) {
            return;
        }
        session.last = session.last.max(event.line.at);
        session.pending.push((digest, mention, false));
        if session.pending.len() > MAX_PENDING {
            let (digest, mention, written) = session.pending.remove(0);
            if !written {
                told.extend(alone(digest, &mention));
            }
        }
    }

    /// A message begins: it gets what the session told so far.
    fn queued(&mut self, key: u64, event: &Event, told: &mut Vec<Told>) {
        let (Some(session), Some(queue_id)) = (self.open.get_mut(&key), event.queue_id()) else {
            return;
        };
        let second = event.line.at.second();
        if session.over.is_some_and(|over| over != second) {
            return;
        }
        let queue_id: Arc<str> = queue_id.into();
        session.mail = true;
        session.last = session.last.max(event.line.at);
        session.queued.retain(|(known, at)| *at == second && *known != queue_id);
        session.queued.push((queue_id.clone(), second));
        session.last_queued = Some(event.line.clone());
        if session.is_of(event) {
            for (digest, fact) in session.facts() {
                told.push(joined(&queue_id, digest, fact));
            }
        }
        let of_another = |event: &Event, mention: &Mention| {
            mention
                .event()
                .is_none_or(|pending| pending.bytes(Field::ClientIp) != event.bytes(Field::ClientIp))
        };
        let waiting = std::mem::take(&mut session.pending);
        for (digest, mention, written) in waiting {
            match &mention {
                Mention::Event(pending) if !of_another(event, &mention) => {
                    if written {
                        told.push(Told::Withdrawn(digest, pending.line.at));
                    }
                    told.push(joined(&queue_id, digest, pending));
                }
                _ => session.pending.push((digest, mention, written)),
            }
        }
        // Of a session that became mail, only what the next messages need is kept.
        let mut first = session.begun;
        session
            .lines
            .retain(|(_, mention)| std::mem::take(&mut first) || mention.event().is_some_and(is_fact));
    }

    /// A before-queue filter took the message under a queue id that the server behind it gave.
    fn proxied(&mut self, key: u64, digest: Digest, event: &Event, told: &mut Vec<Told>) -> bool {
        let Some(queue_id) = event.text(Field::NextQueueId) else {
            return false;
        };
        let queue_id: Arc<str> = queue_id.into();
        if let Some(session) = self.open.get_mut(&key) {
            session.mail = true;
            for (digest, fact) in session.facts() {
                told.push(joined(&queue_id, digest, fact));
            }
        }
        told.push(joined(&queue_id, digest, event));
        true
    }

    /// Ends what is over, what fell silent, and the longest silent ones beyond the bound.
    fn sweep(&mut self, told: &mut Vec<Told>) {
        self.taken = 0;
        let latest = &self.latest;
        let silent = |session: &Session| {
            let now = session.host().and_then(|host| latest.get(host));
            now.is_some_and(|now| now.0 - session.last.0 > SILENT_MS)
        };
        let mut ended: Vec<Session> = self
            .open
            .extract_if(|_, session| session.over.is_some() || silent(session))
            .map(|(_, session)| session)
            .collect();
        if self.open.len() > MAX_SESSIONS / 4 * 3 {
            let mut ages: Vec<Moment> = self.open.values().map(|session| session.last).collect();
            let index = self.open.len() - MAX_SESSIONS / 2;
            let (_, limit, _) = ages.select_nth_unstable(index);
            let limit = *limit;
            ended.extend(
                self.open
                    .extract_if(|_, session| session.last <= limit)
                    .map(|(_, session)| session),
            );
        }
        // A hash map's order is no order: what is written must not depend on it.
        ended.sort_by_cached_key(|session| {
            session
                .lines
                .first()
                .map(|(digest, mention)| (mention.line().at, *digest))
        });
        for session in ended {
            session.end(told);
        }
        let latest = &self.latest;
        self.rests.retain(|_, rest| {
            let last = rest.events.last().map(|(_, event)| &event.line);
            last.is_some_and(|line| latest.get(&line.host).is_none_or(|now| now.0 - line.at.0 <= REST_MS))
        });
        if self.latest.len() > MAX_SESSIONS {
            self.latest.clear();
            self.first.clear();
        }
    }
}

fn joined(queue_id: &Arc<str>, digest: Digest, event: &Event) -> Told {
    Told::Joined {
        queue_id: queue_id.clone(),
        digest,
        event: event.clone(),
    }
}

/// A client that leaves between the first recipient and the end of the message leaves a message that was begun.
fn is_amid_a_message(lost: &Event) -> bool {
    let stage = lost.bytes(Field::Stage).unwrap_or_default();
    [b"RCPT".as_slice(), b"DATA", b"BDAT"]
        .iter()
        .any(|begin| stage.starts_with(begin))
}

/// A client that named recipients and then left without a message, by Postfix's counters (`postfix/src/smtpd/smtpd.c`):
/// `mail=1 rcpt=1 quit=1`.
fn sent_no_message(gone: &Event) -> bool {
    let counts = |name: &str| gone.extra().any(|(counter, _)| counter == name);
    counts("mail") && !counts("data") && !counts("bdat")
}
