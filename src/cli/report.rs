//! `mailtrail report`

use std::path::PathBuf;

use clap::Args;

use super::{Said, TimeFrameArgs};

/// `mailtrail report`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail report /var/log/mail.log             of files, without an index
  mailtrail report --last 24h                    of what was indexed
  mailtrail report --since yesterday --until today --html > report.html
  mailtrail report --where 'host:mx1 to_domain:example.org' -n 50

A message counts once, whatever filters it passed. Hours and days are UTC. With --json one object:
`from`, `to`, `mails`, `recipients` by status, `rejects`, `sessions`, `hours`, `days`,
`top`, `reasons`, `delays_s`, `tls` and more. Exit code 1: nothing was found.")]
pub struct ReportArgs {
    /// Log files, plain or compressed; `-` is standard input [default: what was indexed]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What lines do not tell.
    #[command(flatten)]
    pub said: Said,

    /// The time that is looked at.
    #[command(flatten)]
    pub time: TimeFrameArgs,

    /// Only what this query means, in the language of `mailtrail search`
    #[arg(long = "where", value_name = "QUERY")]
    pub filter: Option<String>,

    /// So many rows a list
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
    pub rows: usize,

    /// Print a page for a browser that needs nothing else
    #[arg(long, conflicts_with = "json")]
    pub html: bool,
}
