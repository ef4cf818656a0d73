//! `mailtrail who`

use clap::Args;

use super::TimeFrameArgs;

/// `mailtrail who`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail who ann@example.org            a login or an address
  mailtrail who 203.0.113.6 --last 24h     a client; 203.0.113.0/24 is a network
  mailtrail who example.org                a domain or a host

With --json one object: `subject`, `mails` and `outcomes` by status, `first`, `last`, `hours` (`stands_out`), `clients`,
`rejects`, `queued`, `recipients`, `received`. Exit code 1: nothing is known.")]
pub struct WhoArgs {
    /// A login, an IP address or network, a mail address, a domain or a host
    #[arg(value_name = "USER|IP|ADDRESS|DOMAIN")]
    pub subject: String,

    /// The time that is looked at.
    #[command(flatten)]
    pub time: TimeFrameArgs,

    /// So many rows a list
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
    pub limit: usize,
}
