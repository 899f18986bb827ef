//! Our sagas in a store in which others ended long ago.

use serde_json::json;
use tempfile::TempDir;

use super::asked;
use super::effects::{Run, compared};
use crate::measure::{Contender, Metric, Round};
use crate::sides::{Program, Side, number};

const HAPPY: &str = "sagas/s";
const P50: &str = "ms p50";
const P99: &str = "ms p99";
const CPU: &str = "CPU s per 1,000";
pub(super) const METRICS: [Metric; 4] = [
    Metric::of(HAPPY, 0),
    Metric::of(P50, 0),
    Metric::of(P99, 0),
    Metric::of(CPU, 2),
];

const COUNT: usize = 400;
const AT_ONCE: usize = 32;

/// A store that is filled once.
pub(super) struct Beside {
    ended: usize,
    program: Program,
    filled: Option<(Side, TempDir)>,
}

impl Beside {
    /// With so many sagas that have ended.
    pub(super) fn ended(ended: usize, program: Program) -> Self {
        let filled = None;
        Self {
            ended,
            program,
            filled,
        }
    }

    fn fill(&self) -> anyhow::Result<(Side, TempDir)> {
        let data = self.program.folder()?;
        let mut side = Side::start(&mut self.program.with(data.path(), &[]), data.path(), &[])?;
        side.ask(&asked("run", "warm", AT_ONCE, AT_ONCE, false))?;
        side.ask(&json!({"do": "fill", "count": self.ended}))?;
        Ok((side, data))
    }
}

impl Contender for Beside {
    fn name(&self) -> String {
        format!("fanout, {} ended", self.ended)
    }

    fn round(&mut self, round: usize) -> anyhow::Result<Round> {
        let (mut side, data) = match self.filled.take() {
            Some(filled) => filled,
            None => self.fill()?,
        };
        let run = Run {
            name: format!("round{round}"),
            count: COUNT,
            refused: false,
        };
        let before = side.cost();
        let answer = side.ask(&asked("run", &run.name, COUNT, AT_ONCE, false))?;
        let cost = side.cost().since(before);
        side.ask(&asked("effects", &run.name, COUNT, 1, false))?;
        let lines = std::fs::read_to_string(data.path().join("effects"))?;
        self.filled = Some((side, data));
        let measured = Round::with(compared(&lines, &[run]))
            .figure(HAPPY, COUNT as f64 / number(&answer, "seconds")?)
            .figure(P50, number(&answer, "p50_ms")?)
            .figure(P99, number(&answer, "p99_ms")?)
            .figure(CPU, cost.cpu_seconds / COUNT as f64 * 1000.0);
        Ok(measured)
    }
}
