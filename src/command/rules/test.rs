//! `mailtrail rules test`: every sample against its snapshot.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use serde_json::json;

use crate::cli::{Global, TestArgs};
use crate::command::escape::escape;
use crate::command::output::Output;
use crate::command::{Ending, Problems};
use crate::rule::snapshot::{self, Meaning};
use crate::rule::{Case, RuleSet, RuleSource, Verdict};

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Ok,
    Changed,
    Ambiguous,
    Noisy,
    Missing,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Changed => "changed",
            Self::Ambiguous => "ambiguous",
            Self::Noisy => "noisy",
            Self::Missing => "missing",
        }
    }
}

/// A sample that was tried.
struct Tried {
    rule: String,
    sample: String,
    status: Status,
    /// Rules that claim it, too.
    others: Vec<String>,
    /// Lines with `-` and `+` in front.
    diff: Vec<String>,
}

/// A rule file and its snapshot.
struct File {
    /// In the folder of rules: `postfix/qmgr.yaml`.
    name: String,
    /// None where there is no place for one.
    snapshot: Option<PathBuf>,
    before: Vec<Meaning>,
    now: Vec<Meaning>,
}

/// Runs it.
pub(super) fn run(global: &Global, args: &TestArgs, output: &mut Output) -> Result<Ending> {
    let config = crate::command::config(global)?;
    let folders = if args.folders.is_empty() {
        super::folders(global, &config).to_vec()
    } else {
        args.folders.clone()
    };
    let filter = args
        .filter
        .as_deref()
        .map(regex::Regex::new)
        .transpose()
        .map_err(|error| anyhow!("--filter is no regular expression: {error}"))?;
    let (sources, problems) = RuleSource::all(&folders);
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let rules = RuleSet::of(&sources).map_err(Problems)?;
    let cases = rules.cases();
    let mut files = files(&sources, &folders, args.snapshots.as_deref())?;
    let mut tried = Vec::new();
    for case in &cases {
        let rule = &rules.rules()[case.rule];
        if rule.operator() == folders.is_empty() {
            continue;
        }
        let file = files.get_mut(rule.file());
        let wanted = filter.as_ref().is_none_or(|filter| filter.is_match(rule.id()));
        let (diff, meaning) = match (Meaning::of(case), file.as_deref()) {
            (Some(meaning), Some(file)) => (file.snapshot.as_ref().map(|_| diff(file, &meaning)), Some(meaning)),
            (meaning, _) => (None, meaning),
        };
        let diff = diff.unwrap_or_default();
        if wanted {
            tried.push(outcome(rule.id(), case, diff));
        }
        if let (Some(file), Some(meaning)) = (file, meaning) {
            file.now.push(meaning);
        }
    }
    if args.review {
        return review(&files, tried, filter.as_ref(), output);
    }
    if args.accept {
        accept(&files, filter.as_ref(), |_| true, output)?;
        // What was accepted is no change any more.
        for one in tried.iter_mut().filter(|one| one.status == Status::Changed) {
            one.status = Status::Ok;
            one.diff.clear();
        }
    }
    for one in &tried {
        print(one, output)?;
    }
    close(&tried, &files, output)
}

/// The files of the operator, or the built-in ones, by their names in problems.
fn files(
    sources: &[crate::rule::RuleSource],
    folders: &[PathBuf],
    snapshots: Option<&Path>,
) -> Result<BTreeMap<String, File>> {
    let mut files = BTreeMap::new();
    for source in sources.iter().filter(|source| source.operator != folders.is_empty()) {
        let path = Path::new(&source.file);
        let folder = folders
            .iter()
            .map(|folder| super::folder_of(folder))
            .find(|folder| path.starts_with(folder));
        let root = folder.unwrap_or(Path::new("rules"));
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        let place = snapshots.map(Path::to_owned).or_else(|| folder.map(snapshots_of));
        let snapshot = place.map(|place| place.join(snapshot::file_name(&name)));
        let before = match &snapshot {
            Some(path) if path.exists() => {
                let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                snapshot::read(&text).map_err(|why| {
                    anyhow!(
                        "{} is no snapshot: {why}; delete it and run with --accept",
                        path.display()
                    )
                })?
            }
            _ => Vec::new(),
        };
        let file = File {
            name,
            snapshot,
            before,
            now: Vec::new(),
        };
        files.insert(source.file.clone(), file);
    }
    Ok(files)
}

