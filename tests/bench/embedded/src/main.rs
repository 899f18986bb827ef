//! What `bench` compares with others' libraries: this project's own, each on the embedded engine as it runs
//! anywhere, with every commit synced. Asked on standard input, one JSON object a line; answers the same way.

mod dialogue;
mod engine;
mod feed;
mod latencies;
mod ledger;
mod pieces;
mod saga;
mod system;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use fanout_runtime::error_chain;
use mimalloc::MiMalloc;

/// As in the program that people run, `fanout up`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// One side of a comparison. `bench` starts it
#[derive(Parser)]
struct Arguments {
    /// What is compared
    #[arg(value_enum)]
    what: What,
    /// Where it keeps its data
    folder: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Flows of many steps
    Saga,
    /// Accounts as the sums of their events
    Ledger,
    /// Feeds of posts
    Feed,
    /// Sign-ups and their consumers
    System,
    /// What a delivery is made of
    Pieces,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { what, folder } = Arguments::parse();
    let ended = match what {
        What::Saga => saga::answer(&folder).await,
        What::Ledger => ledger::answer(&folder).await,
        What::Feed => feed::answer(&folder).await,
        What::System => system::answer(&folder).await,
        What::Pieces => pieces::answer(&folder).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            dialogue::say(&serde_json::json!({"failed": error_chain(error.as_ref())}));
            ExitCode::FAILURE
        }
    }
}
