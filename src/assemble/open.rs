//! The queue ids that are still growing.
//!
//! An id leaves when its story is over and nothing came for a while, or when there are too many: then the longest
//! silent ones leave first. Whoever takes them writes them to a store, where a later line finds them again.

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::{Event, Field, Kind};
use crate::line::{Digest, Line, Moment};

use super::mention::other_queue_ids;
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
    /// Per host, the place of each queue id in `entries`.
    ids: Vec<HashMap<Arc<str>, usize>>,
    entries: Vec<Option<Entry>>,
    /// Places in `entries` that hold none.
    free: Vec<usize>,
    count: usize,
    now: Moment,
    swept: Moment,
}

#[derive(Debug)]
struct Entry {
    /// The place of its host in `ids`.
    host: usize,
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
            entries: Vec::new(),
            free: Vec::new(),
            count: 0,
            now: Moment::default(),
            swept: Moment::default(),
        }
    }

    /// Keeps an event with every queue id that it names. Gives it back if it names none.
    pub fn add(&mut self, digest: Digest, event: Event) -> Option<Event> {
        let others = other_queue_ids(&event, &self.locality);
        for id in &others {
            self.entry(&event.line, id).keep(digest, Mention::Event(event.clone()));
        }
        match event.queue_id().filter(|id| !id.is_empty()) {
            Some(id) => {
                let entry = self.entry(&event.line, id);
                entry.keep(digest, Mention::Event(event));
            }
            None if others.is_empty() => return Some(event),
            None => {}
        }
        None
    }

    /// Keeps an event of a client's session with the queue id that it belongs to.
    pub fn add_joined(&mut self, digest: Digest, event: Event, queue_id: &str) {
        let entry = self.entry(&event.line, queue_id);
        entry.keep(digest, Mention::Event(event));
    }

    /// Keeps an unmatched line with the queue id that it begins with.
    pub fn add_unmatched(&mut self, digest: Digest, line: Arc<Line>, queue_id: &str) {
        let entry = self.entry(&line, queue_id);
        entry.keep(digest, Mention::Unmatched(line));
    }

    /// The place of a host in `ids`.
    fn host(&mut self, host: &Arc<str>) -> usize {
        if let Some((last, place)) = &self.last_host
            && Arc::ptr_eq(last, host)
        {
            return *place;
        }
        let place = *self.hosts.entry(Arc::clone(host)).or_insert_with(|| {
            self.ids.push(HashMap::new());
            self.ids.len() - 1
        });
        self.last_host = Some((Arc::clone(host), place));
        place
    }

    /// What is known of a queue id that this line speaks of.
    fn entry(&mut self, line: &Line, id: &str) -> &mut Entry {
        self.now = self.now.max(line.at);
        let host = self.host(&line.host);
        let place = if let Some(place) = self.ids[host].get(id) {
            *place
        } else {
            self.count += 1;
            let place = self.free.pop().unwrap_or_else(|| {
                self.entries.push(None);
                self.entries.len() - 1
            });
            self.ids[host].insert(id.into(), place);
            place
        };
        self.entries[place].get_or_insert_with(|| Entry {
            host,
            mentions: Mentions::new(Arc::clone(&line.host), id.into()),
            last: line.at,
            announced: None,
            settled: 0,
            over: false,
        })
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
            let mut ages: Vec<_> = self.entries.iter().flatten().map(|entry| entry.last).collect();
            let index = self.count - self.max * 3 / 4;
            let (_, limit, _) = ages.select_nth_unstable(index.min(self.count - 1));
            let limit = *limit;
            taken.extend(self.take_if(|entry| entry.last <= limit));
        }
        taken
    }

    /// Everything.
    pub fn take_all(&mut self) -> Vec<Mentions> {
        self.take_if(|_| true)
    }

    fn take_if(&mut self, mut wanted: impl FnMut(&Entry) -> bool) -> Vec<Mentions> {
        let mut taken = Vec::new();
        for (place, slot) in self.entries.iter_mut().enumerate() {
            if let Some(entry) = slot.take_if(|entry| wanted(entry)) {
                self.ids[entry.host].remove(&entry.mentions.queue_id);
                self.free.push(place);
                taken.push(entry.mentions);
            }
        }
        self.count -= taken.len();
        taken
    }
}

impl Entry {
    fn keep(&mut self, digest: Digest, mention: Mention) {
        self.last = self.last.max(mention.line().at);
        if let Some(event) = mention.event().filter(|event| self.mentions.owns(event)) {
            self.note(event);
        }
        self.mentions.insert(digest, mention);
    }

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
