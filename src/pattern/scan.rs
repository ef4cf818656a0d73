//! The closed types: scanners that know their own end.
//!
//! All of them work on bytes, since headers and addresses carry 8-bit text, and look at each byte once.
//!
//! In: the text and a place. Out: what was [`Found`], or None.

use super::address::{self, Escape};
use super::byte_set::{ByteSet, Class, DIGIT, HIGH, LOWER, UPPER, only};
use super::network;
use super::number::{clock, counter, digits, dsn, number, sign};

const ALNUM: &[(u8, u8)] = &[DIGIT, UPPER, LOWER];
const HOST: &[(u8, u8)] = &[DIGIT, UPPER, LOWER, only(b'.'), only(b'-'), only(b'_'), HIGH];
static QID: Class = Class::of(ALNUM);
static WORD: Class = Class::of(&[DIGIT, UPPER, LOWER, only(b'_'), HIGH]);
/// What a word may hold between its letters.
static WORD_INSIDE: Class = Class::of(&[DIGIT, UPPER, LOWER, only(b'_'), HIGH, (b'+', b'+'), (b'-', b'.')]);
static VISIBLE: Class = Class::of(&[(b'!', 0xff)]);
/// What a path may hold: no blank, `,`, `;`, `)`, `]` or quote.
static PATH: Class = Class::of(&[
    only(b'!'),
    (b'#', b'&'),
    only(b'('),
    (b'*', b'+'),
    (b'-', b':'),
    (b'<', b'\\'),
    (b'^', 0xff),
]);

/// What a scanner took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where the value begins; after the quote or bracket that the type takes with it.
    pub(crate) start: usize,
    /// Where the value ends.
    pub(crate) end: usize,
    /// Where the text goes on.
    pub(crate) next: usize,
}

impl Found {
    pub(crate) fn plain(start: usize, end: usize) -> Option<Self> {
        (end > start).then_some(Self { start, end, next: end })
    }
}

macro_rules! scanners {
    ($($variant:ident $name:literal $samples:expr, $meaning:literal;)*) => {
        /// A closed type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Scanner { $(#[doc = $meaning] $variant,)* }

        /// Every closed type: name, values it takes to their end, meaning.
        pub(crate) const SCANNERS: &[(Scanner, &str, &[&str], &str)] =
            &[$((Scanner::$variant, $name, $samples, $meaning),)*];
    };
}

scanners! {
    Int "int" &["1"], "A whole number, `-1` too.";
    Number "number" &["1"], "A number: `1`, `-1.5`, `5.2e-05`.";
    Seconds "seconds" &["1"], "Seconds with or without a fraction: `11`, `0.06`, `5.2e-05`.";
    Counter "counter" &["1", "1/1"], "A counter, or two of them: `2`, `0/1`.";
    Clock "clock" &["00:00:00"], "`00:04:00` or, with days, `2+15:56:56`.";
    Word "word" &["a"], "Letters, digits, `_`, and `-`, `.`, `+` between them: `sent`, `TLSv1.2`, `force-expired`.";
    Token "token" &["a"], "Anything up to the next blank, without a `,`, `;`, `:` or `.` at its end.";
    Ip4 "ip4" &["192.0.2.1"], "An IPv4 address.";
    Ip6 "ip6" &["2001:db8::1"], "An IPv6 address, also `IPv6:…`, a zone, or an IPv4 address at its end.";
    Ip "ip" &["192.0.2.1", "2001:db8::1"], "An IPv4 or IPv6 address.";
    Host "host" &["a"], "A host name; a dot at its end is taken, but not kept.";
    Addr "addr" &[], "A mailbox inside `<>`, which it does not take; quotes are understood; may be empty.";
    SlashedAddr "slashed_addr" &[], "The same as sendmail logs it, its backslashes doubled.";
    BareAddr "bare_addr" &["a"], "A mailbox, a file or `\"|command\"` without `<>`: up to a blank, `,`, `;`, `>` or `)` outside quotes.";
    Qid "qid" &["4104E3D"], "A queue id: six or more letters and digits, but not `NOQUEUE`, and no word: with a digit, of `A` to `F`, or long and without vowels.";
    Dsn "dsn" &["2.0.0"], "An RFC 3463 status, `5.1.10`.";
    Bracketed "bracketed" &[], "`[ … ]`, kept without the brackets.";
    Quoted "quoted" &[], "`\" … \"`, kept without the quotes.";
    SlashedQuoted "slashed_quoted" &[], "The same as sendmail logs it, its backslashes doubled.";
    Path "path" &["/a"], "A file or socket, `private/dovecot-lmtp`: up to a blank, `,`, `;`, `)`, `]` or quote.";
}

