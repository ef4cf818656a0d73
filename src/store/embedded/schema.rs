//! How a document stands in the index: one index field per search field, and what the store itself needs.
//!
//! Everything is put into lower case here, so no analysis happens in tantivy but the splitting into words.

use std::collections::BTreeMap;

use tantivy::TantivyDocument;
use tantivy::schema::{
    Field as IndexField, IndexRecordOption, IpAddrOptions, JsonObjectOptions, NumericOptions, OwnedValue, Schema,
    SchemaBuilder, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer, TokenizerManager};

use crate::line::Digest;
use crate::query::{FIELDS, Field, Kind, Place, Value, words};
use crate::store::{QueueKey, StoreError};
use crate::transaction::Document;

/// The name of `@timestamp` in the index, a column to sort by.
pub(super) const TIMESTAMP: &str = "timestamp";
/// The column of [`id_hash`].
pub(super) const ID_HASH: &str = "id_hash";
/// The column of [`key_hash`].
pub(super) const KEY_HASH: &str = "key_hash";
/// The tokenizer of text.
const WORDS: &str = "words";

/// The keywords that reports count: they have a column beside their terms.
const COUNTED: &[&str] = &[
    "from",
    "from_domain",
    "to.address",
    "to.domain",
    "to.dsn",
    "client.sasl_user",
    "status",
    "kind",
    "host",
    "mta",
];

/// The index's fields.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) schema: Schema,
    /// In the order of [`FIELDS`].
    fields: Vec<IndexField>,
    /// The rules' own fields.
    pub(super) extra: IndexField,
    pub(super) id_hash: IndexField,
    key_hash: IndexField,
    /// The whole document as JSON.
    source: IndexField,
}

impl Layout {
    pub(super) fn new() -> Self {
        let mut builder = Schema::builder();
        let fields = FIELDS.iter().map(|field| add(&mut builder, field)).collect();
        let column = NumericOptions::default().set_fast();
        let json = JsonObjectOptions::default().set_indexing_options(raw()).set_fast("raw");
        Self {
            fields,
            extra: builder.add_json_field("extra", json),
            id_hash: builder.add_u64_field(ID_HASH, column.clone()),
            key_hash: builder.add_u64_field(KEY_HASH, column),
            // Text, because tantivy 0.27 copies stored bytes one by one.
            source: builder.add_text_field("source", TextOptions::default().set_stored()),
            schema: builder.build(),
        }
    }

    /// The index field of a search field.
    pub(super) fn field(&self, field: &Field) -> Option<IndexField> {
        let at = FIELDS.iter().position(|other| other == field)?;
        self.fields.get(at).copied()
    }

    /// The index field of a path in [`FIELDS`].
    pub(super) fn path(&self, path: &str) -> Option<IndexField> {
        let at = FIELDS.iter().position(|field| field.path == path)?;
        self.fields.get(at).copied()
    }

    /// A document for the index.
    pub(super) fn document(&self, document: &Document, json: &str) -> TantivyDocument {
        let mut out = TantivyDocument::new();
        for (field, &at) in FIELDS.iter().zip(&self.fields) {
            field.each_value(document, &mut |value| match value {
                Value::Keyword(text) | Value::Words(text) => out.add_text(at, text),
                Value::Ip(address) => out.add_ip_addr(at, address),
                Value::Integer(number) => out.add_u64(at, number),
                // `-0` and `0` are one number, but two in a column.
                Value::Decimal(number) => out.add_f64(at, number + 0.0),
                Value::Date(at_millis) => out.add_i64(at, at_millis),
                Value::Bool(flag) => out.add_bool(at, flag),
            });
        }
        let extra = extra(document);
        if !extra.is_empty() {
            out.add_object(self.extra, extra);
        }
        out.add_u64(self.id_hash, id_hash(document.id()).unwrap_or_default());
        if let Some(key) = key_of(document) {
            out.add_u64(self.key_hash, key_hash(&key));
        }
        out.add_text(self.source, json);
        out
    }

