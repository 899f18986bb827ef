//! What is around every screen: the head, the navigation, and the few words about the whole system.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use fanout_web::Problem;
use http::StatusCode;
use tracing::error;

use super::actions::Deed;
use super::{Page, assets};

/// A part of a screen that is kept current: an element's id and what is in it.
pub(crate) struct Part {
    pub(crate) id: &'static str,
    pub(crate) html: String,
}

/// The template of a whole page.
#[derive(Template)]
#[template(path = "console/layout.html")]
struct Layout<'a> {
    title: &'a str,
    active: &'a str,
    version: &'static str,
    live: Option<String>,
    has_processes: bool,
    has_projections: bool,
    read_only: bool,
    dead: String,
    status: String,
    news: Option<Deed>,
    content: &'a str,
}

/// A screen: where it stands in the navigation, and what `/live` keeps current on it.
pub(crate) struct Screen<'a> {
    pub(crate) title: &'a str,
    pub(crate) active: &'static str,
    /// The path and query that `/live` is asked for.
    pub(crate) live: Option<String>,
}

impl Screen<'_> {
    /// The whole page with this in it.
    pub(crate) async fn with(self, page: &Page, content: &impl Template) -> Response {
        self.answer(page, StatusCode::OK, content).await
    }

    pub(crate) async fn answer(
        self,
        page: &Page,
        status: StatusCode,
        content: &impl Template,
    ) -> Response {
        let content = rendered(content);
        let layout = Layout {
            title: self.title,
            active: self.active,
            version: assets::version(),
            live: self.live.map(|it| super::words::escaped(&it)),
            has_processes: page.has_processes(),
            has_projections: page.projections.all().next().is_some(),
            read_only: page.read_only,
            dead: dead(page).await,
            status: state(page),
            // This screen lists it anyway.
            news: page.log.news().filter(|_| self.active != "try"),
            content: &content,
        };
        match layout.render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(error) => {
                error!(%error, "a page could not be written");
                Problem::internal().into_response()
            }
        }
    }
}

/// The text of a template. Its only error is one of writing, and a text can always be written to.
pub(crate) fn rendered(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| {
        error!(%error, "a part of a page could not be written");
        String::new()
    })
}

/// The parts of the frame that are kept current on every screen.
pub(crate) async fn parts(page: &Page) -> Vec<Part> {
    vec![
        Part {
            id: "dead-count",
            html: dead(page).await,
        },
        Part {
            id: "status",
            html: state(page),
        },
    ]
}

/// How many dead letters there are, as the navigation says it; nothing for none.
async fn dead(page: &Page) -> String {
    let count = page.dead_letters().await;
    count.filter(|it| *it > 0).map_or_else(String::new, |it| {
        format!("{it}<span class=\"sr\"> dead letters</span>")
    })
}

/// How much is going on.
fn state(page: &Page) -> String {
    let seen = page.hub.look();
    let now = page.now();
    let topics = page.services.iter().flat_map(|it| it.publishes.iter());
    let mut topics: Vec<&str> = topics.copied().collect();
    topics.sort_unstable();
    topics.dedup();
    let rates = topics
        .iter()
        .map(|topic| seen.meters.recent(topic, now).rate);
    let rate: f64 = rates.sum();
    if rate > 0.0 {
        format!("{rate:.1} events/s")
    } else {
        "quiet".to_owned()
    }
}
