//! The mark: what a consumer remembers of an event.

use fanout_events::{Envelope, Fingerprint};
use fanout_runtime::Timestamp;
use sha2::{Digest, Sha256};

use fanout_store::{Collection, Fields, Key, MalformedDocument, ascending};

/// The collection of marks.
pub const PROCESSED_EVENTS: &Collection = &Collection::named("processed_events")
    .indexes(&[
        &[ascending("event_id")],
        &[ascending("subject")],
        &[ascending("correlation_id")],
        &[ascending("causation_id")],
        &[ascending("state")],
    ])
    .no_automatic_indexes()
    .expires_by("expires_at");

/// An event as one consumer sees it: what identifies its mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The consumer.
    pub consumer: &'static str,
    /// The event's id; any text at all.
    pub event_id: String,
    /// The event's type; empty for a message that cannot be decoded.
    pub event_type: String,
    /// Tells a copy from another event under the same id.
    pub fingerprint: Fingerprint,
    /// What ties it to other events.
    pub links: Links,
}

/// What ties an event to a subject, a request and other events: ids only, for whoever looks an event
/// up. Nothing is decided by them, and marks of before they were kept have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// What the event is about.
    pub subject: Option<String>,
    /// Its place among the subject's events.
    pub sequence: Option<u64>,
    /// The request that started it all.
    pub correlation_id: Option<String>,
    /// The event that caused it.
    pub causation_id: Option<String>,
}

impl Links {
    /// Those of a decoded event.
    pub fn of<D>(event: &Envelope<D>) -> Self {
        Self {
            subject: Some(event.subject.clone()),
            sequence: Some(event.sequence),
            correlation_id: event.correlation_id.clone(),
            causation_id: event.causation_id.clone(),
        }
    }

    fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let sequence = fields.get("sequence").map(|_| fields.count("sequence"));
        Ok(Self {
            subject: owned(fields.optional_text("subject")?),
            sequence: sequence.transpose()?,
            correlation_id: owned(fields.optional_text("correlation_id")?),
            causation_id: owned(fields.optional_text("causation_id")?),
        })
    }
}

/// A stored mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The consumer.
    pub consumer: String,
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// How far it is.
    pub state: MarkState,
    /// The last outcome: `done`, `stale`, a parking reason; absent while it is being worked on.
    pub outcome: Option<String>,
    /// What the outcome's reason was in detail, for parked events.
    pub detail: Option<String>,
    /// How many times work on it was begun.
    pub attempt: u64,
    /// Who holds it, while it is being worked on.
    pub owner: Option<String>,
    /// Until when the holder keeps others away.
    pub lease_expires_at: Option<Timestamp>,
    /// What the event said.
    pub fingerprint: String,
    /// What ties it to other events.
    pub links: Links,
    /// Somebody may have acted and not lived to say so; the effect may have happened twice.
    pub may_have_repeated: bool,
    /// When this consumer first met the event.
    pub first_seen_at: Timestamp,
    /// When it was done or parked.
    pub finished_at: Option<Timestamp>,
    /// From when on the mark counts as absent, whether the store has deleted it or not.
    pub expires_at: Timestamp,
}

/// How far an event is with one consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkState {
    /// Somebody holds it, until the lease ends.
    Processing,
    /// Somebody held it, failed and let go.
    Released,
    /// The effect is made; nothing more will happen.
    Done,
    /// It lies on the dead-letter topic; delivered again, it is tried again.
    Parked,
}

impl MarkState {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Released => "released",
            Self::Done => "done",
            Self::Parked => "parked",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Processing, Self::Released, Self::Done, Self::Parked]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

impl Seen {
    /// Where the mark is: `{consumer}:{SHA-256 of the event id}`, so that no id can break it.
    pub fn key(&self) -> Key {
        key(self.consumer, &self.event_id)
    }

    /// Where it is noted that another payload came under the id of this event. Not the event's own
    /// mark: overwriting that would let the first payload take effect again. Longer than any mark's
    /// key, so that no id can lead to it either.
    pub fn reused_key(&self) -> Key {
        let id = format!("{}:{}", self.key().id(), self.fingerprint);
        Key::stored(PROCESSED_EVENTS, id)
    }
}

fn key(consumer: &str, event_id: &str) -> Key {
    let digest = hex::encode(Sha256::digest(event_id));
    Key::stored(PROCESSED_EVENTS, format!("{consumer}:{digest}"))
}

impl Mark {
    /// Where the event's own mark is; a note of another payload under its id lies elsewhere.
    pub(super) fn key(&self) -> Key {
        key(&self.consumer, &self.event_id)
    }

    /// The mark as a document.
    pub fn to_fields(&self) -> Fields {
        Fields::new()
            .with("consumer", self.consumer.as_str())
            .with("event_id", self.event_id.as_str())
            .with("event_type", self.event_type.as_str())
            .with("state", self.state.as_str())
            .with("outcome", self.outcome.as_deref())
            .with("detail", self.detail.as_deref())
            .with("attempt", self.attempt)
            .with("owner", self.owner.as_deref())
            .with("lease_expires_at", self.lease_expires_at)
            .with("fingerprint", self.fingerprint.as_str())
            .with("subject", self.links.subject.as_deref())
            .with("sequence", self.links.sequence)
            .with("correlation_id", self.links.correlation_id.as_deref())
            .with("causation_id", self.links.causation_id.as_deref())
            .with("may_have_repeated", self.may_have_repeated)
            .with("first_seen_at", self.first_seen_at)
            .with("finished_at", self.finished_at)
            .with("expires_at", self.expires_at)
    }

    /// The document as a mark.
    pub fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(Self {
            consumer: fields.text("consumer")?.to_owned(),
            event_id: fields.text("event_id")?.to_owned(),
            event_type: fields.text("event_type")?.to_owned(),
            state: MarkState::parse(fields.text("state")?).ok_or(MalformedDocument {
                field: "state".to_owned(),
                expected: "a known state",
            })?,
            outcome: owned(fields.optional_text("outcome")?),
            detail: owned(fields.optional_text("detail")?),
            attempt: fields.count("attempt")?,
            owner: owned(fields.optional_text("owner")?),
            lease_expires_at: fields.optional_timestamp("lease_expires_at")?,
            fingerprint: fields.text("fingerprint")?.to_owned(),
            links: Links::from_fields(fields)?,
            may_have_repeated: fields.flag("may_have_repeated")?,
            first_seen_at: fields.timestamp("first_seen_at")?,
            finished_at: fields.optional_timestamp("finished_at")?,
            expires_at: fields.timestamp("expires_at")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_with_and_without_links() {
        let linked = Links {
            subject: Some("usr_1".to_owned()),
            sequence: Some(3),
            correlation_id: Some("req_1".to_owned()),
            causation_id: Some("evt_0".to_owned()),
        };
        for links in [linked, Links::default()] {
            let mark = Mark {
                consumer: "crm".to_owned(),
                event_id: "evt_1".to_owned(),
                event_type: "user.created".to_owned(),
                state: MarkState::Parked,
                outcome: Some("invalid".to_owned()),
                detail: None,
                attempt: 2,
                owner: None,
                lease_expires_at: None,
                fingerprint: "f".to_owned(),
                links,
                may_have_repeated: true,
                first_seen_at: Timestamp::UNIX_EPOCH,
                finished_at: Some(Timestamp::UNIX_EPOCH),
                expires_at: Timestamp::UNIX_EPOCH,
            };
            assert_eq!(Mark::from_fields(&mark.to_fields()), Ok(mark));
        }
    }
}
