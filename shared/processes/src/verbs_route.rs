//! `POST /processes/{name}/{key}/{verb}`: an operator's word, over HTTP. Private.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use fanout_runtime::error_chain;
use fanout_store::CommitError;
use fanout_web::{Problem, read_json_body};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use tracing::error;

use crate::engine::{Engine, EngineError};
use crate::instance::Failed;
use crate::operate::CANCELLED_BY_OPERATOR;
use crate::process::{OperateError, Verb};
use crate::stored::StoredProcess;

/// How large a request may be.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// The longest reason, in characters.
const MAX_REASON: usize = 300;

#[derive(Default, Deserialize)]
struct Ask {
    step: Option<String>,
    reason: Option<String>,
}

/// What became of the process.
#[derive(Serialize)]
struct Answer {
    name: String,
    key: String,
    status: &'static str,
    failure: Option<Failed>,
}

/// The route of a service's processes.
pub fn verbs_route(engine: Engine) -> Router {
    Router::new()
        .route("/processes/{name}/{key}/{verb}", post(operate))
        .with_state(engine)
}

async fn operate(
    State(engine): State<Engine>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Answer>, Problem> {
    let Path((name, key, verb)) = path.map_err(|_| Problem::no_such_path())?;
    let ask = read(&headers, body).await?;
    let verb = verb_of(&verb, ask)?;
    let moved = engine.operate(&name, &key, &verb).await;
    let StoredProcess { name, instance, .. } = moved.map_err(|error| refusal(&key, error))?;
    Ok(Json(Answer {
        name,
        key: instance.key,
        status: instance.status.as_str(),
        failure: instance.failure,
    }))
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Ask, Problem> {
    // A web page can send other media without being asked first.
    let body = read_json_body(headers, body, MAX_BODY_BYTES).await?;
    serde_json::from_slice(&body).map_err(|_| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The request cannot be read",
            "Send an object: {}, {\"step\": \"...\"} or {\"reason\": \"...\"}.",
        )
    })
}

fn verb_of(name: &str, ask: Ask) -> Result<Verb, Problem> {
    let missing = Problem::invalid_field;
    match name {
        "retry" => Ok(Verb::Retry),
        "skip" => {
            let step = ask.step.filter(|step| !step.is_empty());
            let step = step.ok_or_else(|| missing("step", "must name the step"))?;
            Ok(Verb::Skip { step })
        }
        "compensate" => Ok(Verb::Compensate {
            reason: CANCELLED_BY_OPERATOR,
        }),
        "abandon" => {
            let is_one = |reason: &String| {
                let reason = reason.trim();
                !reason.is_empty() && reason.chars().count() <= MAX_REASON
            };
            let reason = ask.reason.filter(is_one);
            let must = "must say why, in 1 to 300 characters";
            let reason = reason.ok_or_else(|| missing("reason", must))?;
            Ok(Verb::Abandon { reason })
        }
        _ => Err(Problem::no_such_path()),
    }
}

fn refusal(key: &str, error: EngineError) -> Problem {
    let conflict = |slug, error: &EngineError| {
        let title = "The process does not take this";
        Problem::new(StatusCode::CONFLICT, slug, title, error.to_string())
    };
    let cause = error_chain(&error);
    let failed = |problem| {
        error!(key, error = cause, "a process could not be moved");
        problem
    };
    match &error {
        EngineError::NoSuchProcess => Problem::new(
            StatusCode::NOT_FOUND,
            "process_not_found",
            "There is no such process",
            error.to_string(),
        ),
        EngineError::Refused(OperateError::Ended) => conflict("process_ended", &error),
        EngineError::Refused(OperateError::Turned) => conflict("process_turned", &error),
        EngineError::Refused(OperateError::PastPivot) => conflict("past_pivot", &error),
        EngineError::Refused(OperateError::NotAwaited) => conflict("step_not_awaited", &error),
        EngineError::UnknownVersion
        | EngineError::Busy
        | EngineError::Commit(CommitError::Conflict(_) | CommitError::Contention(_)) => {
            failed(Problem::unavailable())
        }
        EngineError::Read(error) => failed(Problem::from(error)),
        EngineError::Commit(CommitError::Store(_)) => failed(Problem::unavailable()),
        EngineError::Refused(OperateError::Process(_)) | EngineError::Process(_) => {
            failed(Problem::internal())
        }
    }
}