    /// The document that was put in.
    pub(super) fn read(&self, stored: &TantivyDocument) -> Result<Document, StoreError> {
        use tantivy::schema::Value as _;
        let json = stored
            .get_first(self.source)
            .and_then(|value| value.as_leaf().and_then(|leaf| leaf.as_str()))
            .ok_or_else(|| StoreError::Index("a stored document has no text".to_owned()))?;
        parse(json)
    }
}

/// A document from its JSON.
pub(super) fn parse(json: &str) -> Result<Document, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Index(format!("a stored document cannot be read: {error}")))
}

fn extra(document: &Document) -> BTreeMap<String, OwnedValue> {
    let mut values = BTreeMap::new();
    for name in document.extra().into_iter().flat_map(BTreeMap::keys) {
        Place::Extra(name.clone()).each_value(document, &mut |value| {
            if let Value::Keyword(text) = value {
                values.insert(name.clone(), OwnedValue::Str(text.to_owned()));
            }
        });
    }
    values
}

/// The name of a search field in the index: a dot would be a path into JSON.
pub(super) fn index_name(path: &str) -> String {
    path.trim_start_matches('@').replace('.', "_")
}

fn raw() -> TextFieldIndexing {
    TextFieldIndexing::default()
        .set_tokenizer("raw")
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false)
}

fn add(builder: &mut SchemaBuilder, field: &Field) -> IndexField {
    let name = index_name(field.path);
    let column = NumericOptions::default().set_fast();
    match field.kind {
        Kind::Keyword => {
            let options = TextOptions::default().set_indexing_options(raw());
            let counted = COUNTED.contains(&field.path);
            builder.add_text_field(&name, if counted { options.set_fast("raw") } else { options })
        }
        Kind::Words => {
            // Positions cost some 14 bytes a document; without them every phrase would read and parse its candidates.
            let indexing = TextFieldIndexing::default()
                .set_tokenizer(WORDS)
                .set_index_option(IndexRecordOption::WithFreqsAndPositions)
                .set_fieldnorms(false);
            builder.add_text_field(&name, TextOptions::default().set_indexing_options(indexing))
        }
        Kind::Ip => builder.add_ip_addr_field(&name, IpAddrOptions::default().set_indexed().set_fast()),
        Kind::Integer => builder.add_u64_field(&name, column),
        Kind::Decimal => builder.add_f64_field(&name, column),
        Kind::Date => builder.add_i64_field(&name, column),
        Kind::Bool => builder.add_bool_field(&name, column.set_indexed()),
    }
}

/// The tokenizers that the schema names.
pub(super) fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::default();
    manager.register(WORDS, WordTokenizer);
    manager
}

/// Splits as [`words`] does.
#[derive(Clone)]
struct WordTokenizer;

struct WordStream {
    words: std::vec::IntoIter<String>,
    token: Token,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream {
        WordStream {
            words: words(text).collect::<Vec<_>>().into_iter(),
            token: Token::default(),
        }
    }
}

impl TokenStream for WordStream {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else { return false };
        self.token.position = self.token.position.wrapping_add(1);
        self.token.text = word;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// The first 64 bits of the digest in an id: in the order of ids within a period. None if it is no document's id.
pub(super) fn id_hash(id: &str) -> Option<u64> {
    let (period, digest) = id.split_once('-')?;
    let shaped = period.len() == 6
        && period.bytes().all(|byte| byte.is_ascii_digit())
        && digest.len() == 32
        && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    shaped.then(|| u64::from_str_radix(&digest[..16], 16).ok())?
}

/// The period in an id, `202611`. None if it is no document's id.
pub(super) fn period_of(id: &str) -> Option<&str> {
    id_hash(id).and_then(|_| id.get(..6))
}

/// The queue id of a document on its host.
pub(super) fn key_of(document: &Document) -> Option<QueueKey> {
    let transaction = document.transaction()?;
    transaction.queue_id.as_ref().map(|queue_id| QueueKey {
        host: transaction.host.clone(),
        queue_id: queue_id.clone(),
    })
}

/// 64 bits of a key.
#[allow(clippy::cast_possible_truncation)] // Some of its bits are meant.
pub(super) fn key_hash(key: &QueueKey) -> u64 {
    Digest::of_parts(&[key.host.as_bytes(), key.queue_id.as_bytes()]).0 as u64
}
