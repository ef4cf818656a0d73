//! Which lines of a queue id belong to the same message?
//!
//! Postfix's long ids and sendmail's tell their own time and do not come back: one life. A short Postfix id is the
//! microsecond of the second and the inode number (`postfix/src/global/mail_queue.c`), and comes back as soon as the
//! file system gives the inode again. A life ends with `removed`; the next start begins a new one. Held mail is silent
//! for weeks, so a gap alone ends nothing.
//!
//! Since the id fixes the microsecond, two lives of one id never start within one second: whole seconds suffice,
//! and the answer is the same for a log that tells no finer.

use crate::event::{Event, Field, Kind};
use crate::line::{Digest, Moment, queue_time};

use super::mention::Placed;
use super::{Mention, Mentions};

/// The lines of one life, in the order of cause and effect.
#[derive(Debug, Clone)]
pub struct Life<'a> {
    /// The document's id.
    pub id: String,
    /// True while no line told the start of a reusable id: the document's id is provisional.
    pub provisional: bool,
    /// The lines with their digests.
    pub lines: Vec<(Digest, &'a Mention)>,
    /// Those that speak of this queue id first.
    own: Vec<(Digest, &'a Event)>,
}

impl<'a> Life<'a> {
    fn of(id: String, provisional: bool, placed: &[Placed<'a>]) -> Self {
        let own = placed.iter().filter_map(|line| Some((line.digest(), line.own?)));
        Self {
            id,
            provisional,
            lines: placed.iter().map(|line| (line.digest(), line.mention)).collect(),
            own: own.collect(),
        }
    }

    /// The events that speak of this queue id first.
    pub(super) fn own(&self) -> impl Iterator<Item = &'a Event> {
        self.own.iter().map(|(_, event)| *event)
    }

    /// The same with the digests of their lines.
    pub(super) fn own_lines(&self) -> &[(Digest, &'a Event)] {
        &self.own
    }

    /// The events that name a queue id.
    pub(super) fn named(&self) -> impl Iterator<Item = &'a Event> {
        self.events().filter(|event| event.has_queue_id())
    }

    /// The events of its client's session, which name none.
    pub(super) fn unnamed(&self) -> impl Iterator<Item = &'a Event> + Clone {
        self.lines
            .iter()
            .filter_map(|(_, mention)| mention.event())
            .filter(|event| !event.has_queue_id())
    }

    /// All events.
    pub(super) fn events(&self) -> impl Iterator<Item = &'a Event> {
        self.event_lines().map(|(_, event)| event)
    }

    /// The same with the digests of their lines.
    pub(super) fn event_lines(&self) -> impl Iterator<Item = (Digest, &'a Event)> {
        let event = |(digest, mention): &(Digest, &'a Mention)| Some((*digest, mention.event()?));
        self.lines.iter().filter_map(event)
    }
}

/// The lives of a queue id, in order.
pub fn lives(mentions: &Mentions) -> Vec<Life<'_>> {
    let lines = mentions.in_order();
    if lines.is_empty() {
        return Vec::new();
    }
    if let Some(base) = queue_time::of_queue_id(&mentions.queue_id) {
        let digest = Digest::of_parts(&[mentions.host.as_bytes(), mentions.queue_id.as_bytes()]);
        return vec![Life::of(digest.id_at(base), false, &lines)];
    }
    split(lines).into_iter().map(|part| part.into_life(mentions)).collect()
}

/// A life while it is found out.
struct Part<'a> {
    /// The second of the start line. None while only later lines are known.
    start: Option<i64>,
    /// The second of the `removed` line.
    removed: Option<i64>,
    has_message_id: bool,
    /// The second of the first sign that the message was complete: no Message-ID comes after it.
    complete: Option<i64>,
    lines: Vec<Placed<'a>>,
}

impl<'a> Part<'a> {
    fn new(start: Option<i64>) -> Self {
        Self {
            start,
            removed: None,
            has_message_id: false,
            complete: None,
            lines: Vec::new(),
        }
    }

    fn push(&mut self, line: Placed<'a>) {
        if let Some(event) = line.own {
            let second = line.second();
            match event.kind {
                Kind::MessageId => self.has_message_id = true,
                Kind::Active | Kind::Delivery => self.complete = self.complete.or(Some(second)),
                Kind::Removed | Kind::Delete | Kind::Requeued => self.removed = self.removed.or(Some(second)),
                _ => {}
            }
        }
        self.lines.push(line);
    }

    fn into_life(mut self, mentions: &Mentions) -> Life<'a> {
        self.lines.sort_unstable_by_key(Placed::order);
        // What its session told may have come to another mail first: it is no part of an identity.
        let earliest = self
            .lines
            .iter()
            .filter(|line| !line.mention.is_of_session())
            .map(Placed::second)
            .min()
            .unwrap_or_default();
        let (second, mark): (i64, &[u8]) = match self.start {
            Some(start) => (start, b"start"),
            None => (earliest, b"provisional"),
        };
        let digest = Digest::of_parts(&[
            mentions.host.as_bytes(),
            mentions.queue_id.as_bytes(),
            mark,
            &second.to_le_bytes(),
        ]);
        let id = digest.id_at(Moment::from_second(second));
        Life::of(id, self.start.is_none(), &self.lines)
    }
}

