//! The embedded engine with more consumers, and after they were out.

use std::time::Instant;

use serde_json::json;

use super::CLIENTS;
use crate::Options;
use crate::measure::{Contender, Effects, Metric, Report, Round, interleaved};
use crate::sides::{Peers, Program, Side, number};

/// Deliveries of a round, whatever the number of consumers.
const DELIVERIES: usize = 6_000;
const WARM_UP: usize = 100;
const CONSUMERS: [usize; 4] = [1, 3, 10, 30];
/// As the sign-up system has.
const USUAL_CONSUMERS: usize = 3;

const RATE: &str = "deliveries/s";
const SIGN_UPS: &str = "sign-ups/s";
const CPU: &str = "CPU s per 1,000 deliveries";

const METRICS: [Metric; 3] = [
    Metric::of(RATE, 0),
    Metric::of(SIGN_UPS, 0),
    Metric::of(CPU, 3),
];
const DRAINED: [Metric; 2] = [Metric::of(RATE, 0), Metric::of(CPU, 3)];

const TEXT: &str = "user-service and consumers of its topic, each with a document per event, on the embedded engine in \
one process, every commit synced. Sign-ups come by function call, 16 at once; the rates count until the last reaction.";

const DRAINED_TEXT: &str = "Nothing is delivered while so many users sign up; then everything. The rate counts from \
then until nothing waits.";

/// Measures both.
pub(super) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let program = Peers::new(options, "consumers")?.own("system")?;
    let deliveries = options.events(DELIVERIES);
    let growing = CONSUMERS.map(|consumers| {
        Box::new(Consumers {
            program: program.clone(),
            consumers,
            sign_ups: (deliveries / consumers).max(10),
            were_out: false,
        }) as Box<dyn Contender>
    });
    let (mut growing, rounds) = (Vec::from(growing), options.rounds());
    let title = "System with more consumers";
    interleaved(title, TEXT, &METRICS, &mut growing, rounds, report)?;
    let backlog = Consumers {
        program,
        consumers: USUAL_CONSUMERS,
        sign_ups: options.backlog(),
        were_out: true,
    };
    let mut backlog: Vec<Box<dyn Contender>> = vec![Box::new(backlog)];
    let rounds = if options.full { 1 } else { rounds };
    let title = "System after an outage of its consumers";
    interleaved(title, DRAINED_TEXT, &DRAINED, &mut backlog, rounds, report)
}

struct Consumers {
    program: Program,
    consumers: usize,
    sign_ups: usize,
    /// While users signed up.
    were_out: bool,
}

impl Contender for Consumers {
    fn name(&self) -> String {
        let Self { consumers, .. } = self;
        match (self.were_out, consumers) {
            (true, _) => format!("{} events for {consumers} consumers", self.sign_ups),
            (false, 1) => "1 consumer".to_owned(),
            (false, _) => format!("{consumers} consumers"),
        }
    }

    fn round(&mut self, _: usize) -> anyhow::Result<Round> {
        let data = self.program.folder()?;
        let data = data.path();
        let mut side = Side::start(&mut self.program.with(data, &[]), data, &[])?;
        side.ask(&json!({"do": "open", "count": self.consumers}))?;
        let sign_up = |count| json!({"do": "sign_up", "count": count, "at_once": CLIENTS});
        let settle = json!({"do": "settle"});
        if !self.were_out {
            side.ask(&sign_up(WARM_UP))?;
            side.ask(&settle)?;
        }
        let (mut before, mut started) = (side.cost(), Instant::now());
        side.ask(&sign_up(self.sign_ups))?;
        if self.were_out {
            (before, started) = (side.cost(), Instant::now());
        }
        side.ask(&settle)?;
        let (seconds, cost) = (started.elapsed().as_secs_f64(), side.cost().since(before));
        let effects = side.ask(&json!({"do": "effects"}))?;
        let effects = Effects {
            lost: number(&effects, "lost")? as usize,
            repeated: number(&effects, "repeated")? as usize,
        };
        let deliveries = (self.sign_ups * self.consumers) as f64;
        Ok(Round::with(effects)
            .figure(RATE, deliveries / seconds)
            .figure(SIGN_UPS, self.sign_ups as f64 / seconds)
            .figure(CPU, cost.cpu_seconds / deliveries * 1_000.0))
    }
}
