//! Another name of the same length and shape, always the same for the same name and key.
//!
//! Each letter becomes another letter and each digit another digit, by a shift that hangs on all letters before it, and then
//! once more from the back: so different names stay different, and nothing but the key leads back. IPv4 addresses are
//! replaced octet by octet, which keeps networks together.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// Makes pseudonyms.
#[derive(Debug, Clone)]
pub struct Pseudonyms {
    key: (u64, u64),
}

/// Names that tell nothing about anybody.
const KEPT: &[&str] = &[
    "localhost",
    "localdomain",
    "localhost4",
    "localhost6",
    "unknown",
    "postmaster",
    "root",
    "mailer-daemon",
    "abuse",
    "nobody",
    "daemon",
    "none",
    "local",
    "virtual",
    "ipv6",
];

impl Pseudonyms {
    /// By a key: whoever knows it can check a guess.
    pub fn new(key: &str) -> Self {
        let half = |seed: u64| {
            let mut hasher = SipHasher13::new_with_keys(seed, 0x6d61_696c);
            hasher.write(key.as_bytes());
            hasher.finish()
        };
        Self {
            key: (half(1), half(2)),
        }
    }

    fn hash(&self, domain: u8, context: u64, byte: u8) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        hasher.write_u8(domain);
        hasher.write_u64(context);
        hasher.write_u8(byte);
        hasher.finish()
    }

    /// Every run of letters, digits, `-` and `_` of a text; what stands between them stays.
    pub fn names(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.first() {
            let length = rest.iter().take_while(|byte| is_name(**byte)).count();
            if length == 0 {
                out.push(if *first >= 0x80 { b'x' } else { *first });
                rest = &rest[1..];
            } else {
                out.extend(self.name(&rest[..length]));
                rest = &rest[length..];
            }
        }
        out
    }

    /// One name.
    pub fn name(&self, name: &[u8]) -> Vec<u8> {
        let lower = name.to_ascii_lowercase();
        if KEPT.iter().any(|kept| kept.as_bytes() == lower) {
            return name.to_vec();
        }
        let mut changed = self.shifted(&lower, 1);
        changed.reverse();
        let mut changed = self.shifted(&changed, 2);
        changed.reverse();
        for (new, old) in changed.iter_mut().zip(name) {
            if old.is_ascii_uppercase() {
                new.make_ascii_uppercase();
            }
        }
        changed
    }

    fn shifted(&self, name: &[u8], domain: u8) -> Vec<u8> {
        let mut context = name.len() as u64;
        name.iter()
            .map(|byte| {
                let shift = self.hash(domain, context, 0);
                context = self.hash(domain, context, *byte);
                shift_in(*byte, shift, b'a', 26)
                    .or_else(|| shift_in(*byte, shift, b'0', 10))
                    .unwrap_or(*byte)
            })
            .collect()
    }

    /// A host name: its last part stays, where it has several.
    pub fn host(&self, name: &[u8]) -> Vec<u8> {
        let bare = name.strip_suffix(b".").unwrap_or(name);
        match bare.iter().rposition(|byte| *byte == b'.') {
            Some(dot) if bare[dot + 1..].iter().all(u8::is_ascii_alphabetic) => {
                let mut out = self.names(&name[..dot]);
                out.extend_from_slice(&name[dot..]);
                out
            }
            _ => self.names(name),
        }
    }

    /// An address: the part before the last `@` as names, the part behind it as a host. Without `@` a user.
    pub fn address(&self, address: &[u8]) -> Vec<u8> {
        match address.iter().rposition(|byte| *byte == b'@') {
            None => self.names(address),
            Some(at) => {
                let mut out = self.names(&address[..at]);
                out.push(b'@');
                out.extend(self.host(&address[at + 1..]));
                out
            }
        }
    }

    /// An IPv4 or IPv6 address. Loopback stays; private networks stay private.
    pub fn ip(&self, address: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(address);
        if let Some((before, after)) = text.rsplit_once(':').filter(|(_, after)| after.contains('.')) {
            let mut out = format!("{before}:").into_bytes();
            out.extend(self.ip4(after).into_bytes());
            return out;
        }
        if text.contains('.') {
            return self.ip4(&text).into_bytes();
        }
        if text == "::1" || text == "::" {
            return address.to_vec();
        }
        let start = if text.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("ipv6:")) {
            5
        } else {
            0
        };
        let mut context = 6;
        let mut out = address[..start].to_vec();
        for byte in &address[start..] {
            let shift = self.hash(3, context, 0);
            let lower = byte.to_ascii_lowercase();
            context = self.hash(3, context, lower);
            let new = shift_in(lower, shift, b'a', 6)
                .or_else(|| shift_in(lower, shift, b'0', 10))
                .unwrap_or(lower);
            out.push(if byte.is_ascii_uppercase() {
                new.to_ascii_uppercase()
            } else {
                new
            });
        }
        out
    }

    fn ip4(&self, text: &str) -> String {
        let octets: Vec<&str> = text.split('.').collect();
        let kept = match octets.as_slice() {
            ["127", ..] | ["0", "0", "0", "0"] => 4,
            ["192", "168", ..] => 2,
            ["172", second, ..] if second.parse::<u8>().is_ok_and(|second| (16..32).contains(&second)) => 2,
            ["10", ..] => 1,
            _ => 0,
        };
        let mut context = 4;
        let mut out = Vec::with_capacity(4);
        for (place, octet) in octets.into_iter().enumerate() {
            let Ok(value) = octet.parse::<u8>() else {
                return text.to_owned();
            };
            out.push(if place < kept {
                octet.to_owned()
            } else {
                self.octet(value, place == 0, context).to_string()
            });
            context = self.hash(4, context, value);
        }
        out.join(".")
    }

    /// One of the octets with as many digits, in an order that the key gives.
    fn octet(&self, value: u8, first: bool, context: u64) -> u8 {
        let range = match value {
            0..=9 => 0..=9,
            10..=99 => 10..=99,
            100..=223 if first => 100..=223,
            224.. if first => 224..=255,
            _ => 100..=255,
        };
        // Nothing becomes private or loopback.
        let mut sorted: Vec<u8> = range.filter(|octet| !first || !matches!(octet, 0 | 10 | 127)).collect();
        let Some(place) = sorted.iter().position(|octet| *octet == value) else {
            return value;
        };
        sorted.sort_by_key(|octet| (self.hash(5, context, *octet), *octet));
        sorted[place]
    }
}

/// Letters, digits, `-` and `_`.
pub(crate) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The byte moved round within `count` bytes from `first`. None if it is none of them.
fn shift_in(byte: u8, shift: u64, first: u8, count: u8) -> Option<u8> {
    let offset = byte.checked_sub(first).filter(|offset| *offset < count)?;
    let moved = (u64::from(offset) + shift % u64::from(count)) % u64::from(count);
    u8::try_from(moved).ok().map(|moved| first + moved)
}
