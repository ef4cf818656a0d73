//! Takes a message apart: what stands for itself, and what varies from line to line.
//!
//! The pieces are a function of the message alone, never of the lines before it: so the same line has the same template
//! in whatever order, in whatever part of a log, it is read. What only a comparison of lines tells (that `bob` is a
//! name) is found later, by [`super::group`].
//!
//! In: the text of a message. Out: [`Piece`]s that cover it from its first byte to its last.

use std::ops::Range;

use crate::pattern::take;

/// So many pieces are told apart; what follows them is one.
const MOST_PIECES: usize = 120;

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) sort: Sort,
    /// Where it stands, in bytes of the message.
    pub(crate) span: Range<usize>,
}

/// What a part of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    /// Punctuation and blanks.
    Mark,
    /// A word that may stand for itself.
    Word,
    /// The name in front of a `=`: it stands for itself in any case.
    Key,
    /// It varies; the name of the type that takes it. The type may be a composite one of `types.yaml`.
    Value(&'static str),
}

impl Sort {
    /// True for what may be another text in another line of the same shape.
    pub(crate) fn varies(self) -> bool {
        matches!(self, Self::Value(_))
    }
}

/// The parts of a message.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut taker = Taker {
        text,
        bytes: text.as_bytes(),
        pieces: Vec::new(),
        comma_list: text.split(", ").filter(|part| key_length(part) > 0).count() > 1,
    };
    taker.run();
    taker.pieces
}

/// The message with `<*>` for what varies.
pub(crate) fn render(text: &str, pieces: &[Piece]) -> String {
    let mut template = String::with_capacity(text.len());
    for piece in pieces {
        template.push_str(if piece.sort.varies() {
            "<*>"
        } else {
            &text[piece.span.clone()]
        });
    }
    template
}

struct Taker<'t> {
    text: &'t str,
    bytes: &'t [u8],
    pieces: Vec<Piece>,
    /// Its values may hold blanks: they end at `, key=`.
    comma_list: bool,
}

impl Taker<'_> {
    fn push(&mut self, sort: Sort, span: Range<usize>) -> usize {
        let end = span.end;
        self.pieces.push(Piece { sort, span });
        end
    }

    fn run(&mut self) {
        let mut at = 0;
        if let Some(end) = leading_id(self.text) {
            at = self.push(Sort::Value("qid"), 0..end);
        }
        while at < self.bytes.len() {
            if self.pieces.len() >= MOST_PIECES {
                self.push(Sort::Value("rest"), at..self.bytes.len());
                return;
            }
            at = self.next(at);
        }
    }

    fn next(&mut self, at: usize) -> usize {
        let after_key = at > 0 && self.bytes[at - 1] == b'=';
        if after_key && let Some(end) = self.value_of_key(at) {
            return self.push(self.sort_of_value(at, end), at..end);
        }
        let first = self.bytes[at];
        if let Some((sort, end)) = self.whole(at) {
            return self.push(sort, at..end);
        }
        if is_wordly(first) {
            let key = key_length(&self.text[at..]);
            if key > 0 {
                return self.push(Sort::Key, at..at + key);
            }
            let end = word_end(self.bytes, at);
            let sort = if self.bytes[at..end].iter().any(u8::is_ascii_digit) {
                Sort::Value(narrowest(&self.text[at..end]))
            } else {
                Sort::Word
            };
            return self.push(sort, at..end);
        }
        let length = self.text[at..].chars().next().map_or(1, char::len_utf8);
        self.push(Sort::Mark, at..at + length)
    }

    /// Something that is told by its form: an address, a client, a number, a quoted text.
    fn whole(&self, at: usize) -> Option<(Sort, usize)> {
        let bytes = self.bytes;
        match bytes[at] {
            b'"' => {
                let (_, next) = take("quoted", bytes, at)?;
                return Some((Sort::Value("quoted"), next));
            }
            b'[' => {
                let end = peer_end(bytes, at)?;
                return Some((Sort::Value("peer"), end));
            }
            b'/' if at == 0 || !is_wordly(bytes[at - 1]) => {
                let (_, next) = take("path", bytes, at)?;
                return (next > at + 1).then_some((Sort::Value("path"), next));
            }
            _ => {}
        }
        if at > 0 && bytes[at - 1] == b'<' {
            let (value, next) = take("addr", bytes, at)?;
            let closed = bytes.get(next) == Some(&b'>') && !value.is_empty();
            return closed.then_some((Sort::Value("addr"), next));
        }
        if !is_wordly(bytes[at]) && bytes[at] != b':' {
            return None;
        }
        if at > 0 && is_wordly(bytes[at - 1]) {
            return None;
        }
        if let Some((_, next)) = take("host", bytes, at)
            && bytes.get(next) == Some(&b'[')
            && let Some(end) = peer_end(bytes, next)
        {
            return Some((Sort::Value("peer"), end));
        }
        for name in ["clock", "ip", "bare_addr", "number", "host"] {
            let Some((value, next)) = take(name, bytes, at) else {
                continue;
            };
            let ends = bytes.get(next).is_none_or(|byte| !is_wordly(*byte)) && next == value.end;
            let fits = match name {
                "bare_addr" => self.text[value.clone()].contains('@') && !self.text[value.clone()].contains('='),
                "number" => {
                    let dsn = take("dsn", bytes, at).filter(|(_, end)| bytes.get(*end).is_none_or(|b| !is_wordly(*b)));
                    if let Some((_, end)) = dsn
                        && matches!(bytes[at], b'2' | b'4' | b'5')
                    {
                        return Some((Sort::Value("dsn"), end));
                    }
                    !matches!(bytes.get(next), Some(b'.' | b'-')) || bytes.get(next + 1).is_none_or(|b| !is_wordly(*b))
                }
                "host" => is_host(&self.text[value.clone()]),
                _ => true,
            };
            if ends && fits {
                let name = if name == "number" && bytes[value].iter().all(u8::is_ascii_digit) {
                    "int"
                } else {
                    name
                };
                return Some((Sort::Value(name), next));
            }
        }
        None
    }

    /// Where the value of a key ends that begins at `at`. None if it is empty, or stands in brackets or quotes.
    fn value_of_key(&self, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        if rest.starts_with(['<', '"', ',', ';', ' ']) {
            return None;
        }
        if self.comma_list {
            let next = rest
                .match_indices(", ")
                .find(|(offset, _)| key_length(&rest[offset + 2..]) > 0);
            return Some(at + next.map_or(rest.len(), |(offset, _)| offset));
        }
        let end = rest.find([' ', ',', ';']).unwrap_or(rest.len());
        (end > 0).then_some(at + end)
    }

    fn sort_of_value(&self, at: usize, end: usize) -> Sort {
        if peer_end(self.bytes, at) == Some(end)
            || take("host", self.bytes, at).is_some_and(|(_, next)| peer_end(self.bytes, next) == Some(end))
        {
            return Sort::Value("peer");
        }
        Sort::Value(narrowest(&self.text[at..end]))
    }
}