/// `snapshots` in the folder, or beside it where it is called `rules` and they are there.
fn snapshots_of(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let beside = absolute.parent().map(|parent| parent.join("snapshots"));
    match beside {
        Some(beside) if absolute.ends_with("rules") && beside.is_dir() && !folder.join("snapshots").is_dir() => beside,
        _ => folder.join("snapshots"),
    }
}

/// How a sample's meaning differs from the snapshot. Empty if it does not.
fn diff(file: &File, now: &Meaning) -> Vec<String> {
    let same_sample = |before: &&Meaning| before.rule == now.rule && before.sample == now.sample;
    let before = file.before.iter().find(same_sample);
    if before == Some(now) {
        return Vec::new();
    }
    let old = before.map(facts).unwrap_or_default();
    let new = facts(now);
    let gone = old
        .iter()
        .filter(|fact| !new.contains(fact))
        .map(|(name, value)| (name, '-', value));
    let come = new
        .iter()
        .filter(|fact| !old.contains(fact))
        .map(|(name, value)| (name, '+', value));
    let mut changes: Vec<_> = gone.chain(come).collect();
    changes.sort_by(|a, b| (a.0, a.1 == '+').cmp(&(b.0, b.1 == '+')));
    let mut lines: Vec<String> = changes
        .into_iter()
        .map(|(name, sign, value)| format!("{sign} {name}: {value}"))
        .collect();
    if before.is_none() {
        lines.insert(0, "  not in the snapshot yet".to_owned());
    }
    lines
}

/// What a sample says, as name and value.
fn facts(meaning: &Meaning) -> Vec<(String, String)> {
    let mut facts = vec![
        ("kind".to_owned(), meaning.kind.clone()),
        ("severity".to_owned(), meaning.severity.clone()),
    ];
    facts.retain(|(name, value)| name != "severity" || value != "info");
    for (name, values) in &meaning.fields {
        facts.extend(values.iter().map(|value| (name.clone(), value.clone())));
    }
    facts
}

fn outcome(rule: &str, case: &Case, diff: Vec<String>) -> Tried {
    let (status, others) = match &case.verdict {
        Verdict::Missing => (Status::Missing, Vec::new()),
        Verdict::Noisy => (Status::Noisy, Vec::new()),
        Verdict::Ambiguous(others) => (Status::Ambiguous, others.clone()),
        Verdict::Ok if diff.is_empty() => (Status::Ok, Vec::new()),
        Verdict::Ok => (Status::Changed, Vec::new()),
    };
    Tried {
        rule: rule.to_owned(),
        sample: case.sample.clone(),
        status,
        others,
        diff,
    }
}

fn print(one: &Tried, output: &mut Output) -> Result<()> {
    if output.json {
        output.object(&json!({
            "rule": one.rule, "sample": one.sample, "status": one.status.word(), "others": one.others, "diff": one.diff,
        }))?;
        return Ok(());
    }
    if one.status == Status::Ok {
        return Ok(());
    }
    writeln!(output, "{:<9}  {}", one.status.word(), one.rule)?;
    writeln!(output, "           {}", escape(&one.sample))?;
    if !one.others.is_empty() {
        writeln!(output, "           {} would take it, too", one.others.join(", "))?;
    }
    for line in &one.diff {
        writeln!(output, "             {}", escape(line))?;
    }
    Ok(())
}

