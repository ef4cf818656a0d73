//! Identities made from content: of a line, of a queue id's life.
//!
//! `SipHash` with a fixed, public key: an id must be the same on every machine for ever, so the key cannot be
//! secret; 128 bits of it give no cheap collisions, as the fast unkeyed hashes do, to someone who writes log
//! lines (a HELO, a subject) for a living.

use std::fmt::{self, Write as _};

use super::sip::Sip;
use super::{Line, Moment};

/// 128 bits of identity; printed as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u128);

impl Digest {
    /// Of parts, in this order; each part's length is part of the identity.
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = Sip::new(0x6d61_696c_7472_6169, 0x6c2f_6964_2f76_3031);
        for part in parts {
            hasher.word(part.len() as u64);
            hasher.bytes(part);
        }
        Self(hasher.finish())
    }

    /// Of a line: host, second, program up to the first slash, pid, text and ordinal.
    ///
    /// Only the beginning of the program counts (`postfix` of `postfix/smtpd`), because stock rsyslog's RFC 5424
    /// loses the rest: the same line must be the same by whatever route it came.
    pub fn of_line(line: &Line) -> Self {
        Self::of_parts(&[
            line.host.as_bytes(),
            &line.at.second().to_le_bytes(),
            line.program_head().as_bytes(),
            &line.pid.unwrap_or(u32::MAX).to_le_bytes(),
            line.text(),
            &line.ordinal.to_le_bytes(),
        ])
    }

    /// A document's id: the period of `at`, a dash, and this digest.
    pub fn id_at(self, at: Moment) -> String {
        let mut id = at.period();
        id.reserve_exact(33);
        id.push('-');
        // Writing to a String does not fail.
        let _ = write!(id, "{self}");
        id
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (two, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0.to_be_bytes()) {
            *two = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}
