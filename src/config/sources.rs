//! The `sources:` of the configuration: what `mailtrail follow` reads, and `mailtrail index` when no file is named.

use std::path::PathBuf;

use serde::Deserialize;

/// Where lines come from: one of `files`, `journal`, `graylog`, `elasticsearch`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceConfig {
    /// For `--source NAME`, and in the state, so do not change it. None: the kind, with a number where that is taken.
    pub name: Option<String>,
    /// Log files; `*` and `?` as in a shell: `/var/log/mail.log*`.
    pub files: Vec<PathBuf>,
    /// The systemd journal of this machine.
    pub journal: Option<JournalConfig>,
    /// A Graylog, over its REST API.
    pub graylog: Option<GraylogConfig>,
    /// An index of Elasticsearch or OpenSearch.
    pub elasticsearch: Option<IndexConfig>,
}

/// The systemd journal, read by `journalctl`. `journal: {}` is that of this machine.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// A folder of journal files. None: this machine's.
    pub directory: Option<PathBuf>,
    /// A namespace of the journal, or `*` for all.
    pub namespace: Option<String>,
    /// `FIELD=value` as `journalctl` takes them; of one field any must fit, of several all. None: `SYSLOG_FACILITY=2`,
    /// what was logged as mail. `[]` reads everything.
    pub matches: Option<Vec<String>>,
}

/// A Graylog. Secrets are never written here, only where they are: in a file, or in `MAILTRAIL_GRAYLOG_TOKEN`,
/// `MAILTRAIL_GRAYLOG_PASSWORD`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GraylogConfig {
    /// The API: `https://graylog.example/api`.
    pub url: String,
    /// A file whose first line is an access token.
    pub token_file: Option<PathBuf>,
    /// A user, with `password_file` or `MAILTRAIL_GRAYLOG_PASSWORD`.
    pub user: Option<String>,
    /// A file whose first line is the user's password.
    pub password_file: Option<PathBuf>,
    /// Ids of the streams to read. Empty: all, which needs the right `searches:absolute`.
    pub streams: Vec<String>,
    /// In Graylog's search language. None: what mail servers and their companions say.
    pub query: Option<String>,
    /// Ask for what was received late by `gl2_receive_timestamp`, which Graylog 6.0 and later write.
    pub received: bool,
    /// Minutes to be added to its time stamps, where an input has read them in a wrong zone.
    pub shift_minutes: i64,
    /// A PEM file with its certificate authority, where the system does not know it.
    pub ca: Option<PathBuf>,
    /// The proxy to it. Else `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`.
    pub proxy: Option<String>,
    /// Believe any certificate: whoever sits between reads the logs and the key.
    pub insecure: bool,
    /// How long one answer may take, in seconds; 60 unless told otherwise.
    pub timeout_s: Option<u64>,
}

/// An index of Elasticsearch or OpenSearch with raw lines.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IndexConfig {
    /// Base URLs of the nodes: `https://es.example:9200`.
    pub urls: Vec<String>,
    /// Who wrote it, which says what the fields are called.
    pub like: Like,
    /// Names of indices, with `*`, between commas. None: as `like` says.
    pub index: Option<String>,
    /// The field with the time. None: as `like` says.
    pub time: Option<String>,
    /// A keyword field that is different in every document. None: as `like` says.
    pub unique: Option<String>,
    /// In Lucene's language. None: what mail servers and their companions say.
    pub query: Option<String>,
    /// Names of fields, where `like` does not say it.
    pub fields: FieldsConfig,
    /// A file whose first line is the API key.
    pub api_key_file: Option<PathBuf>,
    /// A user, with `password_file`.
    pub user: Option<String>,
    /// A file whose first line is the user's password.
    pub password_file: Option<PathBuf>,
    /// A file whose first line is a bearer token.
    pub token_file: Option<PathBuf>,
    /// Minutes to be added to its time stamps, where an input has read them in a wrong zone.
    pub shift_minutes: i64,
    /// A PEM file with its certificate authority, where the system does not know it.
    pub ca: Option<PathBuf>,
    /// The proxy to it. Else `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`.
    pub proxy: Option<String>,
    /// Believe any certificate: whoever sits between reads the logs and the key.
    pub insecure: bool,
    /// How long one answer may take, in seconds; 60 unless told otherwise.
    pub timeout_s: Option<u64>,
}

/// Who wrote an index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Like {
    /// Filebeat or the Elastic Agent.
    #[default]
    Filebeat,
    /// Graylog.
    Graylog,
    /// Logstash.
    Logstash,
}

/// Names of fields; of several the first counts that a message has.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FieldsConfig {
    /// The text, or the whole line.
    pub message: Vec<String>,
    /// The whole line as it was received.
    pub full: Vec<String>,
    /// The host.
    pub host: Vec<String>,
    /// The syslog tag.
    pub program: Vec<String>,
    /// The process id.
    pub pid: Vec<String>,
}
