//! `fanout completions`: what a shell needs to complete this command.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::answer::write_text;
use crate::cli::Cli;

const EXAMPLES: &str = "Examples:
  source <(fanout completions bash)
  fanout completions zsh > ~/.zfunc/_fanout
  fanout completions fish > ~/.config/fish/completions/fanout.fish";

/// The flags of `fanout completions`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsFlags {
    /// The shell
    pub shell: Shell,
}

/// Prints the completions.
pub fn run(flags: &CompletionsFlags) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, &mut Cli::command(), "fanout", &mut script);
    write_text(&String::from_utf8(script)?)?;
    Ok(ExitCode::SUCCESS)
}
