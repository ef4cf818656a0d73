//! What a rule file says: the shape of the YAML, and nothing else.
//!
//! Unknown keys are errors. Every scalar that a mistake may point at keeps its place.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_yaml::Spanned;

/// One rule as it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    /// `program/what`, unique; appears in every report.
    pub id: Spanned<String>,
    /// The gate: only lines of this program, or these, try the rule. `postfix/smtpd` means every tag with a slash
    /// whose last part is `smtpd`; a name without slash is the tag itself or a family of `types.yaml`; `*` is every tag
    /// that no rule names.
    pub program: Spanned<Words>,
    /// Only lines with this prefix, or one of these: `info` (none), `warning`, `error`, `fatal`, `panic`.
    #[serde(default)]
    pub severity: Option<Spanned<Words>>,
    /// The line with holes.
    #[serde(default)]
    pub pattern: Option<Spanned<String>>,
    /// In place of `pattern`: a regular expression over bytes with named groups, anchored at both ends.
    #[serde(default)]
    pub regex: Option<Spanned<String>>,
    /// The kind of event.
    pub emits: Spanned<String>,
    /// Fields with a constant value, kept where the line has none of its own.
    #[serde(default)]
    pub set: Option<Entries<Spanned<Words>>>,
    /// For a field, what its values mean: the first case that fits gives its fields.
    #[serde(default)]
    pub map: Option<Entries<Vec<Entries<Spanned<Words>>>>>,
    /// Loses to every other rule.
    #[serde(default)]
    pub fallback: bool,
    /// The rule recognises no more than the queue id.
    #[serde(default)]
    pub generic: bool,
    /// Real messages, without header, that the rule must match.
    #[serde(default)]
    pub samples: Vec<Spanned<String>>,
    /// Messages that the rule must not match.
    #[serde(default)]
    pub not: Vec<Spanned<String>>,
}

/// `types.yaml`: what the rules of all files share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypesText {
    /// Composite types by name.
    #[serde(default)]
    pub types: Option<Entries<Spanned<TypeText>>>,
    /// Families of programs: the name that rules use, and the tags that it stands for.
    #[serde(default)]
    pub programs: Option<Entries<Vec<Spanned<String>>>>,
}

/// A composite type.
#[derive(Debug)]
pub enum TypeText {
    /// A pattern.
    Pattern(String),
    /// A key=value list.
    Pairs(Box<PairsText>),
}

/// The mapping of a composite type that is no pattern.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListText {
    pairs: PairsText,
}

/// A key=value list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairsText {
    /// The separators.
    #[serde(default)]
    pub between: Option<Vec<String>>,
    /// What stands between key and value; `=` if not given.
    #[serde(default)]
    pub assign: Option<String>,
    /// The list begins with one of these keys; with any if not given.
    #[serde(default)]
    pub first: Vec<Spanned<String>>,
    /// Without these keys it is another list.
    #[serde(default)]
    pub required: Vec<Spanned<String>>,
    /// Words that stand alone.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Keys whose value is free text to the end of the list; the last occurrence counts.
    #[serde(default)]
    pub last: Vec<Spanned<String>>,
    /// What becomes of a key that stands more than once.
    #[serde(default)]
    pub duplicate: DuplicateText,
    /// The keys, each with the pattern of its value.
    #[serde(default)]
    pub keys: Option<Entries<Spanned<String>>>,
}

/// What becomes of a key that stands more than once.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DuplicateText {
    /// The first value is kept.
    #[default]
    First,
    /// The last value is kept.
    Last,
    /// All are kept.
    All,
}

/// One text or a list of texts; numbers and `true` are taken as they are written.
#[derive(Debug, Clone)]
pub struct Words(pub Vec<String>);

/// A mapping in the order of the file, with the places of its keys.
#[derive(Debug, Clone)]
pub struct Entries<V>(pub Vec<(Spanned<String>, V)>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Words, E> {
                Ok(Words(vec![text.to_owned()]))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Words, E> {
                Ok(Words(vec![value.to_string()]))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Words, E> {
                Ok(Words(vec![value.to_string()]))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Words, E> {
                Ok(Words(vec![value.to_string()]))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Words, E> {
                Ok(Words(vec![value.to_string()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(Words(all))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Each<V> {
            type Value = Entries<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key()? {
                    entries.push((key, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Each(PhantomData))
    }
}

impl<'de> Deserialize<'de> for TypeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = TypeText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a pattern, or a mapping with `pairs:`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TypeText, E> {
                Ok(TypeText::Pattern(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TypeText, A::Error> {
                let list = ListText::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(TypeText::Pairs(Box::new(list.pairs)))
            }
        }

        deserializer.deserialize_any(Either)
    }
}
