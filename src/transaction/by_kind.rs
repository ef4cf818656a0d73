//! Reads a document of whatever kind.
//!
//! By hand: what serde derives would keep the whole document in between, and then cannot read the numbers that are keys
//! in [`super::Memory::bytes`]. Here only what stands in front of `kind` is kept, which is little.

use std::collections::VecDeque;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Document;

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByKind)
    }
}

struct ByKind;

impl<'de> Visitor<'de> for ByKind {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut rest: A) -> Result<Document, A::Error> {
        let mut before = VecDeque::new();
        let mut kind = String::new();
        while let Some((key, value)) = rest.next_entry::<String, Value>()? {
            let found = key == "kind";
            if found {
                value.as_str().unwrap_or_default().clone_into(&mut kind);
            }
            before.push_back((key, value));
            if found {
                break;
            }
        }
        let all = MapAccessDeserializer::new(Chained {
            before,
            value: None,
            rest,
        });
        match kind.as_str() {
            "record" => Deserialize::deserialize(all).map(Document::Record),
            "slice" => Deserialize::deserialize(all).map(Document::Slice),
            "template" => Deserialize::deserialize(all).map(Document::Template),
            _ => Deserialize::deserialize(all).map(Document::Transaction),
        }
    }
}

/// What was read already, then the rest.
struct Chained<A> {
    before: VecDeque<(String, Value)>,
    value: Option<Value>,
    rest: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Chained<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.before.pop_front() {
            Some((key, value)) => {
                self.value = Some(value);
                seed.deserialize(key.into_deserializer()).map(Some)
            }
            None => self.rest.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(value).map_err(A::Error::custom),
            None => self.rest.next_value_seed(seed),
        }
    }
}
