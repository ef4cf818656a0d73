//! What a YAML reader says, in words for people: what stands there, and the way out.

use super::did_you_mean;

/// What is wrong, and what to do about it.
pub(super) struct Said {
    pub(super) title: String,
    pub(super) help: String,
}

/// Messages of the reader by their beginnings: our title, our help.
const MESSAGES: &[(&str, &str, &str)] = &[
    (
        "unexpected character: `%'",
        "an unquoted text cannot begin with `%`",
        "put it in single quotes: `pattern: '%{qid:queue_id}: removed'`",
    ),
    (
        "unexpected character",
        "an unquoted text cannot begin with this character",
        "put the text in single quotes",
    ),
    (
        "mapping values are not allowed",
        "a `: ` here would begin a mapping",
        "put a text that holds `: ` in single quotes; if it is a key, indent it as the keys above it",
    ),
    (
        "unclosed quote",
        "the quote that begins here is not closed",
        "end the text with the same quote; inside single quotes a single quote is written twice: `'can''t'`",
    ),
    (
        "invalid trailing content after single-quoted",
        "the single quote before this ends the text",
        "inside single quotes a single quote is written twice: `'can''t connect'`",
    ),
    (
        "invalid trailing content after double-quoted",
        "the double quote before this ends the text",
        "put the text in single quotes, in which a double quote stands for itself",
    ),
    (
        "alias references unknown anchor",
        "an unquoted text that begins with `*` is an alias in YAML",
        "put the text in single quotes",
    ),
    (
        "multiple YAML documents",
        "a second document begins here",
        "take the `---` away: a file is one list of rules",
    ),
    (
        "invalid boolean",
        "this is neither `true` nor `false`",
        "write `true`, or take the key away",
    ),
    (
        "expected string scalar",
        "one text is expected here",
        "write one text in single quotes, no list and no mapping",
    ),
    (
        "expected sequence start",
        "a list is expected here",
        "begin each entry with `- `, or write `['one', 'two']`: a rule file is a list of rules, and samples are a list",
    ),
    (
        "expected mapping start",
        "keys with values are expected here",
        "write `key: value` lines, without `- ` before them",
    ),
    ("invalid UTF-8", "the file is not UTF-8", "save it as UTF-8"),
];

const TAB: &str = "a tab stands in the indentation";

/// Where it stands: of a tab the reader tells where the text before it began.
pub(super) fn place(said: &Said, text: &str, at: usize) -> usize {
    if said.title != TAB {
        return at;
    }
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indent].find('\t') {
            return start + tab;
        }
        start += line.len();
    }
    at
}

/// In our words. None where the reader's will do.
pub(super) fn said(title: &str) -> Option<Said> {
    if title.contains("found a tab") || title.contains("tabs") {
        return Some(Said {
            title: TAB.to_owned(),
            help: "indent with blanks: YAML knows no tabs there".to_owned(),
        });
    }
    if let Some(rest) = title.strip_prefix("duplicate mapping key: ") {
        let key = rest.split(',').next().unwrap_or(rest);
        return Some(Said {
            title: format!("the key `{key}` stands here for the second time"),
            help: "take one of them away; several values of one key are a list".to_owned(),
        });
    }
    if let Some(key) = title
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'))
    {
        return Some(Said {
            title: title.to_owned(),
            help: missing(key),
        });
    }
    if let Some((wrong, known)) = title
        .strip_prefix("unknown variant `")
        .and_then(|rest| rest.split_once("`, expected one of "))
    {
        let names: Vec<&str> = known.split(", ").map(|name| name.trim_matches('`')).collect();
        let help =
            did_you_mean(wrong, names.iter().copied()).unwrap_or_else(|| format!("write one of {}", names.join(", ")));
        return Some(Said {
            title: format!("unknown word `{wrong}`"),
            help,
        });
    }
    MESSAGES
        .iter()
        .find(|(begins, ..)| title.starts_with(begins))
        .map(|(_, title, help)| Said {
            title: (*title).to_owned(),
            help: (*help).to_owned(),
        })
}

/// What to write for a key that is not there.
fn missing(key: &str) -> String {
    let example = match key {
        "id" => "`id: site/what`, unique; it appears in every report",
        "program" => "`program: postfix/smtpd`: only lines of this program try the rule",
        "emits" => "`emits: record`, or what else the line is about: `mailtrail rules list` shows the kinds in use",
        other => return format!("add `{other}:`"),
    };
    format!("add {example}")
}
