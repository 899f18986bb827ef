//! One library's accounts.

use serde_json::{Value, json};

use crate::measure::{Contender, Effects, Metric, Round};
use crate::sides::{Program, Side, number, syncs_during};

pub(super) const WRITERS: usize = 32;
const ON_ONE_STREAM: usize = 8;
/// How often a stream is loaded.
const LOADS: usize = 50;
/// Events of a stream that is loaded.
const OF_A_STREAM: usize = 1_000;

const ALONE: &str = "1 writer, /s";
const APPENDED: &str = "32 writers, /s";
const P99: &str = "ms p99";
const CPU: &str = "CPU s per 1,000";
const CONFLICTS: &str = "one stream, /s";
const LOADED: &str = "load, ms p50";
const WHOLE: &str = "without snapshots, ms";
const AS_OF: &str = "as-of, ms p50";
const WRITTEN: &str = "KiB an event";
const SYNCS: &str = "fsyncs an event";

pub(super) const METRICS: [Metric; 10] = [
    Metric::of(ALONE, 0),
    Metric::of(APPENDED, 0),
    Metric::of(P99, 1),
    Metric::of(CPU, 3),
    Metric::of(CONFLICTS, 0),
    Metric::of(LOADED, 2),
    Metric::of(WHOLE, 2),
    Metric::of(AS_OF, 2),
    Metric::of(WRITTEN, 1),
    Metric::of(SYNCS, 2),
];

/// A library.
pub(super) struct Ledger {
    name: &'static str,
    program: Program,
    count: usize,
}

impl Ledger {
    /// With so many deposits by 32 writers.
    pub(super) fn new(name: &'static str, program: Program, count: usize) -> Self {
        Self {
            name,
            program,
            count,
        }
    }
}

impl Contender for Ledger {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn round(&mut self, _: usize) -> anyhow::Result<Round> {
        let data = self.program.folder()?;
        let data = data.path();
        let mut bank = Bank(Side::start(&mut self.program.with(data, &[]), data, &[])?);
        bank.0
            .ask(&json!({"do": "open", "at_once": WRITERS, "run": "own"}))?;
        bank.0
            .ask(&json!({"do": "open", "at_once": 1, "run": "one"}))?;
        let few = self.count / 10;
        bank.append("own", few, WRITERS)?;
        let alone = bank.append("own", few, 1)?;
        let before = bank.0.cost();
        let all = bank.append("own", self.count, WRITERS)?;
        let cost = bank.0.cost().since(before);
        let on_one = json!({"do": "append", "run": "one", "count": few, "at_once": ON_ONE_STREAM, "one_stream": true});
        let conflicts = bank.0.ask(&on_one)?;
        let syncs = syncs_during(&mut bank.0, data, |side| {
            let more = json!({"do": "append", "run": "own", "count": few, "at_once": WRITERS});
            side.ask(&more).map(drop)
        })?;
        bank.0
            .ask(&json!({"do": "fill", "run": "old", "count": OF_A_STREAM}))?;
        let loads = ["load", "load_all", "as_of"];
        let loads = loads.map(|what| {
            bank.0
                .ask(&json!({"do": what, "run": "old-0", "count": LOADS}))
        });
        let [loaded, whole, as_of] = loads;
        let deposited = few + few + self.count + few;
        let own = bank.missing("own", WRITERS, deposited)?;
        let one = bank.missing("one", 1, few)?;
        let effects = own.and(one);
        let per_second = |answer: &Value, count| {
            Ok::<f64, anyhow::Error>(count as f64 / number(answer, "seconds")?)
        };
        let mut round = Round::with(effects)
            .figure(ALONE, per_second(&alone, few)?)
            .figure(APPENDED, per_second(&all, self.count)?)
            .figure(P99, number(&all, "p99_ms")?)
            .figure(CPU, cost.cpu_seconds / self.count as f64 * 1000.0)
            .figure(CONFLICTS, per_second(&conflicts, few)?)
            .figure(WRITTEN, cost.written_kib / self.count as f64);
        if let Some(syncs) = syncs {
            round = round.figure(SYNCS, syncs / few as f64);
        }
        // Not every library has each of them.
        for (name, answer) in [(LOADED, loaded?), (WHOLE, whole?), (AS_OF, as_of?)] {
            if let Some(ms) = answer["p50_ms"].as_f64() {
                round = round.figure(name, ms);
            }
        }
        Ok(round)
    }
}

/// A running side.
pub(super) struct Bank(pub(super) Side);

impl Bank {
    /// Deposits by writers that each have a stream.
    pub(super) fn append(
        &mut self,
        run: &str,
        count: usize,
        writers: usize,
    ) -> anyhow::Result<Value> {
        self.0
            .ask(&json!({"do": "append", "run": run, "count": count, "at_once": writers}))
    }

    /// What is not there of so many deposits of one cent, or too often.
    pub(super) fn missing(
        &mut self,
        run: &str,
        streams: usize,
        deposited: usize,
    ) -> anyhow::Result<Effects> {
        let sums = self
            .0
            .ask(&json!({"do": "sums", "run": run, "at_once": streams}))?;
        let (events, balance) = (number(&sums, "events")?, number(&sums, "balance")?);
        let deposited = deposited as f64;
        let off = |counted: f64| {
            (
                (deposited - counted).max(0.0),
                (counted - deposited).max(0.0),
            )
        };
        let effects = |(lost, repeated): (f64, f64)| Effects {
            lost: lost as usize,
            repeated: repeated as usize,
        };
        Ok(effects(off(events)).or(effects(off(balance))))
    }
}
