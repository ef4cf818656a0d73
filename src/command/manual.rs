//! Completions and the manual page, from the same source as `--help`.

use std::io::Write as _;

use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;

use super::Ending;
use super::output::Output;

/// `mailtrail completions SHELL`
pub(super) fn completions(shell: Shell, output: &mut Output) -> Result<Ending> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mailtrail", &mut script);
    output.write_all(&script)?;
    Ok(Ending::Done)
}

/// `mailtrail man`: the page of the program, then those of its commands.
pub(super) fn man(output: &mut Output) -> Result<Ending> {
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(output)?;
    for subcommand in command
        .get_subcommands()
        .filter(|subcommand| subcommand.get_name() != "help")
    {
        let page = clap_mangen::Man::new(subcommand.clone());
        page.render_name_section(output)?;
        page.render_synopsis_section(output)?;
        page.render_description_section(output)?;
        page.render_options_section(output)?;
        page.render_extra_section(output)?;
    }
    Ok(Ending::Done)
}
