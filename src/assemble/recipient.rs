//! What happened to each recipient, attempt by attempt.

use std::collections::{HashMap, HashSet};

use crate::event::{Event, Field};
use crate::transaction::{Attempt, Delays, NextHop, Recipient, Relay, Status};

use super::Locality;
use super::links::is_submission;

/// The attempts of `history` that are kept: the first ones and the last ones.
const FIRST_ATTEMPTS: usize = 3;
const LAST_ATTEMPTS: usize = 7;

/// The recipients of one life while its events are folded, in order.
#[derive(Debug, Default)]
pub(super) struct Recipients {
    list: Vec<Recipient>,
    /// By address and address asked for, both in lower case, once they are many.
    index: HashMap<(String, String), usize>,
    /// Spellings beside the first one of a recipient: the queue counts each.
    spellings: HashSet<String>,
}

/// So many recipients are looked through one by one.
const FEW: usize = 8;

impl Recipients {
    /// One attempt, for one recipient or a list of them.
    pub(super) fn attempt(&mut self, event: &Event, locality: &Locality) {
        let attempt = read_attempt(event, locality);
        let orig = event.text(Field::OrigTo).filter(|orig| !orig.is_empty());
        // sendmail names the alias behind a program or file as the controlling user.
        let behind = event.text(Field::Ctladdr).filter(|alias| !alias.is_empty());
        let next = event
            .text(Field::NextQueueId)
            .filter(|_| attempt.status.is_success())
            .map(|queue_id| NextHop {
                queue_id: queue_id.into_owned(),
                host: event
                    .text(Field::NextHost)
                    .map(Into::into)
                    .or_else(|| attempt.relay.as_ref()?.host.clone()),
            });
        let delays = read_delays(event);
        let is_list = event.all(Field::To).nth(1).is_some();
        let mut tried = HashSet::new();
        let attempts = std::iter::repeat_n(attempt, event.all(Field::To).count());
        for (address, attempt) in event.texts(Field::To).zip(attempts) {
            let is_file_or_program = address.trim_start_matches('"').starts_with(['|', '/']);
            let index = self.entry(
                &address,
                orig.as_deref().or(behind.as_deref().filter(|_| is_file_or_program)),
            );
            // One list may spell one recipient in two ways: that is one attempt.
            if is_list && !tried.insert(index) {
                continue;
            }
            let Some(recipient) = self.list.get_mut(index) else {
                continue;
            };
            recipient.status = attempt.status;
            recipient.dsn.clone_from(&attempt.dsn);
            recipient.relay.clone_from(&attempt.relay);
            recipient.response.clone_from(&attempt.response);
            recipient.delay_s = attempt.delay_s;
            recipient.delays_s = delays;
            recipient.next.clone_from(&next);
            // sendmail logs `stat=queued` for what it has only put into the queue.
            if attempt.status != Status::Queued {
                recipient.first_at.get_or_insert(attempt.at);
                recipient.last_at = Some(attempt.at);
                recipient.attempts += 1;
                if recipient.history.len() == FIRST_ATTEMPTS + LAST_ATTEMPTS {
                    recipient.history.remove(FIRST_ATTEMPTS);
                }
                if recipient.history.is_empty() {
                    // Mostly the only one: pushing would make room for four.
                    recipient.history.reserve_exact(1);
                }
                recipient.history.push(attempt);
            }
        }
    }

    /// A recipient that is named and of which nothing else is known.
    pub(super) fn name(&mut self, event: &Event) {
        for address in event.texts(Field::To) {
            self.entry(&address, None);
        }
    }

    /// None named yet?
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Its place in the list.
    fn entry(&mut self, address: &str, orig: Option<&str>) -> usize {
        let orig = orig.filter(|orig| !orig.eq_ignore_ascii_case(address));
        let next = self.list.len();
        let index = if next <= FEW {
            let is_it = |known: &Recipient| {
                is_same(&known.address, address)
                    && is_same(known.orig.as_deref().unwrap_or_default(), orig.unwrap_or_default())
            };
            self.list.iter().position(is_it).unwrap_or(next)
        } else {
            if self.index.is_empty() {
                let key = |known: &Recipient| key(&known.address, known.orig.as_deref());
                self.index = self.list.iter().map(key).zip(0..).collect();
            }
            *self.index.entry(key(address, orig)).or_insert(next)
        };
        if index == next {
            let mut recipient = Recipient::new(address, Status::Queued);
            recipient.orig = orig.map(str::to_owned);
            if self.list.is_empty() {
                self.list.reserve_exact(1);
            }
            self.list.push(recipient);
        }
        let known = self
            .list
            .get(index)
            .is_some_and(|recipient| recipient.address == address);
        if !known && !self.spellings.contains(address) {
            self.spellings.insert(address.to_owned());
        }
        index
    }

    /// All that have no last word get this one.
    pub(super) fn settle(&mut self, status: Status) {
        for recipient in self.list.iter_mut().filter(|recipient| !recipient.status.is_final()) {
            recipient.status = status;
        }
    }

