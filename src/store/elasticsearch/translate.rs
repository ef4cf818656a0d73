//! A query as the server's own JSON.
//!
//! The hard part is to mean the same as [`crate::query::matches`]: no text of a person reaches the server's query
//! parser, only values in `term`, `terms`, `wildcard`, `range`, `match_phrase` and `exists`; bounds are cut to what the
//! type of a field holds, since a server refuses others; words come split already and are not split again.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::shape;
use crate::line::Moment;
use crate::query::{Glob, Kind, Place, Query, Test};

/// The query.
pub(super) fn query(query: &Query) -> Value {
    match query {
        Query::Everything => json!({"match_all": {}}),
        Query::Term { place, test } => term(place, test),
        Query::All(parts) if parts.is_empty() => json!({"match_all": {}}),
        Query::All(parts) => {
            let parts: Vec<Value> = parts.iter().map(self::query).collect();
            json!({"bool": {"filter": parts}})
        }
        Query::Any(parts) => any(alternatives(parts)),
        Query::Not(part) => json!({"bool": {"must_not": [self::query(part)]}}),
    }
}

/// Values of one field become one `terms`: it is no limit of clauses to them.
fn alternatives(parts: &[Query]) -> Vec<Value> {
    let mut values: Vec<(String, Vec<&str>)> = Vec::new();
    let mut clauses = Vec::new();
    for part in parts {
        match part {
            Query::Term {
                place: place @ Place::Field(_),
                test: Test::Is(value),
            } => {
                let field = field(place);
                match values.iter_mut().find(|(known, _)| *known == field) {
                    Some((_, values)) => values.push(value),
                    None => values.push((field, vec![value])),
                }
            }
            other => clauses.push(query(other)),
        }
    }
    clauses.extend(values.into_iter().map(|(field, values)| match values.as_slice() {
        [value] => json!({"term": {field: value}}),
        values => json!({"terms": {field: values}}),
    }));
    clauses
}

fn any(clauses: Vec<Value>) -> Value {
    match clauses.len() {
        0 => nothing(),
        1 => clauses.into_iter().next().unwrap_or_else(nothing),
        _ => json!({"bool": {"should": clauses, "minimum_should_match": 1}}),
    }
}

fn nothing() -> Value {
    json!({"match_none": {}})
}

/// The field on the server.
fn field(place: &Place) -> String {
    match place {
        // In a list of objects the server mixes what belongs together: `what=result` is written beside it.
        Place::Field(field) if field.path == "verdicts" => "verdict".to_owned(),
        // Written in every kind; a record has no `client`.
        Place::Field(field) if field.path == "client.ip" => "source.ip".to_owned(),
        Place::Field(field) if field.path == "client.host" => "source.domain".to_owned(),
        Place::Field(field) if field.path == "client.sasl_user" => "user.name".to_owned(),
        place => place.path(),
    }
}

fn term(place: &Place, test: &Test) -> Value {
    let field = field(place);
    match place {
        Place::Field(_) => on_field(&field, place.kind(), test),
        Place::Extra(name) => {
            // The name may be a field of one index and an entry of `extra_more` in another.
            let mut clauses = vec![on_entries(name, test)];
            if shape::is_field_name(name) {
                clauses.push(on_field(&field, Kind::Keyword, test));
            }
            any(clauses)
        }
    }
}

