//! What all outboxes of a system are told alike, whoever stores an event: a service, the ticker, an
//! operator's command.

use std::time::Duration;

use fanout_runtime::Settings;

use crate::SchemasUrl;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an event is kept once it has been published, unless it is said otherwise: 90 days.
pub const EVENTS_KEPT: Duration = DAY.saturating_mul(90);
const EVENT_STORE_TTL: &str = "a whole number of days from 1 to 36500";

/// See [`crate::Outbox::told`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxSettings {
    /// `EVENT_STORE_TTL_DAYS`: how long an event is kept once it has been published.
    pub events_kept: Duration,
    /// `SCHEMAS_URL`: where the schemas of events are published, if not where their types say.
    pub schemas_at: Option<SchemasUrl>,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            events_kept: EVENTS_KEPT,
            schemas_at: None,
        }
    }
}

impl OutboxSettings {
    /// Reads the variables.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let days = settings.optional_as("EVENT_STORE_TTL_DAYS", EVENT_STORE_TTL, event_store_ttl);
        let schemas_at = settings.optional::<SchemasUrl>("SCHEMAS_URL", SchemasUrl::EXPECTS);
        Some(Self {
            schemas_at: schemas_at.value(),
            events_kept: days.or(EVENTS_KEPT)?,
        })
    }
}

/// A hundred years at most: no store takes a time after the year 9999, and what cannot be given its
/// end is published again for ever.
fn event_store_ttl(text: &str) -> Option<Duration> {
    let days: u32 = text.parse().ok()?;
    (1..=36_500)
        .contains(&days)
        .then(|| DAY.saturating_mul(days))
}
