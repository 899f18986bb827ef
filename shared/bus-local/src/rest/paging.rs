//! Queries: long lists, a page at a time, and what else may stand in one.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request};
use axum::middleware::Next;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::RestError;
use super::names::{CALLS, split_method};

/// How many a page has if the request does not say.
const USUAL: usize = 100;
/// How many a page has at most.
const MOST: usize = 1_000;

/// Parameters of every method of Google's, without any effect here or on what is answered.
const WITHOUT_EFFECT: [&str; 10] = [
    "$.xgafv",
    "$alt",
    "$prettyPrint",
    "access_token",
    "alt",
    "key",
    "oauth_token",
    "prettyPrint",
    "quotaUser",
    "uploadType",
];
const OF_LISTS: [&str; 4] = ["pageSize", "page_size", "pageToken", "page_token"];

/// Which page is asked for.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PageParameters {
    #[serde(alias = "page_size")]
    page_size: u32,
    /// The full name of the first on the page; empty for the first page.
    #[serde(alias = "page_token")]
    page_token: String,
}

pub(super) type PageQuery = Result<Query<PageParameters>, QueryRejection>;

/// Refuses a query that asks for something else than its method takes, or than JSON.
pub(super) async fn check_query(
    Query(parameters): Query<Vec<(String, String)>>,
    request: Request,
    next: Next,
) -> Result<Response, RestError> {
    let path = request.uri().path();
    let (_, call) = split_method(path);
    if !call.is_empty() && !CALLS.contains(&call) {
        // Refused by its name.
        return Ok(next.run(request).await);
    }
    // PROJECT/KIND and PROJECT/KIND/NAME/KIND are lists, behind `/v1/projects/`.
    let is_list = path.split('/').count() % 2 == 1;
    for (name, value) in parameters {
        let name = name.as_str();
        let known = WITHOUT_EFFECT.contains(&name) || is_list && OF_LISTS.contains(&name);
        let another_form = name.ends_with("alt") && !value.starts_with("json");
        if !known || another_form {
            let shown = &name[..name.floor_char_boundary(100)];
            return Err(RestError::UnknownField(shown.to_owned()));
        }
    }
    Ok(next.run(request).await)
}

impl PageParameters {
    pub(super) fn of(query: PageQuery) -> Result<Self, RestError> {
        query
            .map(|Query(page)| page)
            .map_err(|_| RestError::InvalidArgument("`pageSize` must be a number from 0"))
    }

    /// This page of the list `kind`, whose items are in order of their full names, all of which
    /// begin alike. An empty list is left out, as Google does.
    pub(super) fn cut(
        &self,
        kind: &str,
        project: &str,
        items: Vec<(String, Value)>,
    ) -> Result<Value, RestError> {
        let start = format!("projects/{project}/{kind}/");
        if !self.page_token.is_empty() && !self.page_token.starts_with(&start) {
            let reason = "`pageToken` is none that a list has answered with";
            return Err(RestError::InvalidArgument(reason));
        }
        let size = match self.page_size {
            0 => USUAL,
            size => usize::try_from(size).unwrap_or(MOST).min(MOST),
        };
        let mut rest = items
            .into_iter()
            .skip_while(|(name, _)| *name < self.page_token);
        let page: Vec<Value> = rest.by_ref().take(size).map(|(_, item)| item).collect();
        Ok(match (page.is_empty(), rest.next()) {
            (true, _) => json!({}),
            (false, None) => json!({ kind: page }),
            (false, Some((next, _))) => json!({ kind: page, "nextPageToken": next }),
        })
    }
}
