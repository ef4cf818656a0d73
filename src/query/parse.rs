//! Reads the search language into a [`Query`].

use std::ops::Range;
use std::str::FromStr;

use pest::Parser;
use pest::error::InputLocation;
use pest::iterators::Pair;

use super::value::{self, Side};
use super::{Piece, Place, Query, QueryError, bare, field};

/// The longest query, in bytes.
pub const MAX_QUERY_BYTES: usize = 4096;
/// How deep parentheses may be nested.
pub const MAX_DEPTH: usize = 32;
/// How many words and values a query may have.
pub const MAX_TERMS: usize = 256;

#[allow(missing_docs)] // What pest derives carries no comments.
mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "../grammar/query.pest"]
    pub(super) struct QueryParser;
}

use grammar::{QueryParser, Rule};

impl Query {
    /// Reads a query. Blank text means everything.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        check_limits(text).map_err(|error| error.of(text))?;
        let mut pairs =
            QueryParser::parse(Rule::query, text).map_err(|error| unreadable(text, &error.location).of(text))?;
        let body = pairs.next().and_then(|query| first(query, Rule::any_of));
        let mut reader = Reader { terms: 0 };
        let read = body.map_or(Ok(Self::Everything), |body| reader.any_of(body, None));
        read.map_err(|error| error.of(text))
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Self::parse(text)
    }
}

/// The grammar calls itself for every parenthesis, so depth is limited before; and here the place is known where a quote
/// or parenthesis stays open.
fn check_limits(text: &str) -> Result<(), QueryError> {
    if text.len() > MAX_QUERY_BYTES {
        return Err(
            QueryError::new(format!("a query of {} bytes is too long", text.len()), 0..1)
                .help(format!("at most {MAX_QUERY_BYTES} bytes")),
        );
    }
    let mut open = Vec::new();
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' if quote.is_some() => quote = None,
            '"' => quote = Some(at),
            _ if quote.is_some() => {}
            '(' => open.push(at),
            ')' if open.pop().is_none() => {
                return Err(
                    QueryError::new("nothing is open that this could close", at..at + 1).help("in a word, write `\\)`")
                );
            }
            _ => {}
        }
        if open.len() > MAX_DEPTH {
            let help = format!("at most {MAX_DEPTH} levels");
            return Err(QueryError::new("parentheses are nested too deeply", at..at + 1).help(help));
        }
    }
    if escaped {
        let end = text.len();
        return Err(QueryError::new("nothing follows the backslash", end - 1..end).help("a backslash itself is `\\\\`"));
    }
    if let Some(at) = quote {
        return Err(QueryError::new("this quote is not closed", at..at + 1).help("in a word, write `\\\"`"));
    }
    if let Some(at) = open.pop() {
        return Err(QueryError::new("this parenthesis is not closed", at..at + 1).help("in a word, write `\\(`"));
    }
    Ok(())
}

fn unreadable(text: &str, location: &InputLocation) -> QueryError {
    let at = match location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => *at,
    };
    let rest = text.get(at..).unwrap_or_default();
    let word: String = rest.chars().take_while(|c| !c.is_whitespace()).take(20).collect();
    if word.is_empty() {
        return QueryError::new("something is missing here", at..at + 1)
            .help("a word, `field:value` or a group in parentheses");
    }
    let span = at..at + word.len();
    let error = QueryError::new(format!("`{word}` cannot stand here"), span);
    match word.as_str() {
        "AND" | "OR" | "NOT" => error.help("these join what stands around them; as a word, write it in quotes"),
        ")" => error.help("a word, `field:value` or a group must stand before it"),
        _ => error.help("text with signs is written in quotes"),
    }
}

