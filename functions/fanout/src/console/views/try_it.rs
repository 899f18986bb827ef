//! `GET /try`: everything that can be made to happen.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::console::Page;
use crate::console::actions::Deed;
use crate::console::frame::Screen;
use crate::console::guard::TOKEN;
use crate::console::switches::{ATTEMPTS_WHILE_BROKEN, Fault};
use crate::console::views::flow::in_words;
use crate::console::words::clock;
use crate::publish::event_types;

#[derive(Template)]
#[template(path = "console/try.html")]
struct TryScreen {
    read_only: bool,
    token_name: &'static str,
    token: String,
    deeds: Vec<(String, Deed)>,
    has_orders: bool,
    types: Vec<&'static str>,
    topics: Vec<&'static str>,
    consumers: Vec<Consumer>,
    can_break: bool,
    attempts: u32,
    duplicates: String,
    errors: String,
    reorder: bool,
}

struct Consumer {
    name: &'static str,
    fault: Fault,
    words: String,
}

pub(crate) async fn show(State(page): State<Arc<Page>>) -> Response {
    let mut topics: Vec<&'static str> = Vec::new();
    for topic in page.services.iter().flat_map(|it| it.publishes.iter()) {
        if !topics.contains(topic) {
            topics.push(topic);
        }
    }
    let mischief = { page.broker.as_ref() }
        .map(|broker| broker.mischief())
        .unwrap_or_default();
    let percent = |share: f64| format!("{:.0}", share * 100.0);
    let consumers = page.consumers().map(|it| {
        let fault = page.switches.of(it.consumer);
        Consumer {
            name: it.consumer,
            words: in_words(fault),
            fault,
        }
    });
    let content = TryScreen {
        read_only: page.read_only,
        token_name: TOKEN,
        token: page.token.clone(),
        deeds: { page.log.latest().into_iter() }
            .map(|deed| (clock(deed.at), deed))
            .collect(),
        has_orders: !page.urls.of("order").is_empty(),
        types: event_types().collect(),
        topics,
        consumers: consumers.collect(),
        can_break: page.broker.is_some(),
        attempts: ATTEMPTS_WHILE_BROKEN,
        duplicates: percent(mischief.duplicates),
        errors: percent(mischief.errors),
        reorder: mischief.reorder,
    };
    let screen = Screen {
        title: "Try it",
        active: "try",
        live: None,
    };
    screen.with(&page, &content).await
}
