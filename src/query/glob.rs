//! A value with wildcards: `*` for any characters, `?` for one.

use super::fold;

/// A part of a [`Glob`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Exactly these characters, in lower case; never empty.
    Literal(String),
    /// `?`: one character, whichever.
    One,
    /// `*`: any characters, or none.
    Any,
}

/// A value with wildcards. Compared with values in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    pieces: Vec<Piece>,
}

impl Glob {
    /// From its pieces; neighbouring literals and runs of `*` become one.
    pub fn new(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (_, Piece::Literal(text)) if text.is_empty() => {}
                (Some(Piece::Any), Piece::Any) => {}
                (Some(Piece::Literal(before)), Piece::Literal(text)) => before.push_str(&fold(&text)),
                (_, Piece::Literal(text)) => joined.push(Piece::Literal(fold(&text))),
                (_, piece) => joined.push(piece),
            }
        }
        Self { pieces: joined }
    }

    /// Its parts: never two literals or two `*` side by side.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// What every matching value begins with; empty if nothing is known.
    pub fn prefix(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }

    /// The pattern of an Elasticsearch `wildcard` query: everything but the wildcards escaped.
    pub fn escaped(&self) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::One => out.push('?'),
                Piece::Any => out.push('*'),
                Piece::Literal(text) => {
                    for character in text.chars() {
                        if matches!(character, '*' | '?' | '\\') {
                            out.push('\\');
                        }
                        out.push(character);
                    }
                }
            }
        }
        out
    }

    /// Does this value, in lower case, match as a whole?
    ///
    /// Going back to the last `*` only is enough, so the time is at most the product of both lengths.
    pub fn matches(&self, value: &str) -> bool {
        let mut at = 0;
        let mut rest = value;
        // The piece behind the last `*`, and where it may begin next.
        let mut again: Option<(usize, &str)> = None;
        loop {
            let step = match self.pieces.get(at) {
                None if rest.is_empty() => return true,
                None => None,
                Some(Piece::One) => skip_one(rest),
                Some(Piece::Literal(text)) => rest.strip_prefix(text.as_str()),
                Some(Piece::Any) => {
                    again = Some((at + 1, rest));
                    None
                }
            };
            if let Some(left) = step {
                rest = left;
                at += 1;
                continue;
            }
            let Some((behind, start)) = again else { return false };
            let begin = match self.pieces.get(behind) {
                None => return true,
                Some(Piece::Literal(text)) if behind + 1 == self.pieces.len() => return start.ends_with(text.as_str()),
                Some(Piece::Literal(text)) => start.find(text.as_str()).and_then(|found| start.get(found..)),
                Some(_) => Some(start),
            };
            let Some(begin) = begin else { return false };
            at = behind;
            rest = begin;
            // If it does not go on from there, the `*` takes one character more; at the end there is none.
            again = skip_one(begin).map(|next| (behind, next));
        }
    }
}

fn skip_one(text: &str) -> Option<&str> {
    let mut characters = text.chars();
    characters.next().map(|_| characters.as_str())
}
