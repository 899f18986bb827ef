//! Queries: long lists, a page at a time, and what else may stand in one.

use axum::extract::{Query, Request};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::{Value, json};

use super::error::RestError;
use super::names::{CALLS, split_method};

/// How many a page has if the request does not say.
const USUAL: usize = 100;
/// How many a page has at most.
const MOST: usize = 1_000;

/// Parameters of every method of Google's, without any effect here or on what is answered.
const WITHOUT_EFFECT: [&str; 8] = [
    "$.xgafv",
    "$prettyPrint",
    "access_token",
    "key",
    "oauth_token",
    "prettyPrint",
    "quotaUser",
    "uploadType",
];

/// Which page of a list is asked for.
#[derive(Clone, Default)]
pub(super) struct Page {
    size: u32,
    /// The full name of the first on the page; empty for the first page.
    token: String,
}

/// Reads the page that a query asks for. Refuses one that asks for something else than its method
/// takes, or than JSON.
pub(super) async fn read_query(
    Query(parameters): Query<Vec<(String, String)>>,
    mut request: Request,
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
    let mut page = Page::default();
    for (name, value) in parameters {
        match name.as_str() {
            "pageSize" | "page_size" if is_list => {
                let reason = "`pageSize` must be a number from 0";
                let size = value.parse();
                page.size = size.map_err(|_| RestError::invalid(reason))?;
            }
            "pageToken" | "page_token" if is_list => page.token = value,
            "alt" | "$alt" if value.starts_with("json") => {}
            name if WITHOUT_EFFECT.contains(&name) => {}
            name => {
                let shown = &name[..name.floor_char_boundary(100)];
                return Err(RestError::unknown_field(shown));
            }
        }
    }
    request.extensions_mut().insert(page);
    Ok(next.run(request).await)
}

impl Page {
    /// This page of the list `kind`, whose items are in order of their full names, all of which
    /// begin alike. An empty list is left out, as Google does.
    pub(super) fn cut(
        &self,
        kind: &str,
        project: &str,
        items: impl Iterator<Item = Value>,
    ) -> Result<Value, RestError> {
        let start = format!("projects/{project}/{kind}/");
        if !self.token.is_empty() && !self.token.starts_with(&start) {
            let reason = "`pageToken` is none that a list has answered with";
            return Err(RestError::invalid(reason));
        }
        let size = match self.size {
            0 => USUAL,
            size => usize::try_from(size).unwrap_or(MOST).min(MOST),
        };
        // An item is its name, or has it.
        let name = |item: &Value| item.as_str().or(item["name"].as_str()).map(str::to_owned);
        let mut rest = items.skip_while(|item| name(item).as_deref() < Some(&self.token));
        let page: Vec<Value> = rest.by_ref().take(size).collect();
        Ok(match (page.is_empty(), rest.next()) {
            (true, _) => json!({}),
            (false, None) => json!({ kind: page }),
            (false, Some(next)) => json!({ kind: page, "nextPageToken": name(&next) }),
        })
    }
}
