//! Identities made from content: of a line, of a queue id's life.
//!
//! `SipHash` with a fixed, public key: an id must be the same on every machine for ever, so the key cannot be
//! secret; 128 bits of it give no cheap collisions, as the fast unkeyed hashes do, to someone who writes log
//! lines (a HELO, a subject) for a living.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use super::{Line, Moment};

/// 128 bits of identity; printed as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u128);

impl Digest {
    /// Of parts, in this order; each part's length is part of the identity.
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = keyed();
        for part in parts {
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
        Self(hasher.finish128().as_u128())
    }

    /// Of a line: host, second, program up to the first slash, pid, text and ordinal.
    ///
    /// Only the beginning of the program counts (`postfix` of `postfix/smtpd`), because stock rsyslog's RFC 5424
    /// loses the rest: the same line must be the same by whatever route it came.
    pub fn of_line(line: &Line) -> Self {
        Self::in_one_stroke(line, &mut Vec::new())
    }

    /// The same; `parts` is overwritten. One stroke over all parts costs less than one a part.
    pub(crate) fn in_one_stroke(line: &Line, parts: &mut Vec<u8>) -> Self {
        let of_line: [&[u8]; 6] = [
            line.host.as_bytes(),
            &line.at.second().to_le_bytes(),
            line.program_head().as_bytes(),
            &line.pid.unwrap_or(u32::MAX).to_le_bytes(),
            line.text(),
            &line.ordinal.to_le_bytes(),
        ];
        parts.clear();
        for part in of_line {
            parts.extend_from_slice(&(part.len() as u64).to_le_bytes());
            parts.extend_from_slice(part);
        }
        let mut hasher = keyed();
        hasher.write(parts);
        Self(hasher.finish128().as_u128())
    }

    /// A document's id: the period of `at`, a dash, and this digest.
    pub fn id_at(self, at: Moment) -> String {
        format!("{}-{self}", at.period())
    }
}

fn keyed() -> SipHasher13 {
    SipHasher13::new_with_keys(0x6d61_696c_7472_6169, 0x6c2f_6964_2f76_3031)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
