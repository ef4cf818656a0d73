//! Drafts a rule for messages of one shape.
//!
//! The hard part is that a draft must load and must match the whole group: what the values look like gives each hole its
//! narrowest type, and where that type would not do in its place (it takes the text that follows, it touches another
//! field, an example does not match) a wider one is tried until everything fits.
//!
//! In: a [`Group`], the composite types. Out: a rule as YAML, its sample with it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::group::Group;
use super::pieces::{NARROW, Piece, Sort, pieces, takes_all};
use super::tally::{severity_of, split};
use crate::event::{FIELDS, Severity};
use crate::pattern::{self, Scratch, Types};

/// A rule to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// `site/what`
    pub id: String,
    /// The line with holes.
    pub pattern: String,
    /// The gates: `postfix/smtpd` for every tag that ends so.
    pub programs: Vec<String>,
    /// Where the messages begin with one, it is taken off before matching.
    pub severity: Severity,
    /// Messages that it matches.
    pub samples: Vec<String>,
}

/// A part of the pattern that is being made.
#[derive(Debug, Clone)]
enum Part {
    Literal(String),
    Hole(Hole),
}

#[derive(Debug, Clone)]
struct Hole {
    type_name: &'static str,
    name: String,
}

/// How often a draft is tried with wider types.
const MOST_TRIES: usize = 200;
/// The most samples of a draft.
const MOST_SAMPLES: usize = 3;

/// Drafts a rule for a group. Tells why where none can be: no program, or nothing but holes.
pub fn draft(group: &Group, types: &Types) -> Result<Draft, String> {
    let programs = gates(group)?;
    let Some(first) = group.examples.first() else {
        return Err("there is no example of it".to_owned());
    };
    let severity = severity_of(first);
    let texts: Vec<&str> = group.examples.iter().map(|example| split(example).1).collect();
    let mut parts = parts(&texts, &group.holes());
    if !parts
        .iter()
        .any(|part| matches!(part, Part::Literal(text) if text.bytes().any(|b| b.is_ascii_alphanumeric())))
    {
        return Err("it has no word that all lines share: a rule for it would match anything".to_owned());
    }
    let pattern = fitted(&mut parts, &texts, types)?;
    let mut samples: Vec<String> = Vec::new();
    for example in &group.examples {
        if samples.len() < MOST_SAMPLES && example.chars().all(|c| !c.is_control()) {
            samples.push(example.clone());
        }
    }
    Ok(Draft {
        id: id(&parts),
        pattern,
        programs,
        severity,
        samples,
    })
}

impl Draft {
    /// As an entry of a rule file.
    pub fn yaml(&self) -> String {
        let programs = match self.programs.as_slice() {
            [one] => one.clone(),
            more => format!("[{}]", more.join(", ")),
        };
        let severity = match self.severity {
            Severity::Info => String::new(),
            other => format!("  severity: {}\n", other.name()),
        };
        let samples: Vec<String> = self
            .samples
            .iter()
            .map(|sample| {
                format!(
                    "    - {}
",
                    quoted(sample)
                )
            })
            .collect();
        let samples = samples.concat();
        format!(
            "- id: {}\n  program: {programs}\n{severity}  pattern: {}\n  emits: record\n  samples:\n{samples}",
            self.id,
            quoted(&self.pattern)
        )
    }
}

/// In single quotes, in which nothing but the quote itself is special.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The gates of the group's programs.
fn gates(group: &Group) -> Result<Vec<String>, String> {
    let mut gates = BTreeSet::new();
    for program in group.programs.keys().filter(|program| !program.is_empty()) {
        let gate = match program.rsplit_once('/') {
            Some((first, last)) if first.starts_with("postfix") => format!("postfix/{last}"),
            _ => program.clone(),
        };
        if gate.chars().all(|c| c.is_ascii_alphanumeric() || "/_-.".contains(c)) {
            gates.insert(gate);
        }
    }
    if gates.is_empty() {
        return Err("its lines name no program, and a rule is tried by program".to_owned());
    }
    Ok(gates.into_iter().collect())
}

