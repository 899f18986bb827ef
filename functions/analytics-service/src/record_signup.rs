//! `user.created`: one more sign-up on its day.

use async_trait::async_trait;
use chrono::NaiveDate;
use fanout_events::{Event, Payload};
use fanout_messaging::consume::{Failure, Plan, StoreEffect, View};
use fanout_store::{Fields, Key, Write};

/// The collection of days.
pub const SIGNUPS: &str = "signups";

/// Counts a sign-up on the UTC day of the event's own time, whenever it is delivered.
pub struct RecordSignup;

#[async_trait]
impl StoreEffect for RecordSignup {
    async fn plan(&self, event: &Event, _view: &View<'_>) -> Result<Plan, Failure> {
        Ok(match &event.data {
            Payload::UserCreated(_) => {
                let date = date_id(event.timestamp.date_naive());
                let day = Fields::new().with("date", date.as_str());
                let count = Write::merge(Key::new(SIGNUPS, &date), day).increment("count", 1);
                Plan::Apply(vec![count])
            }
            Payload::UserUpdated(_) | Payload::UserDeleted(_) | Payload::Unknown => {
                Plan::Apply(Vec::new())
            }
        })
    }
}

/// `2026-11-20`: sorts as text.
pub(crate) fn date_id(date: NaiveDate) -> String {
    date.format("%Y-%m-%d").to_string()
}
