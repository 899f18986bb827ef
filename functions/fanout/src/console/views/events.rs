//! `GET /events`: a row for each event, a column for each consumer.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use fanout_kernel::Subscriber;
use fanout_runtime::Timestamp;
use serde::Deserialize;

use super::flow::is_trouble;
use crate::console::Page;
use crate::console::cell::Cell;
use crate::console::frame::{Part, Screen, rendered};
use crate::console::hub::{Came, Seen, SeenEvent};
use crate::console::words::{escaped, full, moment, short};

/// How many rows a page has.
const ROWS: usize = 50;
/// From this many events a second on, a row would be gone before it is read: then some are shown.
const TOO_MANY: f64 = 50.0;
/// How far back the rows of such a sample reach.
const SAMPLED: usize = 2_000;
/// From how many consumers on the words of cells are left to the symbols.
const MANY: usize = 6;

/// Which events, as the address says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    #[serde(rename = "type")]
    event_type: String,
    topic: String,
    user: String,
    request: String,
    consumer: String,
    /// `open`, `trouble`, `done`, `duplicate`, `parked`, or empty for all.
    outcome: String,
    /// The number of the event before which the page begins.
    before: Option<u64>,
    #[serde(skip)]
    rows: Option<usize>,
}

#[derive(Template)]
#[template(path = "console/events.html")]
struct EventsScreen {
    rows: String,
    filter: Filter,
    types: Vec<String>,
    consumers: Vec<&'static str>,
    kept: String,
}

/// The table.
#[derive(Template)]
#[template(path = "console/part/rows.html")]
pub(crate) struct Rows {
    consumers: Vec<&'static str>,
    many: bool,
    rows: Vec<Row>,
    note: String,
    older: Option<String>,
    seen_any: bool,
}

/// One event.
struct Row {
    number: u64,
    id: String,
    href: String,
    at: String,
    at_full: String,
    event_type: String,
    copies: u32,
    subject: Option<(String, String, String)>,
    request: Option<(String, String, String)>,
    cells: Vec<Cell>,
}

pub(crate) async fn show(State(page): State<Arc<Page>>, Query(filter): Query<Filter>) -> Response {
    let content = EventsScreen {
        rows: rendered(&Rows::of(&page, &filter)),
        types: types(&page.hub.look()),
        consumers: page.consumers().map(|it| it.consumer).collect(),
        kept: filter.address(None),
        filter: filter.clone(),
    };
    let screen = Screen {
        title: "Events",
        active: "events",
        // An older page stands still.
        live: filter.before.is_none().then(|| filter.address(None)),
    };
    screen.with(&page, &content).await
}

pub(crate) fn parts(page: &Page, filter: &Filter) -> Vec<Part> {
    vec![Part {
        id: "rows",
        html: rendered(&Rows::of(page, filter)),
    }]
}

fn types(seen: &Seen) -> Vec<String> {
    let mut types: Vec<String> = seen.latest().map(|it| it.event_type.clone()).collect();
    types.sort_unstable();
    types.dedup();
    types.retain(|it| !it.is_empty());
    types
}

impl Filter {
    /// The latest of all.
    pub(crate) fn latest(rows: usize) -> Self {
        Self {
            rows: Some(rows),
            ..Self::default()
        }
    }

    fn is_any(&self) -> bool {
        [
            &self.event_type,
            &self.topic,
            &self.user,
            &self.request,
            &self.consumer,
            &self.outcome,
        ]
        .iter()
        .any(|it| !it.is_empty())
    }

    /// The address of the page with these events, from this one on.
    fn address(&self, before: Option<u64>) -> String {
        let mut pairs = Vec::new();
        for (name, value) in [
            ("type", &self.event_type),
            ("topic", &self.topic),
            ("user", &self.user),
            ("request", &self.request),
            ("consumer", &self.consumer),
            ("outcome", &self.outcome),
        ] {
            if !value.is_empty() {
                pairs.push(format!("{name}={}", escaped(value)));
            }
        }
        pairs.extend(before.map(|number| format!("before={number}")));
        if pairs.is_empty() {
            return "/events".to_owned();
        }
        format!("/events?{}", pairs.join("&"))
    }

