//! `GET /events/{id}`: the whole life of one event. The store tells what was stored, published and
//! marked; the page adds every delivery that it saw.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use fanout_kernel::Subscriber;
use fanout_runtime::Timestamp;
use http::StatusCode;

use super::timeline::{Line, began, line};
use crate::console::Page;
use crate::console::cell::Cell;
use crate::console::frame::{Part, Screen, rendered};
use crate::console::guard::TOKEN;
use crate::console::hub::{Attempt, Came, LogLine, Reaction, SeenEvent};
use crate::console::views::wire::wire;
use crate::console::words::{clock, escaped, full, short, span};
use crate::trace::{Life, Publication, Question, find};

#[derive(Template)]
#[template(path = "console/biography.html")]
struct BiographyScreen {
    id: String,
    href: String,
    life: String,
    /// Its attributes and its trace; empty if its message is not kept.
    wire: String,
    can_repeat: bool,
    token_name: &'static str,
    token: String,
}

#[derive(Template)]
#[template(path = "console/part/life.html")]
struct LifePart {
    known: bool,
    read_only: bool,
    facts: Vec<Fact>,
    line: Line,
    tracks: Vec<Track>,
    caused: Vec<(String, String)>,
    log: Vec<Logged>,
    /// Where lines are logged, the question that finds those of this event.
    query: String,
}

