//! Every query on every page: the index answers as the plain evaluation does.

use std::ops::Bound;

use mailtrail::query::{Cursor, FIELDS, Field, Glob, Kind, Order, Page, Piece, Place, Query, Test, Value, words};
use mailtrail::store::{Store, StoreError};
use mailtrail::transaction::Document;
use proptest::prelude::*;

use crate::store::{documents, expected, ids, shared};

/// All values of a field, as they are indexed.
enum Values {
    Texts(Vec<String>),
    Words(Vec<Vec<String>>),
    Others(Vec<Value<'static>>),
}

fn values(field: &Field) -> Values {
    let mut texts = Vec::new();
    let mut phrases = Vec::new();
    let mut others = Vec::new();
    for document in documents() {
        field.each_value(document, &mut |value| match value {
            Value::Keyword(text) => texts.push(text.to_owned()),
            Value::Words(text) => phrases.push(words(text).collect()),
            Value::Ip(address) => others.push(Value::Ip(address)),
            Value::Integer(number) => others.push(Value::Integer(number)),
            Value::Decimal(number) => others.push(Value::Decimal(number)),
            Value::Date(at) => others.push(Value::Date(at)),
            Value::Bool(flag) => others.push(Value::Bool(flag)),
        });
    }
    match field.kind {
        Kind::Keyword => Values::Texts(texts),
        Kind::Words => Values::Words(phrases),
        _ => Values::Others(others),
    }
}

/// Numbers that choose.
#[derive(Debug, Clone)]
struct Dice(Vec<usize>);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0.pop().unwrap_or_default() % sides.max(1)
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.throw(of.len())).cloned()
    }

    /// The text with some of its characters turned into wildcards.
    fn glob(&mut self, text: &str) -> Glob {
        let characters: Vec<char> = text.chars().collect();
        let (from, to) = (self.throw(characters.len() + 1), self.throw(characters.len() + 1));
        let wild = from.min(to)..from.max(to);
        let wildcard = if self.throw(2) == 0 { Piece::Any } else { Piece::One };
        Glob::new(
            characters
                .iter()
                .enumerate()
                .map(|(at, character)| {
                    if wild.contains(&at) {
                        wildcard.clone()
                    } else {
                        Piece::Literal(character.to_string())
                    }
                })
                .chain((self.throw(3) == 0).then_some(Piece::Any)),
        )
    }

    fn bound<T>(&mut self, value: T) -> Bound<T> {
        match self.throw(5) {
            0 => Bound::Unbounded,
            1 | 2 => Bound::Included(value),
            _ => Bound::Excluded(value),
        }
    }

    /// A test that some document may pass.
    fn test(&mut self, field: &Field) -> Option<Test> {
        if self.throw(8) == 0 {
            return Some(Test::Exists);
        }
        Some(match values(field) {
            Values::Texts(texts) => {
                let text = self.pick(&texts)?;
                match self.throw(3) {
                    0 => Test::Is(text),
                    1 => Test::Like(self.glob(&text)),
                    _ => {
                        let other = self.pick(&texts)?;
                        Test::Within(self.bound(text), self.bound(other))
                    }
                }
            }
            Values::Words(phrases) => {
                let phrase = self.pick(&phrases)?;
                let (from, length) = (self.throw(phrase.len()), self.throw(4));
                let mut part: Vec<String> = phrase.into_iter().skip(from).take(length).collect();
                match self.throw(4) {
                    0 => Test::Like(self.glob(part.first()?)),
                    1 => {
                        part.reverse();
                        Test::Phrase(part)
                    }
                    _ => Test::Phrase(part),
                }
            }
            Values::Others(others) => match (self.pick(&others)?, self.pick(&others)?) {
                (Value::Ip(from), Value::Ip(to)) => Test::Ip(from..=to),
                #[allow(clippy::cast_precision_loss)] // The documents' sizes are small.
                (Value::Integer(from), Value::Integer(to)) => {
                    let half = [0.0, 0.5, -0.5][self.throw(3)];
                    Test::Number(self.bound(from as f64 + half), self.bound(to as f64 - half))
                }
                (Value::Decimal(from), Value::Decimal(to)) => Test::Number(self.bound(from), self.bound(to)),
                (Value::Date(from), Value::Date(to)) => {
                    Test::Date((self.throw(4) > 0).then_some(from), (self.throw(4) > 0).then_some(to))
                }
                (Value::Bool(flag), _) => Test::Bool(flag),
                _ => return None,
            },
        })
    }

    fn term(&mut self) -> Query {
        if self.throw(12) == 0 {
            let name = self
                .pick(&["policy.server", "policy", "campaign", "uid", "filter", "no.such"])
                .unwrap();
            let value = self.pick(&["accept-42", "0", "winter 2026", "amavis", ""]).unwrap();
            let tests = [Test::Exists, Test::Is(value.to_owned()), Test::Like(self.glob(value))];
            let test = tests[self.throw(3)].clone();
            return Query::Term {
                place: Place::Extra(name.to_owned()),
                test,
            };
        }
        let field = &FIELDS[self.throw(FIELDS.len())];
        match self.test(field) {
            Some(test) => Query::Term {
                place: Place::Field(field),
                test,
            },
            None => Query::Everything,
        }
    }
}

