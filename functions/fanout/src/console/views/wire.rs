//! What an event took along on the bus, and where its trace can be looked at.

use askama::Template;
use fanout_bus::{OutgoingMessage, trace_of};

use crate::console::Page;
use crate::console::find_message::find_message;

/// What stands for a trace's id in the address of a page that shows it.
pub(crate) const TRACE_ID: &str = "{trace_id}";

/// The attributes and the trace of a message. They never change, so they are not kept current.
#[derive(Debug, Default, Template)]
#[template(path = "console/part/wire.html")]
pub(super) struct Wire {
    attributes: Vec<(String, String)>,
    ordering_key: String,
    /// Its id, and where it can be looked at.
    trace: Option<(String, Option<String>)>,
}

/// Of the event with this id; nothing if its message is not kept.
pub(super) async fn wire(page: &Page, id: &str) -> Wire {
    let kept = find_message(page, id).await;
    kept.map_or_else(Wire::default, |(_, message)| {
        Wire::of(message, page.trace_url.as_deref())
    })
}

impl Wire {
    fn of(message: OutgoingMessage, trace_url: Option<&str>) -> Self {
        let context = trace_of(&message.attributes);
        let trace = context.map(|context| {
            let id = context.trace_id().to_string();
            let href = trace_url.map(|url| url.replace(TRACE_ID, &id));
            (id, href)
        });
        Self {
            attributes: message.attributes.into_iter().collect(),
            ordering_key: message.ordering_key,
            trace,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }
}