    /// How many of the announced recipients have been heard of: an alias that `local` expands was announced once.
    pub(super) fn heard(&self) -> u64 {
        let mut aliases: Vec<&str> = Vec::new();
        let mut heard = self.spellings.len() as u64;
        for recipient in &self.list {
            let alias = recipient
                .orig
                .as_deref()
                .filter(|_| recipient.relay.as_ref().and_then(|relay| relay.host.as_deref()) == Some("local"));
            match alias {
                Some(alias) if aliases.iter().any(|known| known.eq_ignore_ascii_case(alias)) => {}
                Some(alias) => {
                    aliases.push(alias);
                    heard += 1;
                }
                None => heard += 1,
            }
        }
        heard
    }

    /// By address.
    pub(super) fn into_sorted(mut self) -> Vec<Recipient> {
        self.list
            .sort_by(|a, b| (&a.address, &a.orig).cmp(&(&b.address, &b.orig)));
        self.list
    }
}

fn key(address: &str, orig: Option<&str>) -> (String, String) {
    (address.to_lowercase(), orig.unwrap_or_default().to_lowercase())
}

/// Equal in lower case?
fn is_same(one: &str, other: &str) -> bool {
    let plain = one.is_ascii() && other.is_ascii();
    one.eq_ignore_ascii_case(other) || !plain && one.to_lowercase() == other.to_lowercase()
}

fn read_attempt(event: &Event, locality: &Locality) -> Attempt {
    let text = |field| {
        event
            .text(field)
            .filter(|text| !text.is_empty())
            .map(std::borrow::Cow::into_owned)
    };
    Attempt {
        at: event.line.at,
        status: read_status(event, locality),
        dsn: text(Field::Dsn),
        delay_s: read_seconds(event, Field::Delay),
        relay: read_relay(event),
        response: text(Field::Response),
    }
}

/// `sent` leaves open whether the message is in a mailbox, on another server or in a filter: the relay tells.
fn read_status(event: &Event, locality: &Locality) -> Status {
    let word = event.text(Field::Status).unwrap_or_default();
    if word != "sent" {
        return Status::from_word(&word).unwrap_or_else(|| by_class(event));
    }
    let by_lmtp = event.line.program.ends_with("/lmtp");
    let to_a_host = event.bytes(Field::RelayIp).is_some() || event.bytes(Field::RelayPort).is_some();
    let mailer = event.bytes(Field::Mailer);
    if !by_lmtp && !is_submission(event) && locality.is_local(event) {
        kept_back(event).unwrap_or(Status::Filtered)
    } else if matches!(
        mailer,
        Some(b"local" | b"prog" | b"*file*" | b"lmtp" | b"cyrus" | b"cyrusv2" | b"procmail")
    ) {
        Status::Delivered
    } else if (to_a_host && !by_lmtp) || mailer.is_some() {
        Status::Relayed
    } else {
        Status::Delivered
    }
}

/// What a content filter did with a message that it does not hand back: amavisd's replies (`amavis/amavisd`, `sub
/// one_response_for_all`). Only this host's own filter is believed so.
fn kept_back(event: &Event) -> Option<Status> {
    if event.bytes(Field::NextQueueId).is_some() {
        return None;
    }
    let response = event.text(Field::Response)?;
    if response.contains("Ok, discarded, id=") {
        Some(Status::Discarded)
    } else {
        (response.contains(" Ok, id=") && response.ends_with(", BOUNCE")).then_some(Status::Bounced)
    }
}

/// A status word that the documents do not know: the class of the DSN decides, RFC 3463 section 3.1.
fn by_class(event: &Event) -> Status {
    match event.bytes(Field::Dsn).and_then(<[u8]>::first) {
        Some(b'2') => Status::Relayed,
        Some(b'5') => Status::Bounced,
        _ => Status::Deferred,
    }
}

fn read_relay(event: &Event) -> Option<Relay> {
    let text = |field| {
        event
            .text(field)
            .filter(|text| !text.is_empty())
            .map(std::borrow::Cow::into_owned)
    };
    let relay = Relay {
        host: text(Field::RelayHost)
            .map(|host| host.trim_end_matches('.').to_owned())
            .or_else(|| text(Field::Relay).filter(|relay| relay != "none")),
        ip: text(Field::RelayIp),
        port: event.number(Field::RelayPort),
        path: text(Field::RelayPath),
    };
    (relay != Relay::default()).then_some(relay)
}

fn read_delays(event: &Event) -> Option<Delays> {
    Some(Delays {
        before_queue: event.number(Field::BeforeQueue)?,
        in_queue: event.number(Field::InQueue)?,
        connect: event.number(Field::Connect)?,
        transmit: event.number(Field::Transmit)?,
    })
}

/// Seconds: `0.02` of Postfix, `1+02:03:04` and `00:00:05` of sendmail.
fn read_seconds(event: &Event, field: Field) -> Option<f64> {
    let text = event.text(field)?;
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then_some(seconds);
    }
    let (days, clock) = text.split_once('+').unwrap_or(("0", &text));
    let mut seconds = days.parse::<u32>().ok().map(f64::from)?;
    for (part, scale) in clock.split(':').zip([24.0, 60.0, 60.0]) {
        seconds = seconds * scale + part.parse::<u32>().ok().map(f64::from)?;
    }
    (clock.split(':').count() == 3).then_some(seconds)
}
