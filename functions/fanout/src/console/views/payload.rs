//! `GET /events/{id}/payload`: what is in an event, for who asks for it. Each look is logged. Names and
//! addresses are covered until they are asked for too, and what is long is cut.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use fanout_web::Problem;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::Value;
use tracing::info;

use crate::console::Page;
use crate::console::find_message::find_message;
use crate::console::frame::Screen;
use crate::console::words::escaped;
use crate::dead_letters::{Interrupt, chosen};

/// How much is shown.
const MOST_BYTES: usize = 16 * 1024;
/// The members that are personal.
const PERSONAL: [&str; 6] = [
    "email",
    "name",
    "user_email",
    "address",
    "ship_to",
    "recipient",
];

/// What stands there instead.
const COVER: &str = "▒▒▒▒▒▒";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// Also what is personal.
    uncovered: bool,
    /// Whose dead letter is meant.
    letter: String,
}

#[derive(Template)]
#[template(path = "console/payload.html")]
struct PayloadScreen {
    id: String,
    back: String,
    text: Option<String>,
    bytes: usize,
    cut: bool,
    covered: bool,
    uncover: String,
    download: String,
}

/// An event's id, and what is in it.
type Found = (String, Value);

pub(crate) async fn show(
    State(page): State<Arc<Page>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let found = find(&page, &id, &asked.letter).await;
    let uncovered = asked.uncovered;
    if let Some((event_id, _)) = &found {
        log_look(event_id, uncovered);
    }
    let (path, letter) = (escaped(&id), escaped(&asked.letter));
    let (id, value) = found.map_or((id, None), |(id, value)| (id, Some(value)));
    let bytes = value.as_ref().map_or(0, |it| it.to_string().len());
    let text = value.map(|mut value| {
        if !uncovered {
            cover(&mut value);
        }
        serde_json::to_string_pretty(&value).unwrap_or_default()
    });
    let content = PayloadScreen {
        back: format!("/events/{}", escaped(&id)),
        cut: text.as_ref().is_some_and(|it| it.len() > MOST_BYTES),
        text: text.map(cut),
        bytes,
        covered: !uncovered,
        uncover: format!("/events/{path}/payload?uncovered=true&letter={letter}"),
        download: format!("/events/{path}/payload.json?letter={letter}"),
        id,
    };
    let screen = Screen {
        title: "Payload",
        active: "events",
        live: None,
    };
    screen.with(&page, &content).await
}

/// `GET /events/{id}/payload.json`: all of it, as a file.
pub(crate) async fn download(
    State(page): State<Arc<Page>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let Some((event_id, value)) = find(&page, &id, &asked.letter).await else {
        return Problem::no_such_path().into_response();
    };
    log_look(&event_id, true);
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CONTENT_DISPOSITION, "attachment; filename=\"payload.json\""),
    ];
    (headers, value.to_string()).into_response()
}

fn log_look(event_id: &str, uncovered: bool) {
    info!(event_id, uncovered, "console showed a payload");
}

/// The event as it was published, or as its dead letter has it.
async fn find(page: &Page, id: &str, letter: &str) -> Option<Found> {
    if let Some(consumer) = page.consumer(letter) {
        let interrupt = Interrupt::new(page.shutdown.clone());
        let found = chosen::payload(&page.operator, consumer, id, &interrupt).await;
        return found.ok().flatten();
    }
    let (_, message) = find_message(page, id).await?;
    let value = serde_json::from_slice(&message.data).ok()?;
    Some((id.to_owned(), value))
}

/// Covers what is personal. Members are known by their names; what has none may be anything.
fn cover(value: &mut Value) {
    if value.is_object() {
        cover_members(value);
    } else {
        *value = Value::String(COVER.to_owned());
    }
}

fn cover_members(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if PERSONAL.contains(&name.as_str()) && !value.is_null() {
                    *value = Value::String(COVER.to_owned());
                } else {
                    cover_members(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(cover_members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn cut(mut text: String) -> String {
    let mut end = MOST_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_addresses_are_covered_wherever_they_are() {
        let mut value =
            json!({"id": "evt_1", "data": {"email": "a@b.c", "list": [{"name": "Ada"}]}});
        cover(&mut value);
        let text = value.to_string();
        assert!(!text.contains("a@b.c") && !text.contains("Ada"), "{text}");
        assert!(text.contains("evt_1"));
    }

    #[test]
    fn what_is_no_object_is_covered_whole() {
        for mut value in [
            json!("{\"email\": \"a@b.c\", \"name\": \"Ada\""),
            json!(["a@b.c", {"mail": "a@b.c"}]),
        ] {
            cover(&mut value);
            assert_eq!(value, COVER);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("ü".repeat(MOST_BYTES)).len(), MOST_BYTES);
        assert_eq!(
            cut(format!("x{}", "ü".repeat(MOST_BYTES))).len(),
            MOST_BYTES - 1
        );
    }
}
