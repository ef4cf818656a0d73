//! `mailtrail who`

use clap::Args;

use super::TimeFrameArgs;

/// `mailtrail who`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail who alice                      a login
  mailtrail who ann@example.org            a login or an address
  mailtrail who 203.0.113.6 --last 24h     a client; 203.0.113.0/24 is a network
  mailtrail who example.org                a domain, with its hosts and logins; or one host

A message counts once, over how many hosts and filters it went. With --json one object: `subject`, `first`, `last`,
`mails` and `outcomes` by status, `first_mail`, `hours` (`stands_out`), `clients`, `rejects`, `reasons`, `sessions`,
`failed_logins`, `failed_logins_before` its first message, `login_failures`, `queued`, `recipients` (`reached`: they have
it), `received`, `record_rules`, `records`. Exit code 1: nothing is known.")]
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
