//! The queue ids that are still growing.
//!
//! An id leaves when its story is over and nothing came for a while, or when there are too many: then the longest
//! silent ones leave first. Whoever takes them writes them to a store, where a later line finds them again.

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::{Event, Field, Kind};
use crate::line::{Digest, Moment};

use super::mention::queue_ids;
use super::{Locality, Mention, Mentions};

/// How long a finished message is kept open for lines that come late, in milliseconds of log time.
const QUIET_MS: i64 = 10 * 60 * 1000;

/// How often the open ids are looked through, in milliseconds of log time.
const SWEEP_MS: i64 = QUIET_MS / 4;

/// The queue ids that are still growing.
#[derive(Debug)]
pub struct Open {
    locality: Locality,
    max: usize,
    /// The place of each host in `ids`, and the host that was asked for last.
    hosts: HashMap<Arc<str>, usize>,
    last_host: Option<(Arc<str>, usize)>,
    ids: Vec<HashMap<Arc<str>, Entry>>,
    /// The one queue id of the event at hand.
    own: String,
    count: usize,
    now: Moment,
    swept: Moment,
}

#[derive(Debug)]
struct Entry {
    mentions: Mentions,
    last: Moment,
    /// Recipients announced and recipients with a last word: sendmail has no `removed`.
    announced: Option<u64>,
    settled: u64,
    over: bool,
}

impl Open {
    /// At most `max` queue ids are kept at a time.
    pub fn new(locality: Locality, max: usize) -> Self {
        Self {
            locality,
            max,
            hosts: HashMap::new(),
            last_host: None,
            ids: Vec::new(),
            own: String::new(),
            count: 0,
            now: Moment::default(),
            swept: Moment::default(),
        }
    }

    /// Keeps an event with every queue id that it names. Gives it back if it names none.
    pub fn add(&mut self, digest: Digest, event: Event) -> Option<Event> {
        match queue_ids(&event, &self.locality).as_slice() {
            [] => return Some(event),
            [id] => {
                let mut own = std::mem::take(&mut self.own);
                own.clear();
                own.push_str(id);
                self.keep(&own, digest, Mention::Event(event));
                self.own = own;
                return None;
            }
            _ => {}
        }
        let copy = event.clone();
        let ids = queue_ids(&copy, &self.locality);
        let Some((last, others)) = ids.split_last() else {
            return Some(event);
        };
        for id in others {
            self.keep(id, digest, Mention::Event(event.clone()));
        }
        self.keep(last, digest, Mention::Event(event));
        None
    }

    /// Keeps an event of a client's session with the queue id that it belongs to.
    pub fn add_joined(&mut self, digest: Digest, event: Event, queue_id: &Arc<str>) {
        self.keep(queue_id, digest, Mention::Event(event));
    }

    /// Keeps an unmatched line with the queue id that it begins with.
    pub fn add_unmatched(&mut self, digest: Digest, line: Arc<crate::line::Line>, queue_id: &str) {
        self.keep(queue_id, digest, Mention::Unmatched(line));
    }

    /// The place of a host in `ids`.
    fn host(&mut self, host: &Arc<str>) -> usize {
        if let Some((last, place)) = &self.last_host
            && Arc::ptr_eq(last, host)
        {
            return *place;
        }
        let place = if let Some(place) = self.hosts.get(host) {
            *place
        } else {
            self.ids.push(HashMap::new());
            self.hosts.insert(Arc::clone(host), self.ids.len() - 1);
            self.ids.len() - 1
        };
        self.last_host = Some((Arc::clone(host), place));
        place
    }

    fn keep(&mut self, id: &str, digest: Digest, mention: Mention) {
        let line = mention.line();
        let at = line.at;
        self.now = self.now.max(at);
        let place = self.host(&line.host);
        let Some(ids) = self.ids.get_mut(place) else { return };
        let Some(entry) = ids.get_mut(id) else {
            self.count += 1;
            let id: Arc<str> = id.into();
            let mut entry = Entry {
                mentions: Mentions::new(Arc::clone(&line.host), Arc::clone(&id)),
                last: at,
                announced: None,
                settled: 0,
                over: false,
            };
            if let Some(event) = mention.event().filter(|event| entry.mentions.owns(event)) {
                entry.note(event);
            }
            entry.mentions.insert(digest, mention);
            ids.insert(id, entry);
            return;
        };
        entry.last = entry.last.max(at);
        if let Some(event) = mention.event().filter(|event| entry.mentions.owns(event)) {
            entry.note(event);
        }
        entry.mentions.insert(digest, mention);
    }

    /// How many queue ids are open.
    pub fn len(&self) -> usize {
        self.count
    }

    /// None open?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The ids whose story is over and silent, and the longest silent ones beyond the bound. Empty most of the time.
    pub fn take_finished(&mut self) -> Vec<Mentions> {
        let crowded = self.count > self.max;
        if !crowded && self.now.0 - self.swept.0 < SWEEP_MS {
            return Vec::new();
        }
        self.swept = self.now;
        let now = self.now.0;
        let mut taken = self.take_if(|entry| entry.over && now - entry.last.0 >= QUIET_MS);
        if self.count > self.max {
            // Down to three quarters, so that the next one does not crowd again.
            let mut ages: Vec<_> = self
                .ids
                .iter()
                .flat_map(|ids| ids.values().map(|entry| entry.last))
                .collect();
            let index = self.count - self.max * 3 / 4;
            let (_, limit, _) = ages.select_nth_unstable(index.min(self.count - 1));
            let limit = *limit;
            taken.extend(self.take_if(|entry| entry.last <= limit));
        }
        taken
    }

    /// Everything, in the order of host and queue id.
    pub fn take_all(&mut self) -> Vec<Mentions> {
        self.take_if(|_| true)
    }

    fn take_if(&mut self, mut wanted: impl FnMut(&Entry) -> bool) -> Vec<Mentions> {
        let mut taken = Vec::new();
        for ids in &mut self.ids {
            taken.extend(
                ids.extract_if(|_, entry| wanted(entry))
                    .map(|(_, entry)| entry.mentions),
            );
        }
        self.count -= taken.len();
        // A hash map's order is no order: what is written must not depend on it.
        taken.sort_by(|a, b| (&a.host, &a.queue_id).cmp(&(&b.host, &b.queue_id)));
        taken
    }
}

impl Entry {
    /// Is the story over?
    fn note(&mut self, event: &Event) {
        match event.kind {
            Kind::Removed | Kind::Delete | Kind::Requeued | Kind::Reject => self.over = true,
            Kind::Queued => {
                // A reused id begins again.
                self.over = false;
                self.announced = event.number(Field::Nrcpt);
            }
            Kind::Delivery => {
                if !matches!(event.bytes(Field::Status), Some(b"deferred" | b"queued" | b"held")) {
                    self.settled += event.all(Field::To).count() as u64;
                }
                self.over |= self.announced.is_some_and(|announced| self.settled >= announced);
            }
            _ => {}
        }
    }
}
