//! The picture of an event's time.

use chrono::TimeDelta;
use fanout_runtime::Timestamp;

use super::biography::look;
use crate::console::hub::{Attempt, Reaction, SeenEvent};
use crate::console::words::{clock, span};

/// A picture of the time: a row for each consumer, a mark for each delivery.
pub(super) struct Line {
    pub(super) height: usize,
    pub(super) rows: Vec<LineRow>,
    pub(super) span: String,
}

pub(super) struct LineRow {
    pub(super) y: usize,
    pub(super) consumer: String,
    pub(super) marks: Vec<Mark>,
}

pub(super) struct Mark {
    pub(super) x: String,
    pub(super) width: String,
    pub(super) tone: &'static str,
    pub(super) title: String,
}

/// When a delivery began.
pub(super) fn began(attempt: &Attempt) -> Timestamp {
    let took = attempt.took_ms.unwrap_or_default();
    attempt.at - TimeDelta::milliseconds(i64::try_from(took).unwrap_or_default())
}

/// The width of the picture's time, in its own units,
const WIDTH: f64 = 850.0;
/// where it begins,
const LEFT: f64 = 120.0;
/// and how wide a delivery is at least.
const LEAST: f64 = 9.0;
const ROW: usize = 26;

/// The deliveries of an event over time, as far as the page saw them.
pub(super) fn line(seen: Option<&SeenEvent>) -> Line {
    let none = Line {
        height: 0,
        rows: Vec::new(),
        span: String::new(),
    };
    let Some(event) = seen else { return none };
    let seen = |it: &&Attempt| !it.is_remembered;
    let ends = event.reactions.iter().flat_map(|it| it.attempts.iter());
    let Some(end) = ends.filter(seen).map(|it| it.at).max() else {
        return none;
    };
    let all = (end - event.at).num_milliseconds().max(1);
    let x = |at: Timestamp| {
        let part = (at - event.at).num_milliseconds() as f64 / all as f64;
        LEFT + part.clamp(0.0, 1.0) * WIDTH
    };
    let reactions = event.reactions.iter();
    let mut reactions: Vec<&Reaction> = reactions
        .filter(|it| it.attempts.iter().any(|it| !it.is_remembered))
        .collect();
    let place = |it: &&Reaction| system::consumers().position(|of| of.consumer == it.consumer);
    reactions.sort_by_key(place);
    let rows = reactions.into_iter().enumerate().map(|(place, reaction)| {
        let marks = reaction.attempts.iter().filter(seen).map(|attempt| {
            let (_, word, tone) = look(attempt.came);
            let from = x(began(attempt));
            Mark {
                x: format!("{from:.1}"),
                width: format!("{:.1}", (x(attempt.at) - from).max(LEAST)),
                tone,
                title: format!("{} {word}", clock(attempt.at)),
            }
        });
        LineRow {
            y: 14 + place * ROW,
            consumer: reaction.consumer.clone(),
            marks: marks.collect(),
        }
    });
    Line {
        height: event.reactions.len() * ROW + 4,
        rows: rows.collect(),
        span: span(all),
    }
}
