//! Arguments, one command, an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use mailtrail::cli::Cli;
use mailtrail::command;
use mimalloc::MiMalloc;

/// A line is kept in a few small pieces and given back minutes of log later, among millions of others: the system's
/// allocator spends a third of a run on that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    command::run(Cli::parse())
}
