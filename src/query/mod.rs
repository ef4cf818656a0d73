//! What a person asks: the search language, and its meaning on a document.
//!
//! The hard part is that one query must mean the same in every store. So the text is read once, into a [`Query`]
//! whose values are already what the stores index (lower case, words, addresses of 128 bits, milliseconds), and
//! [`matches`] says plainly, on one document, what a store must answer with its index.
//!
//! In: text (`grammar/query.pest`) or a program's own [`Query`]. Out: [`Query`], which the stores translate; where
//! the text cannot be read, a [`QueryError`] that points into it.

mod bare;
mod date;
mod error;
mod field;
mod glob;
pub mod journey;
mod matching;
mod page;
mod parse;
mod tree;
mod value;
mod words;

pub use date::moments;
pub use error::QueryError;
pub use field::{FIELDS, Field, Kind, MAX_KEYWORD, Place, Value, named};
pub use glob::{Glob, Piece};
pub use matching::matches;
pub use page::{Cursor, Order, Page};
pub use parse::{MAX_DEPTH, MAX_QUERY_BYTES, MAX_TERMS};
pub use tree::{Query, Test};
pub use words::{fold, words};
