//! `GET /dead-letters`, the plan of what is to be done with some of them, and how far it has come.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use fanout_web::Problem;
use serde::Deserialize;

use crate::console::Page;
use crate::console::actions::{Job, Plan};
use crate::console::frame::{Part, Screen, rendered};
use crate::console::guard::TOKEN;
use crate::console::words::{clock, escaped, full, plural, short};
use crate::dead_letters::chosen::{Told, look};
use crate::dead_letters::{Interrupt, Outcome};

/// How many letters of a group are listed.
const SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "console/letters.html")]
struct LettersScreen {
    consumers: Vec<OfConsumer>,
    read_only: bool,
    none: bool,
}

struct OfConsumer {
    consumer: &'static str,
    count: usize,
    more: bool,
    fault: String,
    groups: Vec<Group>,
    error: Option<String>,
}

/// Letters of one reason.
struct Group {
    reason: String,
    detail: String,
    count: usize,
    first: String,
    last: String,
    href: String,
    letters: Vec<Shown>,
    hidden: usize,
}

struct Shown {
    id: String,
    href: String,
    at: String,
    event_type: String,
    subject: Option<(String, String)>,
    plan: String,
    payload: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Meant {
    consumer: String,
    reason: Option<String>,
    /// The event's id.
    id: Option<String>,
}

#[derive(Template)]
#[template(path = "console/plan.html")]
struct PlanScreen {
    consumer: &'static str,
    count: usize,
    letters: Vec<Shown>,
    hidden: usize,
    reasons: Vec<(String, usize)>,
    newest: String,
    fault: String,
    read_only: bool,
    token_name: &'static str,
    token: String,
    plan: String,
}

#[derive(Template)]
#[template(path = "console/job.html")]
struct JobScreen {
    job: String,
    refresh: bool,
}

#[derive(Template)]
#[template(path = "console/part/job.html")]
struct JobPart {
    consumer: &'static str,
    total: usize,
    settled: usize,
    outcomes: Vec<(&'static str, &'static str, usize)>,
    failures: Vec<String>,
    ended: Option<String>,
    well: bool,
    events: Vec<(String, String)>,
}

pub(crate) async fn show(State(page): State<Arc<Page>>) -> Response {
    let interrupt = Interrupt::new(page.shutdown.clone());
    // What was known a second ago would leave out the letter that led here.
    page.forget_backlogs().await;
    let backlogs = page.backlogs().await;
    let mut consumers = Vec::new();
    for subscriber in page.consumers() {
        let known = backlogs.as_ref();
        if known.is_some_and(|all| !all.contains_key(&subscriber.dead_letters())) {
            continue;
        }
        let consumer = subscriber.consumer;
        let mut of = OfConsumer {
            consumer,
            count: 0,
            more: false,
            fault: super::flow::in_words(page.switches.of(consumer)),
            groups: Vec::new(),
            error: None,
        };
        match look(&page.operator, subscriber, &interrupt).await {
            Ok((letters, _)) if letters.is_empty() => continue,
            Ok((letters, more)) => {
                of.count = letters.len();
                of.more = more;
                of.groups = groups(consumer, letters);
            }
            Err(error) => of.error = Some(format!("{error:#}")),
        }
        consumers.push(of);
    }
    let content = LettersScreen {
        none: consumers.is_empty(),
        consumers,
        read_only: page.read_only,
    };
    let screen = Screen {
        title: "Dead letters",
        active: "letters",
        live: None,
    };
    screen.with(&page, &content).await
}

fn groups(consumer: &str, letters: Vec<Told>) -> Vec<Group> {
    let mut by_reason: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    for letter in letters {
        by_reason
            .entry(letter.reason.clone())
            .or_default()
            .push(letter);
    }
    let mut groups: Vec<Group> = { by_reason.into_iter() }
        .map(|(reason, letters)| {
            let at =
                |letter: Option<&Told>| letter.map_or_else(String::new, |it| clock(it.parked_at));
            Group {
                href: format!(
                    "/dead-letters/plan?consumer={consumer}&reason={}",
                    escaped(&reason)
                ),
                detail: { letters.last() }
                    .and_then(|it| it.detail.clone())
                    .unwrap_or_default(),
                count: letters.len(),
                first: at(letters.first()),
                last: at(letters.last()),
                hidden: letters.len().saturating_sub(SHOWN),
                letters: { letters.iter().rev().take(SHOWN) }
                    .map(|it| Shown::of(consumer, it))
                    .collect(),
                reason,
            }
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

impl Shown {
    fn of(consumer: &str, letter: &Told) -> Self {
        let id = escaped(&letter.event_id);
        let message = escaped(&letter.message_id);
        let subject = letter.subject.as_ref();
        Self {
            href: format!("/events/{id}"),
            id: letter.event_id.clone(),
            at: clock(letter.parked_at),
            event_type: letter.event_type.clone().unwrap_or_default(),
            subject: subject.map(|it| (format!("/users/{}", escaped(it)), short(it))),
            plan: format!("/dead-letters/plan?consumer={consumer}&id={message}"),
            payload: format!("/events/{message}/payload?letter={consumer}"),
        }
    }
}

/// Shows exactly which letters are meant, before anything is done with them.
pub(crate) async fn plan(State(page): State<Arc<Page>>, Query(meant): Query<Meant>) -> Response {
    let Some(subscriber) = page.consumer(&meant.consumer) else {
        return Problem::no_such_path().into_response();
    };
    let interrupt = Interrupt::new(page.shutdown.clone());
    let letters = match look(&page.operator, subscriber, &interrupt).await {
        Ok((letters, _)) => letters,
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "dead letters cannot be read");
            return Problem::unavailable().into_response();
        }
    };
    let is_meant = |letter: &&Told| {
        let id = |id: &String| letter.event_id == *id || letter.message_id == *id;
        meant.id.as_ref().is_none_or(id)
            && meant.reason.as_ref().is_none_or(|it| letter.reason == *it)
    };
    let letters: Vec<&Told> = letters.iter().filter(is_meant).collect();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for letter in &letters {
        *reasons.entry(letter.reason.clone()).or_default() += 1;
    }
    let consumer = subscriber.consumer;
    let content = PlanScreen {
        consumer,
        count: letters.len(),
        letters: { letters.iter().rev().take(SHOWN) }
            .map(|it| Shown::of(consumer, it))
            .collect(),
        hidden: letters.len().saturating_sub(SHOWN),
        reasons: reasons.into_iter().collect(),
        newest: letters
            .last()
            .map_or_else(String::new, |it| full(it.parked_at)),
        fault: super::flow::in_words(page.switches.of(consumer)),
        read_only: page.read_only,
        token_name: TOKEN,
        token: page.token.clone(),
        plan: page.plans.keep(Plan {
            consumer: subscriber,
            letters: { letters.iter() }
                .map(|it| (it.message_id.clone(), it.event_id.clone()))
                .collect(),
        }),
    };
    let screen = Screen {
        title: "Redrive or discard",
        active: "letters",
        live: None,
    };
    screen.with(&page, &content).await
}

/// How far a redrive has come.
pub(crate) async fn job(State(page): State<Arc<Page>>, Path(id): Path<String>) -> Response {
    let Some(job) = page.jobs.get(&id) else {
        return Problem::no_such_path().into_response();
    };
    let content = JobScreen {
        job: rendered(&JobPart::of(&job)),
        refresh: job.state().is_none(),
    };
    let screen = Screen {
        title: "Redrive",
        active: "letters",
        live: Some(format!("/jobs/{}", escaped(&id))),
    };
    screen.with(&page, &content).await
}

pub(crate) fn parts(page: &Page, id: &str) -> Vec<Part> {
    let job = page.jobs.get(id);
    job.map_or_else(Vec::new, |job| {
        vec![Part {
            id: "job",
            html: rendered(&JobPart::of(&job)),
        }]
    })
}

impl JobPart {
    fn of(job: &Job) -> Self {
        let outcomes = job.outcomes();
        let ended = job.state();
        let settled = { outcomes.iter() }
            .filter(|(outcome, _)| **outcome != Outcome::NotPushed)
            .map(|(_, count)| count)
            .sum();
        let told = outcomes.iter().map(|(outcome, count)| {
            let (word, meaning) = outcome.words();
            (word, meaning, *count)
        });
        let events = job.events.iter().take(SHOWN);
        Self {
            consumer: job.consumer,
            total: job.total,
            settled,
            outcomes: told.collect(),
            failures: ended
                .as_ref()
                .map_or_else(Vec::new, |it| it.failures.clone()),
            well: ended.as_ref().is_some_and(|it| it.well),
            ended: ended.map(|it| match it.error {
                Some(error) => format!("ended: {error}"),
                None => {
                    let all = u64::try_from(job.total).unwrap_or(u64::MAX);
                    format!("ended: {} redriven", plural(all, "letter"))
                }
            }),
            events: events
                .map(|id| (format!("/events/{}", escaped(id)), short(id)))
                .collect(),
        }
    }
}
