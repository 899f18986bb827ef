//! A library's accounts among many others.

use serde_json::json;
use tempfile::TempDir;

use super::contender::{Bank, WRITERS};
use crate::measure::{Contender, Metric, Round};
use crate::sides::{Program, Side, number};

const APPENDED: &str = "32 writers, /s";
const P99: &str = "ms p99";
const CPU: &str = "CPU s per 1,000";
const LOADED: &str = "load, ms p50";
const WHOLE: &str = "without snapshots, ms";

pub(super) const METRICS: [Metric; 5] = [
    Metric::of(APPENDED, 0),
    Metric::of(P99, 1),
    Metric::of(CPU, 3),
    Metric::of(LOADED, 2),
    Metric::of(WHOLE, 2),
];

const COUNT: usize = 1_000;
const LOADS: usize = 50;

/// A store that is filled once.
pub(super) struct Filled {
    name: &'static str,
    events: usize,
    program: Program,
    filled: Option<(Bank, TempDir)>,
}

impl Filled {
    /// With so many events.
    pub(super) fn with(name: &'static str, events: usize, program: Program) -> Self {
        let filled = None;
        Self {
            name,
            events,
            program,
            filled,
        }
    }

    fn fill(&self) -> anyhow::Result<(Bank, TempDir)> {
        let data = self.program.folder()?;
        let mut command = self.program.with(data.path(), &[]);
        let mut bank = Bank(Side::start(&mut command, data.path(), &[])?);
        bank.0
            .ask(&json!({"do": "fill", "run": "old", "count": self.events}))?;
        Ok((bank, data))
    }
}

impl Contender for Filled {
    fn name(&self) -> String {
        format!("{}, {} events", self.name, self.events)
    }

    fn round(&mut self, number_of_round: usize) -> anyhow::Result<Round> {
        let (mut bank, data) = match self.filled.take() {
            Some(filled) => filled,
            None => self.fill()?,
        };
        let run = format!("round{number_of_round}");
        bank.0
            .ask(&json!({"do": "open", "at_once": WRITERS, "run": run}))?;
        bank.append(&run, WRITERS, WRITERS)?;
        let before = bank.0.cost();
        let all = bank.append(&run, COUNT, WRITERS)?;
        let cost = bank.0.cost().since(before);
        let mut load = |what| {
            bank.0
                .ask(&json!({"do": what, "run": "old-0", "count": LOADS}))
        };
        let (loaded, whole) = (load("load")?, load("load_all")?);
        let effects = bank.missing(&run, WRITERS, WRITERS + COUNT)?;
        self.filled = Some((bank, data));
        Ok(Round::with(effects)
            .figure(APPENDED, COUNT as f64 / number(&all, "seconds")?)
            .figure(P99, number(&all, "p99_ms")?)
            .figure(CPU, cost.cpu_seconds / COUNT as f64 * 1000.0)
            .figure(LOADED, number(&loaded, "p50_ms")?)
            .figure(WHOLE, number(&whole, "p50_ms")?))
    }
}
