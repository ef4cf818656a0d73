//! `mailtrail scrub`

use std::path::PathBuf;

use clap::Args;

use super::Said;

/// `mailtrail scrub`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail scrub /var/log/mail.log > to-send.log
  mailtrail scrub --key \"$(cat secret)\" mail.log.1 mail.log     the same pseudonyms every time
  mailtrail scrub --matched-only mail.log                       without the lines that no rule knows

Read the result before you send it. What the rules know is replaced by what it is; elsewhere what looks like an address, a
host or an IP is, and every name that was seen in a field. Times, queue ids, sizes, status words and lengths stay.")]
pub struct ScrubArgs {
    /// Log files, plain or compressed
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What lines do not tell.
    #[command(flatten)]
    pub said: Said,

    /// The same key gives the same pseudonyms; whoever knows it can check a guess [default: another one each time]
    #[arg(long, value_name = "TEXT", env = "MAILTRAIL_SCRUB_KEY", hide_env_values = true)]
    pub key: Option<String>,

    /// Leave out lines that no rule knows
    #[arg(long)]
    pub matched_only: bool,
}
