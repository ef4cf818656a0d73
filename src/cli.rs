//! Every command and flag with its help; no logic.

mod doctor;
mod follow;
mod open;
mod reindex;
mod report;
mod rules;
mod scrub;
mod time_frame;
mod unmatched;
mod who;

pub use doctor::DoctorArgs;
pub use follow::FollowArgs;
pub use open::OpenArgs;
pub use reindex::ReindexArgs;
pub use report::ReportArgs;
pub use rules::{CoverageArgs, ExplainArgs, NewArgs, PreviewArgs, RulesCommand, TestArgs};
pub use scrub::ScrubArgs;
pub use time_frame::TimeFrameArgs;
pub use unmatched::UnmatchedArgs;
pub use who::WhoArgs;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{FlavourName, StoreKind};

/// Where is my mail? Answered from the logs of Postfix and sendmail.
///
/// mailtrail reads log lines, joins those of one message into one document, keeps the documents in an index that
/// needs no server, and tells who sent what to whom, over which hops, with which words.
#[derive(Debug, Parser)]
#[command(
    name = "mailtrail",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  mailtrail index /var/log/mail.log*            read logs into the index
  mailtrail search 'bounced:ann@example.org'    what bounced for this recipient?
  mailtrail search 'to:*@example.org status:deferred'
  mailtrail trace 757F89D60C0                   the story of one message
  mailtrail parse /var/log/mail.log --json      what each line says

