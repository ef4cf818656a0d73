//! Sorts the rules of a program by how their lines begin, so that a line is tried on the few that may match it.

use crate::pattern::{Begins, Head, after_queue_id};

/// The rules of one program, by their place in the order of rank.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// Rules that look at the beginning of the line.
    plain: Table,
    /// Rules that look behind the queue id.
    after_id: Table,
}

#[derive(Debug)]
struct Table {
    /// By first byte, then by rank.
    by_byte: Box<[Vec<Entry>]>,
    /// For an empty text.
    empty: Vec<Entry>,
}

/// A rule that may match.
#[derive(Debug, Clone)]
struct Entry {
    rule: u16,
    literal: Box<[u8]>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            by_byte: vec![Vec::new(); 256].into(),
            empty: Vec::new(),
        }
    }
}

impl Table {
    fn add(&mut self, rule: u16, begins: &Begins) {
        let entry = |literal: &[u8]| Entry {
            rule,
            literal: literal.into(),
        };
        match begins {
            Begins::Literal(literal) => match literal.first() {
                Some(first) => self.by_byte[*first as usize].push(entry(literal)),
                None => self.add(rule, &Begins::Anything),
            },
            Begins::Bytes(bytes) => {
                for byte in bytes {
                    self.by_byte[*byte as usize].push(entry(&[]));
                }
            }
            Begins::Anything => {
                for entries in &mut self.by_byte {
                    entries.push(entry(&[]));
                }
                self.empty.push(entry(&[]));
            }
        }
    }

    fn entries(&self, text: &[u8]) -> &[Entry] {
        text.first().map_or(&self.empty, |byte| &self.by_byte[*byte as usize])
    }
}

impl Bucket {
    /// Adds a rule; rules come in the order of their rank, and `rule` is that order.
    pub(crate) fn add(&mut self, rule: u16, heads: &[Head]) {
        for head in heads {
            let table = if head.after_id {
                &mut self.after_id
            } else {
                &mut self.plain
            };
            table.add(rule, &head.begins);
        }
    }

    /// The rules that may match a text, in the order of their rank.
    pub(crate) fn candidates<'b>(&'b self, text: &'b [u8]) -> impl Iterator<Item = u16> + 'b {
        let behind = after_queue_id(text).and_then(|at| text.get(at..));
        let mut plain = self.plain.entries(text);
        let mut after = behind.map_or::<&[Entry], _>(&[], |behind| self.after_id.entries(behind));
        let behind = behind.unwrap_or_default();
        let mut before = None;
        std::iter::from_fn(move || {
            loop {
                let from_plain = match (plain.first(), after.first()) {
                    (None, None) => return None,
                    (Some(one), Some(other)) => one.rule <= other.rule,
                    (one, _) => one.is_some(),
                };
                let (entries, seen) = if from_plain {
                    (&mut plain, text)
                } else {
                    (&mut after, behind)
                };
                let (entry, rest) = entries.split_first()?;
                *entries = rest;
                if before != Some(entry.rule) && seen.starts_with(&entry.literal) {
                    before = Some(entry.rule);
                    return before;
                }
            }
        })
    }
}
