//! `GET /dead-letters`, the plan of what is to be done with some of them, and how far it has come.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use fanout_kernel::Subscriber;
use fanout_runtime::Timestamp;
use fanout_web::Problem;

use crate::answer::counted;
use crate::console::Page;
use crate::console::actions::{Job, Plan};
use crate::console::frame::{Part, Screen, rendered};
use crate::console::guard::TOKEN;
use crate::console::words::{escaped, full, moment, short};
use crate::dead_letters::Interrupt;
use crate::dead_letters::chosen::{Told, look};

/// How many letters of a group are listed, and can be picked by hand.
const SHOWN: usize = 50;

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
    /// The bus's id of the letter.
    message: String,
    href: String,
    event: String,
    at: String,
    event_type: String,
    subject: Option<(String, String)>,
    plan: String,
    payload: String,
}

/// Which letters are meant, as the address says.
#[derive(Debug, Default)]
struct Meant {
    consumer: String,
    reason: Option<String>,
    /// Ids of letters or of events; all, if none is given and none was to be picked.
    ids: Vec<String>,
    picked: bool,
}

#[derive(Template)]
#[template(path = "console/plan.html")]
struct PlanScreen {
    consumer: &'static str,
    count: usize,
    /// Whether letters were to be picked, and none was.
    none_picked: bool,
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
                of.groups = groups(consumer, letters, page.now());
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

fn groups(consumer: &str, letters: Vec<Told>, now: Timestamp) -> Vec<Group> {
    let mut by_reason: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    for letter in letters {
        by_reason
            .entry(letter.reason.clone())
            .or_default()
            .push(letter);
    }
    let mut groups: Vec<Group> = { by_reason.into_iter() }
        .map(|(reason, letters)| {
            let at = |letter: Option<&Told>| {
                letter.map_or_else(String::new, |it| moment(it.parked_at, now))
            };
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
                    .map(|it| Shown::of(consumer, it, now))
                    .collect(),
                reason,
            }
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

impl Shown {
    fn of(consumer: &str, letter: &Told, now: Timestamp) -> Self {
        let id = escaped(&letter.event_id);
        let message = escaped(&letter.message_id);
        let subject = letter.subject.as_ref();
        Self {
            href: format!("/dead-letters/{consumer}/{message}"),
            event: format!("/events/{id}"),
            id: letter.event_id.clone(),
            message: letter.message_id.clone(),
            at: moment(letter.parked_at, now),
            event_type: letter.event_type.clone().unwrap_or_default(),
            subject: subject.map(|it| (format!("/users/{}", escaped(it)), short(it))),
            plan: format!("/dead-letters/plan?consumer={consumer}&id={message}"),
            payload: format!("/events/{message}/payload?letter={consumer}"),
        }
    }
}

impl Meant {
    fn of(query: &str) -> Self {
        let mut meant = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "consumer" => meant.consumer = value.into_owned(),
                "reason" => meant.reason = Some(value.into_owned()),
                "id" => meant.ids.push(value.into_owned()),
                "picked" => meant.picked = true,
                _ => {}
            }
        }
        meant
    }

    fn is(&self, letter: &Told) -> bool {
        let id = |id: &String| letter.event_id == *id || letter.message_id == *id;
        let all = self.ids.is_empty() && !self.picked;
        (all || self.ids.iter().any(id))
            && self.reason.as_ref().is_none_or(|it| letter.reason == *it)
    }
}

/// A consumer's letters, oldest first, or the answer if they cannot be read.
pub(super) async fn read(page: &Page, subscriber: &Subscriber) -> Result<Vec<Told>, Problem> {
    let interrupt = Interrupt::new(page.shutdown.clone());
    let letters = look(&page.operator, subscriber, &interrupt).await;
    letters.map(|(letters, _)| letters).map_err(|error| {
        tracing::warn!(error = format!("{error:#}"), "dead letters cannot be read");
        Problem::unavailable()
    })
}

/// Shows exactly which letters are meant, before anything is done with them.
pub(crate) async fn plan(State(page): State<Arc<Page>>, RawQuery(query): RawQuery) -> Response {
    let meant = Meant::of(&query.unwrap_or_default());
    let Some(subscriber) = page.consumer(&meant.consumer) else {
        return Problem::no_such_path().into_response();
    };
    let letters = match read(&page, subscriber).await {
        Ok(letters) => letters,
        Err(refused) => return refused.into_response(),
    };
    let is_meant = |letter: &&Told| meant.is(letter);
    let letters: Vec<&Told> = letters.iter().filter(is_meant).collect();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for letter in &letters {
        *reasons.entry(letter.reason.clone()).or_default() += 1;
    }
    let consumer = subscriber.consumer;
    let content = PlanScreen {
        consumer,
        count: letters.len(),
        none_picked: meant.picked && meant.ids.is_empty(),
        letters: { letters.iter().rev().take(SHOWN) }
            .map(|it| Shown::of(consumer, it, page.now()))
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
    let part = JobPart::of(&job);
    let content = JobScreen {
        job: rendered(&part),
        refresh: part.ended.is_none(),
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
        // In this order: once it has ended, its outcomes change no more.
        let ended = job.state();
        let outcomes = job.outcomes();
        let settled: usize = { outcomes.iter() }
            .filter(|(outcome, _)| outcome.is_settled())
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
            ended: ended.map(|it| {
                let all = counted(job.total, "letter");
                let why = it.error.map_or_else(String::new, |why| format!("; {why}"));
                format!("ended: {settled} of {all} redriven{why}")
            }),
            events: events
                .map(|id| (format!("/events/{}", escaped(id)), short(id)))
                .collect(),
        }
    }
}
