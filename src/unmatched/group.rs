//! Puts templates together that differ only in words that turn out to be names.
//!
//! Drain does this while it reads, so its answer hangs on the order of the lines. Here it is a function of the set of
//! templates: those of one skeleton (the same punctuation in the same places, the same severity) are compared, and a
//! word that takes many values while all others stay the same is a hole. Values and keys of lists stay what they are.
//!
//! In: [`Template`]s of any days and programs. Out: [`Group`]s, the largest first.

use std::collections::{BTreeMap, BTreeSet};

use super::pieces::{Sort, pieces};
use super::tally::split;
use crate::line::Moment;
use crate::transaction::Template;

/// So many different words in one place, all else being equal, are names.
const NAMES: usize = 4;
/// The same for the first word, which says what the message is about.
const FIRST_NAMES: usize = 12;
/// So many examples are kept of a group.
const MOST_EXAMPLES: usize = 50;

/// Unmatched lines of one shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The message with `<*>` for what varies.
    pub template: String,
    /// The programs that said it, by name, with how often.
    pub programs: BTreeMap<String, u64>,
    /// The hosts that said it.
    pub hosts: BTreeSet<String>,
    /// How many lines.
    pub count: u64,
    /// The earliest line.
    pub first: Moment,
    /// The latest line.
    pub last: Moment,
    /// When a run first met it. None if no state tells.
    pub noticed: Option<Moment>,
    /// The message of the earliest line, then one of each variant.
    pub examples: Vec<String>,
    /// The fingerprints of the rule sets that did not know it.
    pub rules: BTreeSet<String>,
    /// What all its messages have in common: marks, keys, severity.
    skeleton: String,
    /// The text of each piece; None is a hole.
    parts: Vec<Option<String>>,
}

/// A template that is being compared.
struct Shape {
    skeleton: String,
    /// The text of each piece; None is a hole.
    parts: Vec<Option<String>>,
    sorts: Vec<Sort>,
    members: Vec<usize>,
}

/// The groups of templates, the largest first, equal ones by template.
pub fn groups(templates: &[Template]) -> Vec<Group> {
    let mut by_skeleton: BTreeMap<String, BTreeMap<Vec<Option<String>>, Shape>> = BTreeMap::new();
    for (number, template) in templates.iter().enumerate() {
        let (prefix, text) = split(&template.example);
        // What stands for several sorts of lines is a group of its own.
        let shape = if template.template == super::template(&template.example) {
            shape(prefix, text)
        } else {
            Shape {
                skeleton: template.template.clone(),
                parts: vec![Some(template.template.clone())],
                sorts: vec![Sort::Key],
                members: Vec::new(),
            }
        };
        by_skeleton
            .entry(shape.skeleton.clone())
            .or_default()
            .entry(shape.parts.clone())
            .or_insert(shape)
            .members
            .push(number);
    }
    let mut groups: Vec<Group> = by_skeleton
        .into_values()
        .flat_map(|shapes| joined(shapes.into_values().collect()))
        .map(|shape| group(&shape, templates))
        .collect();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.template.cmp(&b.template)));
    groups
}

/// The template of a message and its skeleton: words and values are one and the same there.
fn shape(prefix: &str, text: &str) -> Shape {
    let mut skeleton = prefix.to_owned();
    let mut parts = Vec::new();
    let mut sorts = Vec::new();
    if !prefix.is_empty() {
        parts.push(Some(prefix.to_owned()));
        sorts.push(Sort::Key);
    }
    for piece in pieces(text) {
        let said = &text[piece.span.clone()];
        skeleton.push_str(match piece.sort {
            Sort::Mark | Sort::Key => said,
            Sort::Word | Sort::Value(_) => "\0",
        });
        parts.push((!piece.sort.varies()).then(|| said.to_owned()));
        sorts.push(piece.sort);
    }
    Shape {
        skeleton,
        parts,
        sorts,
        members: Vec::new(),
    }
}

