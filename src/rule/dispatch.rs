//! The decision tree of a program: which of its rules may match a line, by how the line begins.
//!
//! The literal beginnings of all patterns are merged into one tree, so that a line walks down once and comes out with
//! the rules that are left, in the order in which they are tried. What is behind the beginning is for the rules' own
//! patterns: on logs as they are, hardly more than one of them is tried.
//!
//! In: the [`Head`]s of the rules, in the order of their rank. Out: the rules that may match a text.

use crate::pattern::{Begins, Head, after_queue_id, begins};

/// The rules of one program, by their place in the order of rank.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Rules that look at the beginning of the line.
    plain: Tree,
    /// Rules that look behind the queue id.
    after_id: Tree,
}

/// The beginnings of one kind.
#[derive(Debug)]
struct Tree {
    nodes: Vec<Node>,
    /// By first byte: a node, or [`NONE`].
    first: Box<[u32; 256]>,
    /// The rules that may begin with anything.
    any: Box<[u16]>,
}

/// There is no such node.
const NONE: u32 = u32::MAX;

/// A text that some rules begin with.
#[derive(Debug, Default)]
struct Node {
    /// What it has beyond its parent's text and the byte that leads here.
    label: Box<[u8]>,
    /// The rules whose beginning it begins with, in the order of their rank: those of its parents, too. None: only those
    /// of its parents.
    rules: Option<Box<[u16]>>,
    /// The byte that leads to a child, and its number, in the order of the bytes.
    children: Box<[(u8, u32)]>,
}

/// A beginning and its rule.
type Entry<'h> = (&'h [u8], u16);

impl Tree {
    /// `texts`: the literal beginnings in any order; `bytes`: the rules that begin with one of some bytes; `any`: those
    /// that may begin with anything.
    fn new(mut texts: Vec<Entry<'_>>, bytes: &[Entry<'_>], any: Vec<u16>) -> Self {
        texts.sort_unstable();
        let mut tree = Self {
            nodes: Vec::new(),
            first: Box::new([NONE; 256]),
            any: any.into(),
        };
        let mut of_bytes = vec![Vec::new(); 256];
        for (bytes, rule) in bytes {
            for byte in *bytes {
                of_bytes[usize::from(*byte)].push(*rule);
            }
        }
        // Most bytes lead to the rules of the bytes alone, and many to the same ones.
        let mut alike: Vec<(Vec<u16>, u32)> = Vec::new();
        for byte in 0..=255_u8 {
            let from = texts.partition_point(|(text, _)| text.first() < Some(&byte));
            let upto = texts.partition_point(|(text, _)| text.first() <= Some(&byte));
            let group = texts.get(from..upto).unwrap_or_default();
            let rules = std::mem::take(&mut of_bytes[usize::from(byte)]);
            if group.is_empty() && rules.is_empty() {
                continue;
            }
            let known = alike.iter().find(|(known, _)| group.is_empty() && *known == rules);
            let node = known.map_or_else(
                || {
                    let mut all = [&*tree.any, &rules].concat();
                    all.sort_unstable();
                    all.dedup();
                    tree.grow(group, 1, 1, &all)
                },
                |(_, node)| *node,
            );
            if group.is_empty() {
                alike.push((rules, node));
            }
            if let Some(first) = tree.first.get_mut(usize::from(byte)) {
                *first = node;
            }
        }
        tree
    }

    /// Adds the node of a text of `length` bytes, which all entries begin with, and what is below it. The text that leads
    /// to it is `from` bytes long; `rules` are those of the nodes above it.
    fn grow(&mut self, entries: &[Entry<'_>], from: usize, length: usize, above: &[u16]) -> u32 {
        // In their order, the ones that end here come first.
        let here = entries.partition_point(|(text, _)| text.len() == length);
        let (ending, longer) = entries.split_at(here);
        let mut rules = above.to_vec();
        for (_, rule) in ending {
            if let Err(place) = rules.binary_search(rule) {
                rules.insert(place, *rule);
            }
        }
        // More than four thousand million beginnings cannot occur.
        let number = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        let label = entries.first().and_then(|(text, _)| text.get(from..length));
        self.nodes.push(Node {
            label: label.unwrap_or_default().into(),
            ..Node::default()
        });
        let mut children = Vec::new();
        for group in longer.chunk_by(|one, other| one.0.get(length) == other.0.get(length)) {
            let ([(first, _), ..], [.., (last, _)]) = (group, group) else {
                continue;
            };
            // What the first and the last of a sorted group have in common, all have.
            let common = first.iter().zip(*last).take_while(|(one, other)| one == other).count();
            if let Some(byte) = first.get(length) {
                children.push((*byte, self.grow(group, length + 1, common, &rules)));
            }
        }
        if let Some(node) = self.nodes.get_mut(number as usize) {
            node.children = children.into();
            node.rules = (!ending.is_empty() || from == 1).then(|| rules.into());
        }
        number
    }

    /// The rules that may match a text.
    fn rules(&self, text: &[u8]) -> &[u16] {
        let mut rules = &self.any;
        let mut rest = text;
        let mut number = rest.first().map_or(NONE, |byte| self.first[usize::from(*byte)]);
        while let Some(node) = self.nodes.get(number as usize) {
            rest = rest.get(1..).unwrap_or_default();
            if !begins(rest, &node.label) {
                break;
            }
            rest = rest.get(node.label.len()..).unwrap_or_default();
            rules = node.rules.as_ref().unwrap_or(rules);
            number = rest.first().map_or(NONE, |byte| node.child(*byte));
        }
        rules
    }

    fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.any.is_empty()
    }
}

