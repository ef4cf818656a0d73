//! Addresses and names of hosts.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::scan::{Found, run};

/// The end of an IPv4 address.
pub(crate) fn ip4(text: &[u8], at: usize) -> Option<usize> {
    let end = run(text, at, |byte| byte.is_ascii_digit() || *byte == b'.');
    // `192.0.2.1.` at the end of a sentence.
    let end = if end > at && text[end - 1] == b'.' {
        end - 1
    } else {
        end
    };
    if !(7..=15).contains(&(end - at)) || text.get(end) == Some(&b':') && text.get(end + 1) == Some(&b':') {
        return None;
    }
    std::str::from_utf8(&text[at..end]).ok()?.parse::<Ipv4Addr>().ok()?;
    Some(end)
}

/// The end of an IPv6 address. It never ends in a lone `:`; `IPv6:` before it (sendmail) and a zone after it are
/// part of it.
pub(crate) fn ip6(text: &[u8], at: usize) -> Option<usize> {
    let from = if text.get(at..at + 5) == Some(b"IPv6:") {
        at + 5
    } else {
        at
    };
    let mut end = run(text, from, |byte| {
        byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
    });
    if end > from + 1 && text[end - 1] == b'.' {
        end -= 1;
    }
    if end > from + 1 && text[end - 1] == b':' && text[end - 2] != b':' {
        end -= 1;
    }
    if !(2..=45).contains(&(end - from)) {
        return None;
    }
    std::str::from_utf8(&text[from..end]).ok()?.parse::<Ipv6Addr>().ok()?;
    if text.get(end) == Some(&b'%') {
        let zone = run(text, end + 1, |byte| byte.is_ascii_alphanumeric() || *byte == b'-');
        if zone > end + 1 {
            return Some(zone);
        }
    }
    Some(end)
}

/// A host name. sendmail writes the root dot, `mx.good.example.`: it is taken, but no part of the name.
pub(crate) fn host(text: &[u8], at: usize) -> Option<Found> {
    let next = run(text, at, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') || *byte >= 0x80
    });
    let end = if next > at + 1 && text[next - 1] == b'.' {
        next - 1
    } else {
        next
    };
    (end > at).then_some(Found { start: at, end, next })
}
