//! Makes a [`Rule`] of what a file says, or tells what is wrong with it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_yaml::Spanned;

use super::file::{Entries, RuleText, Words};
use super::load::RuleSource;
use super::meaning::{ByDsn, Case, Constant, Map, Test};
use super::set::{Matcher, Rule, RuleSet};
use crate::event::{FIELDS, Field, FieldId, KINDS, Kind, Severity, UNKNOWN_KEY, Vocabulary};
use crate::pattern::{self, Compiled, Fault, Kept, Types, UNKNOWN};
use crate::problem::{Problem, did_you_mean, nearest};

/// Unknown keys have the same mark in patterns and in events.
const _: () = assert!(UNKNOWN == UNKNOWN_KEY);

/// The most rules of one set: an event names its rule in 16 bits.
const MAX_RULES: usize = u16::MAX as usize;

/// Collects rules into a set.
pub(crate) struct Builder {
    types: Types,
    families: Vec<(String, Vec<String>)>,
    words: Dictionary,
    rules: Vec<Rule>,
    by_id: HashMap<String, usize>,
}

/// The names and constants that the rules use.
#[derive(Default)]
struct Dictionary {
    extra: Vec<String>,
    constants: Vec<String>,
    known: BTreeMap<String, u32>,
}

impl Dictionary {
    /// A field's number; a new one for a new `extra.NAME`.
    fn field(&mut self, name: &str) -> Result<FieldId, Option<String>> {
        if let Some((field, ..)) = FIELDS.iter().find(|row| row.1 == name) {
            return Ok(*field as FieldId);
        }
        let Some(own) = name.strip_prefix("extra.") else {
            return Err(nearest(name, FIELDS.iter().map(|row| row.1)).map(str::to_owned));
        };
        let index = self.extra.iter().position(|known| known == own).unwrap_or_else(|| {
            self.extra.push(own.to_owned());
            self.extra.len() - 1
        });
        FieldId::try_from(FIELDS.len() + index).map_err(|_| None)
    }

    fn constant(&mut self, value: &str) -> u32 {
        if let Some(index) = self.known.get(value) {
            return *index;
        }
        let index = u32::try_from(self.constants.len()).unwrap_or(u32::MAX);
        self.constants.push(value.to_owned());
        self.known.insert(value.to_owned(), index);
        index
    }
}

/// A rule that is being read, and the problems found so far.
struct Reading<'r> {
    source: &'r RuleSource,
    whose: String,
    problems: &'r mut Vec<Problem>,
}

impl Reading<'_> {
    fn fault(&mut self, scalar: &Spanned<String>, fault: &Fault) {
        self.problems
            .push(self.source.problem(&self.whose, (&scalar.value, scalar.defined), fault));
    }

    /// A problem of a whole scalar.
    fn whole(&mut self, scalar: &Spanned<String>, title: impl Into<String>, help: Option<String>) {
        let mut fault = Fault::new(0..scalar.value.len().max(1), title);
        fault.help = help;
        self.fault(scalar, &fault);
    }

    /// A problem of one of several words.
    fn word(&mut self, words: &Spanned<Words>, word: &str, title: String, help: Option<String>) {
        let mut fault = Fault::new(0..word.len().max(1), title);
        fault.help = help;
        let problem = self.source.problem(&self.whose, (word, words.defined), &fault);
        self.problems.push(problem);
    }
}

impl Builder {
    pub(crate) fn new(types: Types, families: Vec<(String, Vec<String>)>) -> Self {
        Self {
            types,
            families,
            words: Dictionary::default(),
            rules: Vec::new(),
            by_id: HashMap::new(),
        }
    }