fn close(tried: &[Tried], files: &BTreeMap<String, File>, output: &mut Output) -> Result<Ending> {
    let mut counts: BTreeMap<Status, usize> = BTreeMap::new();
    for one in tried {
        *counts.entry(one.status).or_default() += 1;
    }
    let bad = tried.len() - counts.get(&Status::Ok).copied().unwrap_or_default();
    let gone: usize = files.values().map(|file| gone(file).count()).sum();
    if !output.json {
        let parts: Vec<String> = counts
            .iter()
            .map(|(status, count)| format!("{count} {}", status.word()))
            .collect();
        writeln!(
            output,
            "{} samples: {}",
            tried.len(),
            if parts.is_empty() {
                "none".to_owned()
            } else {
                parts.join(", ")
            }
        )?;
        if gone > 0 {
            output.note(&format!(
                "{gone} samples of the snapshots are gone from the rules; --accept forgets them"
            ));
        }
        if counts.contains_key(&Status::Changed) {
            output.note("read the changes; --accept takes all of them, --review asks for each");
        }
        if counts.keys().any(|status| *status > Status::Changed) {
            output.note("`mailtrail rules check` shows where the others go wrong");
        }
    }
    Ok(if bad == 0 { Ending::Done } else { Ending::No })
}

/// Samples of the snapshot that no rule has any more.
fn gone(file: &File) -> impl Iterator<Item = &Meaning> {
    file.before.iter().filter(|before| {
        let same = |now: &&Meaning| now.rule == before.rule && now.sample == before.sample;
        !file.now.iter().any(|now| same(&now))
    })
}

/// Writes the snapshots, with the samples of today that `take` says yes to, and else with what was there.
fn accept(
    files: &BTreeMap<String, File>,
    filter: Option<&regex::Regex>,
    take: impl Fn(&Meaning) -> bool,
    output: &mut Output,
) -> Result<()> {
    for file in files.values() {
        let Some(path) = &file.snapshot else { continue };
        let kept: Vec<Meaning> = file
            .now
            .iter()
            .filter_map(|now| {
                let wanted = filter.is_none_or(|filter| filter.is_match(&now.rule)) && take(now);
                let before = file
                    .before
                    .iter()
                    .find(|before| before.rule == now.rule && before.sample == now.sample);
                if wanted { Some(now.clone()) } else { before.cloned() }
            })
            .collect();
        if kept == file.before {
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        if kept.is_empty() {
            std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
        } else {
            std::fs::write(path, snapshot::write(&file.name, &kept))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        output.note(&format!("{} written", path.display()));
    }
    Ok(())
}

/// Shows each change and asks.
fn review(
    files: &BTreeMap<String, File>,
    mut tried: Vec<Tried>,
    filter: Option<&regex::Regex>,
    output: &mut Output,
) -> Result<Ending> {
    let mut taken: Vec<(String, String)> = Vec::new();
    let changed: Vec<usize> = (0..tried.len())
        .filter(|at| tried[*at].status == Status::Changed)
        .collect();
    let mut answers = std::io::stdin().lock().lines();
    let count = changed.len();
    for (number, at) in (1..).zip(changed) {
        print(&tried[at], output)?;
        write!(output, "{number} of {count}: take it? [y]es, [n]o, [a]ll, [q]uit: ")?;
        output.flush()?;
        let answer = answers.next().transpose()?.unwrap_or_else(|| "q".to_owned());
        writeln!(output)?;
        match answer.trim() {
            "y" | "yes" => {}
            "a" | "all" => {
                taken.extend(tried.iter().map(|one| (one.rule.clone(), one.sample.clone())));
                break;
            }
            "q" | "quit" => break,
            _ => continue,
        }
        taken.push((tried[at].rule.clone(), tried[at].sample.clone()));
    }
    let is_taken = |rule: &str, sample: &str| taken.iter().any(|(r, s)| r == rule && s == sample);
    accept(files, filter, |now| is_taken(&now.rule, &now.sample), output)?;
    for one in &mut tried {
        if one.status == Status::Changed && is_taken(&one.rule, &one.sample) {
            one.status = Status::Ok;
        }
    }
    close(&tried, files, output)
}
