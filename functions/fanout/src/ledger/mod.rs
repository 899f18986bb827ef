//! `fanout ledger`: whether the bank's events are as they were written. Reads only.

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use fanout_event_sourcing::{Fault, Report, verify, verify_with_copies};
use fanout_root_copies::CopiesPlace;
use serde::Serialize;
use system::Account;

use crate::answer::{AnswerFlags, WrongUse, block_on, verdict, write};

const EXAMPLES: &str = "Examples:
  fanout ledger verify
  fanout ledger verify --account acc_01JD2V7Q4KA1B2C3D4E5F6G7H8
  fanout ledger rebuild --dry-run --project my-project";

const OF_VERIFY: &str = "Examples:
  fanout ledger verify
  fanout ledger verify --account acc_01JD2V7Q4KA1B2C3D4E5F6G7H8 --json
  fanout ledger verify --project my-project --copies gs://my-project-audit

It reads every event from an account's first on, and computes again: the hash of each over the one
before, the balance, the snapshots; and without --account the daily roots over all accounts. On one
machine it reads the data directory, whether `fanout up` runs or not. With --copies the events are
also held against the copies of the daily roots, which who may write to the database cannot change,
and a root that has none is named; in a bucket they are read with your own rights, such as
roles/storage.objectViewer.

Exit code: 0 all is as it was written, 1 it is not: the account and the event are named, 2 wrong use.";

const OF_REBUILD: &str = "Examples:
  fanout ledger rebuild --dry-run
  fanout ledger rebuild --dry-run --json

It folds every account from its first event on with today's code, and compares that with what is
stored: the snapshots. Nothing else is stored of an account's state, so there is nothing to write.

Exit code: 0 it is the same, 1 it differs, 2 wrong use.";

/// The arguments of `fanout ledger`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct LedgerArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check that the accounts' events are as they were written
    #[command(after_help = OF_VERIFY)]
    Verify(VerifyFlags),
    /// Fold all accounts with today's code, and say what would come out differently
    #[command(after_help = OF_REBUILD)]
    Rebuild(RebuildFlags),
}

#[derive(Debug, Args)]
struct VerifyFlags {
    /// This account only
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    account: Option<String>,
    /// Where copies of the daily roots are: gs://BUCKET, or a folder
    #[arg(long, value_name = "PLACE", conflicts_with = "account", value_parser = copies_place)]
    copies: Option<CopiesPlace>,
    #[command(flatten)]
    common: AnswerFlags,
}

#[derive(Debug, Args)]
struct RebuildFlags {
    /// Only compare: there is no other way yet
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: AnswerFlags,
}

#[derive(Serialize)]
struct Answer {
    accounts: u64,
    events: u64,
    snapshots: u64,
    outdated_snapshots: u64,
    daily_roots: u64,
    copies: u64,
    faults: Vec<String>,
}

fn copies_place(text: &str) -> Result<CopiesPlace, String> {
    CopiesPlace::parse(text).ok_or_else(|| format!("it must be {}", CopiesPlace::EXPECTS))
}

/// Reads the ledger, and says what was found.
pub fn run(args: LedgerArgs) -> anyhow::Result<ExitCode> {
    let (common, account, copies) = match args.verb {
        Verb::Verify(flags) => (flags.common, flags.account, flags.copies),
        Verb::Rebuild(flags) if flags.dry_run => (flags.common, None, None),
        Verb::Rebuild(_) => {
            let why = "there is nothing to write: add --dry-run to compare";
            return Err(WrongUse(why.to_owned()).into());
        }
    };
    let target = common.find()?;
    let report = block_on(async {
        let documents = target.documents().await?;
        let documents = documents.as_ref();
        let verified = match copies {
            Some(place) => {
                let copies = place.all().await;
                let copies = copies.context("the copies could not be read")?;
                ensure!(!copies.is_empty(), "there are no copies of daily roots");
                verify_with_copies::<Account>(documents, &copies).await
            }
            None => verify::<Account>(documents, account.as_deref()).await,
        };
        verified.context("the ledger could not be read")
    })?;
    write(&Answer::of(&report), common.json, Answer::text)?;
    Ok(verdict(report.faults.is_empty()))
}

impl Answer {
    fn of(report: &Report) -> Self {
        Self {
            accounts: report.streams,
            events: report.events,
            snapshots: report.snapshots,
            outdated_snapshots: report.outdated,
            daily_roots: report.roots,
            copies: report.copies,
            faults: report.faults.iter().map(Fault::to_string).collect(),
        }
    }

    fn text(&self) -> String {
        let Self {
            accounts,
            events,
            snapshots,
            outdated_snapshots,
            daily_roots,
            copies,
            faults,
        } = self;
        let mut text = format!(
            "{accounts} accounts, {events} events, {snapshots} snapshots, {daily_roots} daily roots\n"
        );
        if *copies > 0 {
            text += &format!("{copies} copies of daily roots\n");
        }
        if *outdated_snapshots > 0 {
            text +=
                &format!("{outdated_snapshots} snapshots are of another schema, and not used\n");
        }
        for fault in faults {
            text += &format!("BROKEN {fault}\n");
        }
        if faults.is_empty() {
            text += "all is as it was written\n";
        }
        text
    }
}
