//! What no rule knew: lines of one shape counted together, and a rule drafted for them.
//!
//! The hard part is that the answer must not depend on the order of the lines nor on where a log was cut: a template
//! ([`template()`]) is a function of the line, groups ([`groups()`]) are a function of the set of templates.
//!
//! In: unmatched [`Line`](crate::line::Line)s. Out: [`Template`](crate::transaction::Template)s, [`Group`]s, [`Draft`]s.

mod draft;
mod group;
mod pieces;
mod tally;

pub use draft::{Draft, draft};
pub use group::{Group, groups};
pub use tally::{Tally, message, template};
