//! `mailtrail rules new`: a rule to begin with, for a line or for all lines of one shape.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::json;

use crate::cli::{Global, NewArgs};
use crate::command::Ending;
use crate::command::input::{Lines, dating};
use crate::command::output::Output;
use crate::command::unmatched;
use crate::config::Config;
use crate::problem::Problem;
use crate::rule::{RuleSet, RuleSource, Scratch, message_line};
use crate::unmatched::{Draft, Group, Tally, draft, groups, message};

/// So many different messages of a group are looked at.
const MOST_MESSAGES: usize = 5_000;

/// The lines that a rule is drafted for.
struct Wanted {
    group: Group,
    /// More messages of it than the group keeps.
    messages: Vec<String>,
}

/// Runs it.
pub(super) fn run(global: &Global, args: &NewArgs, output: &mut Output) -> Result<Ending> {
    let config = crate::command::config(global)?;
    let (sources, problems) = RuleSource::all(super::folders(global, &config));
    let rules = match RuleSet::of(&sources) {
        Ok(rules) if problems.is_empty() => rules,
        Ok(_) => return Err(crate::command::Problems(problems).into()),
        Err(more) => return Err(crate::command::Problems(problems.into_iter().chain(more).collect()).into()),
    };
    let wanted = match (&args.from, args.template) {
        (Some(line), _) => of_line(line, args, &rules, &config, output)?,
        (None, Some(number)) => of_template(number, args, &rules, (global, &config), output)?,
        (None, None) => bail!("name a line with --from or a template with --template"),
    };
    let mut group = wanted.group;
    group.examples_of(wanted.messages);
    let types = RuleSource::types(&sources);
    let mut draft =
        draft(&group, &types).map_err(|why| anyhow!("no rule can be drafted for `{}`: {why}", group.template))?;
    draft.id = free_id(args.id.as_deref().unwrap_or(&draft.id), args.id.is_some(), &rules)?;
    let entry = draft.yaml();
    let taken = taken(&draft, &entry, &sources, &group)?;
    let checked = match &args.to {
        Some(file) => {
            write(file, &entry)?;
            output.note(&format!(
                "added `{}` to {}; next: mailtrail rules check {}",
                draft.id,
                file.display(),
                file.display()
            ));
            taken
        }
        None => taken,
    };
    if output.json {
        output.object(&json!({
            "id": draft.id, "pattern": draft.pattern, "program": draft.programs, "severity": draft.severity.name(),
            "samples": draft.samples, "messages": checked.of, "matched": checked.matched, "yaml": file_text(&entry, &group),
        }))?;
    } else {
        if args.to.is_none() {
            write!(output, "{}", file_text(&entry, &group))?;
        }
        let (matched, of) = (checked.matched, checked.of);
        let words = if of == 1 {
            "the one message".to_owned()
        } else {
            format!("{matched} of {of} different messages")
        };
        output.note(&format!("the draft matches {words} of this shape"));
    }
    Ok(Ending::Done)
}

/// A whole file: the schema for editors, what to do next, the rule.
fn file_text(entry: &str, group: &Group) -> String {
    format!(
        "# yaml-language-server: $schema=schema.json\n\
         # A draft for: {}\n\
         # Give the fields better names: those of `mailtrail rules schema`, or `extra.NAME` for your own. Say in `emits:` what\n\
         # the line means: record (kept and found), noise (only counted), delivery, reject ...\n{entry}",
        group
            .template
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>()
    )
}

/// The group of one line.
fn of_line(text: &str, args: &NewArgs, rules: &RuleSet, config: &Config, output: &mut Output) -> Result<Wanted> {
    let (line, _) = super::one_line::read(text, args.said.program.as_deref(), &args.said, config)?;
    let line = Arc::new(line);
    if let Some(event) = rules.event(&line, &mut Scratch::default()) {
        output.note(&format!(
            "`{}` matches this line already; yours would win over it",
            event.rule_id()
        ));
    }
    let mut tally = Tally::default();
    tally.add(&line);
    let group = groups(&tally.templates()).into_iter().next();
    Ok(Wanted {
        group: group.context("the line is empty")?,
        messages: Vec::new(),
    })
}

