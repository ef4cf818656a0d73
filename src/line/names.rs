//! The few names that all lines share: hosts and programs, each kept once.

use std::collections::HashMap;
use std::sync::Arc;

/// No site has so many; a log that makes names up costs this much memory and no more.
const MOST: usize = 4096;

/// A cache of names. Seeded hashing: names may be an attacker's.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: HashMap<Box<[u8]>, Arc<str>>,
    last: Option<(Box<[u8]>, Arc<str>)>,
}

impl Names {
    /// The name as text, made by `make` when it is met for the first time.
    pub(crate) fn get(&mut self, name: &[u8], make: impl FnOnce(&[u8]) -> Arc<str>) -> Arc<str> {
        if let Some((last, text)) = &self.last
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
        // A box is reused where it fits; lines of one host or program follow each other.
        match &mut self.last {
            Some((last, kept)) if last.len() == name.len() => {
                last.copy_from_slice(name);
                *kept = Arc::clone(&text);
            }
            last => *last = Some((name.into(), Arc::clone(&text))),
        }
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
