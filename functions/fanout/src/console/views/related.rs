//! `GET /requests/{id}` and `GET /users/{id}`: all that one request led to, and all that happened to one
//! subject, in order. The store tells it, so it outlives the page.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use chrono::DateTime;
use fanout_runtime::Timestamp;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::console::Page;
use crate::console::cell::Cell;
use crate::console::frame::Screen;
use crate::console::words::{clock, escaped, short, span};
use crate::trace::{Life, Question, find};

/// How wide a bar is at least, of 100.
const LEAST: f64 = 0.6;

#[derive(Template)]
#[template(path = "console/related.html")]
struct RelatedScreen {
    what: &'static str,
    id: String,
    facts: Vec<(&'static str, String)>,
    state: Option<Folded>,
    events: Vec<Told>,
    incomplete: bool,
    span: String,
}

struct Told {
    href: String,
    at: String,
    after: String,
    event_type: String,
    sequence: String,
    subject: Option<(String, String)>,
    cause: Option<(String, String)>,
    /// Where it begins in the picture, of 100, and how wide it is.
    x: String,
    width: String,
    cells: Vec<Cell>,
}

pub(crate) async fn request(State(page): State<Arc<Page>>, Path(id): Path<String>) -> Response {
    let asked = Question::Correlation(id.clone());
    answer(&page, "Request", id, asked, None).await
}

pub(crate) async fn user(
    State(page): State<Arc<Page>>,
    Path(id): Path<String>,
    Query(as_of): Query<AsOf>,
) -> Response {
    let asked = Question::User(id.clone());
    let state = as_of.account(&page, &id).await;
    answer(&page, "Subject", id, asked, state).await
}

/// As of when the state of a stream is shown; empty is now.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AsOf {
    recorded_at: String,
    effective_at: String,
}

/// What a stream's events add up to.
struct Folded {
    as_of: AsOf,
    facts: Vec<(&'static str, String)>,
    refused: String,
}

impl AsOf {
    /// An account as its service tells it, without its owner; nothing of any other subject.
    async fn account(self, page: &Page, id: &str) -> Option<Folded> {
        let base = page.urls.of("account");
        if base.is_empty() || !id.starts_with("acc_") {
            return None;
        }
        let asked = [
            ("recorded_at", &self.recorded_at),
            ("effective_at", &self.effective_at),
        ];
        let asked = asked.into_iter().filter(|(_, at)| !at.is_empty());
        let asked: Vec<_> = asked.collect();
        let url = format!("{base}/accounts/{}", escaped(id));
        let answered = page
            .operator
            .http
            .get(url)
            .query(&asked)
            .send()
            .await
            .ok()?;
        let well = answered.status().is_success();
        let told: Value = answered.json().await.ok()?;
        let fact = |name| {
            Some((
                name,
                told[name]
                    .as_str()
                    .map_or_else(|| told[name].to_string(), str::to_owned),
            ))
        };
        let names = ["balance", "currency", "version"].into_iter();
        Some(Folded {
            as_of: self,
            facts: names.filter(|_| well).filter_map(fact).collect(),
            refused: told["detail"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

async fn answer(
    page: &Page,
    what: &'static str,
    id: String,
    asked: Question,
    state: Option<Folded>,
) -> Response {
    let found = find(page.documents.as_ref(), page.clock.as_ref(), asked).await;
    let mut facts = Vec::new();
    let (mut lives, mut incomplete) = (Vec::new(), false);
    if let Ok(found) = found {
        incomplete = found.incomplete;
        for user in found.users.iter().filter(|it| it.user_id == id) {
            facts.push(("version", user.version.to_string()));
            facts.extend(user.deleted_at.clone().map(|at| ("deleted", at)));
        }
        lives = found.events;
    }
    lives.sort_by(|a, b| a.stored_at.cmp(&b.stored_at));
    let first = lives.iter().filter_map(begun).min();
    let last = lives.iter().filter_map(ended).max();
    let all = first
        .zip(last)
        .map_or(0, |(a, b)| (b - a).num_milliseconds());
    let told = lives.iter().map(|life| Told::of(life, first, all));
    let content = RelatedScreen {
        what,
        events: told.collect(),
        incomplete,
        span: span(all),
        facts,
        state,
        id,
    };
    let status = if content.events.is_empty() && content.facts.is_empty() {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::OK
    };
    let screen = Screen {
        title: what,
        active: "events",
        live: None,
    };
    screen.answer(page, status, &content).await
}

fn begun(life: &Life) -> Option<Timestamp> {
    time(life.stored_at.as_deref()?)
}

/// When the last consumer was done with it so far.
fn ended(life: &Life) -> Option<Timestamp> {
    let done = life.consumers.iter();
    let done = done.filter_map(|it| time(it.finished_at.as_deref()?));
    done.max().max(begun(life))
}

fn time(text: &str) -> Option<Timestamp> {
    Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}

impl Told {
    fn of(life: &Life, first: Option<Timestamp>, all: i64) -> Self {
        let at = begun(life);
        let after = at
            .zip(first)
            .map(|(at, first)| (at - first).num_milliseconds());
        let link = |id: &Option<String>, path: &str| {
            let id = id.as_ref()?;
            Some((format!("/{path}/{}", escaped(id)), short(id)))
        };
        let part = |long: i64| 100.0 * long as f64 / all.max(1) as f64;
        let long = ended(life)
            .zip(at)
            .map(|(end, at)| (end - at).num_milliseconds());
        let x = part(after.unwrap_or_default()).min(100.0 - LEAST);
        let width = part(long.unwrap_or_default()).max(LEAST).min(100.0 - x);
        Self {
            href: format!("/events/{}", escaped(&life.event_id)),
            at: at.map_or_else(|| "–".to_owned(), clock),
            after: after.map_or_else(String::new, |it| format!("+{}", span(it))),
            event_type: life.event_type.clone(),
            sequence: life.sequence.map_or_else(String::new, |it| it.to_string()),
            subject: link(&life.subject, "users"),
            cause: link(&life.causation_id, "events"),
            x: format!("{x:.1}"),
            width: format!("{width:.1}"),
            cells: { life.consumers.iter().map(Cell::remembered) }
                .filter(|cell| cell.word != "not wanted")
                .collect(),
        }
    }
}
