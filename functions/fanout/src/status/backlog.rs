//! What each subscription has not delivered: from the embedded engine's file, or from Cloud Monitoring.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use fanout_runtime::Timestamp;
use serde::Serialize;

use crate::answer::seconds_since;
use crate::live_consumers::LiveConsumer;
use crate::monitoring::Monitoring;
use crate::operator::Operator;
use crate::target::{Target, open_file};

/// The metrics of Pub/Sub that tell it.
const MESSAGES: &str = "pubsub.googleapis.com/subscription/num_undelivered_messages";
const OLDEST: &str = "pubsub.googleapis.com/subscription/oldest_unacked_message_age";

/// What has been published and is not acked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Backlog {
    pub(super) messages: u64,
    pub(super) oldest_seconds: u64,
}

pub(super) struct Backlogs {
    all: BTreeMap<String, Backlog>,
    /// A subscription without any is not named.
    silent_if_empty: bool,
}

impl Backlogs {
    /// Asks whoever can tell; `None` on Google's emulator, where nobody can.
    pub(super) async fn read(
        target: &Target,
        operator: &Operator,
        now: Timestamp,
    ) -> anyhow::Result<Option<Self>> {
        let data_dir = match (target, &operator.monitoring) {
            (Target::Embedded { data_dir, .. }, _) => data_dir,
            (Target::Google(_), Some(monitoring)) => {
                return Self::measured(monitoring, now).await.map(Some);
            }
            (Target::Google(_), None) => return Ok(None),
        };
        let found = fanout_bus_local::backlogs(&open_file(data_dir)?).await?;
        let backlog = |found: fanout_bus_local::Backlog| Backlog {
            messages: found.messages,
            oldest_seconds: seconds_since(found.oldest, now),
        };
        let all = found.into_iter();
        Ok(Some(Self {
            all: all.map(|(name, found)| (name, backlog(found))).collect(),
            silent_if_empty: true,
        }))
    }

    pub(super) async fn measured(monitoring: &Monitoring, now: Timestamp) -> anyhow::Result<Self> {
        let unread = "Cloud Monitoring cannot be read (it takes the role roles/monitoring.viewer)";
        let mut all: BTreeMap<String, Backlog> = BTreeMap::new();
        for series in monitoring.latest(MESSAGES, now).await.context(unread)? {
            if let Some(messages) = series.value() {
                let name = series.label("subscription_id").to_owned();
                all.entry(name).or_default().messages = messages;
            }
        }
        for series in monitoring.latest(OLDEST, now).await.context(unread)? {
            let backlog = all.get_mut(series.label("subscription_id"));
            if let (Some(seconds), Some(backlog)) = (series.value(), backlog) {
                backlog.oldest_seconds = seconds;
            }
        }
        Ok(Self {
            all,
            silent_if_empty: false,
        })
    }

    /// Of all subscriptions that the consumer has: a deployment may lack some of the table's.
    pub(super) fn of(&self, consumer: &LiveConsumer) -> anyhow::Result<Backlog> {
        let mut sum = Backlog::default();
        for name in &consumer.subscriptions {
            match self.all.get(name) {
                Some(backlog) => {
                    sum.messages += backlog.messages;
                    sum.oldest_seconds = sum.oldest_seconds.max(backlog.oldest_seconds);
                }
                None if self.silent_if_empty => {}
                None => bail!("Cloud Monitoring has no value of {name}"),
            }
        }
        Ok(sum)
    }
}
