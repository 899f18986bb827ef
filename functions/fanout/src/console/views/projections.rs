//! `GET /projections`: read models with their generations, and the way to the next one and back.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use fanout_projections::{Shown, find_standing};
use fanout_runtime::error_chain;

use crate::console::Page;
use crate::console::frame::{Part, Screen, rendered};
use crate::console::guard::TOKEN;
use crate::console::words::full;

#[derive(Template)]
#[template(path = "console/projections.html")]
struct ProjectionsScreen {
    list: String,
    names: Vec<&'static str>,
    read_only: bool,
    token_name: &'static str,
    token: String,
}

#[derive(Template)]
#[template(path = "console/part/projections.html")]
struct List {
    rows: Vec<Row>,
    error: Option<String>,
}

struct Row {
    service: &'static str,
    shown: Shown,
    refused: String,
}

pub(crate) async fn show(State(page): State<Arc<Page>>) -> Response {
    let parts = parts(&page).await;
    let list = parts.into_iter().next();
    let content = ProjectionsScreen {
        list: list.map_or_else(String::new, |part| part.html),
        names: { page.projections.all() }
            .map(|owned| owned.projection.name)
            .collect(),
        read_only: page.read_only,
        token_name: TOKEN,
        token: page.token.clone(),
    };
    let screen = Screen {
        title: "Read models",
        active: "projections",
        live: Some("/projections".to_owned()),
    };
    screen.with(&page, &content).await
}

pub(crate) async fn parts(page: &Page) -> Vec<Part> {
    let (mut rows, mut error) = (Vec::new(), None);
    for owned in page.projections.all() {
        match find_standing(page.documents.as_ref(), owned.projection.name).await {
            Ok(it) => rows.push(Row::of(owned.service, Shown::of(it))),
            Err(unread) => error = Some(error_chain(&unread)),
        }
    }
    vec![Part {
        id: "projections",
        html: rendered(&List { rows, error }),
    }]
}

impl Row {
    fn of(service: &'static str, shown: Shown) -> Self {
        let refused = shown.refused.as_ref().map_or_else(String::new, |it| {
            let (generation, at) = (it.generation, full(it.at));
            format!(
                "{generation} was not used at {at}: it lacked {} of {} rows",
                it.missing, it.compared
            )
        });
        Self {
            service,
            shown,
            refused,
        }
    }
}
