//! Accounts as the sums of their events, side by side.

mod contender;
mod filled;

use crate::Options;
use crate::measure::{Contender, Report, interleaved, version_of};
use crate::sides::Peers;

use contender::Ledger;

const TEXT: &str = "\
A deposit is: load the account, decide, append one event, with the event on disk before the answer: SQLite with \
a write-ahead log and `synchronous=FULL` everywhere. Ours remembers accounts that it has just appended to, and \
the commit says whether it remembers right. Writers are tasks of one process, each with a stream of its own but \
for \"one stream\", where 8 of them write to the same one and whoever is beaten tries again; emmett's take \
turns, as it fails when several write at once. Loads are of a stream of 1,000 events, with the snapshots that a \
library keeps every 100 events or with each load (evento: of events older than a second), and without; as-of is \
the state after 500 of them. Ours also chains each event's hash, and publishes it: an event row is an outbox \
row. cqrs-es hands events on after the commit, eventsourcing and evento leave it to a reader: a process that \
dies then owes them. Effects: the events that are there, and the balance, against the deposits that were \
answered.";

const FILLED_TEXT: &str = "\
The same deposits by 32 writers, and loads of 1,000 events, in a store that holds other streams of 1,000 events each.";

/// The benchmark.
pub(crate) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut peers = Peers::new(options, "ledger")?;
    let own = peers.own("ledger")?;
    let sqlite_es = peers.cargo("sqlite-es");
    let all = [
        ("fanout", Some(own.clone())),
        (SQLITE_ES, sqlite_es.clone()),
        ("evento on SQLite", peers.cargo("evento")),
        (
            "eventsourcing on SQLite",
            peers.python("eventsourcing", "ledger.py"),
        ),
        ("emmett on SQLite", peers.node("emmett", "ledger.mjs")),
    ];
    let here = all
        .into_iter()
        .filter_map(|(name, program)| Some((name, program?)));
    let count = options.events(3_000);
    let ledgers = here.map(|(name, program)| Ledger::new(name, program, count));
    let mut all: Vec<Box<dyn Contender>> = ledgers.map(|it| Box::new(it) as Box<_>).collect();
    report.version("strace", version_of("strace", &["-V"]));
    let text = peers.told(TEXT);
    interleaved(
        "A ledger",
        &text,
        &contender::METRICS,
        &mut all,
        options.rounds(),
        report,
    )?;
    drop(all);
    let growing = [("fanout", Some(own)), (SQLITE_ES, sqlite_es)];
    let growing = growing
        .into_iter()
        .filter_map(|(name, program)| Some((name, program?)));
    let mut all: Vec<Box<dyn Contender>> = Vec::new();
    for (name, program) in growing {
        for events in [options.stored() / 100, options.stored()] {
            all.push(Box::new(filled::Filled::with(
                name,
                events,
                program.clone(),
            )));
        }
    }
    let (metrics, rounds) = (filled::METRICS, options.rounds());
    interleaved(
        "A ledger as it grows",
        FILLED_TEXT,
        &metrics,
        &mut all,
        rounds,
        report,
    )
}

const SQLITE_ES: &str = "cqrs-es on sqlite-es";
