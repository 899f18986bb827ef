//! `fanout projections`: read models, built anew while readers go on reading.

mod list_projections;
mod move_projection;
mod progress;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use fanout_projections::{Freshness, Owned, Projections};

use crate::answer::{AnswerFlags, block_on};

const EXAMPLES: &str = "Examples:
  fanout projections list
  fanout projections rebuild feed
  fanout projections rollback feed
  fanout projections cancel feed

A rebuild fills a new generation of rows from the stored events, while what is live goes on; then one
commit switches to it, and `rollback` back, for a day. A projection writes rows and nothing else: a
rebuild sends no mail and publishes nothing.

On one machine the running `fanout up` does it; in Google Cloud this command begins it in Firestore,
for which it takes the role roles/datastore.user, and the ticker does the work.

Exit code: 0 done, 1 not, 2 wrong use.";

const LIST_EXAMPLES: &str = "Examples:
  fanout projections list
  fanout projections list --json --project my-project";

const REBUILD_EXAMPLES: &str = "Examples:
  fanout projections rebuild feed
  fanout projections rebuild feed --json --project my-project

Tells how far it is, and ends with the switch. Ctrl-C ends the telling only; the same command tells on.
A new generation that lacks rows which show now is not used, and the command exits 1.";

const ROLLBACK_EXAMPLES: &str = "Examples:
  fanout projections rollback feed

Makes the generation live that was before, which is kept up to date for a day. Again, it leads back.";

const CANCEL_EXAMPLES: &str = "Examples:
  fanout projections cancel feed

Gives up the generation that is being built, and deletes its rows; what is live stays. For a rebuild
that was not meant, or does not get on.";

/// The arguments of `fanout projections`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ProjectionsArgs {
    #[command(subcommand)]
    command: ProjectionsCommand,
}

#[derive(Debug, Subcommand)]
enum ProjectionsCommand {
    /// List projections with their generations
    #[command(after_help = LIST_EXAMPLES)]
    List(AnswerFlags),
    /// Build the next generation from the stored events, and switch to it
    #[command(after_help = REBUILD_EXAMPLES)]
    Rebuild(RebuildFlags),
    /// Switch back to the generation before
    #[command(after_help = ROLLBACK_EXAMPLES)]
    Rollback(MoveFlags),
    /// Give up the generation that is being built
    #[command(after_help = CANCEL_EXAMPLES)]
    Cancel(MoveFlags),
}

#[derive(Debug, Args)]
struct RebuildFlags {
    /// Use the new generation even if it lacks rows that show now
    #[arg(long)]
    accept_missing: bool,
    #[command(flatten)]
    flags: MoveFlags,
}

#[derive(Debug, Args)]
struct MoveFlags {
    /// The projection
    #[arg(value_parser = PossibleValuesParser::new(names()))]
    name: String,
    /// Where the service that owns the projection listens; by default where `fanout up` puts it
    #[arg(long, env = "FANOUT_SERVICE_URL", value_name = "URL")]
    service_url: Option<String>,
    #[command(flatten)]
    common: AnswerFlags,
}

/// Does what was asked for.
pub fn run(args: &ProjectionsArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        ProjectionsCommand::List(flags) => block_on(list_projections::list(flags)),
        ProjectionsCommand::Rebuild(rebuild) => block_on(move_projection::rebuild(rebuild)),
        ProjectionsCommand::Rollback(flags) => block_on(move_projection::roll_back(flags)),
        ProjectionsCommand::Cancel(flags) => block_on(move_projection::cancel(flags)),
    }
}

/// All projections of this build, as the cloud's services know them.
fn table() -> Projections {
    system::projections(Freshness::CLOUD, |_| true)
}

fn names() -> Vec<&'static str> {
    let table = table();
    table.all().map(|owned| owned.projection.name).collect()
}

impl MoveFlags {
    /// The projection that is meant.
    fn owned(&self) -> anyhow::Result<Owned> {
        let owned = table().find(&self.name).cloned();
        owned.with_context(|| format!("there is no projection {}", self.name))
    }
}