fn on_field(field: &str, kind: Kind, test: &Test) -> Value {
    match test {
        Test::Exists => json!({"exists": {"field": field}}),
        Test::Is(value) => json!({"term": {field: value}}),
        // Elasticsearch 7 finds nothing with an empty pattern, not even empty values.
        Test::Like(glob) => match glob.pieces() {
            [] => json!({"term": {field: ""}}),
            _ => wildcard(field, &glob.escaped()),
        },
        Test::Within(low, high) => range(field, low.as_ref(), high.as_ref()),
        Test::Phrase(words) => match words.as_slice() {
            [] => nothing(),
            [word] => json!({"term": {field: word}}),
            // Split at blanks only: the words are words already.
            words => json!({"match_phrase": {field: {"query": words.join(" "), "analyzer": "whitespace"}}}),
        },
        Test::Ip(addresses) if addresses.start() > addresses.end() => nothing(),
        Test::Ip(addresses) => {
            json!({"range": {field: {"gte": addresses.start().to_string(), "lte": addresses.end().to_string()}}})
        }
        Test::Number(low, high) if kind == Kind::Integer => whole(field, *low, *high),
        Test::Number(low, high) => range(field, low.as_ref(), high.as_ref()),
        Test::Date(from, to) => {
            let mut bounds = Map::new();
            bounds.extend(from.map(|at| ("gte".to_owned(), json!(Moment(at).rfc3339()))));
            bounds.extend(to.map(|at| ("lt".to_owned(), json!(Moment(at).rfc3339()))));
            json!({"range": {field: bounds}})
        }
        Test::Bool(truth) => json!({"term": {field: truth}}),
    }
}

/// An entry of `extra_more` is `NAME=VALUE`, a keyword: a test of the value is one of the entry.
fn on_entries(name: &str, test: &Test) -> Value {
    let name = shape::escaped(name);
    let entry = |value: &String| format!("{name}={value}");
    let pattern = |glob: &str| wildcard("extra_more", &format!("{name}={glob}"));
    match test {
        Test::Exists => pattern("*"),
        Test::Is(value) => json!({"term": {"extra_more": entry(value)}}),
        Test::Like(glob) => pattern(&Glob::escaped(glob)),
        Test::Within(low, high) => {
            let low = match low {
                Bound::Included(value) => Bound::Included(entry(value)),
                Bound::Excluded(value) => Bound::Excluded(entry(value)),
                Bound::Unbounded => Bound::Included(format!("{name}=")),
            };
            let high = match high {
                Bound::Included(value) => Bound::Included(entry(value)),
                Bound::Excluded(value) => Bound::Excluded(entry(value)),
                // The character behind `=`.
                Bound::Unbounded => Bound::Excluded(format!("{name}>")),
            };
            range("extra_more", low.as_ref(), high.as_ref())
        }
        // No other test is one of a keyword.
        _ => nothing(),
    }
}

fn wildcard(field: &str, pattern: &str) -> Value {
    json!({"wildcard": {field: {"value": pattern}}})
}

fn range<T: serde::Serialize>(field: &str, low: Bound<&T>, high: Bound<&T>) -> Value {
    let mut bounds = Map::new();
    let mut set = |name: &str, value: &T| bounds.insert(name.to_owned(), json!(value));
    match low {
        Bound::Included(value) => set("gte", value),
        Bound::Excluded(value) => set("gt", value),
        Bound::Unbounded => None,
    };
    match high {
        Bound::Included(value) => set("lte", value),
        Bound::Excluded(value) => set("lt", value),
        Bound::Unbounded => None,
    };
    if bounds.is_empty() {
        return json!({"exists": {"field": field}});
    }
    json!({"range": {field: bounds}})
}

/// Bounds of whole numbers: a `long` takes no fractions and nothing beyond its range.
#[allow(clippy::cast_possible_truncation)] // Cut to the range before.
fn whole(field: &str, low: Bound<f64>, high: Bound<f64>) -> Value {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    let low = match low {
        Bound::Included(value) => value.ceil(),
        Bound::Excluded(value) => value.floor() + 1.0,
        Bound::Unbounded => 0.0,
    };
    let high = match high {
        Bound::Included(value) => value.floor(),
        Bound::Excluded(value) => value.ceil() - 1.0,
        Bound::Unbounded => f64::INFINITY,
    };
    if low > high || low > LIMIT || high < 0.0 {
        return nothing();
    }
    let mut bounds = json!({"gte": low.max(0.0) as i64});
    // Above this a number of the query is not exact any more; nothing real is so large.
    if high < LIMIT {
        bounds["lte"] = json!(high as i64);
    }
    json!({"range": {field: bounds}})
}