/// A line of the log.
struct Logged {
    at: String,
    level: &'static str,
    tone: &'static str,
    text: String,
    fields: Vec<(&'static str, String)>,
}

/// A fact of the envelope.
struct Fact {
    name: &'static str,
    value: String,
    href: Option<String>,
}

/// All that one consumer did.
struct Track {
    cell: Cell,
    deliveries: Vec<Delivered>,
    /// Where a letter of it can be dealt with.
    letter: Option<String>,
    note: Option<String>,
}

struct Delivered {
    at: String,
    after: String,
    number: String,
    answer: String,
    symbol: &'static str,
    word: &'static str,
    tone: &'static str,
    took: String,
    why: String,
}

pub(crate) async fn show(State(page): State<Arc<Page>>, Path(id): Path<String>) -> Response {
    let (life, stored) = life(&page, &id).await;
    let known = life.known;
    let wire = wire(&page, &id).await;
    let content = BiographyScreen {
        wire: if wire.is_empty() {
            String::new()
        } else {
            rendered(&wire)
        },
        href: format!("/events/{}", escaped(&id)),
        life: rendered(&life),
        can_repeat: stored && !page.read_only,
        token_name: TOKEN,
        token: page.token.clone(),
        id: id.clone(),
    };
    let screen = Screen {
        title: "Event",
        active: "events",
        live: Some(content.href.clone()),
    };
    let status = if known {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    screen.answer(&page, status, &content).await
}

pub(crate) async fn parts(page: &Page, id: &str) -> Vec<Part> {
    vec![Part {
        id: "life",
        html: rendered(&life(page, id).await.0),
    }]
}

/// What is known of it, and whether its row is there, from which it can be sent again.
async fn life(page: &Page, id: &str) -> (LifePart, bool) {
    let asked = Question::Event(id.to_owned());
    let found = find(page.documents.as_ref(), page.clock.as_ref(), asked).await;
    let stored = found.ok().and_then(|found| found.events.into_iter().next());
    let seen = page.hub.look().event(id).cloned();
    let has_row = stored.as_ref().is_some_and(|life| life.stored_at.is_some());
    let mut facts = Vec::new();
    if let Some(life) = &stored {
        facts = stored_facts(life);
    } else if let Some(event) = &seen {
        facts = seen_facts(event);
    }
    let tracks = tracks(page, seen.as_ref(), stored.as_ref());
    let caused = stored.iter().flat_map(|life| life.caused.iter());
    let caused = caused.map(|id| (format!("/events/{}", escaped(id)), short(id)));
    let part = LifePart {
        known: stored.is_some() || seen.is_some(),
        read_only: page.read_only,
        facts,
        line: line(seen.as_ref()),
        tracks,
        caused: caused.collect(),
        log: { seen.iter().flat_map(|event| event.lines.iter()) }
            .map(Logged::of)
            .collect(),
        query: format!("jsonPayload.event_id=\"{id}\""),
    };
    (part, has_row || page.log.has_message(id))
}

fn fact(name: &'static str, value: impl Into<String>) -> Fact {
    Fact {
        name,
        value: value.into(),
        href: None,
    }
}

fn linked(name: &'static str, path: &str, id: &str) -> Fact {
    Fact {
        name,
        value: id.to_owned(),
        href: Some(format!("/{path}/{}", escaped(id))),
    }
}

fn stored_facts(life: &Life) -> Vec<Fact> {
    let mut facts = Vec::new();
    if life.event_type.is_empty() {
        facts.push(fact("type", "none: it could not be read as an event"));
    } else {
        facts.push(fact("type", life.event_type.as_str()));
    }
    facts.extend(
        life.subject
            .as_deref()
            .map(|it| linked("subject", "users", it)),
    );
    facts.extend(life.sequence.map(|it| fact("sequence", it.to_string())));
    let request = life.correlation_id.as_deref();
    facts.extend(request.map(|it| linked("request", "requests", it)));
    let cause = life.causation_id.as_deref();
    facts.extend(cause.map(|it| linked("caused by", "events", it)));
    facts.extend(life.stored_at.as_deref().map(|it| fact("stored", it)));
    facts.push(match &life.publication {
        Publication::Waiting { since } => {
            fact("published", format!("not yet; it waits since {since}"))
        }
        Publication::SeenAndWaiting { .. } => fact(
            "published",
            "yes, and it may be once more: its row still waits",
        ),
        Publication::Published { at } => fact("published", at.as_str()),
        Publication::Skipped { at, reason } => {
            fact("published", format!("never: given up at {at} ({reason})"))
        }
        Publication::Seen => fact("published", "by hand or from elsewhere: it has no row"),
    });
    facts
}

fn seen_facts(event: &SeenEvent) -> Vec<Fact> {
    let mut facts = vec![fact("type", event.event_type.as_str())];
    facts.extend(
        event
            .subject
            .as_deref()
            .map(|it| linked("subject", "users", it)),
    );
    let request = event.correlation_id.as_deref();
    facts.extend(request.map(|it| linked("request", "requests", it)));
    facts.push(fact("first seen", full(event.at)));
    facts
}

fn tracks(page: &Page, seen: Option<&SeenEvent>, stored: Option<&Life>) -> Vec<Track> {
    let now = page.now();
    let mut tracks: Vec<Track> = Vec::new();
    for subscriber in page.consumers() {
        let consumer = subscriber.consumer;
        let remembered = stored.iter().flat_map(|life| life.consumers.iter());
        let remembered = remembered.filter(|it| it.consumer == consumer);
        let reaction = seen.and_then(|event| event.reaction(consumer));
        let cell = match (seen, reaction) {
            (Some(event), Some(_)) => Cell::of(event, subscriber, page.switches.of(consumer), now),
            (event, _) => {
                let old = remembered.clone().next().map(Cell::remembered);
                let fault = page.switches.of(consumer);
                let new = event.map(|event| Cell::of(event, subscriber, fault, now));
                match old.filter(|it| it.word != "not seen").or(new) {
                    Some(cell) if cell.tone != "none" => cell,
                    Some(_) | None => continue,
                }
            }
        };
        let repeated = remembered.clone().any(|it| it.may_have_repeated);
        let note = "An earlier instance may have acted and not lived to say so.".to_owned();
        tracks.push(Track {
            deliveries: deliveries(seen, reaction),
            letter: letter(&cell, subscriber, seen, stored),
            note: repeated.then_some(note),
            cell,
        });
    }
    tracks
}

fn letter(
    cell: &Cell,
    subscriber: &Subscriber,
    seen: Option<&SeenEvent>,
    stored: Option<&Life>,
) -> Option<String> {
    let id = seen
        .map(|it| it.id.as_str())
        .or(stored.map(|it| it.event_id.as_str()))?;
    let dead = matches!(
        cell.word.as_str(),
        "parked" | "dead letter" | "another parked"
    );
    let consumer = subscriber.consumer;
    dead.then(|| format!("/dead-letters/plan?consumer={consumer}&id={}", escaped(id)))
}

fn deliveries(seen: Option<&SeenEvent>, reaction: Option<&Reaction>) -> Vec<Delivered> {
    let (Some(event), Some(reaction)) = (seen, reaction) else {
        return Vec::new();
    };
    let attempts = reaction.attempts.iter().filter(|it| !it.is_remembered);
    attempts.map(|it| Delivered::of(it, event.at)).collect()
}

impl Logged {
    fn of(line: &LogLine) -> Self {
        Self {
            at: clock(line.at),
            level: line.level,
            tone: match line.level {
                "ERROR" => "bad",
                "WARN" => "warn",
                _ => "mute",
            },
            text: line.text.clone(),
            fields: line.fields.clone(),
        }
    }
}

/// Its symbol, its word and its colour.
pub(super) fn look(came: Came) -> (&'static str, &'static str, &'static str) {
    match came {
        Came::Done => ("✓", "done", "ok"),
        Came::Duplicate => ("=", "duplicate, left alone", "mute"),
        Came::Ignored => ("–", "ignored", "mute"),
        Came::Stale => ("⤺", "stale", "mute"),
        Came::Parked => ("⊘", "parked", "bad"),
        Came::Busy => ("▸", "busy", "busy"),
        Came::Deferred => ("↻", "asked for later", "warn"),
        Came::Failed => ("↻", "failed", "warn"),
        Came::GivenUp => ("⊘", "dead letter", "bad"),
        Came::Refused => ("⊘", "refused", "bad"),
    }
}

impl Delivered {
    fn of(attempt: &Attempt, since: Timestamp) -> Self {
        let (symbol, word, tone) = look(attempt.came);
        let given_up = attempt.came == Came::GivenUp;
        let mut why = attempt.why.clone().unwrap_or_default();
        if attempt.may_have_repeated {
            why += " (an earlier instance may have acted)";
        }
        let began = began(attempt);
        Self {
            at: clock(began),
            after: format!("+{}", span((began - since).num_milliseconds())),
            answer: attempt.status.map_or_else(String::new, |it| it.to_string()),
            number: match attempt.number {
                _ if given_up => String::new(),
                Some(number) => format!("delivery {number}"),
                None => "by an operator".to_owned(),
            },
            symbol,
            word,
            tone,
            took: attempt.took_ms.map_or_else(String::new, |took| {
                span(i64::try_from(took).unwrap_or(i64::MAX))
            }),
            why,
        }
    }
}
