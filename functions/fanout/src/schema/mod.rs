//! `fanout schema`: what the system's events are, and whether a change breaks a consumer.

mod check_schemas;
mod corpus;
mod finding;
mod list_schemas;
mod release;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::{Args, Subcommand};

pub(crate) use list_schemas::events_page;
pub(crate) use release::unreleased;

const EXAMPLES: &str = "Examples:
  fanout schema list                        each type: versions, who publishes, who reacts
  fanout schema check                       all versions of each major against each other
  fanout schema check --against main        and what is committed there";

/// The flags of `fanout schema`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SchemaArgs {
    /// What to do
    #[command(subcommand)]
    command: SchemaCommand,
}

#[derive(Debug, Subcommand)]
enum SchemaCommand {
    /// List the types of events: versions, who publishes, who reacts, personal fields
    List(list_schemas::ListArgs),
    /// Check that every version of a major is read by every other
    Check(check_schemas::CheckArgs),
}

/// Carries the subcommand out.
pub fn run(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        SchemaCommand::List(flags) => list_schemas::run(flags),
        SchemaCommand::Check(flags) => check_schemas::run(flags),
    }
}