Exit codes: 0 done; 1 done, and the answer is no (nothing found); 2 could not, or some input could not be read."
)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Print JSON: one object a line for lists
    #[arg(long, global = true)]
    pub json: bool,

    /// Folder of the embedded index and the state [default: /var/lib/mailtrail where writable, else your data folder]
    #[arg(long, global = true, value_name = "DIR", env = "MAILTRAIL_DATA")]
    pub data: Option<PathBuf>,

    /// Configuration file [default: /etc/mailtrail/mailtrail.yaml, or mailtrail/mailtrail.yaml in your config folder]
    #[arg(long, global = true, value_name = "FILE", env = "MAILTRAIL_CONFIG")]
    pub config: Option<PathBuf>,

    /// Where documents are kept
    #[arg(long, global = true, value_enum)]
    pub store: Option<Option<StoreKind>>,

    /// Rule files of your own, in a folder: they add to the built-in rules or replace them by id
    #[arg(long, global = true, value_name = "DIR")]
    pub rules: Vec<PathBuf>,

    /// When to colour [`NO_COLOR` is respected]
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read logs and keep what they say, one document a message
    Index(IndexArgs),
    /// Read logs, the journal and servers as they grow, until it is stopped: the service
    Follow(FollowArgs),
    /// Look at configuration, rules, sources, clock, permissions, store and disk, and say what to do
    Doctor(DoctorArgs),
    /// Find messages
    Search(SearchArgs),
    /// Tell the story of one message over all its hops
    Trace(TraceArgs),
    /// List mail that was accepted and has no last word yet, the oldest first
    Open(OpenArgs),
    /// All that is known about a login, an address, a client or a domain: the view for an incident
    Who(WhoArgs),
    /// Totals, hours, senders, recipients, reasons and delays, of files or of what was indexed
    Report(ReportArgs),
    /// Show what each line says, without keeping anything
    Parse(ParseArgs),
    /// Show what no rule knows, lines of one shape together
    Unmatched(UnmatchedArgs),
    /// Make all messages anew with today's rules, from the lines that they hold
    Reindex(ReindexArgs),
    /// Replace who and where in a log, so that it can be sent to a stranger
    Scrub(ScrubArgs),
    /// Prepare an Elasticsearch or OpenSearch cluster: templates, new fields, a lifecycle on request
    Setup(SetupArgs),
    /// Send the documents that the cluster refused once more
    Retry,
    /// Show how far everything was read
    ///
    /// With --json one object: `writer`, `generation`, `saved_at`, `rules`, `files` (`path`, `device`, `inode`, `size`,
    /// `finished`, `position` with `offset` and `lines`), `servers` by name (`watermark`, `seen`), `waiting` lines.
    State,
    /// Check and show the rules that read the lines
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Print a completion script for a shell
    Completions {
        /// bash, zsh, fish, elvish, powershell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Files and what they do not tell about themselves.
#[derive(Debug, Args)]
pub struct Input {
    /// Log files, plain or compressed, in any order; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What they do not tell.
    #[command(flatten)]
    pub said: Said,
}

/// What lines do not tell about themselves.
#[derive(Debug, Default, Args)]
pub struct Said {
    /// The year of the first line, for stamps that tell none [default: from queue ids, the file's name, the file's time]
    #[arg(long)]
    pub year: Option<i32>,

    /// The zone of stamps that tell none: Europe/Berlin (with its summer time), UTC, local, +01:00
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,

    /// The host of lines that name none; one that has lost its time but not its host, `mx1 postfix/smtpd[1]: ...`, names it
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,

    /// The time of lines without a header: 2026-11-24, '2026-11-24 10:05' (UTC), RFC 3339, 2h (ago)
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,

    /// The program of lines without a header, `postfix/smtpd` or `postfix/smtpd[277]`, if they do not begin with one
    #[arg(long, value_name = "PROGRAM", requires = "at")]
    pub program: Option<String>,
}

/// `mailtrail index`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail index /var/log/mail.log*
  mailtrail index                                  what the configuration names under `sources:`
  mailtrail index --source graylog --last 2h
  zcat mail.log.gz | mailtrail index -
  mailtrail index --store ndjson mail.log | jq .status

Run it as often as you like: it goes on where it was, through rotation by renaming, packing or copying. Reading a log
again, or a part of it, changes nothing.")]
pub struct IndexArgs {
    /// Log files, plain or compressed, in any order; `-` is standard input [default: the sources of the configuration]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What lines do not tell.
    #[command(flatten)]
    pub said: Said,

    /// Of servers, read at least this time before now again: 60m, 2h; more where an earlier run was missed
    #[arg(long, value_name = "TIME", default_value = "60m", conflicts_with_all = ["since", "until"])]
    pub last: String,

    /// Of servers, read from this time on: 2026-11-24, '2026-11-24 10:05', RFC 3339, 2h (ago)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Of servers, read what was said before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// Read only this source of the configuration
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    pub source: Vec<String>,

    /// Forget how far everything was read, and read it again; the documents stay the same
    #[arg(long)]
    pub from_scratch: bool,

    /// Save so often how far it is: a run that is stopped goes on from there
    #[arg(long, value_name = "TIME", default_value = "2m")]
    pub save_every: String,

    /// How many unfinished messages are kept in memory; more go to the store and come back when needed
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub max_open: usize,
}

/// `mailtrail search`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail search ann@example.org                     as sender, recipient or alias
  mailtrail search 'from:bob@example.com status:deferred' --last 2h
  mailtrail search 'bounced:*@example.org dsn:5.1.1'
  mailtrail search 'ip:192.0.2.0/24 kind:reject' --since 2026-11-24
  mailtrail search 'response:\"mailbox full\" OR attempts:>5'
  mailtrail search status:bounced --since yesterday --csv --columns time,from,to,dsn,response > bounced.csv

Fields: to from orig to_domain from_domain delivered bounced deferred ... (each status) status kind host mta open
qid msgid id client ip helo user relay relay_ip dsn delay size attempts reason response subject warning verdict")]
pub struct SearchArgs {
    /// What to look for; terms side by side must all match
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,

    /// At most this many
    #[arg(short = 'n', long, default_value_t = 50)]
    pub limit: usize,

    /// Skip this many
    #[arg(long, default_value_t = 0)]
    pub offset: usize,

    /// The time that is looked at.
    #[command(flatten)]
    pub time: TimeFrameArgs,

    /// Oldest first
    #[arg(long)]
    pub oldest_first: bool,

    /// Print CSV for a spreadsheet; cells that would be formulas get a ' in front
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,

    /// Which columns: field names, and `time`, `said` [default: time,host,qid,status,from,to,said]
    #[arg(long, value_name = "NAMES", conflicts_with = "json")]
    pub columns: Option<String>,

    /// With --json: include the raw lines
    #[arg(long)]
    pub lines: bool,
}

/// `mailtrail trace`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail trace 757F89D60C0
  mailtrail trace '<20261124020446.A40689D65B9@mx1.site.example>'
  mailtrail trace ann@example.org          the newest messages of an address, to choose from
  mailtrail trace ann@example.org --all
  mailtrail trace 757F89D60C0 --lines       with the raw lines, and under each recipient those that say so
  mailtrail trace 757F89D60C0 --evidence case-17.txt --scrub

Each recipient is told with why and what next, by rules of their own (`causes/*.yaml` in a folder of rules adds to them).
With --json: `message_id`, `hops`, `links`, `recipients` (`final`, `cause`, `why`, `next`; with --lines `evidence`), `notices`.")]
pub struct TraceArgs {
    /// A document id, a queue id, a message id, or an address
    #[arg(value_name = "ID|QID|MESSAGE-ID|ADDRESS")]
    pub what: String,

    /// Tell all stories that fit, not a list to choose from
    #[arg(long)]
    pub all: bool,

    /// Show the raw lines
    #[arg(long)]
    pub lines: bool,

    /// Write a pack to give away into a new file: the story, the raw lines with their SHA-256, the rules' fingerprint, what
    /// was read around it; as JSON if the file is called so
    #[arg(long, value_name = "FILE")]
    pub evidence: Option<PathBuf>,

    /// In the pack, pseudonyms for names, hosts and addresses; the story is told from the scrubbed lines
    #[arg(long, requires = "evidence")]
    pub scrub: bool,

    /// The same key gives the same pseudonyms; whoever knows it can check a guess [default: another one each time]
    #[arg(
        long,
        value_name = "TEXT",
        requires = "scrub",
        env = "MAILTRAIL_SCRUB_KEY",
        hide_env_values = true
    )]
    pub key: Option<String>,
}

/// `mailtrail setup`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  MAILTRAIL_ELASTICSEARCH_URL=http://localhost:9200 mailtrail setup
  mailtrail setup --dry-run                what would be sent, to read or to paste into a console

Running it again changes nothing, or brings what an older mailtrail made up to date.")]
pub struct SetupArgs {
    /// Print the requests and send none
    #[arg(long)]
    pub dry_run: bool,
    /// Print dashboards to import into OpenSearch Dashboards (opensearch) or Kibana (elasticsearch), and send nothing
    ///
    /// Saved objects, one a line: mailtrail setup --dashboards opensearch > mail.ndjson
    #[arg(long, value_name = "FLAVOUR")]
    pub dashboards: Option<FlavourName>,
}

/// `mailtrail parse`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail parse mail.log
  mailtrail parse --unmatched mail.log      only the lines that no rule matched
  echo '757F89D60C0: removed' | mailtrail parse --host mx1 --at 2h --program postfix/qmgr -")]
pub struct ParseArgs {
    /// What to read.
    #[command(flatten)]
    pub input: Input,

    /// Only lines that no rule matched
    #[arg(long)]
    pub unmatched: bool,
}
