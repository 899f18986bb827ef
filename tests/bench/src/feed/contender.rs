//! One side's feeds.

use serde_json::json;

use crate::Options;
use crate::measure::{Contender, Effects, Metric, Round};
use crate::sides::{Program, Side, number};

/// Posts that arrive in a second while feeds are rebuilt.
const RATE: usize = 200;

const TEN: &str = "seen by 10, ms p99";
const THOUSAND: &str = "by 1,000";
const TEN_THOUSAND: &str = "by 10,000";
const CPU: &str = "CPU s per 1,000 rows";
const REBUILT: &str = "rebuilt, events/s";
const REBUILT_IN: &str = "in s";
const ARRIVED: &str = "posts meanwhile, /s";
const READ: &str = "reads meanwhile, ms p99";
const MISSING: &str = "missing";

pub(super) const METRICS: [Metric; 9] = [
    Metric::of(TEN, 0),
    Metric::of(THOUSAND, 0),
    Metric::of(TEN_THOUSAND, 0),
    Metric::of(CPU, 3),
    Metric::of(REBUILT, 0),
    Metric::of(REBUILT_IN, 1),
    Metric::of(ARRIVED, 0),
    Metric::of(READ, 0),
    Metric::of(MISSING, 0),
];

/// How much there is.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    posts: usize,
    rebuilt: usize,
}

impl Sizes {
    pub(super) fn of(options: &Options) -> Self {
        Self {
            posts: options.events(30).max(5),
            rebuilt: options.rebuilt(),
        }
    }

    /// Posts that are rebuilt.
    pub(super) fn rebuilt(self) -> usize {
        self.rebuilt
    }
}

/// A side.
pub(super) struct Feeds {
    name: &'static str,
    program: Program,
    sizes: Sizes,
}

impl Feeds {
    pub(super) fn new(name: &'static str, program: Program, sizes: Sizes) -> Self {
        Self {
            name,
            program,
            sizes,
        }
    }
}

impl Contender for Feeds {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn round(&mut self, _: usize) -> anyhow::Result<Round> {
        let data = self.program.folder()?;
        let data = data.path();
        let mut side = Side::start(&mut self.program.with(data, &[]), data, &[])?;
        let Sizes { posts, rebuilt } = self.sizes;
        let mut figures = Vec::new();
        for (name, followers, posts) in [
            (TEN, 10, posts),
            (THOUSAND, 1_000, posts),
            (TEN_THOUSAND, 10_000, posts.div_ceil(6)),
        ] {
            let run = format!("author{followers}");
            side.ask(&json!({"do": "follow", "run": run, "count": followers}))?;
            let before = side.cost();
            let seen = json!({"do": "visible", "run": run, "count": posts, "followers": followers});
            let seen = side.ask(&seen)?;
            figures.push((name, number(&seen, "p99_ms")?));
            if followers == 1_000 {
                let cpu = side.cost().since(before).cpu_seconds;
                figures.push((CPU, cpu / posts as f64));
            }
        }
        side.ask(&json!({"do": "fill", "run": "old", "count": rebuilt}))?;
        let rebuild = json!({"do": "rebuild", "run": "old", "count": rebuilt, "rate": RATE});
        let rebuild = side.ask(&rebuild)?;
        let seconds = number(&rebuild, "seconds")?;
        figures.push((REBUILT, rebuilt as f64 / seconds));
        figures.push((REBUILT_IN, seconds));
        figures.push((ARRIVED, number(&rebuild, "posted")? / seconds));
        figures.push((READ, number(&rebuild, "read_p99_ms")?));
        figures.push((MISSING, number(&rebuild, "missing")?));
        let round = Round::with(Effects {
            lost: number(&rebuild, "missing_after")? as usize,
            repeated: number(&rebuild, "repeated_after")? as usize,
        });
        Ok(figures
            .into_iter()
            .fold(round, |round, (name, figure)| round.figure(name, figure)))
    }
}
