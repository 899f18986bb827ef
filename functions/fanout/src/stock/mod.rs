//! `fanout stock`: how the stock of a product lies in the store.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;
use system::{Division, MOST_SHARDS, STOCK_KEEPER, divided, division_of, shard_stock};

use crate::answer::{AnswerFlags, block_on, counted, printable, write};
use crate::ask_service::ask_service;
use crate::target::{ADVICE, Target};

const EXAMPLES: &str = "Examples:
  fanout stock show 1
  fanout stock shard 1 8 --dry-run            how the stock of product 1 would lie over 8 shards
  fanout stock shard 1 8
  fanout stock shard 1 1 --project my-project all of it in one document again

A document takes one change at a time, and Firestore about one a second: divide the stock of a product
that many orders want at once. It is one commit: orders may go on meanwhile, and GET /stock adds up.
On one machine the running `fanout up` does it; in Google Cloud this command does, in Firestore, for
which it takes the role roles/datastore.user.

Exit code: 0 done, 1 not (there is no such product), 2 wrong use.";

/// The arguments of `fanout stock`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StockArgs {
    #[command(subcommand)]
    command: StockCommand,
}

#[derive(Debug, Subcommand)]
enum StockCommand {
    /// Show in how many documents a product's stock lies, and what is in each
    #[command(after_help = EXAMPLES)]
    Show(ShowFlags),
    /// Divide a product's stock over so many documents; 1 puts it into one again
    #[command(after_help = EXAMPLES)]
    Shard(ShardFlags),
}

#[derive(Debug, Args)]
struct ShowFlags {
    /// The product
    #[arg(value_name = "PRODUCT", value_parser = NonEmptyStringValueParser::new())]
    product_id: String,
    #[command(flatten)]
    common: AnswerFlags,
}

#[derive(Debug, Args)]
struct ShardFlags {
    /// The product
    #[arg(value_name = "PRODUCT", value_parser = NonEmptyStringValueParser::new())]
    product_id: String,
    /// Over how many documents
    #[arg(value_name = "SHARDS", value_parser = clap::value_parser!(u64).range(1..=MOST_SHARDS))]
    shards: u64,
    /// Show how it would lie, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Where inventory-service listens; by default where `fanout up` puts it
    #[arg(long, env = "FANOUT_SERVICE_URL", value_name = "URL")]
    service_url: Option<String>,
    #[command(flatten)]
    common: AnswerFlags,
}

/// What was divided, and how it lies now.
#[derive(Serialize)]
struct Divided {
    before: Division,
    after: Division,
    dry_run: bool,
}

/// Does what was asked for.
pub fn run(args: &StockArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        StockCommand::Show(flags) => block_on(show(flags)),
        StockCommand::Shard(flags) => block_on(shard(flags)),
    }
}

async fn show(flags: &ShowFlags) -> anyhow::Result<ExitCode> {
    let target = flags.common.find()?;
    let division = stored(&target, &flags.product_id).await?;
    write(&division, flags.common.json, text)?;
    Ok(ExitCode::SUCCESS)
}

async fn shard(flags: &ShardFlags) -> anyhow::Result<ExitCode> {
    let target = flags.common.find()?;
    let before = stored(&target, &flags.product_id).await?;
    let after = match (flags.dry_run, target) {
        (true, _) => divided(&before, flags.shards)?,
        (false, Target::Embedded { .. }) => ask_stock_keeper(flags).await?,
        (false, Target::Google(settings)) => {
            let documents = settings.documents().await.context(ADVICE)?;
            shard_stock(&documents, &flags.product_id, flags.shards).await?
        }
    };
    let dry_run = flags.dry_run;
    let divided = Divided {
        before,
        after,
        dry_run,
    };
    write(&divided, flags.common.json, |it| {
        let would = if dry_run { "would lie" } else { "lies" };
        let before = counted(it.before.shards.len(), "document");
        format!(
            "it lay in {before}; now it {would} so:\n{}",
            text(&it.after)
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn stored(target: &Target, product_id: &str) -> anyhow::Result<Division> {
    let documents = target.documents().await?;
    let division = division_of(documents.as_ref(), product_id).await;
    division.with_context(|| format!("the stock of {}", printable(product_id)))
}

/// The data file belongs to the system that runs on it.
async fn ask_stock_keeper(flags: &ShardFlags) -> anyhow::Result<Division> {
    let url = flags.service_url.clone();
    let url = url.unwrap_or_else(|| format!("http://localhost:{}", STOCK_KEEPER.port));
    let path = ["stock", flags.product_id.as_str(), "shards"];
    let asked = json!({"shards": flags.shards});
    let advice = "start `fanout up --system shop`, or say where inventory-service listens with --service-url";
    ask_service(&url, "--service-url", &path, &asked, advice).await
}

fn text(division: &Division) -> String {
    let mut out = format!(
        "product {}: {}\n",
        printable(&division.product_id),
        counted(division.shards.len(), "document")
    );
    let mut sum = (0, 0);
    for part in &division.shards {
        let _ = writeln!(
            out,
            "  {} on hand, {} reserved",
            part.on_hand, part.reserved
        );
        sum = (sum.0 + part.on_hand, sum.1 + part.reserved);
    }
    let _ = writeln!(out, "together {} on hand, {} reserved", sum.0, sum.1);
    out
}