    /// Adds a rule of a file.
    pub(crate) fn add(&mut self, source: &RuleSource, text: &RuleText, problems: &mut Vec<Problem>) {
        let mut reading = Reading {
            source,
            whose: format!("rule `{}`", text.id.value),
            problems,
        };
        let before = reading.problems.len();
        let kind = kind(&text.emits, &mut reading);
        let severities = severities(text.severity.as_ref(), &mut reading);
        if text.program.value.0.iter().all(String::is_empty) {
            reading.whole(
                &text.id,
                "the rule names no program",
                Some("write `program: postfix/smtpd`".to_owned()),
            );
        }
        let matched = self.matcher(text, &mut reading);
        let constants = self.constants(text.set.as_ref(), &mut reading);
        let maps = self.maps(text.map.as_ref(), &mut reading);
        let index = self.by_id.get(&text.id.value).copied();
        if let Some(other) = index.map(|index| &self.rules[index])
            && (other.operator || !source.operator)
        {
            let help = format!("it stands in {}", other.file);
            reading.whole(&text.id, "there is another rule of this id", Some(help));
        }
        let (Some(kind), Some((decides, kept))) = (kind, matched) else {
            return;
        };
        missing(text, kind, &kept, &constants, &maps, &mut reading);
        if reading.problems.len() > before {
            return;
        }
        if self.rules.len() >= MAX_RULES {
            reading.whole(&text.id, "there are too many rules", None);
            return;
        }
        let generic = text.generic;
        let rule = Rule {
            id: text.id.value.clone(),
            programs: text.program.value.0.clone(),
            severities,
            matcher: decides,
            kind,
            constants: constants.into(),
            maps: maps.into(),
            fallback: text.fallback,
            generic,
            operator: source.operator,
            samples: text.samples.iter().map(|sample| sample.value.clone()).collect(),
            not: text.not.iter().map(|sample| sample.value.clone()).collect(),
            file: source.file.clone(),
        };
        if let Some(index) = index {
            self.rules[index] = rule;
        } else {
            self.by_id.insert(rule.id.clone(), self.rules.len());
            self.rules.push(rule);
        }
    }

    /// The set of all rules.
    pub(crate) fn finish(mut self, fingerprint: String) -> RuleSet {
        let by_dsn = ByDsn {
            sent: self.words.constant("sent"),
            deferred: self.words.constant("deferred"),
            bounced: self.words.constant("bounced"),
        };
        let vocabulary = Vocabulary {
            extra: self.words.extra,
            constants: self.words.constants,
            rules: self.rules.iter().map(|rule| rule.id.clone()).collect(),
            fingerprint,
        };
        RuleSet::new(self.rules, &self.families, Arc::new(vocabulary), by_dsn)
    }

    fn matcher(&mut self, text: &RuleText, reading: &mut Reading<'_>) -> Option<(Matcher, Kept)> {
        match (&text.pattern, &text.regex) {
            (Some(pattern), None) => {
                let words = &mut self.words;
                match pattern::compile(&pattern.value, &self.types, &mut |name| words.field(name)) {
                    Ok(Compiled { program, kept }) => Some((Matcher::Pattern(Box::new(program)), kept)),
                    Err(faults) => {
                        for fault in faults {
                            reading.fault(pattern, &fault);
                        }
                        None
                    }
                }
            }
            (None, Some(regex)) => self.regex(regex, reading),
            (None, None) => {
                let help = "write `pattern: '...'`: the message with `%{type:name}` for what varies";
                reading.whole(&text.id, "the rule has no `pattern:`", Some(help.to_owned()));
                None
            }
            (Some(_), Some(regex)) => {
                let help = "take one of them away".to_owned();
                reading.whole(regex, "the rule has both `pattern:` and `regex:`", Some(help));
                None
            }
        }
    }

