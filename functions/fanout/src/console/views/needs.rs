//! What needs a hand, each with the place where it is put right.

use askama::Template;
use fanout_processes::page_of_processes;

use super::flow::in_words;
use crate::console::switches::ATTEMPTS_WHILE_BROKEN;
use crate::console::words::{escaped, plural, span};
use crate::console::{Backlogs, Page};

/// From what age on something that waits is worth a word, in milliseconds.
pub(super) const LONG: i64 = 10_000;

#[derive(Template)]
#[template(path = "console/part/needs.html")]
pub(super) struct Needs {
    needs: Vec<Need>,
    /// Whether it is known what waits and what is dead.
    known: bool,
}

struct Need {
    tone: &'static str,
    text: String,
    href: String,
    link: &'static str,
}

pub(super) async fn needs(page: &Page, backlogs: Option<&Backlogs>) -> Needs {
    let (mut needs, now) = (Vec::new(), page.now());
    for (consumer, fault) in page.switches.all() {
        let tries = if fault.fails > 0 {
            format!(": {ATTEMPTS_WHILE_BROKEN} tries a second apart, until it is mended")
        } else {
            String::new()
        };
        needs.push(Need {
            tone: "warn",
            text: format!("{consumer} {}{tries}", in_words(fault)),
            href: format!("/try#fault-{consumer}"),
            link: "mend it",
        });
    }
    for subscriber in page.consumers() {
        let consumer = subscriber.consumer;
        let of = |name: &str| backlogs.and_then(|all| all.get(name));
        if let Some(dead) = of(&subscriber.dead_letters()) {
            needs.push(Need {
                tone: "bad",
                text: format!("{consumer} has {}", plural(dead.messages, "dead letter")),
                href: format!("/dead-letters#{consumer}"),
                link: "look at them",
            });
        }
        let waits = subscriber.topics.iter();
        let waits = waits.filter_map(|it| of(&subscriber.subscription(it.topic)));
        let late = waits.filter(|it| (now - it.oldest).num_milliseconds() > LONG);
        if let Some(backlog) = late.min_by_key(|it| it.oldest) {
            let age = span((now - backlog.oldest).num_milliseconds());
            let count = plural(backlog.messages, "message");
            needs.push(Need {
                tone: "warn",
                text: format!("{count} for {consumer}, the oldest waits for {age}"),
                href: format!("/events?consumer={consumer}&outcome=open"),
                link: "see them",
            });
        }
    }
    needs.extend(mischief(page));
    needs.extend(stuck(page).await);
    needs.extend(unpublished(page).await);
    Needs {
        needs,
        known: backlogs.is_some(),
    }
}

fn mischief(page: &Page) -> Option<Need> {
    let mischief = page.broker.as_ref()?.mischief();
    (mischief != fanout_bus_local::Mischief::default()).then(|| Need {
        tone: "warn",
        text: "the bus misbehaves on purpose".to_owned(),
        href: "/try#bus".to_owned(),
        link: "mend it",
    })
}

/// What is stored and has not gone to the bus: the bus is away, or refuses it.
async fn unpublished(page: &Page) -> Option<Need> {
    let (count, oldest, since) = page.unpublished().await?;
    let age = (page.now() - since).num_milliseconds();
    (age > LONG).then(|| Need {
        tone: "bad",
        text: format!(
            "{} not published, the oldest for {}",
            plural(count, "event"),
            span(age)
        ),
        href: format!("/events/{}", escaped(&oldest)),
        link: "look at it",
    })
}

async fn stuck(page: &Page) -> Option<Need> {
    if !page.has_processes() {
        return None;
    }
    let status = fanout_processes::Status::Stuck;
    let found = page_of_processes(page.documents.as_ref(), status, 100, None).await;
    let count = found.map(|found| found.found.len() + found.unreadable.len());
    (!matches!(count, Ok(0))).then(|| Need {
        tone: "bad",
        text: match count {
            Ok(1) => "1 process waits for a word of yours".to_owned(),
            Ok(count) => format!("{count} processes wait for a word of yours"),
            Err(_) => "processes cannot be read".to_owned(),
        },
        href: "/processes?status=stuck".to_owned(),
        link: "look at them",
    })
}
