//! One library's sagas, in all the ways that are measured.

use std::path::Path;

use serde_json::json;

use super::asked;
use super::effects::{Run, compared};
use super::postgres::Postgres;
use crate::Options;
use crate::measure::{Contender, Metric, Round};
use crate::sides::{Program, Side, number, syncs_during};

const AT_ONCE: usize = 32;
/// Steps of a saga, done or refused or undone.
const STEPS: f64 = 4.0;

const ALONE: &str = "alone, ms p50";
const HAPPY: &str = "sagas/s";
const P50: &str = "ms p50";
const P99: &str = "ms p99";
const CPU: &str = "CPU s per 1,000";
const REFUSED: &str = "refused, sagas/s";
const REFUSED_CPU: &str = "refused, CPU s per 1,000";
const WRITTEN: &str = "KiB a step";
const SYNCS: &str = "fsyncs a step, alone";
const KILLED: &str = "after kill -9, s";

pub(super) const METRICS: [Metric; 10] = [
    Metric::of(ALONE, 1),
    Metric::of(HAPPY, 0),
    Metric::of(P50, 0),
    Metric::of(P99, 0),
    Metric::of(CPU, 2),
    Metric::of(REFUSED, 0),
    Metric::of(REFUSED_CPU, 2),
    Metric::of(WRITTEN, 1),
    Metric::of(SYNCS, 2),
    Metric::of(KILLED, 2),
];

/// Figures with the names of their columns.
type Figures = Vec<(&'static str, f64)>;

/// How many sagas there are.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    alone: usize,
    at_once: usize,
    killed: usize,
}

impl Sizes {
    pub(super) fn of(options: &Options) -> Self {
        let at_once = options.events(400);
        Self {
            alone: (at_once / 10).max(5),
            at_once,
            killed: (at_once / 2).max(10),
        }
    }
}

/// A library.
pub(super) struct Flows {
    name: &'static str,
    program: Program,
    sizes: Sizes,
    durable: bool,
    postgres: Option<Postgres>,
}

impl Flows {
    /// One that keeps what it does.
    pub(super) fn durable(name: &'static str, program: Program, sizes: Sizes) -> Self {
        Self {
            name,
            program,
            sizes,
            durable: true,
            postgres: None,
        }
    }

    /// One that does not.
    pub(super) fn in_memory(name: &'static str, program: Program, sizes: Sizes) -> Self {
        let durable = false;
        Self {
            durable,
            ..Self::durable(name, program, sizes)
        }
    }

    /// The same on this server.
    pub(super) fn on(self, postgres: Postgres) -> Self {
        let postgres = Some(postgres);
        Self { postgres, ..self }
    }

    fn start(&self, data: &Path, number: usize) -> anyhow::Result<Side> {
        let address = self.postgres.as_ref().map(|server| server.database(number));
        let more: Vec<&str> = address.iter().map(String::as_str).collect();
        let beside = self.postgres.as_ref().map(Postgres::process);
        let beside: Vec<u32> = beside.into_iter().collect();
        Side::start(&mut self.program.with(data, &more), data, &beside)
    }

    fn measured(&self, side: &mut Side, data: &Path) -> anyhow::Result<(Figures, Vec<Run>)> {
        let Sizes { alone, at_once, .. } = self.sizes;
        let mut runs = Vec::new();
        let mut run = |side: &mut Side, name: &str, count: usize, of: usize, refused: bool| {
            let answer = side.ask(&asked("run", name, count, of, refused));
            let name = name.to_owned();
            runs.push(Run {
                name,
                count,
                refused,
            });
            answer
        };
        run(side, "warm", alone, AT_ONCE, false)?;
        let one = run(side, "alone", alone, 1, false)?;
        let before = side.cost();
        let happy = run(side, "happy", at_once, AT_ONCE, false)?;
        let cost = side.cost().since(before);
        let before = side.cost();
        let refused = run(side, "refused", at_once / 2, AT_ONCE, true)?;
        let refused_cost = side.cost().since(before);
        let thousands = |count: usize| count as f64 / 1000.0;
        let mut figures = vec![
            (ALONE, number(&one, "p50_ms")?),
            (HAPPY, at_once as f64 / number(&happy, "seconds")?),
            (P50, number(&happy, "p50_ms")?),
            (P99, number(&happy, "p99_ms")?),
            (CPU, cost.cpu_seconds / thousands(at_once)),
            (REFUSED, (at_once / 2) as f64 / number(&refused, "seconds")?),
            (
                REFUSED_CPU,
                refused_cost.cpu_seconds / thousands(at_once / 2),
            ),
        ];
        if self.durable {
            let steps = at_once as f64 * STEPS;
            figures.push((WRITTEN, cost.written_kib / steps));
            let syncs = syncs_during(side, data, |side| {
                run(side, "traced", alone, 1, false).map(drop)
            })?;
            figures.extend(syncs.map(|syncs| (SYNCS, syncs / (alone as f64 * STEPS))));
        }
        Ok((figures, runs))
    }

    /// Kills it when half of its sagas have ended; answers after which time the others had.
    fn killed(
        &self,
        mut side: Side,
        data: &Path,
        number: usize,
    ) -> anyhow::Result<(Side, f64, Run)> {
        let count = self.sizes.killed;
        side.ask(&asked("begin", "killed", count, AT_ONCE, false))?;
        side.kill();
        let mut side = self.start(data, number)?;
        side.ask(&json!({"do": "finish", "run": "killed", "count": count}))?;
        let took = side.started().elapsed().as_secs_f64();
        let run = Run {
            name: "killed".to_owned(),
            count,
            refused: false,
        };
        Ok((side, took, run))
    }
}

impl Contender for Flows {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn round(&mut self, number: usize) -> anyhow::Result<Round> {
        let data = self.program.folder()?;
        let data = data.path();
        let mut side = self.start(data, number)?;
        let (mut figures, mut runs) = self.measured(&mut side, data)?;
        if self.durable {
            let (left, took, run) = self.killed(side, data, number)?;
            figures.push((KILLED, took));
            (side, runs) = (left, [runs, vec![run]].concat());
        }
        let mut lines = String::new();
        for run in &runs {
            side.ask(&asked("effects", &run.name, run.count, 1, run.refused))?;
            let left = std::fs::read_to_string(data.join("effects"))?;
            let own = format!("{}-", run.name);
            let of_run = left.lines().filter(|line| line.starts_with(&own));
            lines.extend(of_run.flat_map(|line| [line, "\n"]));
        }
        let round = Round::with(compared(&lines, &runs));
        Ok(figures
            .into_iter()
            .fold(round, |round, (name, figure)| round.figure(name, figure)))
    }
}
