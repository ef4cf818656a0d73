//! The meaning of a query, plainly, on one document. What the stores answer must equal it.

use std::ops::{Bound, RangeBounds};

use super::{Query, Test, Value, words};
use crate::transaction::Document;

/// Does the query mean this document?
pub fn matches(query: &Query, document: &Document) -> bool {
    match query {
        Query::Everything => true,
        Query::All(queries) => queries.iter().all(|query| matches(query, document)),
        Query::Any(queries) => queries.iter().any(|query| matches(query, document)),
        Query::Not(query) => !matches(query, document),
        Query::Term { place, test } => {
            let mut found = false;
            place.each_value(document, &mut |value| found = found || passes(test, value));
            found
        }
    }
}

fn passes(test: &Test, value: Value<'_>) -> bool {
    match (test, value) {
        (Test::Exists, Value::Words(has)) => words(has).next().is_some(),
        (Test::Exists, _) => true,
        (Test::Is(wanted), Value::Keyword(has)) => wanted == has,
        (Test::Like(glob), Value::Keyword(has)) => glob.matches(has),
        (Test::Like(glob), Value::Words(has)) => words(has).any(|word| glob.matches(&word)),
        (Test::Within(from, to), Value::Keyword(has)) => within(from.as_ref(), to.as_ref(), &has.to_owned()),
        (Test::Phrase(wanted), Value::Words(has)) => {
            let words: Vec<String> = words(has).collect();
            !wanted.is_empty() && words.windows(wanted.len()).any(|window| window == wanted.as_slice())
        }
        (Test::Ip(range), Value::Ip(address)) => range.contains(&address),
        #[allow(clippy::cast_precision_loss)] // Sizes stay below 2^53.
        (Test::Number(from, to), Value::Integer(number)) => within(from.as_ref(), to.as_ref(), &(number as f64)),
        (Test::Number(from, to), Value::Decimal(number)) => within(from.as_ref(), to.as_ref(), &number),
        (Test::Date(from, to), Value::Date(at)) => from.is_none_or(|from| at >= from) && to.is_none_or(|to| at < to),
        (Test::Bool(wanted), Value::Bool(flag)) => *wanted == flag,
        _ => false,
    }
}

fn within<T: PartialOrd>(from: Bound<&T>, to: Bound<&T>, value: &T) -> bool {
    (from, to).contains(value)
}
