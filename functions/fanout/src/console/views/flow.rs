//! `GET /`: the topology as it runs, what needs a hand, and the latest events.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use fanout_kernel::Subscriber;
use fanout_runtime::Timestamp;

use super::charts::{CHART, charts};
use super::events::{Filter, Rows};
use super::needs::{LONG, needs};
use crate::console::frame::{Part, Screen, rendered};
use crate::console::hub::Came;
use crate::console::words::{rate, span};
use crate::console::{Backlogs, Page};

/// How many rows of events the first screen shows.
const ROWS: usize = 12;
/// From this many events a second on they are a band.
const BAND: f64 = 20.0;
/// How many topics are shown at their full size.
const FEW_LANES: usize = 4;
/// How many consumers of a topic are shown at least: those that are not well always are.
const MOST_LISTENERS: usize = 10;

#[derive(Template)]
#[template(path = "console/flow.html")]
struct FlowScreen {
    first: String,
    lanes: String,
    needs: String,
    charts: Vec<Part>,
    numbers: String,
    rows: String,
}

#[derive(Template)]
#[template(path = "console/part/lanes.html")]
struct Lanes {
    lanes: Vec<Lane>,
    /// Whether they are so many that each has to be small.
    many: bool,
}

/// A topic with who publishes on it and who hears it.
struct Lane {
    topic: &'static str,
    publishers: Vec<&'static str>,
    rate: String,
    /// How many events there were since the start: the browser lets one dot run for each.
    all: u64,
    flows: bool,
    /// Whether they are too many to be seen one by one.
    band: bool,
    listeners: Vec<Listener>,
    /// How many more there are.
    more: usize,
}

/// A subscription, its consumer, and its dead letters.
struct Listener {
    consumer: &'static str,
    rate: String,
    p95: String,
    waiting: String,
    waits: bool,
    oldest: String,
    dead: u64,
    dead_known: bool,
    /// Its dead letters are counted with another of its topics.
    above: bool,
    fault: String,
    /// `ok`, `warn` or `bad`.
    tone: &'static str,
}

#[derive(Template)]
#[template(path = "console/part/first.html")]
struct First {
    user_url: String,
    none: bool,
    read_only: bool,
    token: String,
    event: Option<Going>,
}

/// The first event on its way.
struct Going {
    id: String,
    event_type: String,
    cells: Vec<crate::console::cell::Cell>,
}

pub(crate) async fn show(State(page): State<Arc<Page>>) -> Response {
    let parts = parts(&page).await;
    let (charts, others): (Vec<Part>, Vec<Part>) =
        { parts.into_iter() }.partition(|part| part.id.starts_with(CHART));
    let mut others = others.into_iter().map(|part| part.html);
    let mut next = || others.next().unwrap_or_default();
    let content = FlowScreen {
        charts,
        first: next(),
        lanes: next(),
        needs: next(),
        rows: next(),
        numbers: next(),
    };
    let screen = Screen {
        title: "Flow",
        active: "flow",
        live: Some("/".to_owned()),
    };
    screen.with(&page, &content).await
}

/// What is kept current.
pub(crate) async fn parts(page: &Page) -> Vec<Part> {
    let backlogs = page.backlogs().await;
    let lanes = lanes(page, backlogs.as_ref());
    let needs = needs(page, backlogs.as_ref()).await;
    let filter = Filter::latest(ROWS);
    let mut parts = vec![
        Part {
            id: "first",
            html: rendered(&first(page)),
        },
        Part {
            id: "lanes",
            html: rendered(&Lanes {
                many: lanes.len() > FEW_LANES,
                lanes,
            }),
        },
        Part {
            id: "needs",
            html: rendered(&needs),
        },
        Part {
            id: "rows",
            html: rendered(&Rows::of(page, &filter)),
        },
    ];
    parts.extend(charts(page));
    parts
}

fn lanes(page: &Page, backlogs: Option<&Backlogs>) -> Vec<Lane> {
    let mut topics: Vec<&'static str> = Vec::new();
    for topic in page.services.iter().flat_map(|it| it.publishes.iter()) {
        if !topics.contains(topic) {
            topics.push(topic);
        }
    }
    let now = page.now();
    let lane = |topic: &'static str| {
        let publishes = page
            .services
            .iter()
            .filter(|it| it.publishes.contains(&topic));
        let hears = |it: &&'static Subscriber| it.topics.iter().any(|heard| heard.topic == topic);
        let recent = page.hub.look().meters.recent(topic, now);
        let listeners = page.consumers().filter(hears);
        let listeners = listeners.map(|it| listener(page, it, topic, backlogs, now));
        let (listeners, more) = worst_first(listeners.collect());
        Lane {
            topic,
            publishers: publishes.map(|it| it.name).collect(),
            rate: rate(recent.rate),
            all: recent.all,
            flows: recent.rate > 0.0,
            band: recent.rate > BAND,
            listeners,
            more,
        }
    };
    topics.into_iter().map(lane).collect()
}