/// Makes holes until no place is left that takes many words.
fn joined(mut shapes: Vec<Shape>) -> Vec<Shape> {
    let places = shapes.first().map_or(0, |shape| shape.parts.len());
    loop {
        let before = shapes.len();
        // From the back: what comes last in a message varies most.
        for place in (0..places).rev() {
            shapes = join_at(shapes, place);
        }
        if shapes.len() == before {
            return shapes;
        }
    }
}

/// Joins shapes that differ in this place only, if enough words stand there, or something that varies in any case.
fn join_at(shapes: Vec<Shape>, place: usize) -> Vec<Shape> {
    let mut alike: BTreeMap<Vec<Option<String>>, Vec<Shape>> = BTreeMap::new();
    for shape in shapes {
        let mut others = shape.parts.clone();
        if matches!(shape.sorts.get(place), Some(Sort::Word | Sort::Value(_))) {
            others[place] = None;
        }
        alike.entry(others).or_default().push(shape);
    }
    let mut joined = Vec::new();
    for (parts, mut same) in alike {
        let first_word = same.first().is_some_and(|shape| {
            let before = shape.sorts.get(..place).unwrap_or_default();
            before.iter().all(|sort| !matches!(sort, Sort::Word | Sort::Key))
        });
        let enough = if first_word { FIRST_NAMES } else { NAMES };
        let has_hole = same.iter().any(|shape| shape.parts[place].is_none());
        if same.len() > 1 && (same.len() >= enough || has_hole && !first_word) {
            let members = same
                .iter_mut()
                .flat_map(|shape| std::mem::take(&mut shape.members))
                .collect();
            let mut one = same.swap_remove(0);
            one.parts = parts;
            one.members = members;
            joined.push(one);
        } else {
            joined.append(&mut same);
        }
    }
    joined
}

fn group(shape: &Shape, templates: &[Template]) -> Group {
    let mut members: Vec<&Template> = shape.members.iter().map(|number| &templates[*number]).collect();
    members.sort_by(|a, b| (a.first, &a.example, &a.program).cmp(&(b.first, &b.example, &b.program)));
    let mut group = Group {
        template: shape
            .parts
            .iter()
            .map(|part| part.as_deref().unwrap_or("<*>"))
            .collect(),
        programs: BTreeMap::new(),
        hosts: BTreeSet::new(),
        count: 0,
        first: members.first().map(|member| member.first).unwrap_or_default(),
        last: members.first().map(|member| member.last).unwrap_or_default(),
        noticed: None,
        examples: Vec::new(),
        rules: BTreeSet::new(),
        skeleton: shape.skeleton.clone(),
        parts: shape.parts.clone(),
    };
    for member in members {
        *group.programs.entry(member.program.clone()).or_default() += member.count;
        group.hosts.extend(member.hosts.iter().cloned());
        group.count += member.count;
        group.last = group.last.max(member.last);
        group.noticed = match (group.noticed, member.noticed) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        group.rules.insert(member.rules.clone());
        if group.examples.len() < MOST_EXAMPLES && !group.examples.contains(&member.example) {
            group.examples.push(member.example.clone());
        }
    }
    group
}

impl Group {
    /// Is a message of this group? It may have words where the group has holes.
    pub fn holds(&self, text: &str) -> bool {
        let (prefix, rest) = split(text);
        let theirs = shape(prefix, rest);
        theirs.skeleton == self.skeleton
            && theirs.parts.len() == self.parts.len()
            && theirs
                .parts
                .iter()
                .zip(&self.parts)
                .all(|(theirs, mine)| mine.is_none() || theirs == mine)
    }

    /// Gives it more examples: messages that it holds.
    pub fn examples_of(&mut self, messages: Vec<String>) {
        let known: BTreeSet<String> = self.examples.iter().cloned().collect();
        self.examples
            .extend(messages.into_iter().filter(|message| !known.contains(message)));
    }

    /// Which pieces of its messages are holes, the severity's prefix left out.
    pub(crate) fn holes(&self) -> Vec<bool> {
        let prefixed = self
            .examples
            .first()
            .is_some_and(|example| !split(example).0.is_empty());
        self.parts
            .iter()
            .skip(usize::from(prefixed))
            .map(Option::is_none)
            .collect()
    }
}