/// The group of this number, with its messages where the files are there to look them up.
fn of_template(
    number: usize,
    args: &NewArgs,
    rules: &RuleSet,
    (global, config): (&Global, &Config),
    output: &mut Output,
) -> Result<Wanted> {
    let found = unmatched::of(rules, &args.files, &args.said, (global, config), output)?;
    let count = found.groups.len();
    let group = number.checked_sub(1).and_then(|at| found.groups.into_iter().nth(at));
    let Some(group) = group else {
        bail!("there is no template {number}: `mailtrail unmatched` shows {count}");
    };
    let mut messages = BTreeSet::new();
    if !args.files.is_empty() && args.files.iter().all(|file| file != Path::new("-")) {
        let (sources, failed) = crate::source::open(&args.files, dating(&args.said, config)?);
        let mut lines = Lines::of(sources, failed);
        while let Some(line) = lines.next(output) {
            let Ok(line) = line else { continue };
            if messages.len() < MOST_MESSAGES && group.programs.contains_key(&*line.program) {
                let text = message(&line);
                if group.holds(&text) {
                    messages.insert(text);
                }
            }
        }
    }
    Ok(Wanted {
        group,
        messages: messages.into_iter().collect(),
    })
}

/// The id, with a number behind it if there is a rule of this name.
fn free_id(id: &str, asked: bool, rules: &RuleSet) -> Result<String> {
    let taken = |id: &str| {
        rules
            .rules()
            .iter()
            .any(|rule| rule.id() == id && (rule.operator() || asked))
    };
    if !taken(id) {
        return Ok(id.to_owned());
    }
    if asked {
        bail!("there is a rule `{id}`: choose another --id");
    }
    let free = (2..10_000).map(|number| format!("{id}-{number}")).find(|id| !taken(id));
    free.context("there are too many rules of this name")
}

/// How many messages the draft takes.
struct Taken {
    matched: usize,
    of: usize,
}

/// Loads the draft with all other rules, and sends the messages through them.
fn taken(draft: &Draft, entry: &str, sources: &[RuleSource], group: &Group) -> Result<Taken> {
    let mut all = sources.to_vec();
    all.push(RuleSource {
        file: "(draft)".to_owned(),
        text: entry.to_owned(),
        operator: true,
    });
    let rules = RuleSet::checked(&all).map_err(|problems| {
        let draft_only = problems.into_iter().filter(|problem| problem.file == "(draft)");
        let shown: Vec<String> = draft_only.map(|problem: Problem| problem.to_string()).collect();
        anyhow!("the draft needs your hand:\n{entry}\n{}", shown.join("\n"))
    });
    // Mistakes in other files are no matter of the draft.
    let rules = match rules {
        Ok(rules) => rules,
        Err(error) if error.to_string().ends_with('\n') => return Err(error),
        Err(_) => RuleSet::of(&all).map_err(crate::command::Problems)?,
    };
    let mut scratch = Scratch::default();
    let program = group.programs.keys().find(|program| !program.is_empty());
    let matched = group.examples.iter().filter(|example| {
        let line = Arc::new(message_line(program.map_or("", String::as_str), example.as_bytes()));
        rules
            .event(&line, &mut scratch)
            .is_some_and(|event| event.rule_id() == draft.id)
    });
    Ok(Taken {
        matched: matched.count(),
        of: group.examples.len(),
    })
}

/// Adds the rule to a file; a new one gets the line for editors, and the schema beside it.
fn write(file: &Path, entry: &str) -> Result<()> {
    let mut text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            "# yaml-language-server: $schema=schema.json\n".to_owned()
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    if text.lines().any(|line| line.starts_with("- ")) {
        text.push('\n');
    }
    write!(text, "{entry}")?;
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    super::export::write_schema(folder)
}
