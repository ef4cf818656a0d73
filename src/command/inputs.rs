//! What a run of `index` reads: the files of the command line, else the sources of the configuration.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::cli::IndexArgs;
use crate::config::{Config, SourceConfig};
use crate::line::Dating;
use crate::source::matching_paths;

use super::servers::Server;

/// What is to be read.
#[derive(Default)]
pub(super) struct Inputs {
    /// Files, all in one order of time; `-` is standard input.
    pub(super) files: Vec<PathBuf>,
    /// Patterns that mean no file.
    pub(super) empty: Vec<PathBuf>,
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
        if config.sources.is_empty() {
            bail!("nothing to read: name log files, or list them under `sources:` in mailtrail.yaml");
        }
        let names = names(config)?;
        if let Some(unknown) = args.source.iter().find(|wanted| !names.contains(wanted)) {
            bail!(
                "there is no source `{unknown}` in the configuration; there are {}",
                names.join(", ")
            );
        }
        for (name, source) in names.iter().zip(&config.sources) {
            if !args.source.is_empty() && !args.source.contains(name) {
                continue;
            }
            inputs.servers.extend(Server::of(name, source, dating)?);
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

    /// Nothing but standard input?
    pub(super) fn is_stdin(&self) -> bool {
        self.servers.is_empty() && self.files.iter().all(|file| file == Path::new("-"))
    }
}

/// The names of the sources, each once.
fn names(config: &Config) -> Result<Vec<String>> {
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
    match (source.files.is_empty(), &source.graylog, &source.elasticsearch) {
        (false, None, None) => Ok("files"),
        (true, Some(_), None) => Ok("graylog"),
        (true, None, Some(_)) => Ok("elasticsearch"),
        _ => bail!("each source of the configuration has one of `files`, `graylog` and `elasticsearch`"),
    }
}

fn free(names: &[String], kind: &str) -> String {
    let numbered = (2..).map(|number| format!("{kind}-{number}"));
    let mut candidates = std::iter::once(kind.to_owned()).chain(numbered);
    candidates.find(|name| !names.contains(name)).unwrap_or_default()
}
