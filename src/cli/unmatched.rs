//! `mailtrail unmatched`

use std::path::PathBuf;

use clap::Args;

use super::Said;

/// `mailtrail unmatched`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail unmatched /var/log/mail.log          what no rule knows in a log
  mailtrail unmatched --store                    the same of everything that was indexed
  mailtrail unmatched --store --new              only what the last run of `index` met for the first time
  mailtrail unmatched --store --since 2026-11-24 only what was never said before that day: after an upgrade
  mailtrail rules new --template 1 mail.log      a rule for the first one

Lines of one shape are one template: `<*>` stands for what varies. With --json, one `template` document a line, with
`number`, `share` (of all unmatched lines), `programs` and `new` beside its fields. Exit code 1: every line is known.")]
pub struct UnmatchedArgs {
    /// Log files, plain or compressed; `-` is standard input [default: what was indexed]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What lines do not tell.
    #[command(flatten)]
    pub said: Said,

    /// Only templates that the last run of `index` met for the first time
    #[arg(long, conflicts_with_all = ["files", "since"])]
    pub new: bool,

    /// Only templates of which the first line was said at this time or later: 2026-11-24, '2026-11-24 10:05', 2h (ago)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// At most this many; 0 is all
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
    pub limit: usize,
}
