//! Key=value lists: keys in any order, new ones with new versions.
//!
//! A list is one closed step: it goes from key to key and ends where no `separator key assign` follows. What a
//! value may hold is the sender's or the remote's choice, so each value ends by its own type where it can
//! (an address at its `>`), else before the next key.
//!
//! In: the text and a place. Out: the place after the list, its values in the scratch.

use std::cmp::Reverse;

use memchr::memmem;

use super::address::{self, Escape};
use super::matcher::{LastKey, Scratch, Until, place};
use super::program::{Follow, Program, UNKNOWN};

/// The most keys that are read of one list; a line with more is hostile and does not match.
pub(crate) const MAX_KEYS: usize = 64;

/// The longest name of a key, in bytes.
const MAX_KEY_BYTES: usize = 64;

/// What becomes of a key that stands more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicate {
    /// The first value is kept.
    #[default]
    First,
    /// The last value is kept.
    Last,
    /// All values are kept.
    All,
}

/// A list, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Pairs {
    pub(crate) between: Box<[Box<[u8]>]>,
    pub(crate) assign: Box<[u8]>,
    pub(crate) keys: Box<[Key]>,
    /// Bits of the keys with which the list may begin; none: any key.
    pub(crate) first: u128,
    /// Bits of the keys that must be there.
    pub(crate) required: u128,
    pub(crate) flags: Box<[Box<[u8]>]>,
    /// The keys whose value goes to the end of the list, the one that counts first.
    pub(crate) last: Box<[LastFinder]>,
    pub(crate) duplicate: Duplicate,
}

