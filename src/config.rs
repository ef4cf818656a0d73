//! `mailtrail.yaml`: what a site says once. Flags win over it.

mod sources;

pub use sources::{FieldsConfig, GraylogConfig, IndexConfig, JournalConfig, Like, SourceConfig};

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
    /// `embedded`, `elasticsearch` or `ndjson`.
    pub store: StoreKind,
    /// The cluster of the store `elasticsearch`.
    pub elasticsearch: Cluster,
    /// Folders with rule files of your own.
    pub rules: Vec<PathBuf>,
    /// Names for hosts as logged: `mx1: mx1.site.example`.
    pub hosts: HashMap<String, String>,
    /// How long the queues keep mail that cannot be delivered (`5d` unless told otherwise): an older one without a last
    /// word is `missing:end`.
    pub queue_lifetime: Option<String>,
    /// Are client sessions told (yes unless told otherwise)? No where several mailtrail processes share the lines of one
    /// host: none of them sees a session whole, and halves are no sessions.
    pub sessions: Option<bool>,
    /// Content filters beside those on the loopback: host names, addresses, names of pipe services.
    pub filters: Vec<String>,
    /// The zone of stamps that tell none: Europe/Berlin, UTC, local, +01:00.
    pub timezone: Option<String>,
    /// Names of the fields of JSON lines, beside the usual ones.
    pub json: JsonConfig,
    /// Where `mailtrail follow` answers `/metrics` and `/healthz`: `127.0.0.1:9797`. None: nowhere.
    pub listen: Option<String>,
    /// What `mailtrail follow` reads, and `mailtrail index` when no file is named.
    pub sources: Vec<SourceConfig>,
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
    /// Elasticsearch or OpenSearch
    Elasticsearch,
    /// Documents on standard output, one a line
    Ndjson,
}

/// An Elasticsearch or OpenSearch cluster. Secrets are never written here, only where they are: in a file, or in
/// `MAILTRAIL_ELASTICSEARCH_API_KEY`, `..._PASSWORD`, `..._TOKEN`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// Base URLs of its nodes: `https://es.example:9200`. Else `MAILTRAIL_ELASTICSEARCH_URL`.
    pub urls: Vec<String>,
    /// What the indices' names begin with, `mailtrail` unless told otherwise.
    pub prefix: Option<String>,
    /// A PEM file with its certificate authority, where the system does not know it.
    pub ca: Option<PathBuf>,
    /// A PEM file with a client certificate, its chain and its key.
    pub client_certificate: Option<PathBuf>,
    /// A file whose first line is the API key.
    pub api_key_file: Option<PathBuf>,
    /// A user, with `password_file` or `MAILTRAIL_ELASTICSEARCH_PASSWORD`.
    pub user: Option<String>,
    /// A file whose first line is the user's password.
    pub password_file: Option<PathBuf>,
    /// A file whose first line is a bearer token.
    pub token_file: Option<PathBuf>,
    /// The proxy to it. Else `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`.
    pub proxy: Option<String>,
    /// Believe any certificate: whoever sits between reads the logs and the key.
    pub insecure: bool,
    /// What it is, where the key may not ask.
    pub flavour: Option<FlavourName>,
    /// Compress what is sent. Unless told otherwise: unless it is on this machine.
    pub compress: Option<bool>,
    /// How long one answer may take, in seconds; 60 unless told otherwise.
    pub timeout_s: Option<u64>,
    /// How long a cluster that is busy, blocked, restarting or away in the middle of a run is waited for, in seconds; 600
    /// unless told otherwise. A search waits 30 seconds at most.
    pub wait_s: Option<u64>,
    /// Drop months that ended more than so many days ago, after each `index`. Nothing is dropped unless told so.
    pub retention_days: Option<u32>,
    /// Let the cluster drop them by its own lifecycle management, which `mailtrail setup` installs.
    pub lifecycle_days: Option<u32>,
}

/// Which of the two a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum FlavourName {
    /// elastic.co's
    Elasticsearch,
    /// opensearch.org's
    OpenSearch,
}

impl Config {
    /// The named file; without a name the first of the usual places that has one, else the defaults.
    pub fn load(path: Option<&Path>) -> Result<Self, Vec<Problem>> {
        Self::path(path).map_or(Ok(Self::default()), |path| Self::read(&path))
    }

    /// The file that [`Config::load`] reads. None: there is none, and the defaults count.
    pub fn path(path: Option<&Path>) -> Option<PathBuf> {
        let usual = || usual_places().into_iter().find(|path| path.is_file());
        path.map(Path::to_owned).or_else(usual)
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
