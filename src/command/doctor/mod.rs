//! `mailtrail doctor`: looks at everything that a service needs, and says what to do.
//!
//! Each part is looked at even where another is ill: what cannot be known then is left out, not guessed.

mod keeping;
mod secrets;
mod sources;

use std::io::Write as _;

use anyhow::Result;
use serde::Serialize;

use crate::cli::{DoctorArgs, Global};
use crate::config::{Config, StoreKind};
use crate::problem::Problem;
use crate::rule::RuleSet;

use super::escape::escape;
use super::output::Output;
use super::{Ending, data};

/// How ill something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warning,
    Error,
}

/// What was found about one thing.
#[derive(Debug, Serialize)]
struct Finding {
    /// Which part was looked at.
    check: &'static str,
    level: Level,
    /// What it is about: a file, a source.
    about: String,
    /// What was found.
    says: String,
    /// What is to be done about it. None: nothing.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

/// All that was found.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, check: &'static str, about: impl Into<String>, says: impl Into<String>) {
        self.add(check, Level::Ok, about.into(), says.into(), None);
    }

    fn warn(
        &mut self,
        check: &'static str,
        about: impl Into<String>,
        says: impl Into<String>,
        todo: impl Into<String>,
    ) {
        self.add(check, Level::Warning, about.into(), says.into(), Some(todo.into()));
    }

    fn error(
        &mut self,
        check: &'static str,
        about: impl Into<String>,
        says: impl Into<String>,
        todo: impl Into<String>,
    ) {
        self.add(check, Level::Error, about.into(), says.into(), Some(todo.into()));
    }

    fn add(&mut self, check: &'static str, level: Level, about: String, says: String, todo: Option<String>) {
        self.0.push(Finding {
            check,
            level,
            about,
            says,
            todo,
        });
    }

    fn problems(&mut self, check: &'static str, problems: &[Problem], todo: &str) {
        for problem in problems {
            let text = problem.to_string();
            self.error(check, "", text.trim(), todo);
        }
    }
}

/// Runs it.
pub(super) fn run(global: &Global, args: &DoctorArgs, output: &mut Output) -> Result<Ending> {
    let findings = examined(global, args);
    for finding in &findings.0 {
        if output.json {
            output.object(finding)?;
        } else {
            print(finding, output)?;
        }
    }
    let count = |level| findings.0.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    if !output.json {
        writeln!(output, "\n{errors} to be put right, {warnings} to be looked at")?;
    }
    Ok(if errors > 0 { Ending::No } else { Ending::Done })
}

fn examined(global: &Global, args: &DoctorArgs) -> Findings {
    let mut findings = Findings::default();
    let config = match Config::load(global.config.as_deref()) {
        Ok(config) => {
            let path = Config::path(global.config.as_deref());
            let about = path.map_or_else(|| "no file".to_owned(), |path| path.display().to_string());
            findings.ok("config", about, "no mistakes");
            config
        }
        Err(problems) => {
            findings.problems("config", &problems, "put it right: until then nothing is read");
            Config::default()
        }
    };
    let folders = if global.rules.is_empty() {
        &config.rules
    } else {
        &global.rules
    };
    match RuleSet::load(folders) {
        Ok(rules) => findings.ok("rules", "", format!("{} rules, no mistakes", rules.rules().len())),
        Err(problems) => findings.problems("rules", &problems, "put it right, then `mailtrail rules check`"),
    }
    sources::look(global, args, &config, &mut findings);
    secrets::look(&config, &mut findings);
    match data::folder(global, &config) {
        Ok(folder) => keeping::look(args, &folder, &mut findings),
        Err(error) => findings.error(
            "permissions",
            "",
            format!("{error:#}"),
            "name a folder: `data:` or --data",
        ),
    }
    if global.store.flatten().unwrap_or(config.store) == StoreKind::Elasticsearch && !args.offline {
        keeping::look_at_cluster(global, &config, &mut findings);
    }
    findings
}

fn print(finding: &Finding, output: &mut Output) -> Result<()> {
    let level = match finding.level {
        Level::Ok => "ok     ",
        Level::Warning => "warning",
        Level::Error => "ERROR  ",
    };
    let about = if finding.about.is_empty() {
        String::new()
    } else {
        format!("{}: ", escape(&finding.about))
    };
    let says: Vec<_> = finding.says.lines().map(escape).collect();
    writeln!(output, "{level} {:<11} {about}{}", finding.check, says.join("\n    "))?;
    if let Some(todo) = &finding.todo {
        writeln!(output, "        -> {}", escape(todo))?;
    }
    Ok(())
}
