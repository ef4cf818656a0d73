//! `mailtrail.yaml`: what a site says once. Flags win over it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Deserialize;

use crate::problem::Problem;

/// What the file may say; every key may be absent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the embedded index and the state.
    pub data: Option<PathBuf>,
    /// `embedded` or `ndjson`.
    pub store: StoreKind,
    /// Folders with rule files of your own.
    pub rules: Vec<PathBuf>,
    /// Names for hosts as logged: `mx1: mx1.site.example`.
    pub hosts: HashMap<String, String>,
    /// Content filters beside those on the loopback: host names, addresses, names of pipe services.
    pub filters: Vec<String>,
    /// The zone of stamps that tell none: Europe/Berlin, UTC, local, +01:00.
    pub timezone: Option<String>,
    /// Names of the fields of JSON lines, beside the usual ones.
    pub json: JsonConfig,
    /// What `mailtrail index` reads when no file is named.
    pub sources: Vec<SourceConfig>,
}

/// Where lines come from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceConfig {
    /// For `--source NAME`, and in the state. None: `files`, and a number where that is taken.
    pub name: Option<String>,
    /// Log files; `*` and `?` as in a shell: `/var/log/mail.log*`.
    pub files: Vec<PathBuf>,
}

/// Names of the fields of JSON lines, the best first: they are looked for before those of journald, Filebeat, Logstash,
/// Docker, rsyslog, syslog-ng and GELF. `a.b` is the field `b` of the object `a`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JsonConfig {
    /// When it was said: RFC 3339, RFC 3164, or a number since 1970.
    pub time: Vec<String>,
    /// The host.
    pub host: Vec<String>,
    /// The program, with or without `[pid]:`.
    pub program: Vec<String>,
    /// The process id.
    pub pid: Vec<String>,
    /// The message, or a whole syslog line.
    pub message: Vec<String>,
}

/// Where documents are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// An index in a folder, no server needed
    #[default]
    Embedded,
    /// Documents on standard output, one a line
    Ndjson,
}

impl Config {
    /// The named file; without a name the first of the usual places that has one, else the defaults.
    pub fn load(path: Option<&Path>) -> Result<Self, Vec<Problem>> {
        match path {
            Some(path) => Self::read(path),
            None => usual_places()
                .iter()
                .find(|path| path.is_file())
                .map_or(Ok(Self::default()), |path| Self::read(path)),
        }
    }

    fn read(path: &Path) -> Result<Self, Vec<Problem>> {
        crate::problem::read_yaml(path)
    }
}

/// `/etc/mailtrail/mailtrail.yaml`, then the user's own.
fn usual_places() -> Vec<PathBuf> {
    let user = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")));
    let folders = [Some(PathBuf::from("/etc")), user];
    folders
        .into_iter()
        .flatten()
        .map(|folder| folder.join("mailtrail/mailtrail.yaml"))
        .collect()
}
