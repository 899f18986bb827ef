//! Reading requests, with errors that say where and never show a value.

use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use fanout_contracts::post::MOST_CHARACTERS;
use fanout_events::is_identifier;
use fanout_outbox::Origin;
use fanout_posts::Follow;
use fanout_web::{FieldError, Problem, RequestContext, read_json_body, read_json_object};
use http::HeaderMap;
use serde::Deserialize;

/// The largest request body.
const MAX_BODY_BYTES: usize = 64 * 1024;

const IDENTIFIER: &str = "must have 1 to 128 characters, each a letter, a digit or one of `_-.:/`";

/// What a new post is asked with.
pub(crate) struct Asked {
    pub(crate) author_id: String,
    pub(crate) content: String,
}

#[derive(Deserialize)]
struct Fields {
    author_id: Option<String>,
    content: Option<String>,
}

impl Asked {
    pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        let body = read_json_body(headers, body, MAX_BODY_BYTES).await?;
        let body: Fields = read_json_object(&body)
            .map_err(|at| Problem::not_json(at, "a JSON object with texts"))?;
        let mut faults = Vec::new();
        let author_id = body.author_id.unwrap_or_default();
        if !is_identifier(&author_id) {
            faults.push(FieldError::new("author_id", IDENTIFIER));
        }
        let content = body.content.unwrap_or_default();
        let length = content.chars().count();
        if content.trim().is_empty() || length > MOST_CHARACTERS {
            let must = format!("must have 1 to {MOST_CHARACTERS} characters, not only blanks");
            faults.push(FieldError::new("content", must));
        }
        if !faults.is_empty() {
            return Err(Problem::invalid_fields(faults));
        }
        Ok(Self { author_id, content })
    }
}

/// The two of a path.
pub(crate) fn pair(path: Result<Path<(String, String)>, PathRejection>) -> Result<Follow, Problem> {
    let pair = path.ok().map(|Path(pair)| pair);
    let (follower, followee) = pair.ok_or_else(Problem::no_such_path)?;
    let named = [("follower", &follower), ("followee", &followee)].into_iter();
    let wrong = named.filter(|(_, id)| !is_identifier(id));
    let faults: Vec<FieldError> = wrong
        .map(|(field, _)| FieldError::new(field, IDENTIFIER))
        .collect();
    if !faults.is_empty() {
        return Err(Problem::invalid_fields(faults));
    }
    Ok(Follow { follower, followee })
}

/// What the events of a request came of.
pub(crate) fn origin(context: RequestContext) -> Origin {
    Origin {
        correlation_id: Some(context.correlation_id),
        causation_id: None,
        trace: context.trace,
    }
}
