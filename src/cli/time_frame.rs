//! The flags of a time frame.

use clap::Args;

/// The time that is looked at.
#[derive(Debug, Args)]
pub struct TimeFrameArgs {
    /// Only what began in this time before now: 90s, 15m, 2h, 7d, 4w
    #[arg(long, value_name = "TIME", conflicts_with_all = ["since", "until"])]
    pub last: Option<String>,

    /// Only what began at this time (UTC) or later: 2026-11-24, '2026-11-24 10:05', 10:05 (today), 'yesterday 10:05', monday,
    /// 'Nov 24 10:05', RFC 3339, 2h (ago)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Only what began before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}
