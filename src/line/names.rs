//! The few names that all lines share: hosts and programs, each kept once.

use std::collections::HashMap;
use std::sync::Arc;

/// No site has so many; a log that makes names up costs this much memory and no more.
const MOST: usize = 4096;

/// So many names are found without hashing all of their bytes; a power of two.
const NEAR: usize = 64;

/// A name as written, and as it is kept.
type Name = (Box<[u8]>, Arc<str>);

/// A cache of names. Seeded hashing: names may be an attacker's.
#[derive(Debug)]
pub(crate) struct Names {
    known: HashMap<Box<[u8]>, Arc<str>>,
    /// The last name of each [`slot`].
    near: Box<[Option<Name>; NEAR]>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            near: Box::new([const { None }; NEAR]),
        }
    }
}

/// A mixture of the length and the last bytes, which tell hosts (`mx1`, `mx2`) and daemons apart.
fn slot(name: &[u8]) -> usize {
    let ends = match name.last_chunk::<4>() {
        Some(last) => u32::from_le_bytes(*last),
        None => name.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
    };
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
    ((ends ^ length).wrapping_mul(0x9E37_79B1) >> 16) as usize % NEAR
}

impl Names {
    /// The name as text, made by `make` when it is met for the first time.
    pub(crate) fn get(&mut self, name: &[u8], make: impl FnOnce(&[u8]) -> Arc<str>) -> Arc<str> {
        let near = &mut self.near[slot(name)];
        if let Some((last, text)) = near
            && **last == *name
        {
            return Arc::clone(text);
        }
        let text = if let Some(text) = self.known.get(name) {
            Arc::clone(text)
        } else {
            if self.known.len() >= MOST {
                self.known.clear();
            }
            let text = make(name);
            self.known.insert(name.into(), Arc::clone(&text));
            text
        };
        *near = Some((name.into(), Arc::clone(&text)));
        text
    }
}

/// A host as it is kept: lower case.
pub(crate) fn host(name: &[u8]) -> Arc<str> {
    String::from_utf8_lossy(name).to_ascii_lowercase().into()
}

/// A program as it is kept: as written.
pub(crate) fn program(name: &[u8]) -> Arc<str> {
    String::from_utf8_lossy(name).into()
}
