//! `mailtrail doctor`

use clap::Args;

/// `mailtrail doctor`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail doctor                         is all well, and if not, what is to be done?
  mailtrail doctor --json | jq 'select(.level != \"ok\")'

It looks at configuration, rules, each source (also whether servers answer), clock and time zone (the queue ids tell their
own time), permissions, state, store and disk; it changes nothing. Run it as the user that the service runs as.

With --json an object for each thing it looked at: `check` (config, rules, sources, clock, zone, permissions, state,
store, disk), `level` (ok, warning, error), `about`, `says`, and `do` where there is something to be done.

Exit codes: 0 all is well (there may be warnings); 1 something must be put right.")]
pub struct DoctorArgs {
    /// Complain where less than this is free in the data folder, in megabytes
    #[arg(long, value_name = "MB", default_value_t = 500)]
    pub min_free: u64,

    /// Ask no server
    #[arg(long)]
    pub offline: bool,
}
