//! `mailtrail follow`

use clap::Args;

use super::Said;

/// `mailtrail follow`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail follow                                 all sources of the configuration, until it is stopped
  mailtrail follow /var/log/mail.log               one log, wherever rotation takes it
  mailtrail follow --listen 127.0.0.1:9797         with http://127.0.0.1:9797/metrics and /healthz
  kill -HUP PID                                    reads rules and configuration again
  kill PID                                         saves and ends

New lines are found within a few seconds, also on network mounts (files are looked at, no notification is needed).
It says what it does on standard error, one event a line: ts=... level=info event=...")]
pub struct FollowArgs {
    /// Log files; `*` and `?` as in a shell, if quoted [default: the sources of the configuration]
    #[arg(value_name = "FILE")]
    pub files: Vec<std::path::PathBuf>,

    /// What lines do not tell.
    #[command(flatten)]
    pub said: Said,

    /// Read only this source of the configuration
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    pub source: Vec<String>,

    /// Answer /metrics (Prometheus) and /healthz here: 127.0.0.1:9797 [default: `listen` of the configuration]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,

    /// Look so often for new lines
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub poll: String,

    /// Write what is new to the store so often; less often where the store takes long
    #[arg(long, value_name = "TIME", default_value = "2s")]
    pub commit_every: String,

    /// How many unfinished messages are kept in memory; more go to the store and come back when needed
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub max_open: usize,
}
