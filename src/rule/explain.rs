//! Why a line is read as it is: which rules its program has, how far each got, who won.

use super::set::{Matcher, Rule, RuleSet, severity};
use crate::event::Severity;
use crate::pattern::Scratch;

/// What a rule made of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Index into [`RuleSet::rules`].
    pub rule: usize,
    /// It matches.
    pub matches: bool,
    /// The first byte of the text that did not fit. None if the rule matches, or is a regular expression, which does not
    /// tell.
    pub stopped: Option<usize>,
    /// The rule does not look at lines of this severity.
    pub other_severity: bool,
}

impl RuleSet {
    /// Every rule of the program, in the order in which they are tried, and how far each gets with the text.
    pub fn tried(&self, program: &str, text: &[u8], scratch: &mut Scratch) -> Vec<Tried> {
        let (severity, from) = severity(text);
        let message = &text[from..];
        let mut tried = Vec::new();
        for index in self.of_program(program) {
            let rule = &self.rules()[index];
            let other_severity = !rule.sees(severity);
            let fits = rule.matcher.matches(message, scratch);
            tried.push(Tried {
                rule: index,
                matches: fits && !other_severity,
                stopped: match &rule.matcher {
                    Matcher::Pattern(program) if !fits => {
                        Some(from + stopped(&program.texts(), message, scratch.farthest()))
                    }
                    _ => None,
                },
                other_severity,
            });
        }
        tried
    }

    /// What comes first when several rules claim a line: the lowest.
    pub fn rank_of(&self, rule: usize) -> u8 {
        self.rules().get(rule).map_or(u8::MAX, Rule::rank)
    }

    /// The texts that stand for themselves in the patterns and maps of all rules.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let of_maps = self.rules().iter().flat_map(|rule| &rule.maps);
        let tested = of_maps.flat_map(|map| &map.cases).flat_map(|case| case.test.texts());
        let constants = self.vocabulary().constants.iter().map(String::as_bytes);
        let of_patterns = self.rules().iter().flat_map(|rule| match &rule.matcher {
            Matcher::Pattern(program) => program.texts(),
            Matcher::Regex(..) => Vec::new(),
        });
        of_patterns.chain(tested).chain(constants)
    }

    /// The severity that a text begins with, and where the message begins that the rules see.
    pub fn severity(text: &[u8]) -> (Severity, usize) {
        severity(text)
    }
}

/// Where a text stops to fit: the matcher tells where it began to look for a text that is not there, and the beginning of
/// one that stands for itself may be.
pub(super) fn stopped(texts: &[&[u8]], message: &[u8], farthest: usize) -> usize {
    let rest = message.get(farthest..).unwrap_or_default();
    let alike = |text: &&[u8]| text.iter().zip(rest).take_while(|(one, other)| one == other).count();
    (farthest + texts.iter().map(alike).max().unwrap_or_default()).min(message.len())
}
