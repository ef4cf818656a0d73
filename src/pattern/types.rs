//! The types that a pattern may name: the closed and open ones of the language, grok's names for them, and the
//! composite ones that `rules/types.yaml` defines in the language itself.

use std::collections::BTreeMap;

use super::byte_set::ByteSet;
use super::duplicate::Duplicate;
use super::fault::Fault;
use super::scan::SCANNERS;
use super::syntax::{self, Item};

/// The open types and the ones with arguments, with their meaning.
const OPEN: &[(&str, &str)] = &[
    (
        "text",
        "Free text to the first place from which the rest of the pattern matches.",
    ),
    (
        "last",
        "Free text to the last place from which the rest of the pattern matches.",
    ),
    ("rest", "Everything to the end."),
    (
        "msgid",
        "A Message-ID, with or without its `<>`, which are not kept; up to the last `>` from which the rest matches.",
    ),
    ("one", "One of these words: `%{one(sender|postmaster):who}`."),
    (
        "list",
        "One or more of a type: `%{list(mailbox):to}`, `%{list(mailbox, ' '):to}`; the separator is `,` by default.",
    ),
];

/// grok's names.
const GROK: &[(&str, &str)] = &[
    ("IP", "ip"),
    ("IPV4", "ip4"),
    ("IPV6", "ip6"),
    ("HOSTNAME", "host"),
    ("IPORHOST", "host"),
    ("INT", "int"),
    ("POSINT", "int"),
    ("NONNEGINT", "int"),
    ("NUMBER", "number"),
    ("BASE10NUM", "number"),
    ("WORD", "word"),
    ("NOTSPACE", "token"),
    ("DATA", "text"),
    ("GREEDYDATA", "rest"),
    ("QUOTEDSTRING", "quoted"),
    ("QS", "quoted"),
    ("UNIXPATH", "path"),
    ("PATH", "path"),
    ("POSTFIX_QUEUEID", "qid"),
];

/// The types of one rule set.
#[derive(Debug, Default, Clone)]
pub struct Types {
    pub(crate) composite: BTreeMap<String, Composite>,
}

/// A type that is written in the language itself.
#[derive(Debug, Clone)]
pub(crate) enum Composite {
    Pattern(Vec<Item>),
    Pairs(PairsTree),
}

/// A list as its type tells it, its values parsed.
#[derive(Debug, Clone, Default)]
pub(crate) struct PairsTree {
    pub(crate) shape: PairsShape,
    pub(crate) keys: Vec<(String, Vec<Item>)>,
}

/// How a key=value list looks, apart from its keys.
#[derive(Debug, Clone, Default)]
pub struct PairsShape {
    /// What stands between the pairs, `, ` or a blank.
    pub between: Vec<String>,
    /// What stands between a key and its value, `=` or `: `.
    pub assign: String,
    /// The list begins with one of these keys. Empty: with any.
    pub first: Vec<String>,
    /// Without these keys it is another list.
    pub required: Vec<String>,
    /// Words that stand alone.
    pub flags: Vec<String>,
    /// Keys whose value goes to the end of the list: the last occurrence counts.
    pub last: Vec<String>,
    /// What becomes of a key that stands more than once.
    pub duplicate: Duplicate,
}

impl PairsShape {
    /// The bytes with which what follows a value may begin.
    pub(crate) fn separators(&self) -> ByteSet {
        let mut set = ByteSet::EMPTY;
        for byte in self.between.iter().filter_map(|separator| separator.bytes().next()) {
            set.add(byte);
        }
        set
    }
}

impl Types {
    /// Adds a composite type, or replaces it.
    pub fn add(&mut self, name: &str, pattern: &str) -> Result<(), Fault> {
        let items = syntax::parse(pattern)?;
        self.composite.insert(name.to_owned(), Composite::Pattern(items));
        Ok(())
    }

    /// Adds a key=value list, or replaces it. The mistakes come with the number of the key.
    pub fn add_pairs(
        &mut self,
        name: &str,
        shape: PairsShape,
        keys: &[(String, String)],
    ) -> Result<(), Vec<(usize, Fault)>> {
        let mut tree = PairsTree {
            shape,
            keys: Vec::new(),
        };
        let mut faults = Vec::new();
        for (number, (key, value)) in keys.iter().enumerate() {
            match syntax::parse(value) {
                Ok(items) => tree.keys.push((key.clone(), items)),
                Err(fault) => faults.push((number, fault)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        self.composite.insert(name.to_owned(), Composite::Pairs(tree));
        Ok(())
    }

    /// Every type: name and meaning. Composite types come last and mean their own definition.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        SCANNERS
            .iter()
            .map(|row| (row.1, row.3))
            .chain(OPEN.iter().copied())
            .chain(self.composite.keys().map(|name| (name.as_str(), "")))
    }

    /// True for a name that the language itself gives a meaning.
    pub fn is_built_in(name: &str) -> bool {
        SCANNERS.iter().any(|row| row.1 == name) || OPEN.iter().any(|row| row.0 == name) || grok(name) != name
    }
}

/// What grok calls otherwise.
pub(crate) fn grok(name: &str) -> &str {
    GROK.iter().find(|row| row.0 == name).map_or(name, |row| row.1)
}
