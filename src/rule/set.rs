//! The rules that run: which of them claims a line.
//!
//! In: a [`Line`]. Out: an [`Event`], or None if no rule of its program matches.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::dispatch::Bucket;
use super::meaning::{self, ByDsn, Constant, Map};
use super::squeezed::Squeezed;
use super::tags::Tags;
use crate::event::{Capture, Event, Field, FieldId, Kind, Severity, Vocabulary};
use crate::line::Line;
use crate::pattern::{Begins, Head, Program, Scratch, Span};

/// A rule that runs.
#[derive(Debug)]
pub struct Rule {
    pub(crate) id: String,
    pub(crate) programs: Vec<String>,
    pub(crate) severities: u8,
    pub(crate) matcher: Matcher,
    pub(crate) kind: Kind,
    pub(crate) constants: Box<[Constant]>,
    pub(crate) maps: Box<[Map]>,
    pub(crate) fallback: bool,
    pub(crate) generic: bool,
    pub(crate) operator: bool,
    pub(crate) samples: Vec<String>,
    pub(crate) not: Vec<String>,
    pub(crate) file: String,
}

/// What decides whether a text matches.
#[derive(Debug)]
pub(crate) enum Matcher {
    /// The line with holes.
    Pattern(Box<Program>),
    /// A regular expression, and the fields of its groups.
    Regex(Box<regex::bytes::Regex>, Box<[(usize, FieldId)]>),
}

impl Rule {
    /// The unique name, `postfix/removed`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The programs whose lines try the rule, as the file names them.
    pub fn programs(&self) -> &[String] {
        &self.programs
    }

    /// What its lines are about.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// It recognises no more than the queue id.
    pub fn generic(&self) -> bool {
        self.generic
    }

    /// It loses to every other rule.
    pub fn fallback(&self) -> bool {
        self.fallback
    }

    /// It is the operator's, not built in.
    pub fn operator(&self) -> bool {
        self.operator
    }

    /// It is a regular expression.
    pub fn is_regex(&self) -> bool {
        matches!(self.matcher, Matcher::Regex(..))
    }

    /// The file that it stands in.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Messages that it must match.
    pub fn samples(&self) -> &[String] {
        &self.samples
    }

    /// Messages that it must not match.
    pub fn not(&self) -> &[String] {
        &self.not
    }

    /// What comes first: 0 the operator's, 1 built-in, 2 and 3 the fallbacks of both.
    pub(crate) fn rank(&self) -> u8 {
        u8::from(!self.operator) + 2 * u8::from(self.fallback)
    }

    /// It looks at lines of this severity.
    pub(super) fn sees(&self, severity: Severity) -> bool {
        self.severities & (1 << severity as u8) != 0
    }

    /// True if the text, its severity taken off, matches; the fields are then in the scratch.
    fn matches(&self, severity: Severity, text: &[u8], scratch: &mut Scratch) -> bool {
        self.severities & (1 << severity as u8) != 0 && self.matcher.matches(text, scratch)
    }
}

impl Matcher {
    pub(super) fn matches(&self, text: &[u8], scratch: &mut Scratch) -> bool {
        match self {
            Self::Pattern(program) => program.matches(text, scratch),
            Self::Regex(regex, slots) => {
                let mut places = regex.capture_locations();
                if regex.captures_read(&mut places, text).is_none() {
                    return false;
                }
                scratch.take(slots.iter().filter_map(|(group, field)| {
                    let (start, end) = places.get(*group)?;
                    Some((*field, start, end))
                }));
                true
            }
        }
    }

    fn heads(&self) -> Vec<Head> {
        match self {
            Self::Pattern(program) => program.heads(),
            Self::Regex(..) => vec![Head {
                after_id: false,
                begins: Begins::Anything,
            }],
        }
    }
}

/// A rule that claims a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Index into [`RuleSet::rules`].
    pub rule: usize,
    /// What comes first: the lowest.
    pub rank: u8,
}

