//! Why a delivery failed, in plain language, and what to do next.
//!
//! A second set of rules, `rules/causes/*.yaml`: phrases of servers, and what the status code alone tells. Words go
//! before codes: a server that says "greylisted" means it, whatever code it chose; and the large providers' own phrases
//! go before the general ones.
//!
//! In: the DSN code and the remote's words. Out: a [`Cause`].

use serde::Deserialize;

use crate::problem::{Problem, parse_yaml};

/// The built-in files, in the order in which they are tried.
const BUILTIN: &[(&str, &str)] = &[
    (
        "rules/causes/providers.yaml",
        include_str!("../rules/causes/providers.yaml"),
    ),
    (
        "rules/causes/general.yaml",
        include_str!("../rules/causes/general.yaml"),
    ),
];

/// A cause, as a rule file tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// `cause/mailbox-full`
    pub id: String,
    /// Any of these phrases in the remote's words means this cause. In lower case.
    #[serde(default)]
    says: Vec<String>,
    /// But not beside one of these.
    #[serde(default)]
    not: Vec<String>,
    /// Where no cause's phrase is found: the codes that mean it, `5.1.1`, or their beginning, `5.1`.
    #[serde(default)]
    dsn: Vec<String>,
    /// Why, in a sentence.
    pub cause: String,
    /// What to do.
    pub next: String,
    /// Words of real servers that mean this cause.
    #[serde(default)]
    pub samples: Vec<String>,
}

/// All causes.
#[derive(Debug, Clone)]
pub struct Causes(Vec<Cause>);

impl Causes {
    /// The built-in ones.
    pub fn builtin() -> Result<Self, Vec<Problem>> {
        let mut all = Vec::new();
        let mut problems = Vec::new();
        for (file, text) in BUILTIN {
            match parse_yaml::<Vec<Cause>>(file, text) {
                Ok(causes) => all.extend(causes),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(Self(all))
        } else {
            Err(problems)
        }
    }

    /// Every cause, in the order in which they are tried.
    pub fn all(&self) -> &[Cause] {
        &self.0
    }

    /// What these words and this code mean. None where both say nothing that is known.
    pub fn of(&self, dsn: Option<&str>, words: &str) -> Option<&Cause> {
        let words = words.to_lowercase();
        let said = |phrases: &[String]| phrases.iter().any(|phrase| words.contains(phrase.as_str()));
        self.0
            .iter()
            .find(|cause| said(&cause.says) && !said(&cause.not))
            .or_else(|| self.by_code(dsn?))
    }

    /// The longest code that fits decides.
    fn by_code(&self, dsn: &str) -> Option<&Cause> {
        let length = |cause: &Cause| {
            let fits = |code: &&String| {
                dsn == code.as_str()
                    || dsn
                        .strip_prefix(code.as_str())
                        .is_some_and(|rest| rest.starts_with('.'))
            };
            cause.dsn.iter().filter(fits).map(String::len).max()
        };
        let fitting = self.0.iter().filter_map(|cause| Some((length(cause)?, cause)));
        // Of equals, the first.
        fitting.rev().max_by_key(|(length, _)| *length).map(|(_, cause)| cause)
    }
}
