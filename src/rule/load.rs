//! Reads the rule files, built-in and the operator's, and collects the problems of all of them.

use std::hash::Hasher;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_yaml::{Location, Spanned};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::builtin::BUILTIN;
use super::compile::Builder;
use super::file::{DuplicateText, PairsText, RuleText, TypeText, TypesText};
use super::recover;
use super::set::RuleSet;
use crate::pattern::{self, Duplicate, Fault, PairsShape, Types};
use crate::problem::{self, Problem};

/// A rule file: its name and its text.
#[derive(Debug, Clone)]
pub struct RuleSource {
    /// The path as shown in problems.
    pub file: String,
    /// The YAML.
    pub text: String,
    /// The operator's own: its rules win over the built-in ones.
    pub operator: bool,
}

impl RuleSource {
    /// The built-in files.
    pub fn builtin() -> Vec<Self> {
        BUILTIN
            .iter()
            .map(|(file, text)| Self {
                file: (*file).to_owned(),
                text: (*text).to_owned(),
                operator: false,
            })
            .collect()
    }

    /// The built-in files and those of these folders; what cannot be read is told beside.
    pub fn all(folders: &[PathBuf]) -> (Vec<Self>, Vec<Problem>) {
        let mut sources = Self::builtin();
        let mut problems = Vec::new();
        for folder in folders {
            match Self::of_folder(folder) {
                Ok(more) => sources.extend(more),
                Err(more) => problems.extend(more),
            }
        }
        (sources, problems)
    }

    /// The YAML files of a folder and the folders in it, in the order of their names; or one file.
    pub fn of_folder(folder: &Path) -> Result<Vec<Self>, Vec<Problem>> {
        let mut paths = Vec::new();
        let mut problems = Vec::new();
        if folder.is_file() {
            paths.push(folder.to_owned());
        } else {
            collect(folder, 0, &mut paths, &mut problems);
        }
        paths.sort();
        let mut sources = Vec::new();
        for path in paths {
            match std::fs::read_to_string(&path) {
                Ok(text) => sources.push(Self {
                    file: path.display().to_string(),
                    text,
                    operator: true,
                }),
                Err(error) => {
                    problems.push(Problem::of_file(
                        path.display().to_string(),
                        format!("cannot read the rule file: {error}"),
                    ));
                }
            }
        }
        if problems.is_empty() {
            Ok(sources)
        } else {
            Err(problems)
        }
    }

    /// The composite types that these files define; those with mistakes are left out.
    pub fn types(sources: &[Self]) -> Types {
        types_of(sources, &mut Vec::new()).0
    }

    /// A rule as it stands in this file, with the comments before it left out. None if it is not here.
    pub fn rule_text(&self, id: &str) -> Option<&str> {
        let entries = recover::entries(&self.text);
        let is_it = |text: &str| {
            let rules = serde_yaml::from_str::<Vec<RuleText>>(text);
            rules.is_ok_and(|rules| rules.first().is_some_and(|rule| rule.id.value == id))
        };
        let entry = entries
            .into_iter()
            .filter_map(|entry| self.text.get(entry))
            .find(|text| is_it(text))?;
        // What follows it up to the next entry is the next one's comment.
        let end = entry
            .lines()
            .rev()
            .skip_while(|line| line.trim().is_empty() || line.starts_with('#'));
        let length: usize = end.map(|line| line.len() + 1).sum();
        Some(&entry[..length.min(entry.len())])
    }

    fn holds_types(&self) -> bool {
        Path::new(&self.file)
            .file_name()
            .is_some_and(|name| name == "types.yaml")
    }
}

/// Folders deeper than this are a mistake or a loop of links.
const MAX_DEPTH: usize = 8;

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(Problem::of_file(
                folder.display().to_string(),
                format!("cannot read the folder of rules: {error}"),
            ));
            return;
        }
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        // Causes are a language of their own: the module `cause` reads them.
        if path.is_dir() && depth == 0 && path.ends_with("causes") {
            continue;
        }
        if path.is_dir() && depth < MAX_DEPTH {
            collect(&path, depth + 1, paths, problems);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            paths.push(path);
        }
    }
}

