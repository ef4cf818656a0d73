//! Arguments, one command, an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use mailtrail::cli::Cli;
use mailtrail::command;

fn main() -> ExitCode {
    command::run(Cli::parse())
}
