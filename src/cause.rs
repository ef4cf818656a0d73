//! Why a delivery ended as it did, in plain language, and what to do next.
//!
//! A second set of rules, `rules/causes/*.yaml`: phrases of servers, and what status and code alone tell. Words go
//! before codes: a server that says "greylisted" means it, whatever code it chose; and the large providers' own phrases
//! go before the general ones. An operator's causes (`causes/*.yaml` in a folder of rules) go before all, and replace a
//! built-in one of the same id.
//!
//! In: status, DSN code and the remote's words. Out: a [`Cause`].

use std::path::Path;

use serde::Deserialize;

use crate::problem::{Problem, parse_yaml};
use crate::transaction::Status;

/// The folder of causes inside a folder of rules.
pub const FOLDER: &str = "causes";

/// Path in the repository and text of the built-in files, in the order in which they are tried.
pub const BUILTIN: &[(&str, &str)] = &[
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
    /// Any of these phrases in the remote's words means this cause. In lower case, from the beginning of a word on.
    #[serde(default)]
    says: Vec<String>,
    /// But not beside one of these.
    #[serde(default)]
    not: Vec<String>,
    /// What a recipient's status alone means, where no words do.
    #[serde(default)]
    status: Vec<Status>,
    /// Where no cause's phrase is found: the codes that mean it, `5.1.1`, or their beginning, `5.1`.
    #[serde(default)]
    dsn: Vec<String>,
    /// Why, in a sentence.
    pub cause: String,
    /// What to do.
    pub next: String,
    /// What to do where it is over: given back, or given up. None: the same.
    #[serde(default)]
    pub over: Option<String>,
    /// What to do where our own server refused. None: the same.
    #[serde(default)]
    pub here: Option<String>,
    /// Words of servers that mean this cause.
    #[serde(default)]
    pub samples: Vec<String>,
}

/// All causes.
#[derive(Debug, Clone)]
pub struct Causes(Vec<Cause>);

impl Causes {
    /// The built-in ones.
    pub fn builtin() -> Result<Self, Vec<Problem>> {
        Self::load::<&Path>(&[])
    }

    /// The operator's, of the folders `causes` in these folders of rules, and the built-in ones. A folder without such a
    /// folder has none. All problems of all files.
    pub fn load<P: AsRef<Path>>(folders: &[P]) -> Result<Self, Vec<Problem>> {
        let mut all: Vec<Cause> = Vec::new();
        let mut problems = Vec::new();
        let mut read = |file: &str, text: &str, problems: &mut Vec<Problem>| match parse_yaml::<Vec<Cause>>(file, text)
        {
            Ok(causes) => {
                for cause in causes {
                    // The first one of an id stays.
                    if !all.iter().any(|known| known.id == cause.id) {
                        all.push(cause);
                    }
                }
            }
            Err(problem) => problems.push(problem),
        };
        for folder in folders {
            for path in files(&folder.as_ref().join(FOLDER)) {
                let name = path.display().to_string();
                match std::fs::read_to_string(&path) {
                    Ok(text) => read(&name, &text, &mut problems),
                    Err(error) => problems.push(Problem::of_file(name, format!("cannot read it: {error}"))),
                }
            }
        }
        for (file, text) in BUILTIN {
            read(file, text, &mut problems);
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
        let words = essence(words);
        let said = |phrases: &[String]| phrases.iter().any(|phrase| says(&words, phrase));
        self.0
            .iter()
            .find(|cause| said(&cause.says) && !said(&cause.not))
            .or_else(|| self.by_code(&code(dsn, &words)?))
    }

    /// What a status alone means, where nobody said anything. None where it does not tell.
    pub fn of_status(&self, status: Status) -> Option<&Cause> {
        self.0.iter().find(|cause| cause.status.contains(&status))
    }

    /// The longest code that fits decides.
    fn by_code(&self, dsn: &str) -> Option<&Cause> {
        let length = |cause: &Cause| {
            let fits = |code: &&String| {
                dsn.strip_prefix(code.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            cause.dsn.iter().filter(fits).map(String::len).max()
        };
        let fitting = self.0.iter().filter_map(|cause| Some((length(cause)?, cause)));
        // Of equals, the first.
        fitting.rev().max_by_key(|(length, _)| *length).map(|(_, cause)| cause)
    }
}

/// The YAML files of a folder by name; none if it is not there.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let is_yaml = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(is_yaml)
        .collect();
    files.sort();
    files
}

/// The words in lower case without addresses and hosts: a host that is called `spamfilter` says nothing about spam.
fn essence(words: &str) -> String {
    let mut essence = String::with_capacity(words.len());
    for word in words.split_whitespace() {
        let is_host = word.find('[').is_some_and(|at| {
            let ends_a_name = word[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            ends_a_name || word[at + 1..].starts_with(|c: char| c.is_ascii_digit())
        });
        if word.contains('@') || is_host {
            continue;
        }
        if !essence.is_empty() {
            essence.push(' ');
        }
        essence.push_str(word);
    }
    essence.to_lowercase()
}

/// Does the phrase stand there, from the beginning of a word on?
fn says(words: &str, phrase: &str) -> bool {
    let needs_edge = phrase.starts_with(|c: char| c.is_alphanumeric());
    !phrase.is_empty()
        && words.match_indices(phrase).any(|(at, _)| {
            let before = words[..at].chars().next_back();
            !needs_edge || before.is_none_or(|c| !c.is_alphanumeric())
        })
}

/// The code that tells most: the DSN, unless it is as vague as `5.0.0`; an enhanced code in the words; the first digit
/// of an SMTP reply.
fn code(dsn: Option<&str>, words: &str) -> Option<String> {
    let is_vague = |code: &str| code.get(1..) == Some(".0.0");
    let is_enhanced = |word: &&str| {
        let parts: Vec<&str> = word.split('.').collect();
        let [class, subject, detail] = parts.as_slice() else {
            return false;
        };
        let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        ["4", "5"].contains(class) && is_number(subject) && is_number(detail)
    };
    if let Some(dsn) = dsn.filter(|dsn| !is_vague(dsn)) {
        return Some(dsn.to_owned());
    }
    let mut pieces = words.split([' ', '-', '(', ')', ',', ';', ':', '#']);
    if let Some(found) = pieces.clone().find(|word| is_enhanced(word) && !is_vague(word)) {
        return Some(found.to_owned());
    }
    let reply = pieces
        .find(|word| word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|byte| byte.is_ascii_digit()));
    dsn.map(str::to_owned)
        .or_else(|| reply.map(|reply| reply[..1].to_owned()))
}