/// The literals and holes that all examples share. `holes`: which pieces vary.
fn parts(texts: &[&str], holes: &[bool]) -> Vec<Part> {
    let all: Vec<Vec<Piece>> = texts.iter().map(|text| pieces(text)).collect();
    let Some(first) = all.first() else { return Vec::new() };
    let mut parts: Vec<Part> = Vec::new();
    let mut names = BTreeSet::new();
    for (number, piece) in first.iter().enumerate() {
        let said = &texts[0][piece.span.clone()];
        if !holes.get(number).copied().unwrap_or(piece.sort.varies()) && said.chars().all(|c| !c.is_control()) {
            match parts.last_mut() {
                Some(Part::Literal(before)) => before.push_str(said),
                _ => parts.push(Part::Literal(said.to_owned())),
            }
            continue;
        }
        let values: Vec<(&str, Sort)> = all
            .iter()
            .zip(texts)
            .filter_map(|(pieces, text)| pieces.get(number).map(|piece| (&text[piece.span.clone()], piece.sort)))
            .collect();
        let type_name = type_of(&values);
        let name = name_of(type_name, number, first, texts[0], &mut names);
        parts.push(Part::Hole(Hole { type_name, name }));
    }
    parts
}

/// The narrowest type that takes all of these values.
fn type_of(values: &[(&str, Sort)]) -> &'static str {
    let by_form: BTreeSet<Sort> = values.iter().map(|(_, sort)| *sort).collect();
    if let (1, Some(Sort::Value(name @ ("qid" | "peer" | "addr" | "quoted" | "rest")))) =
        (by_form.len(), by_form.first())
    {
        return name;
    }
    NARROW
        .iter()
        .copied()
        .find(|name| values.iter().all(|(value, _)| takes_all(name, value)))
        .unwrap_or("text")
}

/// Fields of the documents that a key of a list means, and the types under which it does.
const KEYS: &[(&str, &str, &[&str])] = &[
    ("from", "from", &["addr", "bare_addr"]),
    ("to", "to", &["addr", "bare_addr"]),
    ("orig_to", "orig_to", &["addr", "bare_addr"]),
    ("client", "client", &["peer"]),
    ("relay", "relay", &["peer", "word"]),
    ("helo", "helo", &["addr", "host", "word", "token", "ip"]),
    ("proto", "proto", &["word"]),
    ("size", "size", &["int"]),
    ("nrcpt", "nrcpt", &["int"]),
    ("dsn", "dsn", &["dsn"]),
    ("msgid", "message_id", &["addr"]),
    ("message-id", "message_id", &["addr"]),
    (
        "sasl_username",
        "sasl_user",
        &["word", "token", "bare_addr", "addr", "text"],
    ),
    ("sasl_method", "sasl_method", &["word"]),
    ("uid", "uid", &["int"]),
];

/// What a value is called: by its key, by the words before it, by its type.
fn name_of(type_name: &str, number: usize, pieces: &[Piece], text: &str, names: &mut BTreeSet<String>) -> String {
    let said = |place: usize| pieces.get(place).map(|piece| (piece.sort, &text[piece.span.clone()]));
    // Marks that open the value, `=<` or ` "`, stand between.
    let before = (0..number)
        .rev()
        .take(4)
        .find(|place| pieces[*place].sort != Sort::Mark);
    let near = before.and_then(said).unwrap_or((Sort::Mark, ""));
    let behind = (said(number + 1), said(number + 2));
    let own = match (type_name, near) {
        ("qid", _) if number == 0 => "queue_id".to_owned(),
        (_, (Sort::Key, key)) => KEYS
            .iter()
            .find(|(known, _, types)| key.eq_ignore_ascii_case(known) && types.contains(&type_name))
            .map_or_else(|| extra(key), |(_, field, _)| (*field).to_owned()),
        ("peer", (_, "from" | "client" | "for")) => "client".to_owned(),
        ("peer", (_, "to" | "relay" | "server" | "with")) => "relay".to_owned(),
        ("addr" | "bare_addr", (_, "from" | "sender")) => "from".to_owned(),
        ("addr" | "bare_addr", (Sort::Word, word)) if !ADDRESSED.contains(&word) => "extra.address".to_owned(),
        ("addr" | "bare_addr", (_, "to" | "for" | "recipient" | "user" | "mailbox")) => "to".to_owned(),
        ("ip", (_, "from" | "client")) => "client_ip".to_owned(),
        ("host", (_, "from" | "client")) => "client_host".to_owned(),
        ("int" | "number", _) if matches!(behind, (Some((Sort::Mark, " ")), Some((Sort::Word, _)))) => {
            extra(behind.1.map_or("", |(_, word)| word))
        }
        (_, (Sort::Word, word)) if word.len() > 2 && !STOP.contains(&word) => extra(word),
        ("addr" | "bare_addr", _) => "extra.address".to_owned(),
        ("int" | "number", _) if matches!(behind.0, Some((Sort::Mark, "%"))) => "extra.percent".to_owned(),
        ("int" | "number", _) => "extra.number".to_owned(),
        ("peer", _) => "extra.peer".to_owned(),
        (name, _) => extra(name),
    };
    let mut name = own.clone();
    let mut count = 1;
    while !names.insert(name.clone()) {
        count += 1;
        name = if own.starts_with("extra.") {
            format!("{own}_{count}")
        } else {
            format!("extra.{own}_{count}")
        };
    }
    name
}

