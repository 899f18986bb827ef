//! The last 15 minutes as charts: numbers for the browser to draw, and the same as text.

use askama::Template;
use fanout_runtime::Timestamp;

use crate::console::Page;
use crate::console::hub::{Meters, Step};
use crate::console::words::span;

#[derive(Template)]
#[template(path = "console/part/charts.html")]
pub(super) struct Charts {
    charts: Vec<Chart>,
    times: String,
}

/// One chart: its numbers as JSON for the browser, and as a sentence.
struct Chart {
    id: &'static str,
    title: &'static str,
    unit: &'static str,
    last: String,
    most: String,
    values: String,
    rows: Vec<(String, String)>,
}

pub(super) fn charts(page: &Page) -> Charts {
    let history = page.hub.look().meters.history(page.now());
    let step = Meters::step_seconds();
    let times: Vec<i64> = history.iter().map(|(at, _)| *at).collect();
    let series = |of: &dyn Fn(&Step) -> Option<f64>| -> Vec<Option<f64>> {
        history.iter().map(|(_, it)| of(it)).collect()
    };
    let quantile = |step: &Step| step.end_to_end.quantile(0.95);
    let charts = vec![
        Chart::of(
            "events",
            "Events",
            "/s",
            series(&|it| Some(f64::from(it.events) / step)),
            &times,
        ),
        Chart::of(
            "latency",
            "Published to done, p95",
            " ms",
            series(&|it| quantile(it).map(|it| it as f64)),
            &times,
        ),
        Chart::of(
            "waiting",
            "Waiting",
            "",
            series(&|it| it.waiting.map(|it| it as f64)),
            &times,
        ),
    ];
    Charts {
        charts,
        times: json(&times),
    }
}

fn json<T: serde::Serialize>(values: &T) -> String {
    serde_json::to_string(values).unwrap_or_default()
}

impl Chart {
    fn of(
        id: &'static str,
        title: &'static str,
        unit: &'static str,
        values: Vec<Option<f64>>,
        times: &[i64],
    ) -> Self {
        let shown = |value: f64| {
            if unit == " ms" {
                span(value as i64)
            } else if value < 10.0 && value.fract() > 0.0 {
                format!("{value:.1}{unit}")
            } else {
                format!("{value:.0}{unit}")
            }
        };
        let known = values.iter().flatten().copied();
        let rows = times.iter().zip(&values).rev().step_by(12).take(15);
        let rows = rows.map(|(at, value)| {
            let at = Timestamp::from_timestamp(*at, 0).map(|at| at.format("%H:%M:%S").to_string());
            (at.unwrap_or_default(), value.map_or("–".to_owned(), shown))
        });
        Self {
            id,
            title,
            unit,
            last: { values.iter().rev().flatten().next() }
                .map_or("–".to_owned(), |it| shown(*it)),
            most: known.reduce(f64::max).map_or("–".to_owned(), shown),
            rows: rows.collect(),
            values: json(&values),
        }
    }
}
