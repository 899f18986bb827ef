//! The `fanout` command.

use std::process::ExitCode;

use clap::Parser;
use fanout::cli::{Cli, Command};
use fanout::up;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let flags = match cli.command {
        Some(Command::Up(flags)) => flags,
        None => cli.up,
    };
    match up::run(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

#[allow(
    clippy::print_stderr,
    reason = "a command tells its user what went wrong"
)]
fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("fanout: {error:#}");
    ExitCode::FAILURE
}