/// Where there are too many, those that are not well, then as many others as fit, and how many are left.
fn worst_first(mut all: Vec<Listener>) -> (Vec<Listener>, usize) {
    let all_count = all.len();
    if all_count > MOST_LISTENERS {
        let badness = |tone: &str| ["bad", "warn"].iter().position(|it| *it == tone);
        all.sort_by_key(|it| badness(it.tone).unwrap_or(2));
        let unwell = all.iter().filter(|it| it.tone != "ok").count();
        all.truncate(MOST_LISTENERS.max(unwell));
    }
    let left = all_count - all.len();
    (all, left)
}

fn listener(
    page: &Page,
    subscriber: &'static Subscriber,
    topic: &str,
    backlogs: Option<&Backlogs>,
    now: Timestamp,
) -> Listener {
    let consumer = subscriber.consumer;
    let recent = page
        .hub
        .look()
        .meters
        .recent(&subscriber.subscription(topic), now);
    let waiting = backlogs.map(|all| all.get(&subscriber.subscription(topic)));
    let dead = backlogs.and_then(|all| all.get(&subscriber.dead_letters()));
    let dead_known = backlogs.is_some();
    let dead = dead.map_or(0, |it| it.messages);
    let fault = page.switches.of(consumer);
    let age = waiting
        .flatten()
        .map(|it| (now - it.oldest).num_milliseconds());
    let late = age.is_some_and(|age| age > LONG);
    let mut topics = subscriber.topics.iter().map(|it| it.topic);
    let first = topics.find(|it| page.services.iter().any(|spec| spec.publishes.contains(it)));
    let above = first != Some(topic);
    Listener {
        consumer,
        above,
        rate: rate(recent.rate),
        p95: match (recent.failed, recent.p95) {
            (0, None) => String::new(),
            (0, Some(p95)) => format!("p95 {p95} ms"),
            (failed, _) => format!("{failed} failed"),
        },
        waiting: match waiting {
            None => "unknown".to_owned(),
            Some(None) => "0".to_owned(),
            Some(Some(backlog)) => backlog.messages.to_string(),
        },
        waits: waiting.flatten().is_some(),
        oldest: age.map_or_else(String::new, |age| format!("oldest {}", span(age))),
        dead,
        dead_known,
        tone: match (
            (dead > 0 && !above) || fault.fails > 0,
            late || fault.is_any(),
        ) {
            (true, _) => "bad",
            (false, true) => "warn",
            (false, false) => "ok",
        },
        fault: in_words(fault),
    }
}

/// What is wrong with a consumer on purpose, in words.
pub(crate) fn in_words(fault: crate::console::switches::Fault) -> String {
    let mut words = Vec::new();
    if fault.paused {
        words.push("paused".to_owned());
    }
    if fault.fails > 0 {
        words.push(format!("fails on purpose ({} %)", fault.fails));
    }
    if fault.slow_ms > 0 {
        let slower = span(i64::try_from(fault.slow_ms).unwrap_or(i64::MAX));
        words.push(format!("slowed by {slower}"));
    }
    words.join(", ")
}

fn first(page: &Page) -> First {
    let seen = page.hub.look();
    let count = seen.count();
    let now = page.now();
    let going = seen.latest().next().filter(|_| (1..3).contains(&count));
    let going = going.filter(|event| !event.is_unpublished);
    let event = going.map(|event| Going {
        id: event.id.clone(),
        event_type: event.event_type.clone(),
        cells: page
            .consumers()
            .map(|it| crate::console::cell::Cell::of(event, it, page.switches.of(it.consumer), now))
            .filter(|cell| cell.tone != "none")
            .collect(),
    });
    let user_url = page.urls.of("user").replace("127.0.0.1", "localhost");
    First {
        user_url,
        none: seen.is_empty(),
        read_only: page.read_only,
        token: page.token.clone(),
        event,
    }
}

impl Page {
    /// All dead letters of the consumers that run; unknown where the bus does not tell.
    pub(crate) async fn dead_letters(&self) -> Option<u64> {
        let all = self.backlogs().await?;
        let of = |it: &Subscriber| all.get(&it.dead_letters()).map_or(0, |it| it.messages);
        Some(self.consumers().map(of).sum())
    }

    /// Whether a service runs that has processes.
    pub(crate) fn has_processes(&self) -> bool {
        let mut consumers = self.consumers();
        consumers.any(|it| it.consumer == "order")
    }
}

/// Whether it went wrong.
pub(crate) fn is_trouble(came: Came) -> bool {
    came.is_dead() || matches!(came, Came::Failed | Came::Deferred | Came::Refused)
}
