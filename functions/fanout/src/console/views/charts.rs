//! The last 15 minutes as charts: numbers for the browser to draw, and the same as text.

use askama::Template;
use fanout_runtime::Timestamp;

use crate::console::Page;
use crate::console::frame::{Part, rendered};
use crate::console::hub::{Meters, Step};
use crate::console::words::span;

/// How the ids of charts begin.
pub(super) const CHART: &str = "chart-";

/// One chart: its numbers as JSON for the browser, and what they come to.
#[derive(Template)]
#[template(path = "console/part/chart.html")]
struct Chart {
    title: &'static str,
    last: String,
    least: String,
    most: String,
    /// The second at which the first step begins, and how long a step is.
    from: i64,
    step: f64,
    values: String,
    unit: &'static str,
}

/// All charts as numbers: a row for each minute, the latest first.
#[derive(Template)]
#[template(path = "console/part/numbers.html")]
struct Numbers {
    titles: Vec<&'static str>,
    rows: Vec<(String, Vec<String>)>,
}

/// What is drawn: an id, a title, a unit, and what a step has of it.
type Series = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Step) -> Option<f64>,
);

const SERIES: [Series; 3] = [
    ("chart-events", "Events", "/s", |it| {
        Some(f64::from(it.events) / Meters::step_seconds())
    }),
    ("chart-latency", "Published to done, p95", " ms", |it| {
        it.end_to_end.quantile(0.95).map(|it| it as f64)
    }),
    ("chart-waiting", "Waiting", "", |it| {
        it.waiting.map(|it| it as f64)
    }),
];

/// The charts, and the same as numbers.
pub(super) fn charts(page: &Page) -> Vec<Part> {
    let history = page.hub.look().meters.history(page.now());
    let mut parts = Vec::new();
    for (id, title, unit, of) in SERIES {
        let values: Vec<Option<f64>> = history.iter().map(|(_, step)| of(step)).collect();
        let known = values.iter().flatten().copied();
        let or_dash = |it: Option<f64>| it.map_or("–".to_owned(), |it| shown(it, unit));
        let chart = Chart {
            title,
            unit,
            last: or_dash(known.clone().last()),
            least: or_dash(known.clone().reduce(f64::min)),
            most: or_dash(known.reduce(f64::max)),
            from: history.first().map_or(0, |(at, _)| *at),
            step: Meters::step_seconds(),
            values: serde_json::to_string(&values).unwrap_or_default(),
        };
        let html = rendered(&chart);
        parts.push(Part { id, html });
    }
    let html = rendered(&Numbers::of(&history));
    parts.push(Part {
        id: "numbers",
        html,
    });
    parts
}

fn shown(value: f64, unit: &str) -> String {
    if unit == " ms" {
        span(value as i64)
    } else if value < 10.0 && value.fract() > 0.0 {
        format!("{value:.1}{unit}")
    } else {
        format!("{value:.0}{unit}")
    }
}

impl Numbers {
    fn of(history: &[(i64, Step)]) -> Self {
        let row = |(at, step): &(i64, Step)| {
            let at = Timestamp::from_timestamp(*at, 0);
            let at = at.map(|at| at.format("%H:%M:%S").to_string());
            let of =
                |series: &Series| series.3(step).map_or("–".to_owned(), |it| shown(it, series.2));
            (at.unwrap_or_default(), SERIES.iter().map(of).collect())
        };
        Self {
            titles: SERIES.iter().map(|series| series.1).collect(),
            rows: history.iter().rev().step_by(12).map(row).collect(),
        }
    }
}
