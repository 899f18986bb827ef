//! A saga of four steps side by side: happy, refused at its third step, and cut off by `kill -9`.

mod contender;
mod effects;
mod postgres;
mod stored;

use serde_json::json;

use crate::Options;
use crate::measure::{Contender, Metric, Report, interleaved, version_of};
use crate::sides::Peers;

use contender::{Flows, METRICS};
use postgres::Postgres;

const TEXT: &str = "\
Four steps one after the other, 32 sagas at once unless it says \"alone\", in a process of its own with an empty store. \
`refused`: the third step is refused and two are undone. Disk: what the kernel counts as written by all processes of a \
contender, and calls of fsync and its like as strace counts them, in a run of its own. After `kill -9`: sagas are begun, \
all processes killed once half have ended; seconds from the new start until none is under way. Every contender but \
steno, which keeps nothing, has each step on disk before the next one begins: SQLite with a write-ahead log and \
`synchronous=FULL` everywhere, PostgreSQL and Restate as they come. Steps of others append a line to a file, which may \
happen twice where a kill comes between step and record; ours are documents that are written in the commit of the \
step, and its participants are consumers that the embedded broker pushes to, as in a system of services.";

const STORED_TEXT: &str = "\
The same sagas, none of them refused, beside instances that ended long ago.";

/// The benchmark.
pub(crate) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut peers = Peers::new(options, "saga")?;
    let own = peers.own("saga")?;
    let sizes = contender::Sizes::of(options);
    let mut all: Vec<Box<dyn Contender>> =
        vec![Box::new(Flows::durable("fanout", own.clone(), sizes))];
    if let Some(dbos) = peers.python("dbos", "saga.py") {
        all.push(Box::new(Flows::durable(
            "DBOS on SQLite",
            dbos.clone(),
            sizes,
        )));
        match Postgres::start() {
            Ok(postgres) => {
                report.version("PostgreSQL", version_of("psql", &["--version"]));
                let flows = Flows::durable("DBOS on PostgreSQL", dbos, sizes);
                all.push(Box::new(flows.on(postgres)));
            }
            Err(error) => peers.is_absent("PostgreSQL", &error),
        }
    }
    if let Some(restate) = peers.node("restate", "saga.mjs") {
        all.push(Box::new(Flows::durable(
            "Restate, one node",
            restate,
            sizes,
        )));
    }
    if let Some(openworkflow) = peers.node("openworkflow", "saga.mjs") {
        all.push(Box::new(Flows::durable(
            "openworkflow on SQLite",
            openworkflow,
            sizes,
        )));
    }
    if let Some(steno) = peers.cargo("steno") {
        all.push(Box::new(Flows::in_memory("steno, in memory", steno, sizes)));
    }
    let text = format!("{TEXT} {}", peers.absent());
    interleaved(
        "A saga of four steps",
        &text,
        &METRICS,
        &mut all,
        options.rounds(),
        report,
    )?;
    drop(all);
    let mut all: Vec<Box<dyn Contender>> = vec![
        Box::new(stored::Beside::ended(0, own.clone())),
        Box::new(stored::Beside::ended(options.stored(), own)),
    ];
    let metrics = stored::METRICS;
    interleaved(
        "A saga beside ended ones",
        STORED_TEXT,
        &metrics,
        &mut all,
        options.rounds(),
        report,
    )
}

/// What a side is asked for: sagas of this run.
fn asked(what: &str, run: &str, count: usize, at_once: usize, refused: bool) -> serde_json::Value {
    json!({"do": what, "run": run, "count": count, "at_once": at_once, "refused": refused})
}

/// A column.
const fn metric(name: &'static str, decimals: usize) -> Metric {
    Metric { name, decimals }
}
