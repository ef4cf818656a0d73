//! Reads the text of a pattern into a tree. Syntax only: what types and fields there are is no matter here.
//!
//! In: the pattern's text. Out: [`Item`]s with their places, or one [`Fault`] where the text stops making sense.

use std::ops::Range;

use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::{Pair, Pairs};

use super::fault::Fault;

/// The grammar, `grammar/pattern.pest`; a module of its own because the derived code is not documented.
#[allow(missing_docs)]
mod grammar {
    /// The parser that pest makes of the grammar.
    #[derive(pest_derive::Parser)]
    #[grammar = "../grammar/pattern.pest"]
    pub(super) struct PatternParser;
}

use grammar::{PatternParser, Rule};

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// Text that stands for itself.
    Literal(String),
    /// `%{type:name}`
    Field(FieldItem),
    /// `%?( … %)`; several branches in it are a choice of their own.
    Optional(Vec<Item>),
    /// `%( … %| … %)`
    Choice(Vec<Vec<Item>>),
}

/// `%{type(args):name}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldItem {
    /// The type's name as written.
    pub(crate) type_name: String,
    /// Where the type's name stands.
    pub(crate) type_span: Range<usize>,
    /// What stands in the parentheses, quotes taken off.
    pub(crate) args: Vec<String>,
    /// The name under which the value is kept. None if it is only checked.
    pub(crate) name: Option<String>,
    /// Where the name stands; the whole field if it has none.
    pub(crate) name_span: Range<usize>,
    /// The whole field.
    pub(crate) span: Range<usize>,
}

/// Reads a pattern.
pub(crate) fn parse(text: &str) -> Result<Vec<Item>, Fault> {
    let mut pairs = PatternParser::parse(Rule::pattern, text).map_err(|error| fault(text, &error))?;
    Ok(pairs
        .next()
        .map(|pattern| items(pattern.into_inner()))
        .unwrap_or_default())
}

fn items(pairs: Pairs<'_, Rule>) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for pair in pairs {
        match pair.as_rule() {
            Rule::literal => literal(&mut items, pair.as_str()),
            Rule::percent => literal(&mut items, "%"),
            Rule::field => items.push(Item::Field(field(pair))),
            Rule::optional => {
                let mut branches = branches(pair);
                items.push(Item::Optional(if branches.len() == 1 {
                    branches.remove(0)
                } else {
                    vec![Item::Choice(branches)]
                }));
            }
            Rule::choice => items.push(Item::Choice(branches(pair))),
            _ => {}
        }
    }
    items
}

fn branches(pair: Pair<'_, Rule>) -> Vec<Vec<Item>> {
    pair.into_inner()
        .filter(|inner| inner.as_rule() == Rule::branch)
        .map(|branch| items(branch.into_inner()))
        .collect()
}

/// `100%% sure` is one literal.
fn literal(items: &mut Vec<Item>, text: &str) {
    if let Some(Item::Literal(before)) = items.last_mut() {
        before.push_str(text);
    } else {
        items.push(Item::Literal(text.to_owned()));
    }
}

fn field(pair: Pair<'_, Rule>) -> FieldItem {
    let span = pair.as_span().start()..pair.as_span().end();
    let mut field = FieldItem {
        type_name: String::new(),
        type_span: span.clone(),
        args: Vec::new(),
        name: None,
        name_span: span.clone(),
        span,
    };
    for part in pair.into_inner() {
        let place = part.as_span().start()..part.as_span().end();
        match part.as_rule() {
            Rule::type_name => {
                part.as_str().clone_into(&mut field.type_name);
                field.type_span = place;
            }
            Rule::field_name => {
                field.name = Some(part.as_str().to_owned());
                field.name_span = place;
            }
            Rule::args => {
                field.args = part
                    .into_inner()
                    .filter(|arg| arg.as_rule() == Rule::arg)
                    .map(|arg| unquoted(arg.as_str()).to_owned())
                    .collect();
            }
            _ => {}
        }
    }
    field
}

fn unquoted(arg: &str) -> &str {
    arg.strip_prefix('\'')
        .and_then(|inner| inner.strip_suffix('\''))
        .unwrap_or(arg)
}

/// pest's error in words for people: what stands there, and the one thing that would help.
fn fault(text: &str, error: &pest::error::Error<Rule>) -> Fault {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    let span = at..text.len().min(at + 1).max(at);
    let rest = &text[at.min(text.len())..];
    let expected = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives.as_slice(),
        ErrorVariant::CustomError { .. } => &[],
    };
    let open = text[..at.min(text.len())].rfind("%{");
    if let Some(open) = &open.filter(|open| !text[*open..at].contains('}')) {
        let what = if expected.contains(&Rule::type_name) {
            "expected the name of a type after `%{`"
        } else if expected.contains(&Rule::field_name) {
            "expected the name of a field after `:`"
        } else if text[..at].ends_with('(') {
            "the parentheses hold nothing"
        } else if expected.contains(&Rule::args_end) || expected.contains(&Rule::arg) {
            "expected `)` after the arguments of the type"
        } else {
            "expected `}` at the end of the field"
        };
        let help = if text[*open..at].ends_with(')') {
            "a word with `(`, `)` or `|` in it stands in quotes: `%{one('no (more)'|some):reason}`"
        } else {
            "a field is written `%{type:name}` or `%{type}`"
        };
        return Fault::new(if rest.is_empty() { *open..at } else { span }, what).help(help);
    }
    if rest.is_empty() || expected.iter().any(|rule| matches!(rule, Rule::group_end)) && !rest.starts_with('%') {
        let from = text.rfind("%?(").max(text.rfind("%(")).unwrap_or(0);
        return Fault::new(from..(from + 2).min(text.len()), "this group is not closed").help("a group ends with `%)`");
    }
    if rest.starts_with("%)") {
        return if expected.contains(&Rule::branch_sep) {
            Fault::new(span, "a group with one branch only").help("write `%?( … %)` for a part that may be absent")
        } else if text[..at].ends_with("%?(") {
            Fault::new(span, "this group is empty").help("put what may be absent into it, or take it away")
        } else {
            Fault::new(at..at + 2, "`%)` closes no group").help("take it away, or begin the group with `%?(` or `%(`")
        };
    }
    if rest.starts_with("%|") {
        return Fault::new(at..at + 2, "`%|` stands outside a choice").help("a choice is written `%( … %| … %)`");
    }
    Fault::new(span, "`%` begins nothing known here")
        .help("fields are `%{type:name}`, groups `%?( … %)` and `%( … %| … %)`; a percent sign is `%%`")
}
