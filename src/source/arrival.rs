//! In which order messages of one millisecond arrived.
//!
//! Stamps of whole seconds are the rule (RFC 3164), so thousands of messages share one; what came first is told only by
//! ids that the server made. Graylog 5.1 and later number a message's `gl2_message_id` (a ULID whose time is that of
//! the message): exact. Before, that id is random within the time of receipt, and the document's `_id` (a UUID of
//! version 1) tells the time of arrival to 100 ns: nearly exact.

use crate::line::Moment;

/// Sorts messages of one moment by arrival.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Arrival {
    /// Numbered by the server.
    Numbered(String),
    /// The time in a UUID, in units of 100 ns, then its clock sequence and node.
    Timed(u64, String),
    /// Nothing but an id that is the same in every answer.
    Stable(String),
}

impl Arrival {
    /// Of a message's ULID and of its document's id; empty where there is none.
    pub(super) fn of(at: Moment, ulid: &str, document: &str) -> Self {
        if ulid_time(ulid) == Some(at.0) {
            return Self::Numbered(ulid.to_owned());
        }
        if let Some((time, rest)) = uuid_time(document) {
            return Self::Timed(time, rest.to_owned());
        }
        Self::Stable(if ulid.is_empty() { document } else { ulid }.to_owned())
    }
}

/// The first ten of its 26 characters, in Crockford's base 32, are milliseconds since 1970.
fn ulid_time(ulid: &str) -> Option<i64> {
    if ulid.len() != 26 {
        return None;
    }
    ulid.bytes().take(10).try_fold(0_i64, |time, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'H' => byte - b'A' + 10,
            b'J' | b'K' => byte - b'J' + 18,
            b'M' | b'N' => byte - b'M' + 20,
            b'P'..=b'T' => byte - b'P' + 22,
            b'V'..=b'Z' => byte - b'V' + 27,
            _ => return None,
        };
        Some(time * 32 + i64::from(digit))
    })
}

/// `b4e36fd0-e7bf-11f1-83b2-02fc00000001`: low, middle and high part of the time, with the version before the last.
fn uuid_time(id: &str) -> Option<(u64, &str)> {
    let mut parts = id.splitn(4, '-');
    let (low, middle, high) = (parts.next()?, parts.next()?, parts.next()?);
    if low.len() != 8 || middle.len() != 4 || high.len() != 4 {
        return None;
    }
    let high = high.strip_prefix('1')?;
    let hex = |digits| u64::from_str_radix(digits, 16).ok();
    Some(((hex(high)? << 48) | (hex(middle)? << 32) | hex(low)?, parts.next()?))
}
