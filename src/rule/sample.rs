//! The rules' own samples: does each rule match what it says, and nothing else?

use std::sync::Arc;

use super::set::{Rule, RuleSet};
use crate::event::Event;
use crate::line::{Line, MAX_LINE_BYTES, Moment, Origin};
use crate::pattern::Scratch;

/// What became of one sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Matched by its own rule and by no other; a `not` line by anything but its rule.
    Ok,
    /// Not matched by its own rule.
    Missing,
    /// A `not` line that the rule matches.
    Noisy,
    /// Another rule claims it as well or wins over its own: ids.
    Ambiguous(Vec<String>),
}

/// One sample of one rule.
#[derive(Debug, Clone)]
pub struct Case {
    /// Index into [`RuleSet::rules`].
    pub rule: usize,
    /// The message.
    pub sample: String,
    /// What became of it.
    pub verdict: Verdict,
    /// What the rule makes of it. None for a `not` line or a missing one.
    pub event: Option<Event>,
}

impl RuleSet {
    /// Tries the samples and the `not` lines of every rule, in the order of the files.
    pub fn cases(&self) -> Vec<Case> {
        let mut scratch = Scratch::default();
        let mut cases = Vec::new();
        for (number, rule) in self.rules().iter().enumerate() {
            for sample in rule.samples() {
                let line = sample_line(rule, sample);
                let event = self.event_by(number, &line, &mut scratch);
                let verdict = if event.is_none() {
                    Verdict::Missing
                } else {
                    self.others(number, line.text(), &mut scratch)
                };
                cases.push(Case {
                    rule: number,
                    sample: sample.clone(),
                    verdict,
                    event,
                });
            }
            for sample in rule.not() {
                let line = sample_line(rule, sample);
                let noisy = self.event_by(number, &line, &mut scratch).is_some();
                cases.push(Case {
                    rule: number,
                    sample: sample.clone(),
                    verdict: if noisy { Verdict::Noisy } else { Verdict::Ok },
                    event: None,
                });
            }
        }
        cases
    }

    /// Rules that claim a sample beside its own, or win over it, in any of the rule's programs.
    pub(super) fn others(&self, own: usize, text: &[u8], scratch: &mut Scratch) -> Verdict {
        let rule = &self.rules()[own];
        let bare = rule.programs().iter().any(|program| program.starts_with("postfix/"));
        let tags = rule
            .programs()
            .iter()
            .map(String::as_str)
            .chain(bare.then_some("postfix"));
        let mut others = Vec::new();
        for tag in tags {
            let mut won = false;
            for claim in self.claims(tag, text, scratch) {
                if claim.rule == own {
                    won = true;
                    continue;
                }
                let other = &self.rules()[claim.rule];
                // An operator's rule is meant to win over a built-in one, and a last resort to lose. Where the daemon is
                // not told, one of two rules may be a last resort for its own daemon's sake.
                let lost = tag == "postfix" && rule.fallback() && !other.fallback();
                let meant = lost
                    || other.operator() && !rule.operator()
                    || won && (other.fallback() || claim.rank > rule.rank());
                if !meant && !others.iter().any(|known| known == other.id()) {
                    others.push(other.id().to_owned());
                }
            }
        }
        if others.is_empty() {
            Verdict::Ok
        } else {
            Verdict::Ambiguous(others)
        }
    }
}

/// A sample as a line of the rule's first program.
pub(super) fn sample_line(rule: &Rule, sample: &str) -> Arc<Line> {
    let program = rule.programs().first().map_or("", String::as_str);
    // `postfix/*` stands for every daemon.
    let program = if program == "postfix/*" {
        "postfix/smtpd"
    } else {
        program
    };
    Arc::new(message_line(program, sample.as_bytes()))
}

/// A line that has nothing but a program and a message.
pub fn message_line(program: &str, message: &[u8]) -> Line {
    let message = &message[..message.len().min(MAX_LINE_BYTES)];
    Line {
        at: Moment(0),
        host: Arc::from(""),
        program: Arc::from(program),
        pid: None,
        raw: Arc::from(message),
        text: 0..u32::try_from(message.len()).unwrap_or(u32::MAX),
        ordinal: 0,
        repeated: false,
        joined: 0,
        plain: Line::is_plain(message),
        origin: Origin::default(),
        identity: None,
    }
}
