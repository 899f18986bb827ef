//! A saga of four steps side by side: happy, refused at its third step, and cut off by `kill -9`.

mod contender;
mod effects;
mod postgres;
mod stored;

use serde_json::json;

use crate::Options;
use crate::measure::{Contender, Report, interleaved, version_of};
use crate::sides::{Peers, Program};

use contender::{Flows, METRICS};
use postgres::Postgres;

const TEXT: &str = "\
Four steps one after the other, 32 sagas at once unless it says \"alone\", in a process of its own with an empty store. \
`refused`: the third step is refused and two are undone. Disk: what the kernel counts as written by all processes of a \
contender, and calls of fsync and its like as strace counts them, in a run of its own. After `kill -9`: sagas are begun, \
all processes killed once half have ended, but for PostgreSQL's server, which goes on running; seconds from the new \
start until none is under way. Every contender but \
steno, which keeps nothing, has each step on disk before the next one begins: SQLite with a write-ahead log and \
`synchronous=FULL` everywhere, PostgreSQL and Restate as they come. Steps of others append a line to a file, which may \
happen twice where a kill comes between step and record; ours are documents that are written in the commit of the \
step, and its participants are consumers that the embedded broker pushes to, as in a system of services.";

const STORED_TEXT: &str = "\
The same sagas, none of them refused, beside instances that ended long ago.";

/// The benchmark.
pub(crate) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    report.version("strace", version_of("strace", &["-V"]));
    let mut peers = Peers::new(options, "saga")?;
    let own = peers.own("saga")?;
    let mut all = contenders(&mut peers, &own, contender::Sizes::of(options), report);
    let (text, rounds) = (peers.told(TEXT), options.rounds());
    let title = "A saga of four steps";
    interleaved(title, &text, &METRICS, &mut all, rounds, report)?;
    drop(all);
    let beside = [0, options.stored()];
    let beside = beside.map(|ended| Box::new(stored::Beside::ended(ended, own.clone())) as _);
    let (title, metrics) = ("A saga beside ended ones", stored::METRICS);
    let mut all: Vec<Box<dyn Contender>> = Vec::from(beside);
    interleaved(title, STORED_TEXT, &metrics, &mut all, rounds, report)
}

/// All that are here.
fn contenders(
    peers: &mut Peers<'_>,
    own: &Program,
    sizes: contender::Sizes,
    report: &mut Report,
) -> Vec<Box<dyn Contender>> {
    let durable = |name, program| Flows::durable(name, program, sizes);
    let mut all = vec![durable("fanout", own.clone())];
    if let Some(dbos) = peers.python("dbos", "saga.py") {
        all.push(durable("DBOS on SQLite", dbos.clone()));
        match Postgres::start() {
            Ok(postgres) => {
                report.version("PostgreSQL", version_of("psql", &["--version"]));
                all.push(durable("DBOS on PostgreSQL", dbos).on(postgres));
            }
            Err(error) => peers.is_absent("PostgreSQL", &error),
        }
    }
    let restate = peers.node("restate", "saga.mjs");
    all.extend(restate.map(|it| durable("Restate, one node", it)));
    let openworkflow = peers.node("openworkflow", "saga.mjs");
    all.extend(openworkflow.map(|it| durable("openworkflow on SQLite", it)));
    let steno = peers.cargo("steno");
    all.extend(steno.map(|it| Flows::in_memory("steno, in memory", it, sizes)));
    let boxed = all.into_iter().map(|it| Box::new(it) as Box<dyn Contender>);
    boxed.collect()
}

/// What a side is asked for: sagas of this run.
fn asked(what: &str, run: &str, count: usize, at_once: usize, refused: bool) -> serde_json::Value {
    json!({"do": what, "run": run, "count": count, "at_once": at_once, "refused": refused})
}
