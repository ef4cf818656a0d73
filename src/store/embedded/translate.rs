//! From a [`Query`] to a query of tantivy. No text of a person reaches tantivy's own parser.

use std::net::Ipv6Addr;
use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, ExistsQuery, Occur, PhraseQuery, Query as IndexQuery, RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::scan::{TermScan, Terms};
use super::schema::{Layout, TIMESTAMP, id_hash, index_name, period_of};
use super::settled::Settled;
use crate::query::{Cursor, Kind, Order, Place, Query, Test};

type Boxed = Box<dyn IndexQuery>;

/// The documents that a query means.
pub(super) fn translate(layout: &Layout, query: &Query) -> Boxed {
    match query {
        Query::Everything => Box::new(AllQuery),
        Query::All(queries) => all(queries.iter().map(|query| clause(layout, query)).collect()),
        Query::Any(queries) if queries.is_empty() => Box::new(EmptyQuery),
        Query::Any(queries) => {
            let should = |query| (Occur::Should, translate(layout, query));
            Box::new(BooleanQuery::new(queries.iter().map(should).collect()))
        }
        Query::Not(_) => all(vec![clause(layout, query)]),
        Query::Term { place, test } => term(layout, place, test),
    }
}

fn clause(layout: &Layout, query: &Query) -> (Occur, Boxed) {
    match query {
        Query::Not(inner) => (Occur::MustNot, Box::new(Settled::new(translate(layout, inner)))),
        other => (Occur::Must, translate(layout, other)),
    }
}

/// tantivy finds nothing where all is excluded from nothing.
fn all(mut clauses: Vec<(Occur, Boxed)>) -> Boxed {
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push((Occur::Must, Box::new(AllQuery)));
    }
    Box::new(BooleanQuery::new(clauses))
}

fn term(layout: &Layout, place: &Place, test: &Test) -> Boxed {
    let (field, path) = match place {
        Place::Field(field) => match layout.field(field) {
            Some(at) => (at, Vec::new()),
            None => return Box::new(EmptyQuery),
        },
        Place::Extra(name) => (
            layout.extra,
            json_term(layout.extra, name, "").serialized_value_bytes().to_vec(),
        ),
    };
    match test {
        // A column tells it at once; else the terms are walked.
        Test::Exists | Test::Number(Bound::Unbounded, Bound::Unbounded) => match place {
            Place::Field(_) if layout.schema.get_field_entry(field).is_fast() => {
                Box::new(ExistsQuery::new(index_name(&place.path()), false))
            }
            _ => scan(field, &path, Terms::All),
        },
        Test::Is(value) => exact(match place {
            Place::Field(_) => Term::from_field_text(field, value),
            Place::Extra(name) => json_term(field, name, value),
        }),
        Test::Like(glob) => scan(field, &path, Terms::Like(glob.clone())),
        Test::Within(from, to) => scan(field, &path, Terms::Within(from.clone(), to.clone())),
        Test::Phrase(words) => phrase(field, words),
        Test::Ip(range) => addresses(field, *range.start(), *range.end()),
        Test::Number(from, to) if place.kind() == Kind::Integer => integers(field, *from, *to),
        Test::Number(from, to) => {
            let bound = |bound: &Bound<f64>| bound.map(|number| Term::from_field_f64(field, number + 0.0));
            Box::new(RangeQuery::new(bound(from), bound(to)))
        }
        Test::Date(from, to) => {
            let at = |millis| Term::from_field_i64(field, millis);
            let from = from.map_or(Bound::Unbounded, |from| Bound::Included(at(from)));
            let to = to.map_or(Bound::Unbounded, |to| Bound::Excluded(at(to)));
            match (&from, &to) {
                (Bound::Unbounded, Bound::Unbounded) => Box::new(AllQuery),
                _ => Box::new(RangeQuery::new(from, to)),
            }
        }
        Test::Bool(flag) => exact(Term::from_field_bool(field, *flag)),
    }
}

