//! The message of an event, as it was published. Its row tells it; what has none may have been published
//! from this page, under an id that somebody typed.

use fanout_events::EventsOf;
use fanout_outbox::find_events;

use super::Page;
use super::actions::Sent;

/// Of the event with this id; none if it is not kept.
pub(crate) async fn find_message(page: &Page, id: &str) -> Option<Sent> {
    let rows = find_events(page.documents.as_ref(), EventsOf::Event(id), 1).await;
    let (rows, _) = rows.ok()?;
    let kept = rows.first();
    let kept = kept.map(|row| (row.topic.clone(), row.message()));
    kept.or_else(|| page.log.message(id))
}