/// The rules that run, by program.
#[derive(Debug)]
pub struct RuleSet {
    /// In the order of the files; the index is [`Event::rule`].
    rules: Vec<Rule>,
    /// Indices into `rules` in the order of rank, then of the files: the numbers in the buckets.
    order: Vec<u16>,
    /// Made when the first line of their program comes: a log has few of the programs that there are rules for.
    buckets: Vec<OnceLock<Bucket>>,
    /// How the lines of each rule begin.
    heads: Vec<OnceLock<Vec<Head>>>,
    /// The numbers in each bucket.
    members: Vec<Vec<u16>>,
    /// `smtpd` of the gates `postfix/smtpd`.
    by_last_part: Tags,
    by_tag: Tags,
    vocabulary: Arc<Vocabulary>,
    by_dsn: ByDsn,
}

impl RuleSet {
    pub(crate) fn new(
        rules: Vec<Rule>,
        families: &[(String, Vec<String>)],
        vocabulary: Arc<Vocabulary>,
        by_dsn: ByDsn,
    ) -> Self {
        let mut order: Vec<u16> = (0..u16::try_from(rules.len()).unwrap_or(u16::MAX)).collect();
        // Among equals the rules of one daemon come before those of every daemon.
        order.sort_by_key(|rule| {
            let rule = &rules[*rule as usize];
            (rule.rank(), rule.programs.iter().all(|program| program.ends_with("/*")))
        });
        let mut set = Self {
            heads: rules.iter().map(|_| OnceLock::new()).collect(),
            rules,
            order,
            buckets: Vec::new(),
            members: Vec::new(),
            by_last_part: Tags::default(),
            by_tag: Tags::default(),
            vocabulary,
            by_dsn,
        };
        // Which rules each bucket gets, by place in `order`; the ones of `postfix/*` go into every Postfix bucket.
        let mut members: Vec<Vec<u16>> = vec![Vec::new(); FIRST_FREE];
        let (mut by_last_part, mut by_tag) = (HashMap::new(), HashMap::new());
        let mut every = Vec::new();
        for (place, index) in (0_u16..).zip(&set.order) {
            let rule = &set.rules[*index as usize];
            for program in &rule.programs {
                if let Some((first, last)) = program.rsplit_once('/') {
                    let postfix = first.starts_with("postfix");
                    if postfix {
                        members[BARE_POSTFIX].push(place);
                    }
                    if last == "*" && postfix {
                        members[OTHER_POSTFIX].push(place);
                        every.push(place);
                    } else {
                        member(&mut members, &mut by_last_part, last).push(place);
                    }
                    continue;
                }
                if program == "postfix" {
                    members[BARE_POSTFIX].push(place);
                    continue;
                }
                if program == "*" {
                    members[STRANGER].push(place);
                    continue;
                }
                // A name may be a tag and a family at once: `sendmail` is one of the tags of `sendmail`.
                let tags = families.iter().filter(|(name, _)| name == program);
                for tag in tags.flat_map(|(_, tags)| tags).chain([program]) {
                    member(&mut members, &mut by_tag, tag).push(place);
                }
            }
        }
        for number in by_last_part.values() {
            members[*number].extend(&every);
        }
        for places in &mut members {
            places.sort_unstable();
            places.dedup();
        }
        set.buckets = members.iter().map(|_| OnceLock::new()).collect();
        set.members = members;
        set.by_last_part = Tags::new(by_last_part.into_iter().collect());
        set.by_tag = Tags::new(by_tag.into_iter().collect());
        set
    }

    /// The bucket of this number.
    fn bucket(&self, number: usize) -> Option<&Bucket> {
        let members = self.members.get(number)?;
        Some(self.buckets.get(number)?.get_or_init(|| {
            let heads = |place: &u16| {
                let index = *self.order.get(*place as usize)? as usize;
                let heads = self.heads.get(index)?.get_or_init(|| self.rules[index].matcher.heads());
                Some((*place, &**heads))
            };
            Bucket::new(&members.iter().filter_map(heads).collect::<Vec<_>>())
        }))
    }

