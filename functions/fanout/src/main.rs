//! The `fanout` command.

use std::process::ExitCode;

use clap::Parser;
use fanout::cli::{Cli, Command};
use fanout::{completions, doctor, trace, up};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Up(flags)) => up::run(&flags).map(|()| ExitCode::SUCCESS),
        Some(Command::Trace(flags)) => trace::run(&flags),
        Some(Command::Doctor(flags)) => doctor::run(&flags),
        Some(Command::Completions(flags)) => completions::run(&flags),
        None => up::run(&cli.up).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| report(&error))
}

#[allow(
    clippy::print_stderr,
    reason = "a command tells its user what went wrong"
)]
fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("fanout: {error:#}");
    ExitCode::FAILURE
}