impl RuleSet {
    /// The rules that are built in.
    pub fn builtin() -> Result<Self, Vec<Problem>> {
        Self::of(&RuleSource::builtin())
    }

    /// The built-in rules and the operator's, whose rules win and replace a built-in one of the same id.
    pub fn load(folders: &[PathBuf]) -> Result<Self, Vec<Problem>> {
        let (sources, mut problems) = RuleSource::all(folders);
        match Self::of(&sources) {
            Err(more) => {
                problems.extend(more);
                Err(problems)
            }
            Ok(set) if problems.is_empty() => Ok(set),
            Ok(_) => Err(problems),
        }
    }

    /// The rules of these files.
    pub fn of(sources: &[RuleSource]) -> Result<Self, Vec<Problem>> {
        let Loaded { set, problems, .. } = loaded(sources);
        if problems.is_empty() { Ok(set) } else { Err(problems) }
    }
}

/// What could be loaded, and what could not.
pub(super) struct Loaded {
    /// The rules without mistakes.
    pub(super) set: RuleSet,
    pub(super) problems: Vec<Problem>,
    /// All rules that could be read, each with the number of its source.
    pub(super) texts: Vec<(usize, RuleText)>,
}

/// Loads what can be loaded of these files.
pub(super) fn loaded(sources: &[RuleSource]) -> Loaded {
    let mut problems = Vec::new();
    let (types, families) = types_of(sources, &mut problems);
    let mut builder = Builder::new(types, families);
    let mut texts = Vec::new();
    for (number, source) in sources.iter().enumerate().filter(|(_, source)| !source.holds_types()) {
        let rules = match source.parse::<Vec<RuleText>>() {
            Ok(rules) => rules,
            Err(problem) => recover::rules(source, problem, &mut problems),
        };
        for rule in rules {
            builder.add(source, &rule, &mut problems);
            texts.push((number, rule));
        }
    }
    Loaded {
        set: builder.finish(fingerprint(sources)),
        problems,
        texts,
    }
}