    /// What a line says. None if no rule of its program matches.
    pub fn event(&self, line: &Arc<Line>, scratch: &mut Scratch) -> Option<Event> {
        let text = line.text();
        let (severity, from) = severity(text);
        let message = &text[from..];
        let own = self.number(&line.program);
        match self.winner(own, severity, message, scratch) {
            Some(index) if !self.rules[index as usize].generic => {
                Some(self.build(line, index, severity, from, scratch))
            }
            _ => self.second_try(own, line, severity, from, scratch),
        }
    }

    /// A line that no rule of its daemon knows well: one of another Postfix daemon (a wrapper, a script or a collector
    /// has changed the tag), or one with blanks added. What only a generic rule knows comes last.
    fn second_try(
        &self,
        own: usize,
        line: &Arc<Line>,
        severity: Severity,
        from: usize,
        scratch: &mut Scratch,
    ) -> Option<Event> {
        let message = &line.text()[from..];
        let squeezed = Squeezed::of(message);
        let every = (own != BARE_POSTFIX && line.program.starts_with("postfix")).then_some(BARE_POSTFIX);
        let numbers = || std::iter::once(own).chain(every);
        for generic in [false, true] {
            for squeezed in std::iter::once(None).chain(squeezed.as_ref().map(Some)) {
                let text = squeezed.map_or(message, |squeezed| &squeezed.text);
                for number in numbers() {
                    let Some(index) = self.winner(number, severity, text, scratch) else {
                        continue;
                    };
                    let rule = &self.rules[index as usize];
                    // `removed` is the end of a message, but a deletion if postsuper says it: no one else can.
                    if rule.generic == generic && (number == own || rule.kind != Kind::Delete) {
                        if let Some(squeezed) = squeezed {
                            squeezed.restore(scratch);
                        }
                        return Some(self.build(line, index, severity, from, scratch));
                    }
                }
            }
        }
        None
    }

    /// The first rule of a bucket that matches; its fields are then in the scratch.
    fn winner(&self, bucket: usize, severity: Severity, text: &[u8], scratch: &mut Scratch) -> Option<u16> {
        self.bucket(bucket)?
            .candidates(text)
            .filter_map(|place| self.order.get(place as usize))
            .find(|index| self.rules[**index as usize].matches(severity, text, scratch))
            .copied()
    }

    /// What a line says by the one rule, if that rule matches, whatever its program is.
    pub fn event_by(&self, rule: usize, line: &Arc<Line>, scratch: &mut Scratch) -> Option<Event> {
        let text = line.text();
        let (severity, from) = severity(text);
        let index = u16::try_from(rule).ok()?;
        self.rules
            .get(rule)?
            .matches(severity, &text[from..], scratch)
            .then(|| self.build(line, index, severity, from, scratch))
    }

    /// Every rule of a program that matches a text, the winner first.
    pub fn claims(&self, program: &str, text: &[u8], scratch: &mut Scratch) -> Vec<Claim> {
        let (severity, from) = severity(text);
        let message = &text[from..];
        let Some(bucket) = self.bucket(self.number(program)) else {
            return Vec::new();
        };
        bucket
            .candidates(message)
            .filter_map(|place| self.order.get(place as usize).map(|index| *index as usize))
            .filter(|index| self.rules[*index].matches(severity, message, scratch))
            .map(|rule| Claim {
                rule,
                rank: self.rules[rule].rank(),
            })
            .collect()
    }

    /// True if two rules of the winner's rank claim the line.
    pub fn ambiguous(&self, program: &str, text: &[u8], scratch: &mut Scratch) -> bool {
        let claims = self.claims(program, text, scratch);
        claims
            .first()
            .is_some_and(|first| claims.iter().skip(1).any(|other| other.rank == first.rank))
    }