    /// The escape hatch: a regular expression over bytes, its groups named like fields.
    fn regex(&mut self, text: &Spanned<String>, reading: &mut Reading<'_>) -> Option<(Matcher, Kept)> {
        let built = regex::bytes::RegexBuilder::new(&format!(r"\A(?:{})\z", text.value))
            .unicode(false)
            .size_limit(1 << 20)
            .build();
        let regex = match built {
            Ok(regex) => regex,
            Err(error) => {
                let shown = error.to_string();
                let reason = shown.lines().last().unwrap_or("it cannot be read").trim();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                let help = r"fields are named groups, `(?<queue_id>\w+)`; look-around and back-references are not known, since they take time without bounds";
                reading.whole(
                    text,
                    format!("the regular expression is wrong: {reason}"),
                    Some(help.to_owned()),
                );
                return None;
            }
        };
        let mut kept = Kept::default();
        let mut slots = Vec::new();
        for (number, name) in regex.capture_names().enumerate() {
            let Some(name) = name else { continue };
            match self.words.field(name) {
                Ok(field) => {
                    kept.add(name);
                    slots.push((number, field));
                }
                Err(near) => {
                    let at = text.value.find(name).unwrap_or(0);
                    let mut fault = Fault::new(at..at + name.len(), format!("unknown field `{name}`"));
                    fault.help = near.map(|near| format!("did you mean `{near}`?"));
                    reading.fault(text, &fault);
                }
            }
        }
        Some((Matcher::Regex(Box::new(regex), slots.into()), kept))
    }

    fn field(&mut self, name: &Spanned<String>, reading: &mut Reading<'_>) -> Option<FieldId> {
        match self.words.field(&name.value) {
            Ok(field) => Some(field),
            Err(near) => {
                let own = format!("a field of your own is written `extra.{}`", name.value);
                let help = near.map_or(own.clone(), |near| format!("did you mean `{near}`? Otherwise {own}"));
                reading.whole(name, format!("unknown field `{}`", name.value), Some(help));
                None
            }
        }
    }

    fn constants(&mut self, set: Option<&Entries<Spanned<Words>>>, reading: &mut Reading<'_>) -> Vec<Constant> {
        let mut constants = Vec::new();
        for (name, value) in set.into_iter().flat_map(|set| &set.0) {
            if let Some(field) = self.field(name, reading) {
                for word in &value.value.0 {
                    let index = self.words.constant(word);
                    constants.push(Constant { field, index });
                }
            }
        }
        constants
    }

    fn maps(&mut self, map: Option<&Entries<Vec<Entries<Spanned<Words>>>>>, reading: &mut Reading<'_>) -> Vec<Map> {
        let mut maps = Vec::new();
        for (name, cases) in map.into_iter().flat_map(|map| &map.0) {
            let Some(field) = self.field(name, reading) else {
                continue;
            };
            let cases: Vec<Case> = cases.iter().filter_map(|case| self.case(name, case, reading)).collect();
            maps.push(Map {
                field,
                cases: cases.into(),
            });
        }
        maps
    }

    fn case(
        &mut self,
        map: &Spanned<String>,
        case: &Entries<Spanned<Words>>,
        reading: &mut Reading<'_>,
    ) -> Option<Case> {
        let mut test = None;
        let mut gives = Vec::new();
        let mut keeps = Kept::default();
        let mut by_dsn = false;
        for (key, value) in &case.0 {
            let words = || value.value.0.iter().map(|word| word.as_bytes().into()).collect();
            let found = match key.value.as_str() {
                "is" => Test::Is(words()),
                "starts" => Test::Starts(words()),
                "contains" => Test::Contains(words()),
                "else" => Test::Else,
                "like" => match self.like(value, reading) {
                    Some(Compiled { program, kept }) => {
                        keeps = kept;
                        Test::Like(Box::new(program))
                    }
                    None => Test::Else,
                },
                "by" => {
                    by_dsn = true;
                    if value.value.0 != ["dsn"] {
                        let title = "`by` knows only `dsn`".to_owned();
                        reading.word(
                            value,
                            value.value.0.first().map_or("", String::as_str),
                            title,
                            Some("write `by: dsn`".to_owned()),
                        );
                    }
                    continue;
                }
                _ => {
                    if let Some(field) = self.field(key, reading) {
                        for word in &value.value.0 {
                            let index = self.words.constant(word);
                            gives.push(Constant { field, index });
                        }
                    }
                    continue;
                }
            };
            if test.replace(found).is_some() {
                reading.whole(key, "a case has one test", Some("write two cases".to_owned()));
            }
        }
        if test.is_none() {
            let at = case.0.first().map_or(map, |(key, _)| key);
            reading.whole(
                at,
                "a case without a test",
                Some("begin with `is:`, `starts:`, `contains:`, `like:` or `else: true`".to_owned()),
            );
        }
        Some(Case {
            test: test?,
            gives: gives.into(),
            keeps,
            by_dsn,
        })
    }

