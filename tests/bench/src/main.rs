//! `cargo run --release -p bench -- all`: what the system costs, side by side with what else there is.
//!
//! Every contender of a benchmark does the same work, one after the other, in rounds that alternate; what each
//! left behind is checked after every round, and whoever lost or repeated an effect is shown as having done so.
#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark reports"
)]

mod consumer;
mod emulators;
mod events;
mod feed;
mod ledger;
mod measure;
mod operations;
mod pieces;
mod producer;
mod saga;
mod servers;
mod sides;
mod system;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use measure::{Cores, Interrupt, Machine, Report};

/// Measures what the system costs, side by side with what else there is
#[derive(Parser)]
#[command(name = "bench", after_help = EXAMPLES)]
struct Arguments {
    /// What to measure
    #[arg(required = true, value_enum)]
    what: Vec<What>,
    #[command(flatten)]
    options: Options,
}

/// What holds for every benchmark.
#[derive(clap::Args, Clone)]
pub(crate) struct Options {
    /// Rounds of each contender; figures are medians of them [default: 3]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Events of a round [default: as each benchmark says]
    #[arg(long, value_parser = clap::value_parser!(u32).range(10..))]
    events: Option<u32>,
    /// One short round of each: whether everything works, not how fast
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// The long measurements: 100,000 more events for memory, a million stored or rebuilt instead of 100,000
    /// and 5,000, and 100,000 waiting instead of 5,000
    #[arg(long)]
    full: bool,
    /// Put the tables into this page too, in the place of those that it has under their titles
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Where the figures of every round are written
    #[arg(long, value_name = "FILE", default_value = "bench.json")]
    json: PathBuf,
    /// Where contenders are installed, and kept for the next time
    #[arg(long, value_name = "FOLDER", default_value = "target/bench-peers")]
    peers: PathBuf,
    /// Measure the binaries of this folder instead of building them: an older build, to compare
    #[arg(long, value_name = "FOLDER")]
    binaries: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  cargo run --release -p bench -- consumer --quick           whether the consumers work
  cargo run --release -p bench -- all --full --write docs/PERFORMANCE.md

Needs Google's emulators with Java, taskset, and for the contenders Python 3, Node 20 with npm and a C++ compiler,
redis-server, PostgreSQL (started by root, as its own user) and strace; Restate runs on x86-64 only. What is missing is
named in the report. Run it on a machine that does nothing else: all takes about an hour on 2 slow cores.";

/// A benchmark.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Every benchmark there is
    All,
    /// A reaction to an event: crm-service, the bare floor, Node and Python on Google's Firestore emulator
    Consumer,
    /// A sign-up and its event: user-service, Node and Python on Google's emulators
    Producer,
    /// What a sign-up and its reactions are billed for in Firestore
    Operations,
    /// All that a sign-up leads to: the embedded engine, Redis with Python, and SQLite with Node; with up to 30
    /// consumers, and after an outage of them
    System,
    /// Sagas of four steps, beside DBOS, Restate, openworkflow and steno
    Saga,
    /// Accounts as the sums of their events, beside cqrs-es, evento, eventsourcing and emmett
    Ledger,
    /// Feeds of posts, and their rebuild, beside lists in Redis
    Feed,
    /// Decode, fingerprint, encode and log line, each by itself
    Pieces,
}

impl What {
    /// As it is typed.
    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn run(self, options: &Options, report: &mut Report) -> anyhow::Result<()> {
        match self {
            // Stands for the others.
            Self::All => Ok(()),
            Self::Consumer => consumer::run(options, report),
            Self::Producer => producer::run(options, report),
            Self::Operations => operations::run(options, report),
            Self::System => system::run(options, report),
            Self::Saga => saga::run(options, report),
            Self::Ledger => ledger::run(options, report),
            Self::Feed => feed::run(options, report),
            Self::Pieces => pieces::run(options, report),
        }
    }
}

impl Options {
    /// How many rounds there are.
    pub(crate) fn rounds(&self) -> usize {
        let usual = if self.quick { 1 } else { 3 };
        self.rounds.map_or(usual, |rounds| rounds as usize)
    }

    /// How many events a round has: as asked for, or a tenth of the usual number in a quick run.
    pub(crate) fn events(&self, usual: usize) -> usize {
        let of_run = if self.quick { usual / 10 } else { usual };
        self.events.map_or(of_run, |events| events as usize)
    }

    /// How many things are stored from before, where it is measured whether that matters.
    pub(crate) fn stored(&self) -> usize {
        match (self.quick, self.full) {
            (true, _) => 10_000,
            (false, false) => 100_000,
            (false, true) => 1_000_000,
        }
    }

    /// How many events a read model is rebuilt from.
    pub(crate) fn rebuilt(&self) -> usize {
        match (self.quick, self.full) {
            (true, _) => 1_000,
            (false, false) => 5_000,
            (false, true) => 1_000_000,
        }
    }

    /// How many events wait for consumers that were out.
    pub(crate) fn backlog(&self) -> usize {
        if self.full { 100_000 } else { 5_000 }
    }

    /// An empty folder for what is written while something is measured, on the disk of the peers.
    pub(crate) fn scratch(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.peers.join("scratch").join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder.canonicalize()?)
    }
}

fn main() -> ExitCode {
    let Arguments { what, options } = Arguments::parse();
    match run(&what, &options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: &[What], options: &Options) -> anyhow::Result<()> {
    Interrupt::leaves_nothing_running()?;
    let mut report = Report::new(Machine::look()?, options);
    let whole = what.contains(&What::All);
    let every = What::value_variants().iter();
    let cores = Cores::of_this_process()?;
    for bench in every.filter(|bench| whole || what.contains(bench)) {
        // What is missing for one benchmark is there for others.
        if let Err(error) = bench.run(options, &mut report) {
            report.failed(format!("{}: {error:#}", bench.name()));
        }
        Cores::keep_this_process_to(&cores.all)?;
    }
    report.finish()
}
