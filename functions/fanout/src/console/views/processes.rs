//! `GET /processes`: flows of many steps, each with how far it has come, and an operator's verbs.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use fanout_processes::{
    Status, StepRecord, StepStatus, StoredProcess, page_of_processes, process_key,
};
use fanout_runtime::{Timestamp, error_chain};
use fanout_web::Problem;
use serde::Deserialize;

use crate::console::Page;
use crate::console::frame::{Part, Screen, rendered};
use crate::console::guard::TOKEN;
use crate::console::words::{escaped, full, moment, short, span};
use crate::processes::PageToken;

/// How many of each status are shown at once.
const MOST: u32 = 50;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    status: String,
    /// Those of the status after the last one of a list that was cut off.
    page_token: String,
}

#[derive(Template)]
#[template(path = "console/processes.html")]
struct ProcessesScreen {
    list: String,
    status: String,
    statuses: Vec<&'static str>,
}

#[derive(Template)]
#[template(path = "console/part/processes.html")]
struct List {
    processes: Vec<Row>,
    /// Each status of which there are older ones, and where.
    older: Vec<(&'static str, String)>,
    error: Option<String>,
    runs: bool,
    orders_url: String,
}

struct Row {
    href: String,
    name: String,
    key: String,
    status: &'static str,
    tone: &'static str,
    updated: String,
    age: String,
    reason: String,
    steps: Vec<StepCell>,
}

struct StepCell {
    name: String,
    status: &'static str,
    symbol: &'static str,
    tone: &'static str,
    since: String,
    attempt: u64,
    due: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "console/process.html")]
struct ProcessScreen {
    row: Row,
    key: String,
    facts: Vec<(&'static str, String, Option<String>)>,
    is_open: bool,
    read_only: bool,
    token_name: &'static str,
    token: String,
    path: String,
}

pub(crate) async fn show(State(page): State<Arc<Page>>, Query(asked): Query<Asked>) -> Response {
    let parts = parts(&page, &asked).await;
    let content = ProcessesScreen {
        list: parts
            .into_iter()
            .next()
            .map_or_else(String::new, |part| part.html),
        statuses: Status::ALL.map(Status::as_str).to_vec(),
        status: asked.status.clone(),
    };
    let screen = Screen {
        title: "Processes",
        active: "processes",
        live: Some(address(&asked.status, &asked.page_token)),
    };
    screen.with(&page, &content).await
}

pub(crate) async fn parts(page: &Page, asked: &Asked) -> Vec<Part> {
    let (token, invalid) = match asked.page_token.as_str() {
        "" => (None, None),
        text => match PageToken::parse(text) {
            Ok(token) => (Some(token), None),
            Err(invalid) => (None, Some(error_chain(&invalid))),
        },
    };
    let wanted = match &token {
        Some(token) => Some(token.status),
        None => Status::parse(&asked.status),
    };
    let mut list = List {
        processes: Vec::new(),
        older: Vec::new(),
        error: invalid,
        runs: page.has_processes(),
        orders_url: page.urls.of("order").replace("127.0.0.1", "localhost"),
    };
    let mut found = Vec::new();
    for status in Status::ALL {
        if wanted.is_some_and(|wanted| wanted != status) {
            continue;
        }
        let after = token.clone().map(PageToken::into_cursor);
        match page_of_processes(page.documents.as_ref(), status, MOST, after).await {
            Ok(some) => {
                if let Some(last) = &some.last {
                    let token = PageToken::after(last, status).to_string();
                    let status = status.as_str();
                    list.older.push((status, address(status, &token)));
                }
                if let Some(id) = some.unreadable.first() {
                    list.error = Some(format!("somebody changed {id} by hand"));
                }
                found.extend(some.found);
            }
            Err(error) => list.error = Some(error_chain(&error)),
        }
    }
    found.sort_by_key(|stored| std::cmp::Reverse(stored.updated_at));
    list.processes = found.iter().map(|it| Row::of(page, it)).collect();
    vec![Part {
        id: "processes",
        html: rendered(&list),
    }]
}

/// Where a list is shown.
fn address(status: &str, page_token: &str) -> String {
    let status = escaped(status);
    match page_token {
        "" => format!("/processes?status={status}"),
        token => format!("/processes?status={status}&page_token={}", escaped(token)),
    }
}

pub(crate) async fn one(
    State(page): State<Arc<Page>>,
    Path((name, key)): Path<(String, String)>,
) -> Response {
    let found = page.documents.get(&process_key(&name, &key)).await;
    let stored = found.ok().flatten();
    let Some(stored) = stored.and_then(|it| StoredProcess::from_document(&it).ok()) else {
        return Problem::no_such_path().into_response();
    };
    let request = stored.correlation_id.clone();
    let mut facts = vec![
        ("version", stored.version.to_string(), None),
        ("started", full(stored.started_at), None),
        ("updated", full(stored.updated_at), None),
    ];
    facts.extend(stored.wake_at.map(|at| ("wakes", full(at), None)));
    facts.extend(stored.ended_at.map(|at| ("ended", full(at), None)));
    facts.extend(request.map(|id| {
        let href = format!("/requests/{}", escaped(&id));
        ("request", id, Some(href))
    }));
    if let Some(failure) = &stored.instance.failure {
        facts.push(("reason", failure.reason.clone(), None));
        facts.extend(failure.detail.clone().map(|it| ("detail", it, None)));
    }
    let content = ProcessScreen {
        row: Row::of(&page, &stored),
        key: stored.instance.key.clone(),
        facts,
        is_open: stored.instance.status.is_open(),
        read_only: page.read_only,
        token_name: TOKEN,
        token: page.token.clone(),
        path: format!("/processes/{}/{}", escaped(&name), escaped(&key)),
    };
    let screen = Screen {
        title: "Process",
        active: "processes",
        live: None,
    };
    screen.with(&page, &content).await
}

impl Row {
    fn of(page: &Page, stored: &StoredProcess) -> Self {
        let instance = &stored.instance;
        let age = (page.now() - stored.started_at).num_milliseconds();
        let status = instance.status.as_str();
        Self {
            href: format!(
                "/processes/{}/{}",
                escaped(&stored.name),
                escaped(&instance.key)
            ),
            name: stored.name.clone(),
            key: short(&instance.key),
            status,
            tone: match instance.status {
                Status::Completed => "ok",
                Status::Stuck => "bad",
                Status::Compensated | Status::Abandoned => "mute",
                Status::Compensating => "warn",
                Status::Running => "busy",
            },
            updated: moment(stored.updated_at, page.now()),
            age: span(age),
            reason: { instance.failure.as_ref() }.map_or_else(String::new, |it| it.reason.clone()),
            steps: { instance.steps.iter() }
                .map(|it| StepCell::of(it, page.now()))
                .collect(),
        }
    }
}

impl StepCell {
    fn of(step: &StepRecord, now: Timestamp) -> Self {
        let (symbol, tone) = match step.status {
            StepStatus::Done => ("✓", "ok"),
            StepStatus::Undone => ("⤺", "mute"),
            StepStatus::Refused | StepStatus::UndoFailed => ("⊘", "bad"),
            StepStatus::Unknown => ("?", "warn"),
            StepStatus::Requested | StepStatus::Undoing => ("▸", "busy"),
        };
        Self {
            name: step.step.clone(),
            status: step.status.as_str(),
            symbol,
            tone,
            since: moment(step.at, now),
            attempt: step.attempt,
            due: { step.due_at }.map_or_else(String::new, |it| moment(it, now)),
            reason: step.reason.clone().unwrap_or_default(),
        }
    }
}