/// The composite types of all files, and the families of programs.
fn types_of(sources: &[RuleSource], problems: &mut Vec<Problem>) -> (Types, Vec<(String, Vec<String>)>) {
    let mut types = Types::default();
    let mut families = Vec::new();
    let mut defined = Vec::new();
    for source in sources.iter().filter(|source| source.holds_types()) {
        match source.parse::<TypesText>() {
            Ok(text) => {
                for (name, tags) in text.programs.into_iter().flat_map(|programs| programs.0) {
                    families.push((name.value, tags.into_iter().map(|tag| tag.value).collect()));
                }
                for (name, body) in text.types.into_iter().flat_map(|types| types.0) {
                    define(source, &mut types, &name, &body, problems);
                    defined.push((source, name, body));
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    for (source, name, body) in &defined {
        for (key, fault) in pattern::check_type(&name.value, &types) {
            problems.push(source.problem(&format!("type `{}`", name.value), body_text(body, key), &fault));
        }
    }
    (types, families)
}

/// A digest of what all files say, in their order.
fn fingerprint(sources: &[RuleSource]) -> String {
    let mut hasher = SipHasher13::new();
    for source in sources {
        hasher.write_usize(source.text.len());
        hasher.write(source.text.as_bytes());
        hasher.write_u8(u8::from(source.operator));
    }
    format!("{:032x}", hasher.finish128().as_u128())
}

/// The scalar of a type, or of one key of its list, with its place.
fn body_text(body: &Spanned<TypeText>, key: Option<usize>) -> (&str, Location) {
    match (&body.value, key) {
        (TypeText::Pattern(text), _) => (text, body.defined),
        (TypeText::Pairs(pairs), Some(key)) => pairs
            .keys
            .as_ref()
            .and_then(|keys| keys.0.get(key))
            .map_or(("", body.defined), |(_, value)| (value.value.as_str(), value.defined)),
        (TypeText::Pairs(_), None) => ("", body.defined),
    }
}

fn define(
    source: &RuleSource,
    types: &mut Types,
    name: &Spanned<String>,
    body: &Spanned<TypeText>,
    problems: &mut Vec<Problem>,
) {
    let whose = format!("type `{}`", name.value);
    if Types::is_built_in(&name.value) {
        let fault =
            Fault::new(0..name.value.len(), "the language itself has a type of this name").help("choose another name");
        problems.push(source.problem(&whose, (&name.value, name.defined), &fault));
        return;
    }
    match &body.value {
        TypeText::Pattern(text) => {
            if let Err(fault) = types.add(&name.value, text) {
                problems.push(source.problem(&whose, body_text(body, None), &fault));
            }
        }
        TypeText::Pairs(pairs) => {
            let keys: Vec<_> = pairs.keys.iter().flat_map(|keys| &keys.0).collect();
            for required in pairs.required.iter().chain(&pairs.first) {
                let known = keys.iter().map(|(key, _)| key.value.as_str());
                let last = pairs.last.iter().map(|key| key.value.as_str());
                if known.clone().chain(last.clone()).all(|key| key != required.value) {
                    let mut fault = Fault::new(
                        0..required.value.len(),
                        format!("`{}` is no key of the list", required.value),
                    );
                    let names: Vec<&str> = known.chain(last).collect();
                    fault.help = problem::did_you_mean(&required.value, names.iter().copied())
                        .or_else(|| Some(format!("its keys are {}", names.join(", "))));
                    problems.push(source.problem(&whose, (&required.value, required.defined), &fault));
                }
            }
            if let Err(faults) = types.add_pairs(&name.value, shape(pairs), &keys_of(&keys)) {
                for (key, fault) in faults {
                    problems.push(source.problem(&whose, body_text(body, Some(key)), &fault));
                }
            }
        }
    }
}

fn keys_of(keys: &[&(Spanned<String>, Spanned<String>)]) -> Vec<(String, String)> {
    keys.iter()
        .map(|(key, value)| (key.value.clone(), value.value.clone()))
        .collect()
}

fn shape(pairs: &PairsText) -> PairsShape {
    let texts = |keys: &[Spanned<String>]| keys.iter().map(|key| key.value.clone()).collect();
    PairsShape {
        between: pairs.between.clone().unwrap_or_else(|| vec![", ".to_owned()]),
        assign: pairs.assign.clone().unwrap_or_else(|| "=".to_owned()),
        first: texts(&pairs.first),
        required: texts(&pairs.required),
        flags: pairs.flags.clone(),
        last: texts(&pairs.last),
        duplicate: match pairs.duplicate {
            DuplicateText::First => Duplicate::First,
            DuplicateText::Last => Duplicate::Last,
            DuplicateText::All => Duplicate::All,
        },
    }
}

impl RuleSource {
    fn parse<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        problem::parse_yaml(&self.file, &self.text)
    }

    /// A problem inside a scalar. If its value stands in the file as it is, the caret is under the very character,
    /// otherwise (escapes, folded blocks) at the beginning of the scalar.
    pub(crate) fn problem(&self, whose: &str, scalar: (&str, Location), fault: &Fault) -> Problem {
        let (value, location) = scalar;
        let start = problem::byte_of(&self.text, location);
        // Quotes, or the `|-` of a block and its indentation, stand before the value.
        let span = match self.text[start..].find(value) {
            Some(offset) if !value.is_empty() && offset <= 40 => {
                let base = start + offset;
                base + fault.span.start..base + fault.span.end
            }
            _ => start..start + 1,
        };
        let mut problem = Problem::at(
            &self.file,
            &self.text,
            within(span, &self.text),
            format!("{whose}: {}", fault.title),
        );
        problem.help.clone_from(&fault.help);
        problem
    }
}

fn within(span: Range<usize>, text: &str) -> Range<usize> {
    span.start.min(text.len())..span.end.min(text.len())
}
