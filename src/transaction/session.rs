//! What a client session tried.

use serde::{Deserialize, Serialize};

/// How often a command was tried: `1`, or `[0, 1]` where not all were accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Tried {
    /// All were accepted.
    Accepted(u64),
    /// So many were accepted, of so many.
    Of([u64; 2]),
}

impl Tried {
    /// From Postfix's counters (`postfix/src/smtpd/smtpd.c`): `2`, or `0/1`. None for any other text.
    pub fn read(text: &str) -> Option<Self> {
        match text.split_once('/') {
            None => text.parse().ok().map(Self::Accepted),
            Some((accepted, tried)) => Some(Self::Of([accepted.parse().ok()?, tried.parse().ok()?])),
        }
    }
}
