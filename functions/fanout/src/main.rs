//! The `fanout` command.

use std::process::ExitCode;

use clap::Parser as _;
use fanout::answer::{exit_code, notice};
use fanout::cli::{Cli, Command};
use fanout::{
    capacity, completions, dead_letters, doctor, ledger, manifest, new_service, processes,
    projections, publish, replay, schema, status, stock, trace, up,
};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match cli.command {
        Some(Command::Up(flags)) => up::run(&flags),
        Some(Command::Status(flags)) => status::run(&flags),
        Some(Command::Publish(args)) => publish::run(&args),
        Some(Command::Replay(flags)) => replay::run(&flags),
        Some(Command::DeadLetters(args)) => dead_letters::run(&args),
        Some(Command::Processes(args)) => processes::run(&args),
        Some(Command::Stock(args)) => stock::run(&args),
        Some(Command::Projections(args)) => projections::run(&args),
        Some(Command::Trace(flags)) => trace::run(&flags),
        Some(Command::Ledger(args)) => ledger::run(args),
        Some(Command::Doctor(flags)) => doctor::run(&flags),
        Some(Command::New(flags)) => new_service::run(&flags),
        Some(Command::Schema(args)) => schema::run(&args),
        Some(Command::Manifest(flags)) => manifest::run(&flags),
        Some(Command::Capacity(flags)) => capacity::run(&flags),
        Some(Command::Completions(flags)) => completions::run(&flags),
        None => up::run(&cli.up),
    };
    ended.unwrap_or_else(|error| {
        notice(&format!("{error:#}"));
        exit_code(&error)
    })
}
