//! A query, read: what the stores translate.

use std::net::Ipv6Addr;
use std::ops::{Bound, RangeInclusive};

use super::{Glob, Place, QueryError, field, value};
use crate::line::Moment;

/// Which documents are meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// Every one.
    Everything,
    /// Those with a value there that passes the test.
    Term {
        /// Where to look.
        place: Place,
        /// What a value must be.
        test: Test,
    },
    /// Those that all of these mean; everything if there are none.
    All(Vec<Query>),
    /// Those that one of these means; nothing if there are none.
    Any(Vec<Query>),
    /// All others.
    Not(Box<Query>),
}

/// What a value must be. Which tests occur depends on the place's [`Kind`](super::Kind).
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// There is one. Any kind.
    Exists,
    /// This keyword, in lower case.
    Is(String),
    /// A keyword, or one word of a text, that matches.
    Like(Glob),
    /// A keyword in the order of UTF-8 bytes.
    Within(Bound<String>, Bound<String>),
    /// These words side by side in one text; at least one, or nothing matches.
    Phrase(Vec<String>),
    /// An address in this range; IPv4 as `::ffff:a.b.c.d`.
    Ip(RangeInclusive<Ipv6Addr>),
    /// A number in this range; never NaN.
    Number(Bound<f64>, Bound<f64>),
    /// A moment in milliseconds since 1970 UTC: from (inclusive) to (exclusive). None: open.
    Date(Option<i64>, Option<i64>),
    /// This truth.
    Bool(bool),
}

impl Query {
    /// Documents whose field (by name or path) has exactly this value, read as a quoted one: no wildcards.
    pub fn is(name: &str, value: &str) -> Result<Self, QueryError> {
        let places = field::named(name).ok_or_else(|| value::unknown(name, 0..0))?;
        let read = |place| value::exactly(place, value, 0..0);
        places
            .into_iter()
            .map(read)
            .collect::<Result<Vec<_>, _>>()
            .map(Self::any)
    }

    /// Does it ask for something in the field with this path?
    pub fn asks_for(&self, path: &str) -> bool {
        match self {
            Self::Everything => false,
            Self::Term { place, .. } => place.path() == path,
            Self::All(queries) | Self::Any(queries) => queries.iter().any(|query| query.asks_for(path)),
            Self::Not(query) => query.asks_for(path),
        }
    }

    /// The same, where `missing:end` means mail without a last word that began before this moment: how old is too old
    /// depends on the day, so no document holds it.
    pub fn with_ends(self, before: Moment) -> Result<Self, QueryError> {
        let each = |queries: Vec<Self>| {
            let queries = queries.into_iter().map(|query| query.with_ends(before));
            queries.collect::<Result<Vec<_>, _>>()
        };
        match self {
            Self::Term { place, test } if place.path() == "missing" => {
                let asked = match &test {
                    Test::Is(word) => word == "end",
                    Test::Like(glob) => glob.matches("end"),
                    Test::Exists => true,
                    _ => false,
                };
                let held = Self::Term { place, test };
                if !asked {
                    return Ok(held);
                }
                let overdue = [
                    Self::is("kind", "mail")?,
                    Self::is("open", "true")?,
                    Self::between(None, Some(before)),
                ];
                Ok(Self::any([held, Self::all(overdue)]))
            }
            Self::All(queries) => Ok(Self::All(each(queries)?)),
            Self::Any(queries) => Ok(Self::Any(each(queries)?)),
            Self::Not(query) => Ok(Self::Not(Box::new(query.with_ends(before)?))),
            other => Ok(other),
        }
    }

    /// The same among messages and refusals: without what only counts (slices), unless it asks for kinds itself.
    pub fn of_messages(self) -> Result<Self, QueryError> {
        if self.asks_for("kind") {
            return Ok(self);
        }
        let others = ["slice", "template"].map(|kind| Self::is("kind", kind).map(Self::negated));
        let [slices, templates] = others;
        Ok(Self::all([self, slices?, templates?]))
    }

    /// Documents whose `@timestamp` is at or after `from` and before `to`. None: open.
    pub fn between(from: Option<Moment>, to: Option<Moment>) -> Self {
        let test = Test::Date(from.map(|at| at.0), to.map(|at| at.0));
        let place = field::FIELDS
            .iter()
            .find(|field| field.path == "@timestamp")
            .map(Place::Field);
        place.map_or(Self::Everything, |place| Self::Term { place, test })
    }

    /// Those that all of these mean; one alone is itself.
    pub fn all(queries: impl IntoIterator<Item = Query>) -> Self {
        let mut queries: Vec<Query> = queries.into_iter().collect();
        match queries.len() {
            1 => queries.remove(0),
            _ => Self::All(queries),
        }
    }

    /// Those that one of these means; one alone is itself.
    pub fn any(queries: impl IntoIterator<Item = Query>) -> Self {
        let mut queries: Vec<Query> = queries.into_iter().collect();
        match queries.len() {
            1 => queries.remove(0),
            _ => Self::Any(queries),
        }
    }

    /// All others.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }
}
