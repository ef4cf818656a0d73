//! What is wrong with a pattern, and where in it.

use std::ops::Range;

/// A mistake in a pattern. The rule that holds the pattern knows the file and makes a problem of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands, in bytes of the pattern.
    pub span: Range<usize>,
    /// What is wrong, lower case, without a full stop.
    pub title: String,
    /// What to do about it. None if the title says it all.
    pub help: Option<String>,
}

impl Fault {
    /// A mistake without advice.
    pub fn new(span: Range<usize>, title: impl Into<String>) -> Self {
        Self {
            span,
            title: title.into(),
            help: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
