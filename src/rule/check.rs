//! What is wrong with rules that load: they do not match what they say, another one always wins, they know no more than
//! the queue id.
//!
//! In: rule files. Out: every [`Problem`] of the operator's ones, those of loading with them.

use std::sync::Arc;

use serde_yaml::Spanned;

use super::explain::stopped;
use super::file::RuleText;
use super::load::{Loaded, RuleSource, loaded};
use super::sample::{message_line, sample_line};
use super::set::{Matcher, Rule, RuleSet, severity};
use crate::event::{FIELDS, Field, FieldId, Kind};
use crate::line::Header;
use crate::pattern::{Fault, Scratch};
use crate::problem::Problem;

/// A pattern that has so many letters in one piece recognises something beside the queue id.
const LETTERS: usize = 3;

impl RuleSet {
    /// As [`RuleSet::of`], and tries the samples of the operator's rules.
    pub fn checked(sources: &[RuleSource]) -> Result<Self, Vec<Problem>> {
        let Loaded {
            set,
            mut problems,
            texts,
        } = loaded(sources);
        let mut checker = Checker {
            set: &set,
            scratch: Scratch::default(),
            problems: &mut problems,
        };
        for (source, text) in &texts {
            let source = &sources[*source];
            let index = set
                .rules()
                .iter()
                .position(|rule| rule.id == text.id.value && rule.file == source.file);
            if let Some(index) = index.filter(|_| source.operator) {
                checker.rule(source, text, index);
            }
        }
        if problems.is_empty() {
            Ok(set)
        } else {
            problems.sort_by_key(|problem| {
                let place = problem
                    .place
                    .as_ref()
                    .map_or((0, 0), |place| (place.line, place.column));
                (problem.file.clone(), place)
            });
            Err(problems)
        }
    }
}

struct Checker<'c> {
    set: &'c RuleSet,
    scratch: Scratch,
    problems: &'c mut Vec<Problem>,
}

/// Who gets a sample.
enum Claim {
    /// Its own rule, alone.
    Own,
    /// Its own rule, and these.
    Shared(Vec<String>),
    /// This one, which is tried first.
    Lost(String),
    /// The pattern stops at this byte.
    Unmatched(usize),
    /// The rule does not look at lines of the sample's severity.
    OtherSeverity(&'static str),
    /// It is a whole line.
    HasHeader,
}

impl Checker<'_> {
    fn rule(&mut self, source: &RuleSource, text: &RuleText, index: usize) {
        let whose = format!("rule `{}`", text.id.value);
        let rule = &self.set.rules()[index];
        if let Some(pattern) = text.pattern.as_ref().filter(|pattern| pattern.value.is_empty()) {
            let fault = Fault::new(0..1, "the pattern is empty: it matches nothing but an empty message")
                .help("paste the message and replace what varies by `%{type:name}`");
            self.tell(source, &whose, pattern, &fault);
            return;
        }
        self.generic(source, &whose, text, rule);
        if text.samples.is_empty() {
            let fault = Fault::new(0..text.id.value.len(), "the rule has no sample")
                .help("paste a message that it must match, without its header: `samples: ['...']`");
            self.tell(source, &whose, &text.id, &fault);
        }
        let claims: Vec<Claim> = text
            .samples
            .iter()
            .map(|sample| self.claim(index, &sample.value))
            .collect();
        let winner = claims.iter().find_map(|claim| match claim {
            Claim::Lost(winner) => Some(winner.clone()),
            _ => None,
        });
        let lost = claims.iter().filter(|claim| matches!(claim, Claim::Lost(_))).count();
        if let Some(winner) = winner.filter(|_| lost == claims.len()) {
            let fault = Fault::new(
                0..text.id.value.len(),
                format!("the rule is dead: `{winner}` is tried first and takes all of its samples"),
            )
            .help("give it a narrower pattern and put it before the other one, or take one of the two away");
            self.tell(source, &whose, &text.id, &fault);
            return;
        }
        for (sample, claim) in text.samples.iter().zip(claims) {
            self.sample(source, &whose, sample, claim);
        }
        for sample in &text.not {
            let line = sample_line(rule, &sample.value);
            if self.set.event_by(index, &line, &mut self.scratch).is_some() {
                let fault = Fault::new(
                    0..sample.value.len(),
                    "this line stands under `not:`, and the pattern matches it",
                )
                .help("make the pattern narrower, or move the line to `samples:`");
                self.tell(source, &whose, sample, &fault);
            }
        }
    }