fn first(pair: Pair<'_, Rule>, rule: Rule) -> Option<Pair<'_, Rule>> {
    pair.into_inner().find(|inner| inner.as_rule() == rule)
}

fn span_of(pair: &Pair<'_, Rule>) -> Range<usize> {
    pair.as_span().start()..pair.as_span().end()
}

/// Walks what the grammar found. `places` is set inside `field:( ... )`.
struct Reader {
    terms: usize,
}

type Places<'a> = Option<&'a [Place]>;

impl Reader {
    fn any_of(&mut self, pair: Pair<'_, Rule>, places: Places<'_>) -> Result<Query, QueryError> {
        let parts = pair.into_inner().filter(|inner| inner.as_rule() == Rule::all_of);
        parts
            .map(|inner| self.all_of(inner, places))
            .collect::<Result<Vec<_>, _>>()
            .map(Query::any)
    }

    fn all_of(&mut self, pair: Pair<'_, Rule>, places: Places<'_>) -> Result<Query, QueryError> {
        let parts = pair.into_inner().filter(|inner| inner.as_rule() == Rule::not);
        parts
            .map(|inner| self.not(inner, places))
            .collect::<Result<Vec<_>, _>>()
            .map(Query::all)
    }

    fn not(&mut self, pair: Pair<'_, Rule>, places: Places<'_>) -> Result<Query, QueryError> {
        let mut negated = false;
        let mut query = Query::Everything;
        for inner in pair.into_inner() {
            match inner.as_rule() {
                Rule::negation => negated = !negated,
                Rule::group => query = self.group(inner, places)?,
                Rule::clause => query = self.clause(inner)?,
                _ => query = self.term(&inner, places)?,
            }
        }
        Ok(if negated { query.negated() } else { query })
    }

    fn group(&mut self, pair: Pair<'_, Rule>, places: Places<'_>) -> Result<Query, QueryError> {
        first(pair, Rule::any_of).map_or(Ok(Query::Everything), |body| self.any_of(body, places))
    }

    /// A word or a quoted text, of the field around it or of none.
    fn term(&mut self, pair: &Pair<'_, Rule>, places: Places<'_>) -> Result<Query, QueryError> {
        self.count(pair)?;
        let span = span_of(pair);
        let is_quoted = pair.as_rule() == Rule::quoted;
        let pieces = if is_quoted {
            vec![Piece::Literal(unquoted(pair.as_str()))]
        } else {
            pieces(pair.as_str())
        };
        match places {
            Some(places) => each(places, |place| value::plain(place, &pieces, span.clone())),
            None if is_quoted => bare::quoted(&value::written(&pieces), &span),
            None => {
                let named = pair
                    .as_str()
                    .strip_suffix(':')
                    .filter(|name| field::named(name).is_some());
                if let Some(name) = named {
                    let help = format!("an empty value is `{name}:\"\"`, any value `{name}:*`");
                    return Err(QueryError::new(format!("no value follows `{name}:`"), span).help(help));
                }
                bare::word(&pieces, &span)
            }
        }
    }

    fn clause(&mut self, pair: Pair<'_, Rule>) -> Result<Query, QueryError> {
        let whole = (pair.as_str(), span_of(&pair));
        let mut inner = pair.into_inner();
        let (Some(name), Some(body)) = (inner.next(), inner.next()) else {
            return Err(QueryError::new("this cannot be read", whole.1));
        };
        let Some(places) = field::named(name.as_str()) else {
            // An IPv6 address may begin like a field: `fe80::1`.
            if value::read_network(whole.0).is_some() {
                return bare::word(&pieces(whole.0), &whole.1);
            }
            return Err(value::unknown(name.as_str(), span_of(&name)));
        };
        if body.as_rule() == Rule::group {
            return self.group(body, Some(&places));
        }
        self.count(&body)?;
        let span = span_of(&body);
        match body.as_rule() {
            Rule::range => {
                let (from, to) = sides(body);
                each(&places, |place| {
                    value::range(place, side(from.as_ref()), side(to.as_ref()), span.clone())
                })
            }
            Rule::compare => compare(&places, body, &span),
            Rule::quoted => each(&places, |place| {
                value::exactly(place, &unquoted(body.as_str()), span.clone())
            }),
            _ => each(&places, |place| {
                value::plain(place, &pieces(body.as_str()), span.clone())
            }),
        }
    }

    fn count(&mut self, pair: &Pair<'_, Rule>) -> Result<(), QueryError> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            let help = format!("at most {MAX_TERMS} words and values");
            return Err(QueryError::new("the query has too many words", span_of(pair)).help(help));
        }
        Ok(())
    }
}

