//! How the lines begin that a pattern may match: what a set of rules is sorted by, so that a line meets the few
//! that can match it.

use super::byte_set::ByteSet;
use super::check;
use super::program::{Op, Program};
use super::scan::Scanner;

/// More beginnings than this, and the pattern is tried on every line.
const MAX_HEADS: usize = 256;

/// The longest literal that is compared.
const MAX_LITERAL: usize = 24;

/// One way for a line to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// A queue id and `: ` come first; `begins` is about what stands after them.
    pub after_id: bool,
    /// How it begins.
    pub begins: Begins,
}

/// How a text begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begins {
    /// With this text.
    Literal(Box<[u8]>),
    /// With one of these bytes, in their order.
    Bytes(Box<[u8]>),
    /// With anything, or it is empty.
    Anything,
}

/// Where a queue id with its `: ` ends at the beginning of a line: what [`Head::after_id`] speaks of.
pub fn after_queue_id(text: &[u8]) -> Option<usize> {
    let id = Scanner::Qid.scan(text, 0)?.next;
    text[id..].starts_with(b": ").then_some(id + 2)
}

impl Program {
    /// Every way for a matching line to begin.
    pub fn heads(&self) -> Vec<Head> {
        let mut heads = Vec::new();
        self.walk(0, false, &[], &mut heads);
        if heads.len() > MAX_HEADS {
            heads = vec![Head {
                after_id: false,
                begins: Begins::Anything,
            }];
        }
        heads
    }

    fn walk(&self, number: usize, after_id: bool, before: &[u8], heads: &mut Vec<Head>) {
        if heads.len() > MAX_HEADS {
            return;
        }
        match self.ops.get(number) {
            Some(Op::Literal(literal)) if before.len() < MAX_LITERAL => {
                self.walk(number + 1, after_id, &[before, literal].concat(), heads);
            }
            Some(Op::Split(other, _)) => {
                self.walk(number + 1, after_id, before, heads);
                self.walk(*other, after_id, before, heads);
            }
            Some(Op::Jump(to)) => self.walk(*to, after_id, before, heads),
            Some(Op::Words(words, _)) => {
                for word in words {
                    push(heads, after_id, Begins::Literal([before, word].concat().into()));
                }
            }
            Some(Op::Pairs(list, _)) if self.pairs.get(*list).is_some_and(|list| list.first != 0) => {
                let list = &self.pairs[*list];
                for key in list.first_keys() {
                    let text = [before, key, &list.assign].concat();
                    push(heads, after_id, Begins::Literal(text.into()));
                }
            }
            Some(Op::Scan(Scanner::Qid, _)) if !after_id && before.is_empty() => match self.after_id(number + 1) {
                Some((next, rest)) => self.walk(next, true, rest, heads),
                None => self.other(number, after_id, before, heads),
            },
            _ => self.other(number, after_id, before, heads),
        }
    }

    /// The step after the `: ` behind a queue id, and what that literal has beyond it.
    fn after_id(&self, mut number: usize) -> Option<(usize, &[u8])> {
        while let Op::Jump(to) = self.ops.get(number)? {
            number = *to;
        }
        match self.ops.get(number)? {
            Op::Literal(literal) => Some((number + 1, literal.strip_prefix(b": ")?)),
            _ => None,
        }
    }

    fn other(&self, number: usize, after_id: bool, before: &[u8], heads: &mut Vec<Head>) {
        if !before.is_empty() {
            push(heads, after_id, Begins::Literal(before.into()));
            return;
        }
        let (set, may_end) = check::follow(&self.ops, &self.pairs, number, None);
        let begins = if may_end || set == ByteSet::ALL {
            Begins::Anything
        } else {
            Begins::Bytes(set.bytes().collect())
        };
        push(heads, after_id, begins);
    }
}

fn push(heads: &mut Vec<Head>, after_id: bool, begins: Begins) {
    let head = Head { after_id, begins };
    if !heads.contains(&head) {
        heads.push(head);
    }
}