impl Scanner {
    /// The type of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        SCANNERS.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// True if the type may take nothing at all.
    pub(crate) fn may_be_empty(self) -> bool {
        matches!(self, Self::Addr | Self::SlashedAddr)
    }

    /// True if a value of this type, followed by this text, would take some of it.
    pub(crate) fn swallows(self, after: &[u8]) -> bool {
        SCANNERS.iter().filter(|row| row.0 == self).any(|row| {
            row.2.iter().any(|sample| {
                let text = [sample.as_bytes(), after].concat();
                self.scan(&text, 0).is_none_or(|found| found.next > sample.len())
            })
        })
    }

    /// The bytes with which a value may begin; a few that cannot may be among them.
    pub(crate) fn first_bytes(self) -> &'static ByteSet {
        const DIGITS: ByteSet = ByteSet::of(&[DIGIT]);
        const QUOTE: ByteSet = ByteSet::of(&[only(b'"')]);
        const VISIBLE: ByteSet = ByteSet::of(&[(b'!', 0xff)]);
        match self {
            Self::Int | Self::Number => &const { ByteSet::of(&[DIGIT, only(b'-'), only(b'+'), only(b'.')]) },
            Self::Seconds => &const { ByteSet::of(&[DIGIT, only(b'.')]) },
            Self::Clock | Self::Counter | Self::Ip4 | Self::Dsn => &DIGITS,
            Self::Word => &const { ByteSet::of(&[DIGIT, UPPER, LOWER, only(b'_'), HIGH]) },
            Self::Ip6 | Self::Ip => {
                &const { ByteSet::of(&[DIGIT, (b'A', b'F'), (b'a', b'f'), only(b':'), only(b'I')]) }
            }
            Self::Host => &const { ByteSet::of(HOST) },
            Self::Qid => &const { ByteSet::of(ALNUM) },
            Self::Bracketed => &const { ByteSet::of(&[only(b'[')]) },
            Self::Quoted | Self::SlashedQuoted => &QUOTE,
            Self::Token | Self::Path => &VISIBLE,
            // Control characters are no blanks.
            Self::BareAddr => &const { ByteSet::of(&[(0, 0x1f), (b'!', 0xff)]) },
            Self::Addr | Self::SlashedAddr => &ByteSet::ALL,
        }
    }

    /// The bytes that a value may go on with, or that decide where it ends; a few that cannot may be among them. Any other
    /// byte ends it, whatever comes after that.
    pub(crate) fn inside(self) -> &'static ByteSet {
        match self {
            Self::Int | Self::Number | Self::Seconds | Self::Counter | Self::Clock | Self::Dsn => {
                &const { ByteSet::of(&[DIGIT, only(b'e'), only(b'E'), (b'+', b'/'), only(b':')]) }
            }
            Self::Qid => &const { ByteSet::of(ALNUM) },
            Self::Word | Self::Host => {
                &const { ByteSet::of(&[DIGIT, UPPER, LOWER, only(b'_'), HIGH, (b'+', b'+'), (b'-', b'.')]) }
            }
            // An IPv6 address may have a zone.
            Self::Ip4 | Self::Ip6 | Self::Ip => {
                &const { ByteSet::of(&[DIGIT, UPPER, LOWER, only(b':'), (b'-', b'.'), only(b'%')]) }
            }
            Self::Token | Self::Path => &const { ByteSet::of(&[(b'!', 0xff)]) },
            Self::Addr | Self::SlashedAddr | Self::BareAddr | Self::Bracketed | Self::Quoted | Self::SlashedQuoted => {
                &ByteSet::ALL
            }
        }
    }

    /// Takes a value of the type at `at`.
    pub(crate) fn scan(self, text: &[u8], at: usize) -> Option<Found> {
        match self {
            Self::Int => {
                Found::plain(at, digits(text, sign(text, at))).filter(|found| text[found.end - 1].is_ascii_digit())
            }
            Self::Number => Found::plain(at, number(text, sign(text, at))?),
            Self::Seconds => Found::plain(at, number(text, at)?),
            Self::Counter => Found::plain(at, counter(text, at)),
            Self::Clock => Found::plain(at, clock(text, at)?),
            Self::Word => Found::plain(at, word(text, at)),
            Self::Token => Found::plain(at, token(text, at)),
            Self::Ip4 => Found::plain(at, network::ip4(text, at)?),
            Self::Ip6 => Found::plain(at, network::ip6(text, at)?),
            Self::Ip => Found::plain(at, network::ip4(text, at).or_else(|| network::ip6(text, at))?),
            Self::Host => network::host(text, at),
            Self::Addr => Some(address::inside_angles(text, at, Escape::Backslash)),
            Self::SlashedAddr => Some(address::inside_angles(text, at, Escape::Doubled)),
            Self::BareAddr => Found::plain(at, address::bare(text, at)),
            Self::Qid => {
                let end = QID.run(text, at);
                Found::plain(at, end).filter(|_| is_queue_id(&text[at..end]))
            }
            Self::Dsn => Found::plain(at, dsn(text, at)?),
            Self::Bracketed => enclosed(text, at, b'[', b']'),
            Self::Quoted => quoted(text, at, Escape::Backslash),
            Self::SlashedQuoted => quoted(text, at, Escape::Doubled),
            Self::Path => {
                let end = PATH.run(text, at);
                Found::plain(at, before_marks(text, at, end, b".:"))
            }
        }
    }
}