/// First the starts are found, then every other line is given to a life.
fn split(lines: Vec<Placed<'_>>) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut others = Vec::new();
    let count = lines.len();
    for line in lines {
        match line.own {
            Some(event) if begins(event, parts.last()) => {
                let mut part = Part::new(Some(line.second()));
                if parts.is_empty() {
                    // Mostly the only one.
                    part.lines.reserve_exact(count);
                }
                part.push(line);
                parts.push(part);
            }
            Some(event) => place(&mut parts, line, event),
            None => others.push(line),
        }
    }
    // Lines of other ids that name this one, and unmatched ones, prove nothing: they go where they fit.
    for line in others {
        let second = line.second();
        if line.mention.is_of_session() {
            let index = part_of_session(&parts, line.mention);
            if let Some(part) = index.and_then(|index| parts.get_mut(index)) {
                part.push(line);
            }
            continue;
        }
        let index = parts
            .iter()
            .rposition(|part| part.start.is_none_or(|start| start <= second + 1))
            .unwrap_or_default();
        if parts.is_empty() {
            parts.push(Part::new(None));
        }
        parts[index].push(line);
    }
    parts
}

/// The life that began in the session of this line: the next that its process began, where the log tells it.
fn part_of_session(parts: &[Part<'_>], mention: &Mention) -> Option<usize> {
    let told = mention.event().and_then(|event| event.bytes(Field::MessageId));
    let has_told = |part: &Part<'_>| {
        let mut events = part.lines.iter().filter_map(|line| line.mention.event());
        events.any(|event| event.kind == Kind::MessageId && event.bytes(Field::MessageId) == told)
    };
    if told.is_some()
        && let Some(index) = parts.iter().position(has_told)
    {
        return Some(index);
    }
    let (second, pid) = (mention.line().at.second(), mention.line().pid);
    let begun_by = |part: &Part<'_>| {
        let mut queued = part.lines.iter().filter_map(|line| line.mention.event());
        queued.any(|event| event.kind == Kind::Queued && event.line.pid == pid)
    };
    // A session's end comes after the start, all else before it.
    let at_its_end = mention
        .event()
        .is_some_and(|event| matches!(event.kind, Kind::Lost | Kind::Disconnect));
    let fits = |part: &Part<'_>| part.start.is_some_and(|start| at_its_end || start >= second) && begun_by(part);
    let index = if at_its_end {
        parts
            .iter()
            .rposition(|part| fits(part) && part.start.is_some_and(|start| start <= second))
    } else {
        parts.iter().position(fits)
    };
    // A before-queue filter: the id was begun by the process behind it.
    let nearest = || {
        let distance = |part: &Part<'_>| part.start.map_or(i64::MAX, |start| (start - second).abs());
        (0..parts.len()).min_by_key(|index| parts.get(*index).map_or(i64::MAX, distance))
    };
    index.or_else(nearest)
}

/// Does this event begin a life, given the one before?
fn begins(event: &Event, before: Option<&Part<'_>>) -> bool {
    let second = event.line.at.second();
    match event.kind {
        Kind::Queued => before.is_none_or(|part| part.start != Some(second)),
        // Bounces and forwards have no `client=` and begin with cleanup's message-id.
        Kind::MessageId => before.is_none_or(|part| match part.start {
            None => true,
            Some(start) if start == second => false,
            Some(_) => part.removed.is_some() || (part.has_message_id && part.complete.is_some_and(|at| at < second)),
        }),
        _ => false,
    }
}

/// Gives an event that is no start to the life it fits.
fn place<'a>(parts: &mut Vec<Part<'a>>, line: Placed<'a>, event: &Event) {
    let second = line.second();
    let count = parts.len();
    let Some(last) = parts.last() else {
        let mut part = Part::new(None);
        part.push(line);
        parts.push(part);
        return;
    };
    let mut index = count - 1;
    let starts_now = last.start == Some(second);
    if starts_now && count > 1 && belongs_to_the_life_before(&parts[count - 2], event, second) {
        index = count - 2;
    } else if !starts_now
        && last
            .removed
            .is_some_and(|removed| second > removed + LATE_S && !arrived_with(last.start, event))
    {
        // Long after the end and no start was seen: another life, of which the start is missing.
        parts.push(Part::new(None));
        index = count;
    }
    parts[index].push(line);
}

/// Seconds that a line of another process may lag behind `removed`.
const LATE_S: i64 = 5;

/// In the second in which a life starts, lines of the one before may still come.
fn belongs_to_the_life_before(before: &Part<'_>, event: &Event, second: i64) -> bool {
    match event.kind {
        Kind::Removed => before.removed.is_none(),
        Kind::Delivery => {
            arrived_with(before.start, event) && event.number::<f64>(Field::Delay).is_some_and(|delay| delay >= 1.0)
        }
        Kind::Expire | Kind::Notice => before.removed.is_none_or(|removed| removed == second),
        _ => false,
    }
}

/// Does the delivery's own arrival time (its time less `delay=`, printed with two digits) fit this start?
fn arrived_with(start: Option<i64>, event: &Event) -> bool {
    let (Some(start), Some(delay)) = (start, event.number::<f64>(Field::Delay)) else {
        return false;
    };
    #[allow(clippy::cast_precision_loss)] // Seconds since 1970 are far below 2^52.
    let age = (event.line.at.second() - start) as f64;
    (age - delay).abs() <= 2.0 + delay * 0.06
}
