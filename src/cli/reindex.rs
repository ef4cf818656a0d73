//! `mailtrail reindex`

use std::path::PathBuf;

use clap::Args;

use super::Said;

/// `mailtrail reindex`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail reindex                        after an edit of the rules: all messages, from the lines that they hold
  mailtrail reindex /var/log/mail.log*     and from these files what no message holds yet
  mailtrail reindex --dry-run              how many there are

A message holds all of its lines, those that no rule knew among them, so it is made anew without its log. Lines that name
no queue id and were unknown are held by no message: only the log has them. Running it again changes nothing: the
documents carry the fingerprint of the rules that read them. With --json: `{\"documents\", \"current\", \"rebuilt\",
\"lines\", \"rules\", \"seconds\"}`.")]
pub struct ReindexArgs {
    /// Log files to read again as well; what is counted of them stays
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What lines do not tell.
    #[command(flatten)]
    pub said: Said,

    /// Only what began at this time or later: 2026-11-24, '2026-11-24 10:05', RFC 3339, 2h (ago)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Change nothing, only count
    #[arg(long)]
    pub dry_run: bool,
}