/// Words in front of an address that say whose it is.
const ADDRESSED: &[&str] = &["from", "sender", "to", "for", "recipient", "user", "mailbox"];

/// Words that say nothing about what follows them.
const STOP: &[&str] = &[
    "the", "and", "for", "from", "with", "was", "has", "been", "are", "not", "after", "because",
];

/// A field of one's own, of what may be a name.
fn extra(word: &str) -> String {
    let name: String = word
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    format!("extra.{}", name.trim_matches('_'))
}

/// The pattern, its types widened until it compiles and matches every example.
fn fitted(parts: &mut Vec<Part>, texts: &[&str], types: &Types) -> Result<String, String> {
    let mut scratch = Scratch::default();
    for _ in 0..MOST_TRIES {
        let (pattern, places) = written(parts);
        let wrong = match pattern::compile(&pattern, types, &mut resolve) {
            Ok(compiled) => {
                let unmatched = texts
                    .iter()
                    .find(|text| !compiled.program.matches(text.as_bytes(), &mut scratch));
                if unmatched.is_none() {
                    return Ok(pattern);
                }
                // What does not fit is not told; the narrow types are given up from the front.
                places
                    .iter()
                    .map(|(number, _)| *number)
                    .find(|number| is_narrow(&parts[*number]))
            }
            Err(faults) => faults.first().and_then(|fault| {
                let hit = places.iter().find(|(_, place)| place.end > fault.span.start);
                hit.map(|(number, _)| *number)
            }),
        };
        match wrong {
            Some(number) => widen(parts, number),
            None => break,
        }
    }
    Err("no pattern was found that matches all of its lines".to_owned())
}

fn is_narrow(part: &Part) -> bool {
    matches!(part, Part::Hole(hole) if !matches!(hole.type_name, "text" | "rest" | "qid"))
}

/// A wider type for this hole; where it cannot be wider, it becomes one with the next.
fn widen(parts: &mut Vec<Part>, number: usize) {
    if is_narrow(&parts[number]) {
        if let Part::Hole(hole) = &mut parts[number] {
            if hole.type_name == "peer" && !hole.name.starts_with("extra.") {
                hole.name = format!("extra.{}", hole.name);
            }
            hole.type_name = "text";
        }
        return;
    }
    let next = (number + 1..parts.len()).find(|next| matches!(parts[*next], Part::Hole(_)));
    match next {
        Some(next) => drop(parts.drain(number + 1..=next)),
        None => drop(parts.drain(number + 1..)),
    }
    if let Part::Hole(hole) = &mut parts[number] {
        hole.type_name = "text";
    }
}

/// Gives every field that there is, and every `extra.NAME`, a slot.
fn resolve(name: &str) -> Result<pattern::Slot, Option<String>> {
    if let Some(at) = FIELDS.iter().position(|row| row.1 == name) {
        return pattern::Slot::try_from(at).map_err(|_| None);
    }
    if name.starts_with("extra.") {
        Ok(1_000)
    } else {
        Err(None)
    }
}

/// The pattern's text, and where each hole stands in it.
fn written(parts: &[Part]) -> (String, Vec<(usize, Range<usize>)>) {
    let mut pattern = String::new();
    let mut places = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(text) => pattern.push_str(&text.replace('%', "%%")),
            Part::Hole(hole) => {
                let from = pattern.len();
                let last = number + 1 == parts.len();
                let type_name = if hole.type_name == "text" && last {
                    "rest"
                } else {
                    hole.type_name
                };
                pattern.extend(["%{", type_name, ":", &hole.name, "}"]);
                places.push((number, from..pattern.len()));
            }
        }
    }
    (pattern, places)
}

/// `site/` and the first words.
fn id(parts: &[Part]) -> String {
    let mut words: Vec<String> = Vec::new();
    for part in parts {
        if let Part::Literal(text) = part {
            let found = text
                .split(|c: char| !c.is_ascii_alphanumeric())
                .filter(|word| word.len() > 2 && !STOP.contains(word));
            words.extend(found.map(str::to_ascii_lowercase));
        }
    }
    words.truncate(3);
    if words.is_empty() {
        words.push("new".to_owned());
    }
    format!("site/{}", words.join("-"))
}
