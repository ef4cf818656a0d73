//! One value of one type, for those who look for values where no pattern is: drafts of rules, pseudonyms.

use std::ops::Range;

use super::scan::Scanner;
use super::types::grok;

/// What a closed type of the language would take at this place: the value, and where the text goes on. None if no value
/// of the type stands there, or if the type is open or no type of the language itself.
pub fn take(type_name: &str, text: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    let found = Scanner::named(grok(type_name))?.scan(text, at)?;
    Some((found.start..found.end, found.next))
}
