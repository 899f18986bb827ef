//! What the page can do. Each action is one log line, and answers with where its effect can be seen.

mod letters;
mod record;
mod try_it;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use fanout_processes::{CANCELLED_BY_OPERATOR, Verb};
use fanout_runtime::error_chain;
use fanout_web::Problem;
use tracing::info;

use super::Page;
use super::guard::Fields;
use super::words::escaped;

pub(crate) use letters::{Job, Jobs, Plan, Plans, discard, redrive};
pub(crate) use record::{ActionLog, Deed, Sent};
pub(crate) use try_it::{again, fault, garbage, mischief, order, publish, sign_up};

/// What came of an action, for the list on `/try` and for the log.
pub(crate) struct Came {
    /// What was done, in a sentence; no personal data.
    said: String,
    /// Where to look.
    href: Option<String>,
    well: bool,
}

impl Came {
    fn well(said: impl Into<String>, href: Option<String>) -> Self {
        Self {
            said: said.into(),
            href,
            well: true,
        }
    }

    fn badly(said: impl Into<String>) -> Self {
        Self {
            said: said.into(),
            href: None,
            well: false,
        }
    }
}

/// Notes what came of it, and sends the browser back to where it can be seen.
fn answer(page: &Page, fields: &Fields, action: &'static str, came: Came) -> Response {
    info!(action, well = came.well, "console: {}", came.said);
    page.log.note(Deed {
        number: 0,
        at: page.now(),
        said: came.said,
        href: came.href,
        well: came.well,
    });
    let back = fields.get("back");
    // Only to a page of ours: `//elsewhere` would be another host.
    let ours = back.starts_with('/') && !back.starts_with("//") && !back.contains('\\');
    Redirect::to(if ours { back } else { "/try#done" }).into_response()
}

/// `POST /processes/{name}/{key}/{verb}`
pub(crate) async fn verb(
    State(page): State<Arc<Page>>,
    Path((name, key, verb)): Path<(String, String, String)>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let verb = match verb.as_str() {
        "retry" => Verb::Retry,
        "skip" => Verb::Skip {
            step: fields.get("step").to_owned(),
        },
        "compensate" => Verb::Compensate {
            reason: CANCELLED_BY_OPERATOR,
        },
        "abandon" if !fields.get("reason").is_empty() => Verb::Abandon {
            reason: fields.get("reason").to_owned(),
        },
        _ => return Problem::no_such_path().into_response(),
    };
    let said = format!("{} {key}", verb.name());
    let href = format!("/processes/{}/{}", escaped(&name), escaped(&key));
    let came = match page.processes.operate(&name, &key, &verb).await {
        Ok(_) => Came::well(said, Some(href)),
        Err(error) => Came::badly(format!("{said}: {}", error_chain(&error))),
    };
    answer(&page, &fields, "process", came)
}

/// `POST /projections/{name}/{verb}`
pub(crate) async fn move_projection(
    State(page): State<Arc<Page>>,
    Path((name, verb)): Path<(String, String)>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let (moved, said) = match verb.as_str() {
        "rebuild" => (page.rebuilds.begin(&name, false).await, "is rebuilt"),
        "rollback" => (page.rebuilds.roll_back(&name).await, "is rolled back"),
        "cancel" => (page.rebuilds.cancel(&name).await, "is no longer built"),
        _ => return Problem::no_such_path().into_response(),
    };
    let came = match moved {
        Ok(standing) => Came::well(
            format!("{} {said}", standing.name),
            Some("/projections".to_owned()),
        ),
        Err(error) => Came::badly(error_chain(&error)),
    };
    answer(&page, &fields, "projection", came)
}
