//! One more event of a user.

use async_trait::async_trait;
use fanout_consume::{Failure, Plan, StoreEffect, View};
use fanout_events::{Envelope, EventType};
use fanout_store::{Collection, Fields, Key, Write};

/// The collection of counts, a document for each user.
pub const COUNTS: &Collection = &Collection::named("template");

/// Counts an event of its user. A mail or a call instead would be an `OutsideEffect`.
pub struct CountEvent;

#[async_trait]
impl<T: EventType> StoreEffect<T> for CountEvent {
    async fn plan(&self, event: &Envelope<T>, _view: &View<'_>) -> Result<Plan, Failure> {
        let user = Fields::new().with("user_id", event.subject.as_str());
        let count = Write::merge(count_key(&event.subject), user).increment("count", 1);
        Ok(Plan::Apply(vec![count].into()))
    }
}

/// Where a user's count is stored.
pub(crate) fn count_key(user_id: &str) -> Key {
    Key::new(COUNTS, user_id)
}