    fn sample(&mut self, source: &RuleSource, whose: &str, sample: &Spanned<String>, claim: Claim) {
        let fault = match claim {
            Claim::Own => return,
            Claim::Shared(others) => Fault::new(
                0..sample.value.len(),
                format!("this sample is ambiguous: {} would take it, too", names(&others)),
            )
            .help("make one of the patterns narrower, or say `fallback: true` in the rule that is to lose"),
            Claim::Lost(winner) => Fault::new(
                0..sample.value.len(),
                format!("this sample goes to `{winner}`, which is tried first"),
            )
            .help("make the pattern of that rule narrower, or put this rule before it"),
            Claim::OtherSeverity(severity) => {
                let title = format!(
                    "this sample is not matched: it is of severity {severity}, which the rule does not look at"
                );
                Fault::new(0..sample.value.len(), title).help(
                    "a sample of severity warning begins with `warning: `; without `severity:` a rule looks at all lines",
                )
            }
            Claim::HasHeader => Fault::new(0..sample.value.len(), "this sample is a whole line")
                .help("take the header away: a sample begins behind `program[pid]: `"),
            Claim::Unmatched(at) => {
                let title = if at >= sample.value.len() {
                    "this sample is not matched: it ends before the pattern does"
                } else {
                    "this sample is not matched: the pattern stops here"
                };
                let length = sample.value[at..].chars().next().map_or(1, char::len_utf8);
                Fault::new(at..at + length, title).help(
                    "a sample is a message without its header, matched from its first byte to its last; \
                     `mailtrail rules explain` shows how far each rule gets",
                )
            }
        };
        self.tell(source, whose, sample, &fault);
    }

    fn claim(&mut self, index: usize, sample: &str) -> Claim {
        let rule = &self.set.rules()[index];
        let line = sample_line(rule, sample);
        if self.set.event_by(index, &line, &mut self.scratch).is_none() {
            let (severity, from) = severity(sample.as_bytes());
            if !rule.sees(severity) {
                return Claim::OtherSeverity(severity.name());
            }
            if Header::read(sample.as_bytes()).is_some_and(|header| !header.program.is_empty()) {
                return Claim::HasHeader;
            }
            let texts = match &rule.matcher {
                Matcher::Pattern(program) => program.texts(),
                Matcher::Regex(..) => Vec::new(),
            };
            let message = &sample.as_bytes()[from..];
            let mut at = from + stopped(&texts, message, self.scratch.farthest());
            while !sample.is_char_boundary(at) {
                at -= 1;
            }
            return Claim::Unmatched(at);
        }
        for program in tags(rule) {
            let line = Arc::new(message_line(program, sample.as_bytes()));
            let claims = self.set.claims(program, line.text(), &mut self.scratch);
            if let Some(first) = claims.first().filter(|first| first.rule != index) {
                return Claim::Lost(self.set.rules()[first.rule].id.clone());
            }
        }
        match self.set.others(index, line.text(), &mut self.scratch) {
            super::sample::Verdict::Ambiguous(others) => Claim::Shared(others),
            _ => Claim::Own,
        }
    }

    /// A rule that knows no more than the queue id says so, and one that knows more does not.
    fn generic(&mut self, source: &RuleSource, whose: &str, text: &RuleText, rule: &Rule) {
        let Matcher::Pattern(program) = &rule.matcher else {
            return;
        };
        let Some(pattern) = &text.pattern else { return };
        let told = program.told();
        let more = told.closed.iter().find(|slot| **slot != Field::QueueId as FieldId);
        let knows_nothing = more.is_none() && !told.open.is_empty() && told.letters < LETTERS && rule.maps.is_empty();
        if knows_nothing && !rule.generic && rule.kind != Kind::Noise {
            let fault = Fault::new(
                0..pattern.value.len(),
                "the pattern knows no more of a line than its queue id and some text",
            )
            .help("say `generic: true`: such lines are shown apart and not counted as matched; or put words of the line into the pattern");
            self.tell(source, whose, pattern, &fault);
        }
        if let Some(slot) = more.filter(|_| rule.generic) {
            let own = (*slot as usize).checked_sub(FIELDS.len());
            let own = own.and_then(|own| self.set.vocabulary().extra.get(own));
            let name = match (FIELDS.get(*slot as usize), own) {
                (Some(row), _) => format!("`{}`", row.1),
                (None, Some(own)) => format!("`extra.{own}`"),
                (None, None) => "a field".to_owned(),
            };
            let fault = Fault::new(
                0..text.id.value.len(),
                format!("the rule says `generic: true` and keeps {name}"),
            )
            .help("take `generic: true` away: its lines are understood");
            self.tell(source, whose, &text.id, &fault);
        }
    }

    fn tell(&mut self, source: &RuleSource, whose: &str, scalar: &Spanned<String>, fault: &Fault) {
        let problem = source.problem(whose, (&scalar.value, scalar.defined), fault);
        self.problems.push(problem);
    }
}

/// One tag for each gate of a rule.
fn tags(rule: &Rule) -> impl Iterator<Item = &str> {
    rule.programs.iter().map(|program| match program.as_str() {
        "postfix/*" => "postfix/smtpd",
        other => other,
    })
}

fn names(ids: &[String]) -> String {
    let quoted: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    quoted.join(", ")
}