pub(crate) fn query() -> impl Strategy<Value = Query> {
    let dice = prop::collection::vec(0..10_000_usize, 16).prop_map(Dice);
    dice.prop_map(|mut dice| dice.term()).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Query::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Query::Any),
            inner.prop_map(|query| Query::Not(Box::new(query))),
        ]
    })
}

/// A query and a page of what it finds.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    query: Query,
    limit: usize,
    offset: usize,
    order: Order,
    /// Which of all documents the page begins behind; none if there are not so many.
    behind: usize,
}

pub(crate) fn asked() -> impl Strategy<Value = Asked> {
    let order = prop_oneof![Just(Order::Newest), Just(Order::Oldest)];
    (query(), 0..50_usize, 0..9_usize, order, 0..80_usize).prop_map(|(query, limit, offset, order, behind)| Asked {
        query,
        limit,
        offset,
        order,
        behind,
    })
}

/// The store, filled with [`documents`], says what the plain evaluation says, in the same order.
pub(crate) fn answers_as_the_plain_evaluation(store: &impl Store, asked: &Asked) -> Result<(), TestCaseError> {
    let expected = expected(&asked.query, asked.order);
    let everything = self::expected(&Query::Everything, asked.order);
    let mut page = Page {
        limit: asked.limit,
        offset: asked.offset,
        order: asked.order,
        after: None,
    };
    let found = match store.search(&asked.query, &page) {
        // Elasticsearch 7.10 takes no pattern of hundreds of pieces, and says so.
        Err(StoreError::Server(error)) if error.help.contains("shorten it") => {
            prop_assert!(format!("{:?}", asked.query).len() > 500, "{error}");
            return Ok(());
        }
        found => found.unwrap(),
    };
    prop_assert_eq!(found.total, expected.len() as u64);
    let wanted = |from: &[&Document]| {
        let part = from.iter().skip(asked.offset).take(asked.limit);
        part.map(|document| document.id().to_owned()).collect::<Vec<_>>()
    };
    prop_assert_eq!(ids(&found.documents), wanted(&expected));
    if let Some(place) = everything.get(asked.behind) {
        page.after = Some(Cursor::behind(place));
        let behind = &everything[asked.behind + 1..];
        let rest: Vec<&Document> = expected
            .iter()
            .copied()
            .filter(|document| behind.contains(document))
            .collect();
        let found = store.search(&asked.query, &page).unwrap();
        prop_assert_eq!(found.total, expected.len() as u64);
        prop_assert_eq!(ids(&found.documents), wanted(&rest));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Every query, every page.
    #[test]
    fn the_index_answers_as_the_plain_evaluation(asked in asked()) {
        answers_as_the_plain_evaluation(shared(), &asked)?;
    }
}