impl Node {
    fn child(&self, byte: u8) -> u32 {
        let child = self.children.iter().find(|(first, _)| *first == byte);
        child.map_or(NONE, |(_, child)| *child)
    }
}

impl Bucket {
    /// Of these rules: their places in the order of rank, and how their lines begin.
    pub(crate) fn new(rules: &[(u16, &[Head])]) -> Self {
        let tree = |after_id: bool| {
            let (mut texts, mut sets, mut any) = (Vec::new(), Vec::new(), Vec::new());
            for (rule, heads) in rules {
                for head in heads.iter().filter(|head| head.after_id == after_id) {
                    match &head.begins {
                        Begins::Literal(literal) if !literal.is_empty() => texts.push((&**literal, *rule)),
                        Begins::Bytes(bytes) => sets.push((&**bytes, *rule)),
                        Begins::Literal(_) | Begins::Anything => any.push(*rule),
                    }
                }
            }
            any.dedup();
            Tree::new(texts, &sets, any)
        };
        Self {
            plain: tree(false),
            after_id: tree(true),
        }
    }

    /// The rules that may match a text, in the order of their rank.
    pub(crate) fn candidates(&self, text: &[u8]) -> Candidates<'_> {
        let behind = (!self.after_id.is_empty()).then(|| after_queue_id(text)).flatten();
        let behind = behind.and_then(|at| text.get(at..));
        Candidates {
            plain: self.plain.rules(text),
            after_id: behind.map_or(&[], |behind| self.after_id.rules(behind)),
        }
    }
}

/// The rules that are left, in the order of their rank.
#[derive(Debug)]
pub(crate) struct Candidates<'b> {
    plain: &'b [u16],
    after_id: &'b [u16],
}

impl Iterator for Candidates<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        let rule = match (self.plain.first(), self.after_id.first()) {
            (Some(one), Some(other)) => *one.min(other),
            (one, other) => *one.or(other)?,
        };
        for rules in [&mut self.plain, &mut self.after_id] {
            if let Some((first, rest)) = rules.split_first()
                && *first == rule
            {
                *rules = rest;
            }
        }
        Some(rule)
    }
}
