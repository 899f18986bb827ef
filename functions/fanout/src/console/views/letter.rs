//! `GET /dead-letters/{consumer}/{id}`: one dead letter, all but its payload.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use fanout_web::Problem;
use http::StatusCode;

use super::letters::read;
use crate::console::Page;
use crate::console::frame::Screen;
use crate::console::words::{escaped, full};
use crate::dead_letters::chosen::Told;

#[derive(Template)]
#[template(path = "console/letter.html")]
struct LetterScreen {
    consumer: &'static str,
    id: String,
    letter: Option<Letter>,
    read_only: bool,
}

struct Letter {
    reason: String,
    detail: String,
    facts: Vec<Fact>,
    attributes: Vec<(String, String)>,
    life: String,
    payload: String,
    plan: String,
}

/// A name, what it is, and where that leads.
type Fact = (&'static str, String, Option<String>);

pub(crate) async fn show(
    State(page): State<Arc<Page>>,
    Path((consumer, id)): Path<(String, String)>,
) -> Response {
    let Some(subscriber) = page.consumer(&consumer) else {
        return Problem::no_such_path().into_response();
    };
    let letters = match read(&page, subscriber).await {
        Ok(letters) => letters,
        Err(refused) => return refused.into_response(),
    };
    let mut letters = letters.into_iter();
    let letter = letters.find(|it| it.message_id == id || it.event_id == id);
    let status = if letter.is_some() {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    let content = LetterScreen {
        consumer: subscriber.consumer,
        id,
        letter: letter.map(|it| Letter::of(subscriber.consumer, it)),
        read_only: page.read_only,
    };
    let screen = Screen {
        title: "Dead letter",
        active: "letters",
        live: None,
    };
    screen.answer(&page, status, &content).await
}

impl Letter {
    fn of(consumer: &str, told: Told) -> Self {
        let (event, message) = (escaped(&told.event_id), escaped(&told.message_id));
        let life = format!("/events/{event}");
        let subject = told.subject.map(|it| {
            let href = format!("/users/{}", escaped(&it));
            ("subject", it, Some(href))
        });
        let mut facts: Vec<Fact> = vec![
            ("event", told.event_id, Some(life.clone())),
            (
                "type",
                told.event_type
                    .unwrap_or_else(|| "none: it could not be read as an event".to_owned()),
                None,
            ),
        ];
        facts.extend(subject);
        facts.extend([
            ("published", full(told.published_at), None),
            ("dead since", full(told.parked_at), None),
            ("the letter\u{2019}s message", told.message_id, None),
            ("the message it was", told.original_id, None),
        ]);
        Self {
            reason: told.reason,
            detail: told.detail.unwrap_or_default(),
            facts,
            attributes: told.attributes.into_iter().collect(),
            life,
            payload: format!("/events/{message}/payload?letter={consumer}"),
            plan: format!("/dead-letters/plan?consumer={consumer}&id={message}"),
        }
    }
}
