//! The rules: which line says what.
//!
//! Rules stand in YAML files, `rules/**/*.yaml`, built in, and in an operator's folders. [`file`] is the shape of a
//! file, [`load`] compiles all files and collects every problem, [`set`] finds the rule that claims a line. The hard
//! part is that a wrong rule must be found when it is loaded, not when a line is misread.
//!
//! In: files, then [`Line`](crate::line::Line)s. Out: [`Problem`](crate::problem::Problem)s, then
//! [`Event`](crate::event::Event)s.

mod builtin;
mod check;
mod compile;
mod dispatch;
mod explain;
mod file;
pub mod grok;
mod load;
mod meaning;
mod recover;
mod sample;
pub mod schema;
mod set;
pub mod snapshot;
mod squeezed;
mod tags;

pub use builtin::BUILTIN;
pub use explain::Tried;
pub use file::{DuplicateText, Entries, PairsText, RuleText, TypeText, TypesText, Words};
pub use load::RuleSource;
pub use sample::{Case, Verdict, message_line};
pub(crate) use set::severity;
pub use set::{Claim, Rule, RuleSet};

pub use crate::pattern::Scratch;
