//! Addresses and names of hosts.

use std::net::Ipv6Addr;

use super::byte_set::{Class, DIGIT, HIGH, LOWER, UPPER, only};
use super::scan::Found;

static IP6: Class = Class::of(&[DIGIT, (b'A', b'F'), (b'a', b'f'), only(b':'), only(b'.')]);
static ZONE: Class = Class::of(&[DIGIT, UPPER, LOWER, only(b'-')]);
static HOST: Class = Class::of(&[DIGIT, UPPER, LOWER, only(b'.'), only(b'-'), only(b'_'), HIGH]);

/// The end of an IPv4 address: four numbers up to 255 without leading zeros, as the standard library reads them.
pub(crate) fn ip4(text: &[u8], at: usize) -> Option<usize> {
    let digit = |at: usize| {
        text.get(at)
            .filter(|byte| byte.is_ascii_digit())
            .map(|byte| u16::from(byte - b'0'))
    };
    let mut end = at;
    for part in 0..4 {
        if part > 0 {
            if text.get(end) != Some(&b'.') {
                return None;
            }
            end += 1;
        }
        let mut value = digit(end)?;
        end += 1;
        // After a 0 another digit makes the whole thing no address, which shows below or as a missing dot.
        while value > 0
            && let Some(next) = digit(end)
        {
            value = value * 10 + next;
            if value > 255 {
                return None;
            }
            end += 1;
        }
    }
    match text.get(end) {
        Some(b'0'..=b'9') => None,
        // `192.0.2.1.` at the end of a sentence.
        Some(b'.')
            if text
                .get(end + 1)
                .is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') =>
        {
            None
        }
        Some(b':') if text.get(end + 1) == Some(&b':') => None,
        _ => Some(end),
    }
}

/// The end of an IPv6 address. It never ends in a lone `:`; `IPv6:` before it (sendmail) and a zone after it are
/// part of it.
pub(crate) fn ip6(text: &[u8], at: usize) -> Option<usize> {
    let from = if text.get(at..at + 5) == Some(b"IPv6:") {
        at + 5
    } else {
        at
    };
    let mut end = IP6.run(text, from);
    if end > from + 1 && text[end - 1] == b'.' {
        end -= 1;
    }
    if end > from + 1 && text[end - 1] == b':' && text[end - 2] != b':' {
        end -= 1;
    }
    if !(2..=45).contains(&(end - from)) || !text[from..end].contains(&b':') {
        return None;
    }
    std::str::from_utf8(&text[from..end]).ok()?.parse::<Ipv6Addr>().ok()?;
    if text.get(end) == Some(&b'%') {
        let zone = ZONE.run(text, end + 1);
        if zone > end + 1 {
            return Some(zone);
        }
    }
    Some(end)
}

/// A host name. sendmail writes the root dot, `mx.good.example.`: it is taken, but no part of the name.
pub(crate) fn host(text: &[u8], at: usize) -> Option<Found> {
    let next = HOST.run(text, at);
    let end = if next > at + 1 && text[next - 1] == b'.' {
        next - 1
    } else {
        next
    };
    (end > at).then_some(Found { start: at, end, next })
}
