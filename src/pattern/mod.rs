//! The pattern language: "the line with holes".
//!
//! A pattern is a log line with its variable parts replaced by typed fields, `%{qid:queue_id}: removed`; it is
//! anchored at both ends. [`syntax`] reads the text, [`compile()`] looks up types and names, [`check`] finds what would
//! match the wrong text, [`matcher`] is the meaning. The hard part is that the text of a line is the sender's: no
//! value may be read as a field, and no line may take more than linear time.
//!
//! In: a pattern's text, [`Types`], a function that gives each field's name a [`Slot`]; then the bytes of a message.
//! Out: byte ranges by slot in [`Scratch::spans`]. This module knows no YAML and no events.

mod address;
mod byte_set;
mod check;
mod compile;
mod duplicate;
mod equal;
mod fault;
mod guard;
mod heads;
mod kept;
mod keys;
mod matcher;
mod network;
mod number;
mod open;
mod pairs;
mod program;
mod scan;
mod scratch;
mod syntax;
mod take;
mod told;
mod types;

pub use compile::{Compiled, Resolve, check_type, compile};
pub use duplicate::Duplicate;
pub(crate) use equal::begins;
pub use fault::Fault;
pub use heads::{Begins, Head, after_queue_id};
pub use kept::Kept;
pub use program::{Program, Slot, Span, UNKNOWN};
pub use scratch::Scratch;
pub use take::take;
pub use told::Told;
pub use types::{PairsShape, Types};