    /// The pattern of a case.
    fn like(&mut self, value: &Spanned<Words>, reading: &mut Reading<'_>) -> Option<Compiled> {
        let [text] = value.value.0.as_slice() else {
            reading.word(
                value,
                "",
                "`like` takes one pattern".to_owned(),
                Some("write a case for each pattern".to_owned()),
            );
            return None;
        };
        let words = &mut self.words;
        match pattern::compile(text, &self.types, &mut |name| words.field(name)) {
            Ok(compiled) => Some(compiled),
            Err(faults) => {
                for fault in faults {
                    let problem = reading.source.problem(&reading.whose, (text, value.defined), &fault);
                    reading.problems.push(problem);
                }
                None
            }
        }
    }
}

/// Reports the fields that the kind needs and the rule does not always give.
fn missing(text: &RuleText, kind: Kind, kept: &Kept, constants: &[Constant], maps: &[Map], reading: &mut Reading<'_>) {
    let needs = KINDS
        .iter()
        .find(|row| row.0 == kind)
        .map_or(&[] as &[Field], |row| row.2);
    for need in needs {
        let name = FIELDS.iter().find(|row| row.0 == *need).map_or("", |row| row.1);
        let id = *need as FieldId;
        let mapped = maps.iter().flat_map(|map| map.cases.iter()).any(|case| {
            case.gives.iter().any(|constant| constant.field == id)
                || case.keeps.always(name)
                || case.by_dsn && *need == Field::Status
        });
        if kept.always(name) || mapped || constants.iter().any(|constant| constant.field == id) {
            continue;
        }
        let help = if kept.perhaps_keeps(name) {
            "it is kept on some ways through the pattern only; take it out of the optional part, or name it in `required:` of its list"
                .to_owned()
        } else {
            format!(
                "keep it in the pattern, or give it by `set:` or `map:`: {}",
                meaning(*need)
            )
        };
        let title = format!("`{}` needs the field `{name}`", kind.name());
        reading.whole(&text.emits, title, Some(help));
    }
}
fn meaning(field: Field) -> &'static str {
    FIELDS.iter().find(|row| row.0 == field).map_or("", |row| row.2)
}

fn kind(emits: &Spanned<String>, reading: &mut Reading<'_>) -> Option<Kind> {
    let kind = KINDS.iter().find(|row| row.1 == emits.value).map(|row| row.0);
    if kind.is_none() {
        let names: Vec<&str> = KINDS.iter().map(|row| row.1).collect();
        let help = did_you_mean(&emits.value, names.iter().copied())
            .or_else(|| Some(format!("kinds are {}", names.join(", "))));
        reading.whole(emits, format!("unknown kind of event `{}`", emits.value), help);
    }
    kind
}

const SEVERITIES: [Severity; 5] = [
    Severity::Info,
    Severity::Warning,
    Severity::Error,
    Severity::Fatal,
    Severity::Panic,
];

/// The severities that the rule asks for, a bit each; all if it does not ask.
fn severities(asked: Option<&Spanned<Words>>, reading: &mut Reading<'_>) -> u8 {
    let Some(asked) = asked else { return u8::MAX };
    let mut bits = 0;
    for word in &asked.value.0 {
        if let Some(severity) = SEVERITIES.iter().find(|severity| severity.name() == word) {
            bits |= 1 << *severity as u8;
        } else {
            let help = did_you_mean(word, SEVERITIES.iter().map(|severity| severity.name()))
                .or_else(|| Some("severities are info, warning, error, fatal and panic".to_owned()));
            reading.word(asked, word, format!("unknown severity `{word}`"), help);
        }
    }
    bits
}