/// Types of one value, the narrowest first.
pub(crate) const NARROW: &[&str] = &[
    "int",
    "dsn",
    "number",
    "clock",
    "ip",
    "word",
    "host",
    "path",
    "bare_addr",
    "token",
];

/// The narrowest type that takes the whole of a text.
pub(crate) fn narrowest(text: &str) -> &'static str {
    NARROW
        .iter()
        .find(|name| takes_all(name, text))
        .copied()
        .unwrap_or("text")
}

/// Would a value of this type be the whole text? False for a composite type.
pub(crate) fn takes_all(type_name: &str, text: &str) -> bool {
    match type_name {
        "text" | "rest" | "last" => true,
        // Its name says that there is an `@` in it, or it would be everything.
        "bare_addr" if !text.contains('@') => false,
        "dsn" if !text.starts_with(['2', '4', '5']) => false,
        name => {
            take(name, text.as_bytes(), 0).is_some_and(|(value, next)| value == (0..text.len()) && next == text.len())
        }
    }
}

/// The end of `[address]`, with its port.
fn peer_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'[') {
        return None;
    }
    let inside = match take("ip", bytes, at + 1) {
        Some((_, next)) => next,
        None if bytes[at + 1..].starts_with(b"unknown") => at + 1 + "unknown".len(),
        None => return None,
    };
    if bytes.get(inside) != Some(&b']') {
        return None;
    }
    let end = inside + 1;
    let port = bytes.get(end).filter(|byte| **byte == b':');
    Some(
        port.and_then(|_| take("int", bytes, end + 1))
            .map_or(end, |(_, next)| next),
    )
}

/// The length of a name with `=` behind it. 0 if there is none.
fn key_length(text: &str) -> usize {
    let end = text
        .bytes()
        .position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'))
        .unwrap_or(text.len());
    let is_key =
        text.as_bytes().get(end) == Some(&b'=') && text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    if is_key { end } else { 0 }
}

fn is_wordly(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// A word with `-`, `_`, `.` inside.
fn word_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    while end < bytes.len() && (is_wordly(bytes[end]) || matches!(bytes[end], b'-' | b'.')) {
        end += 1;
    }
    while end > at + 1 && matches!(bytes[end - 1], b'-' | b'.') {
        end -= 1;
    }
    end
}

/// File names are no hosts.
const ENDINGS: &[&str] = &[
    "cf", "db", "log", "conf", "c", "h", "so", "txt", "pid", "pem", "key", "crt", "sock", "cdb", "lmdb", "html", "eml",
];

/// A dotted name with a last part of letters.
fn is_host(name: &str) -> bool {
    let Some((_, last)) = name.trim_end_matches('.').rsplit_once('.') else {
        return false;
    };
    last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic()) && !ENDINGS.contains(&last)
}

/// The end of the queue id with which a message begins; its severity is taken off.
fn leading_id(text: &str) -> Option<usize> {
    let end = text.bytes().take(32).position(|byte| byte == b':')?;
    let id = &text[..end];
    let capital = id
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let looks_right = (capital && id.len() >= 6) || (plain && id.len() >= 12);
    let behind = text.as_bytes().get(end + 1);
    (looks_right && id.bytes().any(|byte| byte.is_ascii_digit()) && id.len() <= 24 && behind == Some(&b' '))
        .then_some(end)
}
