//! Why a query cannot be read, with the place in it.

use std::fmt;
use std::ops::Range;

/// A query that cannot be read: what is wrong, where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// What is wrong, in lower case and without a full stop.
    pub title: String,
    /// The query as it was given; empty if it did not come from text.
    pub query: String,
    /// The bytes of `query` that are meant.
    pub span: Range<usize>,
    /// What to do. None if the title says it.
    pub help: Option<String>,
}

impl QueryError {
    pub(super) fn new(title: impl Into<String>, span: Range<usize>) -> Self {
        Self {
            title: title.into(),
            query: String::new(),
            span,
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn of(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }
}

impl std::error::Error for QueryError {}

/// At most so many characters before and behind the place are shown.
const CONTEXT: usize = 60;

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", visible(&self.title))?;
        if !self.query.is_empty() {
            let (line, at, wide) = self.excerpt();
            write!(f, "\n  |\n  | {line}\n  | {:at$}{}", "", "^".repeat(wide))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  = help: {}", visible(help))?;
        }
        Ok(())
    }
}

impl QueryError {
    /// The part of the query around the place, the place in it, and its width, in characters.
    fn excerpt(&self) -> (String, usize, usize) {
        let before = |byte: usize| self.query.char_indices().take_while(|(at, _)| *at < byte).count();
        let (start, end) = (before(self.span.start), before(self.span.end));
        let from = start.saturating_sub(CONTEXT);
        let wide = end.saturating_sub(start).clamp(1, CONTEXT);
        let shown: String = self
            .query
            .chars()
            .skip(from)
            .take(start - from + wide + CONTEXT)
            .collect();
        (visible(&shown), start - from, wide)
    }
}

/// One column a character, and nothing that a terminal would obey.
fn visible(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            _ if character.is_whitespace() => ' ',
            _ if character.is_control() => '\u{fffd}',
            // Marks that turn the direction of what follows.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            _ => character,
        })
        .collect()
}