fn each(places: &[Place], read: impl Fn(Place) -> Result<Query, QueryError>) -> Result<Query, QueryError> {
    places
        .iter()
        .cloned()
        .map(read)
        .collect::<Result<Vec<_>, _>>()
        .map(Query::any)
}

/// `>10`; where the field has no order, as with `from:<>` or `from:<a@b>`, the sign is a part of the value.
fn compare(places: &[Place], pair: Pair<'_, Rule>, span: &Range<usize>) -> Result<Query, QueryError> {
    let raw = pair.as_str();
    let mut inner = pair.into_inner();
    let (Some(operator), Some(body)) = (inner.next(), inner.next()) else {
        return Err(QueryError::new("this cannot be read", span.clone()));
    };
    let text = if body.as_rule() == Rule::quoted {
        unquoted(body.as_str())
    } else {
        value::written(&pieces(body.as_str()))
    };
    each(places, |place| {
        use super::Kind::{Bool, Keyword, Words};
        if matches!(place.kind(), Keyword | Words | Bool) && body.as_rule() != Rule::quoted {
            return value::plain(place, &pieces(raw), span.clone());
        }
        let text = text.as_str();
        let (from, to): (Side<'_>, Side<'_>) = match operator.as_str() {
            ">" => (Some((text, false)), None),
            ">=" => (Some((text, true)), None),
            "<" => (None, Some((text, false))),
            _ => (None, Some((text, true))),
        };
        value::range(place, from, to, span.clone())
    })
}

/// The bounds of a range, unquoted, with whether they belong to it. None for `*`.
fn sides(pair: Pair<'_, Rule>) -> (OwnedSide, OwnedSide) {
    let mut bounds = Vec::new();
    let (mut from_included, mut to_included) = (true, true);
    for inner in pair.into_inner() {
        match inner.as_rule() {
            Rule::from => from_included = inner.as_str() == "[",
            Rule::upto => to_included = inner.as_str() == "]",
            _ if inner.as_str() == "*" => bounds.push(None),
            _ if inner.as_str().starts_with('"') => bounds.push(Some(unquoted(inner.as_str()))),
            _ => bounds.push(Some(value::written(&pieces(inner.as_str())))),
        }
    }
    let mut bounds = bounds.into_iter();
    let mut next = |included| bounds.next().flatten().map(|text| (text, included));
    (next(from_included), next(to_included))
}

fn side(side: Option<&(String, bool)>) -> Side<'_> {
    side.map(|(text, included)| (text.as_str(), *included))
}

/// As [`Side`], before its text is read.
type OwnedSide = Option<(String, bool)>;

/// The text between quotes, `\"` and `\\` undone.
fn unquoted(text: &str) -> String {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    unescaped(inner).map(|(character, _)| character).collect()
}

/// A word: `*` and `?` are wildcards unless a backslash stands before them.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut run = String::new();
    for (character, escaped) in unescaped(text) {
        let piece = match character {
            '*' if !escaped => Piece::Any,
            '?' if !escaped => Piece::One,
            _ => {
                run.push(character);
                continue;
            }
        };
        if !run.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut run)));
        }
        pieces.push(piece);
    }
    if !run.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Literal(run));
    }
    pieces
}

/// Each character, and whether a backslash stood before it.
fn unescaped(text: &str) -> impl Iterator<Item = (char, bool)> + '_ {
    let mut characters = text.chars();
    std::iter::from_fn(move || match characters.next()? {
        '\\' => characters.next().map(|character| (character, true)),
        character => Some((character, false)),
    })
}