    /// The names and constants of the rules' events.
    pub fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    /// A digest of what the rule files say.
    pub fn fingerprint(&self) -> &str {
        &self.vocabulary.fingerprint
    }

    /// The rules in the order of the files.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// True if there are rules for this program.
    pub fn knows(&self, program: &str) -> bool {
        self.number(program) != STRANGER
    }

    fn build(&self, line: &Arc<Line>, index: u16, severity: Severity, from: usize, scratch: &mut Scratch) -> Event {
        let rule = &self.rules[index as usize];
        let more = rule.constants.len() + usize::from(severity != Severity::Info);
        let mut captures: Vec<Capture> = Vec::with_capacity(scratch.spans().len() + more);
        captures.extend(scratch.spans().iter().map(|span| meaning::capture(*span, from)));
        meaning::add(&mut captures, line.text(), rule, self.by_dsn, scratch);
        let text = Field::Text as FieldId;
        if severity != Severity::Info && captures.iter().all(|capture| capture.field != text) {
            // Trouble is read as a sentence, whatever a rule has taken out of it.
            let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            let (start, end) = (place(from), place(line.text().len()));
            captures.push(meaning::capture(Span { slot: text, start, end }, 0));
        }
        Event {
            line: Arc::clone(line),
            kind: rule.kind,
            rule: index,
            generic: rule.generic,
            ambiguous: false,
            severity,
            // A copy is cheaper than giving room back, which what a map adds takes.
            captures: captures.as_slice().into(),
            vocabulary: Arc::clone(&self.vocabulary),
        }
    }

    /// The rules of a program, in the order in which they are tried: indices into [`RuleSet::rules`].
    pub fn of_program(&self, program: &str) -> Vec<usize> {
        let places = self.members.get(self.number(program));
        let index = |place: &u16| self.order.get(*place as usize).map(|index| *index as usize);
        places.into_iter().flatten().filter_map(index).collect()
    }

    /// The bucket of a program.
    fn number(&self, program: &str) -> usize {
        // A family may have tags with a slash, `postfwd/master`.
        if let Some(number) = self.by_tag.get(program) {
            return number;
        }
        let postfix = program.starts_with("postfix");
        let Some(slash) = memchr::memrchr(b'/', program.as_bytes()) else {
            return if postfix { BARE_POSTFIX } else { STRANGER };
        };
        let number = program.get(slash + 1..).and_then(|last| self.by_last_part.get(last));
        number.unwrap_or(if postfix { OTHER_POSTFIX } else { STRANGER })
    }
}

/// The bucket of a bare Postfix name without slash: the union of all rules of Postfix.
const BARE_POSTFIX: usize = 0;

/// The bucket of a Postfix daemon without rules of its own: those of `postfix/*`.
const OTHER_POSTFIX: usize = 1;

/// The bucket of a program that no rule names: the rules of `*`.
const STRANGER: usize = 2;

const FIRST_FREE: usize = 3;

fn member<'m>(members: &'m mut Vec<Vec<u16>>, names: &mut HashMap<String, usize>, name: &str) -> &'m mut Vec<u16> {
    let number = *names.entry(name.to_owned()).or_insert_with(|| {
        members.push(Vec::new());
        members.len() - 1
    });
    &mut members[number]
}

/// The severity that a text begins with, and where the message begins behind it.
pub(crate) fn severity(text: &[u8]) -> (Severity, usize) {
    let (prefix, severity): (&[u8], _) = match text.first() {
        Some(b'w') => (b"warning: ", Severity::Warning),
        Some(b'e') => (b"error: ", Severity::Error),
        Some(b'f') => (b"fatal: ", Severity::Fatal),
        Some(b'p') => (b"panic: ", Severity::Panic),
        _ => return (Severity::Info, 0),
    };
    if text.starts_with(prefix) {
        (severity, prefix.len())
    } else {
        (Severity::Info, 0)
    }
}