/// The end without the marks that close a clause.
pub(crate) fn before_marks(text: &[u8], at: usize, mut end: usize, marks: &[u8]) -> usize {
    while end > at && marks.contains(&text[end - 1]) {
        end -= 1;
    }
    end
}

fn word(text: &[u8], at: usize) -> usize {
    if !text.get(at).is_some_and(|byte| WORD.has(*byte)) {
        return at;
    }
    let end = WORD_INSIDE.run(text, at);
    before_marks(text, at, end, b"-.+")
}

fn token(text: &[u8], at: usize) -> usize {
    let end = VISIBLE.run(text, at);
    before_marks(text, at, end, b",;:.")
}

/// Brackets that may nest.
fn enclosed(text: &[u8], at: usize, open: u8, close: u8) -> Option<Found> {
    if text.get(at) != Some(&open) {
        return None;
    }
    let mut depth = 0_usize;
    for (offset, byte) in text[at..].iter().enumerate() {
        if *byte == open {
            depth += 1;
        } else if *byte == close {
            depth -= 1;
            if depth == 0 {
                return Some(Found {
                    start: at + 1,
                    end: at + offset,
                    next: at + offset + 1,
                });
            }
        }
    }
    None
}

fn quoted(text: &[u8], at: usize, escape: Escape) -> Option<Found> {
    let end = address::quote_end(text, at, escape)?;
    Some(Found {
        start: at + 1,
        end: end - 1,
        next: end,
    })
}

/// A word in front of a colon (`warning: reason: ...`) is no queue id: Postfix's short ones are hexadecimal, its long ones
/// know no vowels (`postfix/src/util/safe_ultostr.h`), sendmail's have digits.
fn is_queue_id(id: &[u8]) -> bool {
    let is_vowel = |byte: &u8| b"AEIOUaeiou".contains(byte);
    id.len() >= 6
        && (id.iter().any(u8::is_ascii_digit)
            || id.iter().all(|byte| (b'A'..=b'F').contains(byte))
            || id.len() >= 11 && !id.iter().any(is_vowel))
}
