//! `mailtrail open`

use clap::Args;

/// `mailtrail open`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail open                            accepted more than an hour ago, and no last word yet
  mailtrail open --after 4h
  mailtrail open --where to_domain:example.org

The oldest come first. Mail that is older than a queue keeps it has only lost its end in the log: it is listed apart.
With --json one `mail` document a line, then {\"total\", \"lost\", \"before\"}. Exit code 1: nothing is open.")]
pub struct OpenArgs {
    /// Only mail that was accepted so long ago, or longer: 15m, 2h, 1d
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub after: String,

    /// A queue gives up after this time; what is older has lost its end [default: `queue_lifetime` of the configuration]
    #[arg(long, value_name = "TIME")]
    pub lifetime: Option<String>,

    /// As if it were this time: 2026-11-24, '2026-11-24 10:05', RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,

    /// Only what this query means, in the language of `mailtrail search`
    #[arg(long = "where", value_name = "QUERY")]
    pub filter: Option<String>,

    /// At most this many of each
    #[arg(short = 'n', long, default_value_t = 100, value_name = "N")]
    pub limit: usize,
}
