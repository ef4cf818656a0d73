//! What a run of `index` reads: the files of the command line, else the sources of the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};

use crate::cli::IndexArgs;
use crate::config::{Config, JournalConfig, SourceConfig};
use crate::elastic_http::Notice;
use crate::line::Dating;
use crate::source::{JournalQuery, matching_paths};

use super::notice;
use super::servers::Server;

/// What is to be read.
#[derive(Default)]
pub(super) struct Inputs {
    /// Files, all in one order of time; `-` is standard input.
    pub(super) files: Vec<PathBuf>,
    /// Patterns that mean no file.
    pub(super) empty: Vec<PathBuf>,
    /// Journals, by the name of the source.
    pub(super) journals: Vec<(Arc<str>, JournalQuery)>,
    /// Servers.
    pub(super) servers: Vec<Server>,
}

impl Inputs {
    /// Of the flags and the configuration.
    pub(super) fn of(args: &IndexArgs, config: &Config, dating: Dating) -> Result<Self> {
        let mut inputs = Self::default();
        if !args.files.is_empty() {
            inputs.files.clone_from(&args.files);
            return Ok(inputs);
        }
        for (name, source) in chosen(&args.source, config)? {
            inputs.add(&name, source, dating, notice::to_person())?;
            for pattern in &source.files {
                let paths = matching_paths(pattern);
                if paths.is_empty() {
                    inputs.empty.push(pattern.clone());
                }
                inputs.files.extend(paths);
            }
        }
        Ok(inputs)
    }

    /// What is to be followed: the patterns of files of all sources, and the rest. `notice` makes who hears what a source
    /// has to say while it is waited for.
    pub(super) fn to_follow(
        only: &[String],
        config: &Config,
        dating: Dating,
        notice: impl Fn(&str) -> Notice,
    ) -> Result<(Vec<PathBuf>, Self)> {
        let mut inputs = Self::default();
        let mut patterns = Vec::new();
        for (name, source) in chosen(only, config)? {
            inputs.add(&name, source, dating, notice(&name))?;
            let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
            patterns.extend(source.files.iter().map(absolute));
        }
        Ok((patterns, inputs))
    }

    fn add(&mut self, name: &str, source: &SourceConfig, dating: Dating, notice: Notice) -> Result<()> {
        self.servers.extend(Server::of(name, source, dating, notice)?);
        let journal = source.journal.as_ref().map(|journal| (name.into(), query(journal)));
        self.journals.extend(journal);
        Ok(())
    }

    /// Nothing but standard input?
    pub(super) fn is_stdin(&self) -> bool {
        self.servers.is_empty() && self.journals.is_empty() && self.files.iter().all(|file| file == Path::new("-"))
    }
}

/// The sources of the configuration, or those of these names.
fn chosen<'c>(only: &[String], config: &'c Config) -> Result<Vec<(String, &'c SourceConfig)>> {
    if config.sources.is_empty() {
        bail!("nothing to read: name log files, or list them under `sources:` in mailtrail.yaml");
    }
    let names = names(config)?;
    if let Some(unknown) = only.iter().find(|wanted| !names.contains(wanted)) {
        bail!(
            "there is no source `{unknown}` in the configuration; there are {}",
            names.join(", ")
        );
    }
    let all = names.into_iter().zip(&config.sources);
    Ok(all.filter(|(name, _)| only.is_empty() || only.contains(name)).collect())
}

/// The names of the sources, each once.
pub(super) fn names(config: &Config) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for source in &config.sources {
        let name = match &source.name {
            Some(name) if names.contains(name) => bail!("two sources of the configuration are called `{name}`"),
            Some(name) => {
                kind(source)?;
                name.clone()
            }
            None => free(&names, kind(source)?),
        };
        names.push(name);
    }
    Ok(names)
}

fn kind(source: &SourceConfig) -> Result<&'static str> {
    let kinds = [
        ("files", !source.files.is_empty()),
        ("journal", source.journal.is_some()),
        ("graylog", source.graylog.is_some()),
        ("elasticsearch", source.elasticsearch.is_some()),
    ];
    let mut named = kinds.iter().filter(|(_, named)| *named);
    match (named.next(), named.next()) {
        (Some((kind, _)), None) => Ok(kind),
        _ => bail!("each source of the configuration has one of `files`, `journal`, `graylog` and `elasticsearch`"),
    }
}

fn query(config: &JournalConfig) -> JournalQuery {
    JournalQuery {
        directory: config.directory.clone(),
        namespace: config.namespace.clone(),
        matches: config
            .matches
            .clone()
            .unwrap_or_else(|| vec!["SYSLOG_FACILITY=2".to_owned()]),
    }
}

fn free(names: &[String], kind: &str) -> String {
    let numbered = (2..).map(|number| format!("{kind}-{number}"));
    let mut candidates = std::iter::once(kind.to_owned()).chain(numbered);
    candidates.find(|name| !names.contains(name)).unwrap_or_default()
}
