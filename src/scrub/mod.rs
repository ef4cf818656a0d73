//! Makes a log that can be sent to a stranger: who and where is replaced, what happened stays.
//!
//! The rules say what each part of a line is, so a HELO name that looks like nothing is replaced as well as an address in
//! a reply. The hard part is that the result must still be the same log: the same input always has the same pseudonym
//! ([`Pseudonyms`]), lengths stay, queue ids stay, and every rule matches as before.
//!
//! In: [`Line`](crate::line::Line)s, twice: once to learn the names, once to write. Out: the bytes of each line.

mod pseudonym;
mod scrubber;

pub use pseudonym::Pseudonyms;
pub use scrubber::{Scrubbed, Scrubber};