/// The number of a `last` key, and a finder of `separator key assign` for each separator.
pub(crate) type LastFinder = (usize, Box<[memmem::FinderRev<'static>]>);

/// A key that the list knows.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) name: Box<[u8]>,
    pub(crate) value: Program,
}

/// What stands at a place where a key may stand.
enum Head {
    /// A key of this length.
    Key(usize),
    /// A bare word of this length.
    Flag(usize),
}

impl Pairs {
    /// Takes the list that begins at `at`. `after`: what the pattern has after it.
    pub(crate) fn take(
        &self,
        number: usize,
        text: &[u8],
        at: usize,
        after: &Follow,
        scratch: &mut Scratch,
    ) -> Option<usize> {
        let length = self.key_at(text, at)?;
        if self.first != 0
            && self
                .key(&text[at..at + length])
                .is_none_or(|key| self.first & (1 << key) == 0)
        {
            return None;
        }
        let last = self.last_key(number, text, at, scratch);
        let scope = last.map_or(text.len(), |(_, place)| place);
        let keys = scratch.keys.len();
        let spans = scratch.spans.len();
        let ended = match self.key(&text[at..at + length]) {
            // The list consists of its free text.
            Some(key) if self.is_last(key) => {
                let mut seen = 0;
                self.free_text(key, text, at, after, &mut seen, scratch)
                    .filter(|_| self.complete(seen))
            }
            _ => self.walk(text, at, scope, after, last, scratch),
        };
        scratch.keys.truncate(keys);
        if ended.is_none() {
            scratch.spans.truncate(spans);
        }
        ended
    }

    fn walk(
        &self,
        text: &[u8],
        start: usize,
        scope: usize,
        after: &Follow,
        last: Option<(usize, usize)>,
        scratch: &mut Scratch,
    ) -> Option<usize> {
        let seen_text = &text[..scope];
        let mut at = start;
        let mut seen = 0_u128;
        for _ in 0..MAX_KEYS {
            scratch.steps += 1;
            match self.head(seen_text, at)? {
                Head::Flag(length) => {
                    scratch.keep(UNKNOWN, at, at + length);
                    scratch.keep(UNKNOWN, at, at + length);
                    at += length;
                }
                Head::Key(length) => {
                    let name = at..at + length;
                    let value = name.end + self.assign.len();
                    at = match self.key(&text[name.clone()]) {
                        _ if self.ends_value(seen_text, value) => value,
                        Some(key) => self.known(key, seen_text, value, after, &mut seen, scratch)?,
                        None => {
                            let end = self.unknown_end(seen_text, value, after);
                            scratch.keep(UNKNOWN, name.start, name.end);
                            scratch.keep(UNKNOWN, value, end);
                            end
                        }
                    };
                }
            }
            if at == scope {
                if let Some((key, before)) = last {
                    let separator = self
                        .between
                        .iter()
                        .find(|separator| text[before..].starts_with(separator))?;
                    at = self.free_text(key, text, before + separator.len(), after, &mut seen, scratch)?;
                }
                return self.complete(seen).then_some(at);
            }
            match self.separator(seen_text, at) {
                Some(next) => at = next,
                None => return self.complete(seen).then_some(at),
            }
        }
        None
    }

    fn complete(&self, seen: u128) -> bool {
        seen & self.required == self.required
    }

    /// The value of a key that the list knows.
    fn known(
        &self,
        key: usize,
        text: &[u8],
        value: usize,
        after: &Follow,
        seen: &mut u128,
        scratch: &mut Scratch,
    ) -> Option<usize> {
        let program = &self.keys.get(key)?.value;
        let before = scratch.spans.len();
        let end = program
            .run(text, value, text.len(), Until::Key(self), scratch)
            .or_else(|| program.run(text, value, text.len(), Until::Then(after), scratch))?;
        self.settle(key, before, seen, scratch);
        Some(end)
    }

    /// The value of a `last` key, to the end of the text if it can.
    fn free_text(
        &self,
        key: usize,
        text: &[u8],
        at: usize,
        after: &Follow,
        seen: &mut u128,
        scratch: &mut Scratch,
    ) -> Option<usize> {
        let Key { name, value } = self.keys.get(key)?;
        let at = at + name.len() + self.assign.len();
        if at == text.len() {
            return Some(at);
        }
        let spans = scratch.spans.len();
        let end = value
            .run(text, at, text.len(), Until::End, scratch)
            .or_else(|| value.run(text, at, text.len(), Until::Then(after), scratch))?;
        self.settle(key, spans, seen, scratch);
        Some(end)
    }

    /// Applies `duplicate` to the captures that a value just made.
    fn settle(&self, key: usize, before: usize, seen: &mut u128, scratch: &mut Scratch) {
        let bit = 1_u128 << key;
        let (mut from, key) = (place(before), place(key));
        if *seen & bit != 0 {
            scratch.repeated += 1;
            match self.duplicate {
                Duplicate::All => {}
                Duplicate::First => scratch.spans.truncate(before),
                Duplicate::Last => {
                    if let Some(index) = scratch.keys.iter().rposition(|(other, ..)| *other == key) {
                        let (_, start, end) = scratch.keys.remove(index);
                        scratch.spans.drain(start as usize..end as usize);
                        let gone = end - start;
                        for (_, other_start, other_end) in &mut scratch.keys {
                            if *other_start >= end {
                                *other_start -= gone;
                                *other_end -= gone;
                            }
                        }
                        from -= gone;
                    }
                }
            }
        }
        *seen |= bit;
        if self.duplicate == Duplicate::Last {
            scratch.keys.push((key, from, place(scratch.spans.len())));
        }
    }

    /// True if a value ends here: the list ends or goes on.
    fn ends_value(&self, text: &[u8], at: usize) -> bool {
        at == text.len() || self.goes_on(text, at)
    }

    /// True if a separator and a key or flag stand here.
    pub(crate) fn goes_on(&self, text: &[u8], at: usize) -> bool {
        self.separator(text, at).is_some()
    }

    /// The place after the separator that stands here. Of several, the first that is followed by a key.
    fn separator(&self, text: &[u8], at: usize) -> Option<usize> {
        let rest = text.get(at..)?;
        self.between
            .iter()
            .filter(|separator| rest.starts_with(separator))
            .map(|separator| at + separator.len())
            .find(|next| self.head(text, *next).is_some())
    }

    /// The length of the name of a key that stands here with its `assign`.
    fn key_at(&self, text: &[u8], at: usize) -> Option<usize> {
        let rest = text.get(at..)?;
        let seen = &rest[..rest.len().min(MAX_KEY_BYTES)];
        let length = seen.iter().position(|byte| !is_key(*byte)).unwrap_or(seen.len());
        let is_name = length > 0 && !rest[0].is_ascii_digit();
        (is_name && rest[length..].starts_with(&self.assign)).then_some(length)
    }

    fn is_last(&self, key: usize) -> bool {
        self.last.iter().any(|last| last.0 == key)
    }

    /// What stands here. A `last` key is no key here: its last occurrence ends what the walk sees, and any before
    /// that is somebody's text.
    fn head(&self, text: &[u8], at: usize) -> Option<Head> {
        let rest = text.get(at..)?;
        if let Some(length) = self.key_at(text, at) {
            let last = !self.last.is_empty() && self.key(&rest[..length]).is_some_and(|key| self.is_last(key));
            return (!last).then_some(Head::Key(length));
        }
        self.flags
            .iter()
            .find(|flag| rest.starts_with(flag) && rest.get(flag.len()).is_none_or(|byte| !is_key(*byte)))
            .map(|flag| Head::Flag(flag.len()))
    }

    /// The names of the keys with which the list may begin.
    pub(crate) fn first_keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys
            .iter()
            .enumerate()
            .filter(|(number, _)| self.first & (1 << number) != 0)
            .map(|(_, key)| &*key.name)
    }

    /// The number of a key.
    fn key(&self, name: &[u8]) -> Option<usize> {
        self.keys.iter().position(|key| *key.name == *name)
    }

    /// The end of the value of an unknown key: the next key, or the end of the list.
    fn unknown_end(&self, text: &[u8], value: usize, after: &Follow) -> usize {
        let closed = match text.get(value) {
            Some(b'<') => Some(address::inside_angles(text, value + 1, Escape::Backslash).end + 1)
                .filter(|end| *end <= text.len()),
            Some(b'"') => address::quote_end(text, value, Escape::Backslash),
            _ => None,
        };
        let mut at = closed.unwrap_or(value);
        while at < text.len() {
            if self.between.iter().any(|separator| separator.first() == text.get(at)) && self.goes_on(text, at) {
                return at;
            }
            at += 1;
        }
        // The last value of the list: it ends where the pattern goes on.
        (closed.unwrap_or(value)..=text.len())
            .find(|at| after.begins(text, *at))
            .unwrap_or(text.len())
    }

    /// The number of the `last` key and the place of the separator before its last occurrence. Looked for once in
    /// a line, since a pattern may come to its list many times.
    fn last_key(&self, number: usize, text: &[u8], at: usize, scratch: &mut Scratch) -> Option<(usize, usize)> {
        if self.last.is_empty() {
            return None;
        }
        let known = scratch.last_keys.iter().find(|last| last.list == number).copied();
        let last = known.unwrap_or_else(|| {
            scratch.steps += text.len() as u64 / 16 + 1;
            let found = self.last.iter().find_map(|(key, finders)| {
                // The same occurrence may be found with `, ` and with ` ` before it: the longer separator is meant.
                let (_, Reverse(place)) = finders
                    .iter()
                    .filter_map(|finder| Some((finder, finder.rfind(text)?)))
                    .map(|(finder, place)| (place + finder.needle().len(), Reverse(place)))
                    .max()?;
                Some((*key, place))
            });
            let last = LastKey { list: number, found };
            scratch.last_keys.push(last);
            last
        });
        last.found.filter(|(_, place)| *place > at)
    }
}

/// Letters, digits, `_` and `-`: `to`, `orig_to`, `Message-ID`.
fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}