    /// Whether this event is meant, where these consumers run.
    fn takes(&self, event: &SeenEvent, heard: &[&'static Subscriber]) -> bool {
        let same = |asked: &str, told: Option<&str>| asked.is_empty() || told == Some(asked);
        same(&self.event_type, Some(&event.event_type))
            && same(&self.topic, Some(&event.topic))
            && same(&self.user, event.subject.as_deref())
            && same(&self.request, event.correlation_id.as_deref())
            && self.before.is_none_or(|number| event.number < number)
            && self.takes_outcome(event, heard)
    }

    fn takes_outcome(&self, event: &SeenEvent, heard: &[&'static Subscriber]) -> bool {
        let meant = |consumer: &str| self.consumer.is_empty() || self.consumer == consumer;
        let mut meant = heard.iter().filter(|it| {
            meant(it.consumer) && it.topics.iter().any(|heard| heard.topic == event.topic)
        });
        let standing = |it: &Subscriber| {
            let reaction = event.reaction(it.consumer);
            reaction.and_then(|it| it.standing()).map(|it| it.came)
        };
        let mut stands =
            |wanted: fn(Came) -> bool| meant.any(|it| standing(it).is_some_and(wanted));
        match self.outcome.as_str() {
            "done" => stands(|came| came == Came::Done),
            "duplicate" => stands(|came| came == Came::Duplicate),
            "parked" => stands(Came::is_dead),
            "trouble" => stands(is_trouble),
            "open" => meant.any(|it| match standing(it) {
                Some(came) => !came.is_settled() && !came.is_dead(),
                None => event.is_for(it) && !event.is_unpublished,
            }),
            _ => self.consumer.is_empty() || meant.next().is_some(),
        }
    }
}

impl Rows {
    pub(crate) fn of(page: &Page, filter: &Filter) -> Self {
        let now = page.now();
        let heard: Vec<&'static Subscriber> = page.consumers().collect();
        let most = filter.rows.unwrap_or(ROWS);
        let seen = page.hub.look();
        let rate = rate_of(page, &seen, now);
        let matching = seen.latest().filter(|it| filter.takes(it, &heard));
        let samples = rate > TOO_MANY && filter.before.is_none();
        let (chosen, note) = if samples {
            let (chosen, every) = sample(matching.take(SAMPLED), most);
            let note = format!(
                "{rate:.0} events a second: shown are the latest that failed, and one in {every} of the rest."
            );
            (chosen, note)
        } else {
            (matching.take(most).collect(), String::new())
        };
        let older = chosen.last().filter(|_| chosen.len() == most && !samples);
        let older = older.map(|last| filter.address(Some(last.number)));
        let row = |event: &&SeenEvent| Row::of(event, page, &heard, now);
        Self {
            consumers: heard.iter().map(|it| it.consumer).collect(),
            many: heard.len() >= MANY,
            rows: chosen.iter().map(row).collect(),
            note,
            older: older.filter(|_| filter.rows.is_none()),
            seen_any: !seen.is_empty() && filter.is_any(),
        }
    }
}

fn rate_of(page: &Page, seen: &Seen, now: Timestamp) -> f64 {
    let mut topics: Vec<&str> = { page.services.iter() }
        .flat_map(|it| it.publishes.iter().copied())
        .collect();
    topics.sort_unstable();
    topics.dedup();
    topics
        .iter()
        .map(|it| seen.meters.recent(it, now).rate)
        .sum()
}

/// What is in trouble first, then one in so many of the rest, and how many that is; the latest first.
fn sample<'a>(
    events: impl Iterator<Item = &'a SeenEvent>,
    most: usize,
) -> (Vec<&'a SeenEvent>, usize) {
    let in_trouble = |event: &&SeenEvent| {
        let mut standings = event.reactions.iter().filter_map(|it| it.standing());
        standings.any(|it| is_trouble(it.came))
    };
    let (mut chosen, rest): (Vec<_>, Vec<_>) = events.partition(in_trouble);
    chosen.truncate(most / 2);
    let left = most - chosen.len();
    let every = (rest.len() / left.max(1)).max(1);
    chosen.extend(rest.into_iter().step_by(every).take(left));
    chosen.sort_by_key(|event| std::cmp::Reverse(event.number));
    (chosen, every)
}

impl Row {
    fn of(event: &SeenEvent, page: &Page, heard: &[&'static Subscriber], now: Timestamp) -> Self {
        let cell =
            |it: &&'static Subscriber| Cell::of(event, it, page.switches.of(it.consumer), now);
        let link = |id: &Option<String>, path: &str| {
            let id = id.as_ref()?;
            Some((format!("/{path}/{}", escaped(id)), short(id), id.clone()))
        };
        Self {
            number: event.number,
            href: format!("/events/{}", escaped(&event.id)),
            id: event.id.clone(),
            at: moment(event.at, now),
            at_full: full(event.at),
            event_type: event.event_type.clone(),
            copies: event.copies,
            subject: link(&event.subject, "users"),
            request: link(&event.correlation_id, "requests"),
            cells: heard.iter().map(cell).collect(),
        }
    }
}
