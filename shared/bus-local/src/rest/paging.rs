//! Long lists, a page at a time.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::RestError;

/// How many a page has if the request does not say.
const USUAL: usize = 100;
/// How many a page has at most.
const MOST: usize = 1_000;

/// Which page is asked for.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Page {
    page_size: usize,
    /// The full name of the first on the page; empty for the first page.
    page_token: String,
}

pub(super) type PageQuery = Result<Query<Page>, QueryRejection>;

impl Page {
    pub(super) fn of(query: PageQuery) -> Result<Self, RestError> {
        query
            .map(|Query(page)| page)
            .map_err(|_| RestError::InvalidArgument("`pageSize` must be a number from 0"))
    }

    /// This page of the list `kind`, whose items are in order of their full names. An empty list is
    /// left out, as Google does.
    pub(super) fn cut(&self, kind: &str, items: Vec<(String, Value)>) -> Value {
        let size = match self.page_size {
            0 => USUAL,
            size => size.min(MOST),
        };
        let mut rest = items
            .into_iter()
            .skip_while(|(name, _)| *name < self.page_token);
        let page: Vec<Value> = rest.by_ref().take(size).map(|(_, item)| item).collect();
        match (page.is_empty(), rest.next()) {
            (true, _) => json!({}),
            (false, None) => json!({ kind: page }),
            (false, Some((next, _))) => json!({ kind: page, "nextPageToken": next }),
        }
    }
}
