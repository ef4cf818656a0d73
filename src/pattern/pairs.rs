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
use super::byte_set::{ByteSet, Class, DIGIT, LOWER, UPPER, only};
use super::duplicate::Duplicate;
use super::equal::stands;
use super::keys::{Key, Keys};
use super::matcher::Until;
use super::program::{Follow, Op, UNKNOWN};
use super::scratch::Scratch;

/// The most keys that are read of one list; a line with more is hostile and does not match.
pub(crate) const MAX_KEYS: usize = 64;

/// The longest name of a key, in bytes.
const MAX_KEY_BYTES: usize = 64;

/// Letters, digits, `_` and `-`: `to`, `orig_to`, `Message-ID`.
static KEY: Class = Class::of(&[DIGIT, UPPER, LOWER, only(b'_'), only(b'-')]);

/// A list, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Pairs {
    pub(crate) between: Box<[Box<[u8]>]>,
    pub(crate) assign: Box<[u8]>,
    /// The first bytes of what stands between.
    pub(crate) separators: ByteSet,
    pub(crate) keys: Keys,
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

/// What stands at a place where a key may stand.
#[derive(Debug, Clone, Copy)]
enum Head {
    /// A key of this length, and its number if the list knows it.
    Key(usize, Option<usize>),
    /// A bare word of this length.
    Flag(usize),
}

/// How a list goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Next {
    /// Where the separator stands.
    from: usize,
    /// Where the key stands.
    at: usize,
    head: Head,
}

/// Where the `last` key of a list stands; looked for once in a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastKey {
    /// The list's number.
    list: usize,
    /// The key's number and the place of the separator before it. None if no such key stands in the text.
    found: Option<(usize, usize)>,
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
        let key = self.keys.number(&text[at..at + length]);
        if self.first != 0 && key.is_none_or(|key| self.first & (1 << key) == 0) {
            return None;
        }
        let last = self.last_key(number, text, at, scratch);
        let keys = scratch.keys.len();
        let spans = scratch.spans.len();
        let ended = match key {
            // The list consists of its free text.
            Some(key) if self.is_last(key) => {
                let mut seen = 0;
                self.free_text(key, text, at, after, &mut seen, scratch)
                    .filter(|_| self.complete(seen))
            }
            _ => self.walk(text, at, after, last, scratch),
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
        after: &Follow,
        last: Option<(usize, usize)>,
        scratch: &mut Scratch,
    ) -> Option<usize> {
        let scope = last.map_or(text.len(), |(_, place)| place);
        let seen_text = &text[..scope];
        let mut at = start;
        let mut head = self.head(seen_text, at)?;
        let mut seen = 0_u128;
        for _ in 0..MAX_KEYS {
            scratch.steps += 1;
            scratch.next = None;
            match head {
                Head::Flag(length) => {
                    scratch.keep(UNKNOWN, at, at + length);
                    scratch.keep(UNKNOWN, at, at + length);
                    at += length;
                }
                Head::Key(length, key) => {
                    let name = at..at + length;
                    let value = name.end + self.assign.len();
                    at = match key {
                        _ if self.ends(seen_text, value, scratch) => value,
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
            // Whoever found that the value ends here has found the next key.
            let known = scratch.next.take().filter(|next| next.from == at);
            match known.or_else(|| self.next(seen_text, at)) {
                Some(next) => (at, head) = (next.at, next.head),
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
        let end = if let [Op::Scan(scanner, slot), Op::Accept] = &*program.ops {
            // Most values: one type, which takes what it takes.
            scratch.farthest = scratch.farthest.max(value);
            let found = scanner.scan(text, value)?;
            scratch.farthest = scratch.farthest.max(found.next);
            if !self.ends(text, found.next, scratch) && !after.begins(text, found.next) {
                return None;
            }
            scratch.keep(*slot, found.start, found.end);
            found.next
        } else {
            program
                .run(text, value, text.len(), Until::Key(self), scratch)
                .or_else(|| program.run(text, value, text.len(), Until::Then(after), scratch))?
        };
        self.duplicate.settle(key, before, seen, scratch);
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
        self.duplicate.settle(key, spans, seen, scratch);
        Some(end)
    }

    /// True if a value ends here: the list ends or goes on, which is then remembered.
    pub(crate) fn ends(&self, text: &[u8], at: usize, scratch: &mut Scratch) -> bool {
        if at == text.len() {
            return true;
        }
        let next = self.next(text, at);
        if next.is_some() {
            scratch.next = next;
        }
        next.is_some()
    }

    /// How the list goes on behind the separator that stands here. Of several, the first that is followed by a key.
    fn next(&self, text: &[u8], from: usize) -> Option<Next> {
        if !self.separators.has(*text.get(from)?) {
            return None;
        }
        self.between
            .iter()
            .filter(|separator| stands(text, from, separator))
            .find_map(|separator| {
                let at = from + separator.len();
                let head = self.head(text, at)?;
                Some(Next { from, at, head })
            })
    }

    /// The length of the name of a key that stands here with its `assign`.
    fn key_at(&self, text: &[u8], at: usize) -> Option<usize> {
        let end = KEY.run(text.get(..text.len().min(at + MAX_KEY_BYTES))?, at);
        let is_name = end > at && !text[at].is_ascii_digit();
        (is_name && stands(text, end, &self.assign)).then_some(end - at)
    }

    fn is_last(&self, key: usize) -> bool {
        self.last.iter().any(|last| last.0 == key)
    }

    /// What stands here. A `last` key is no key here: its last occurrence ends what the walk sees, and any before
    /// that is somebody's text.
    fn head(&self, text: &[u8], at: usize) -> Option<Head> {
        let rest = text.get(at..)?;
        if let Some(length) = self.key_at(text, at) {
            let key = self.keys.number(&rest[..length]);
            let last = !self.last.is_empty() && key.is_some_and(|key| self.is_last(key));
            return (!last).then_some(Head::Key(length, key));
        }
        self.flags
            .iter()
            .find(|flag| rest.starts_with(flag) && rest.get(flag.len()).is_none_or(|byte| !KEY.has(*byte)))
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
            if self.next(text, at).is_some() {
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