fn exact(term: Term) -> Boxed {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn scan(field: Field, path: &[u8], terms: Terms) -> Boxed {
    Box::new(TermScan::new(field, path, terms))
}

/// The term of a rule's own field. A dot in its name is a part of the name.
fn json_term(field: Field, name: &str, text: &str) -> Term {
    let name = name.replace('\\', "\\\\").replace('.', "\\.");
    let mut term = Term::from_field_json_path(field, &name, false);
    term.append_type_and_str(text);
    term
}

fn phrase(field: Field, words: &[String]) -> Boxed {
    let mut terms: Vec<Term> = words.iter().map(|word| Term::from_field_text(field, word)).collect();
    match terms.len() {
        0 => Box::new(EmptyQuery),
        1 => exact(terms.remove(0)),
        _ => Box::new(PhraseQuery::new(terms)),
    }
}

fn addresses(field: Field, from: Ipv6Addr, to: Ipv6Addr) -> Boxed {
    let at = |address| Term::from_field_ip_addr(field, address);
    match from.cmp(&to) {
        std::cmp::Ordering::Less => Box::new(RangeQuery::new(Bound::Included(at(from)), Bound::Included(at(to)))),
        std::cmp::Ordering::Equal => exact(at(from)),
        std::cmp::Ordering::Greater => Box::new(EmptyQuery),
    }
}

/// A range of a column of whole numbers: its bounds are moved inwards to whole ones.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Clamped before.
fn integers(field: Field, from: Bound<f64>, to: Bound<f64>) -> Boxed {
    // Above every size that occurs, and exact as a float.
    const TOP: f64 = 9_007_199_254_740_992.0;
    let from = match from {
        Bound::Unbounded => 0.0,
        Bound::Included(number) => number.ceil(),
        Bound::Excluded(number) => number.floor() + 1.0,
    };
    let to = match to {
        Bound::Unbounded => f64::INFINITY,
        Bound::Included(number) => number.floor(),
        Bound::Excluded(number) => number.ceil() - 1.0,
    };
    if from > to || to < 0.0 {
        return Box::new(EmptyQuery);
    }
    let at = |number: f64| Bound::Included(Term::from_field_u64(field, number.clamp(0.0, TOP) as u64));
    let upper = if to > TOP { Bound::Unbounded } else { at(to) };
    Box::new(RangeQuery::new(at(from), upper))
}

/// In the index of this period, what comes behind a place. None: nothing here can.
pub(super) fn behind(layout: &Layout, period: &str, order: Order, cursor: &Cursor) -> Option<Boxed> {
    let timestamp = layout.path("@timestamp")?;
    debug_assert_eq!(layout.schema.get_field_name(timestamp), TIMESTAMP);
    let at = Term::from_field_i64(timestamp, cursor.at.0);
    let later: Boxed = match order {
        Order::Newest => Box::new(RangeQuery::new(Bound::Unbounded, Bound::Excluded(at.clone()))),
        Order::Oldest => Box::new(RangeQuery::new(Bound::Excluded(at.clone()), Bound::Unbounded)),
    };
    let same: Boxed = Box::new(RangeQuery::new(Bound::Included(at.clone()), Bound::Included(at)));
    // Ids are ordered by period, then by digest.
    let same_and_behind: Boxed = match period.cmp(period_of(&cursor.id)?) {
        std::cmp::Ordering::Less => Box::new(EmptyQuery),
        std::cmp::Ordering::Greater => same,
        std::cmp::Ordering::Equal => {
            let hash = Term::from_field_u64(layout.id_hash, id_hash(&cursor.id)?);
            let higher: Boxed = Box::new(RangeQuery::new(Bound::Excluded(hash), Bound::Unbounded));
            Box::new(BooleanQuery::new(vec![(Occur::Must, same), (Occur::Must, higher)]))
        }
    };
    Some(Box::new(BooleanQuery::new(vec![
        (Occur::Should, later),
        (Occur::Should, same_and_behind),
    ])))
}
