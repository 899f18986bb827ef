//! The mark: what a consumer remembers of an event.

use fanout_events::{Event, Fingerprint, sha256};
use fanout_runtime::Timestamp;
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
    /// Tells a copy from another event under the same id.
    pub fingerprint: Fingerprint,
    /// What the event is, where nothing else tells of it: it was typed by hand, or comes from a
    /// foreign system. An event of ours has a row in the event store.
    pub links: Links,
}

/// What ties an event to a subject, a request and other events: ids only, for an operator who looks
/// it up. Nothing is decided by them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Its type.
    pub event_type: Option<String>,
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
    pub fn of(event: &Event) -> Self {
        Self {
            event_type: Some(event.event_type.clone()),
            subject: Some(event.subject.clone()),
            sequence: Some(event.sequence),
            correlation_id: event.correlation_id.clone(),
            causation_id: event.causation_id.clone(),
        }
    }

    fn add_to(&self, fields: Fields) -> Fields {
        fields
            .with("event_type", self.event_type.as_deref())
            .with("subject", self.subject.as_deref())
            .with("sequence", self.sequence)
            .with("correlation_id", self.correlation_id.as_deref())
            .with("causation_id", self.causation_id.as_deref())
    }

    fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        let sequence = fields.get("sequence").map(|_| fields.count("sequence"));
        Ok(Self {
            event_type: owned(fields.optional_text("event_type")?),
            subject: owned(fields.optional_text("subject")?),
            sequence: sequence.transpose()?,
            correlation_id: owned(fields.optional_text("correlation_id")?),
            causation_id: owned(fields.optional_text("causation_id")?),
        })
    }
}

/// What a consumer remembers of an event. A mark that is done is as short as it can be: each event
/// leaves one with every consumer, and they are kept for 45 days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The consumer.
    pub consumer: String,
    /// The event's id.
    pub event_id: String,
    /// How far it is.
    pub state: MarkState,
    /// The last outcome: `done`, `stale`, a parking reason; absent while it is being worked on.
    pub outcome: Option<String>,
    /// What the outcome's reason was in detail, for parked events.
    pub detail: Option<String>,
    /// The message that was parked, for parked events: delivered again, it is no second letter.
    pub parked_message: Option<String>,
    /// How many times work on it was begun.
    pub attempt: u64,
    /// Who holds it, while it is being worked on.
    pub owner: Option<String>,
    /// Until when the holder keeps others away.
    pub lease_expires_at: Option<Timestamp>,
    /// What the event said.
    pub fingerprint: String,
    /// What ties it to other events, where its own row does not.
    pub links: Links,
    /// A holder may have acted and not lived to say so; the effect may have happened twice.
    pub may_have_repeated: bool,
    /// How many holders there were of that kind.
    pub unanswered: u64,
    /// When it was done or parked.
    pub finished_at: Option<Timestamp>,
    /// From when on the mark counts as absent, whether the store has deleted it or not.
    pub expires_at: Timestamp,
}

/// How far an event is with one consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkState {
    /// A holder works on it, until the lease ends.
    Processing,
    /// A holder failed and let go.
    Released,
    /// The effect is made; nothing more will happen.
    Done,
    /// It lies on the dead-letter topic; delivered again, it is tried again.
    Parked,
}

impl MarkState {
    /// The stored name. [`Self::Done`] is stored as no state at all.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Released => "released",
            Self::Done => "done",
            Self::Parked => "parked",
        }
    }

    fn parse(text: &str) -> Result<Self, MalformedDocument> {
        [Self::Processing, Self::Released, Self::Done, Self::Parked]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| MalformedDocument {
                field: "state".to_owned(),
                expected: "a known state",
            })
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
    let id = [consumer, ":", &sha256(event_id)].concat();
    Key::stored(PROCESSED_EVENTS, id)
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

impl Mark {
    /// Where a consumer's mark of the event with this id is.
    pub fn key_of(consumer: &str, event_id: &str) -> Key {
        key(consumer, event_id)
    }

    /// How many tries may have acted and not lived to say so, if one that has not ended never does.
    pub fn unanswered_at_most(&self) -> u64 {
        let under_way = self.state == MarkState::Processing;
        self.unanswered.saturating_add(under_way.into())
    }

    /// Where the event's own mark is; a note of another payload under its id lies elsewhere.
    pub(super) fn key(&self) -> Key {
        key(&self.consumer, &self.event_id)
    }

    /// The mark as a document. What is as usual is left out: done, at the first attempt, once.
    pub fn to_fields(&self) -> Fields {
        let under_way = self.state != MarkState::Done;
        let usual = self.unanswered == u64::from(self.may_have_repeated);
        let fields = Fields::new()
            .with("consumer", self.consumer.as_str())
            .with("event_id", self.event_id.as_str())
            .with("state", under_way.then_some(self.state.as_str()))
            .with("outcome", self.outcome.as_deref())
            .with("detail", self.detail.as_deref())
            .with("parked_message", self.parked_message.as_deref())
            .with(
                "attempt",
                (under_way || self.attempt > 1).then_some(self.attempt),
            )
            .with("owner", self.owner.as_deref())
            .with("lease_expires_at", self.lease_expires_at)
            .with("fingerprint", self.fingerprint.as_str())
            .with("may_have_repeated", self.may_have_repeated.then_some(true))
            .with(
                "unanswered",
                (under_way && !usual).then_some(self.unanswered),
            )
            .with("finished_at", self.finished_at)
            .with("expires_at", self.expires_at);
        self.links.add_to(fields)
    }

    /// The document as a mark.
    pub fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        let state = fields.optional_text("state")?.map(MarkState::parse);
        let attempt = fields.get("attempt").map(|_| fields.count("attempt"));
        let may_have_repeated = fields.flag("may_have_repeated")?;
        let unanswered = fields.get("unanswered").map(|_| fields.count("unanswered"));
        Ok(Self {
            consumer: fields.text("consumer")?.to_owned(),
            event_id: fields.text("event_id")?.to_owned(),
            state: state.transpose()?.unwrap_or(MarkState::Done),
            outcome: owned(fields.optional_text("outcome")?),
            detail: owned(fields.optional_text("detail")?),
            parked_message: owned(fields.optional_text("parked_message")?),
            attempt: attempt.transpose()?.unwrap_or(1),
            owner: owned(fields.optional_text("owner")?),
            lease_expires_at: fields.optional_timestamp("lease_expires_at")?,
            fingerprint: fields.text("fingerprint")?.to_owned(),
            links: Links::from_fields(fields)?,
            may_have_repeated,
            unanswered: unanswered.transpose()?.unwrap_or(may_have_repeated.into()),
            finished_at: fields.optional_timestamp("finished_at")?,
            expires_at: fields.timestamp("expires_at")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> Mark {
        Mark {
            consumer: "crm".to_owned(),
            event_id: "evt_1".to_owned(),
            state: MarkState::Done,
            outcome: Some("done".to_owned()),
            detail: None,
            parked_message: None,
            attempt: 1,
            owner: None,
            lease_expires_at: None,
            fingerprint: "f".to_owned(),
            links: Links::default(),
            may_have_repeated: false,
            unanswered: 0,
            finished_at: Some(Timestamp::UNIX_EPOCH),
            expires_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let linked = Links {
            event_type: Some("user.created".to_owned()),
            subject: Some("usr_1".to_owned()),
            sequence: Some(3),
            correlation_id: Some("req_1".to_owned()),
            causation_id: Some("evt_0".to_owned()),
        };
        let parked = Mark {
            state: MarkState::Parked,
            outcome: Some("invalid".to_owned()),
            detail: Some("it is not valid".to_owned()),
            parked_message: Some("17".to_owned()),
            attempt: 2,
            links: linked,
            may_have_repeated: true,
            unanswered: 2,
            ..done()
        };
        let processing = Mark {
            state: MarkState::Processing,
            outcome: None,
            owner: Some("own_1".to_owned()),
            lease_expires_at: Some(Timestamp::UNIX_EPOCH),
            finished_at: None,
            ..done()
        };
        let again = Mark {
            attempt: 2,
            ..done()
        };
        for mark in [done(), parked, processing, again] {
            assert_eq!(Mark::from_fields(&mark.to_fields()), Ok(mark));
        }
    }

    #[test]
    fn the_usual_mark_is_short() {
        let fields = done().to_fields();
        let names: Vec<&str> = fields.iter().map(|(name, _)| name).collect();
        let kept = [
            "consumer",
            "event_id",
            "expires_at",
            "fingerprint",
            "finished_at",
            "outcome",
        ];
        assert_eq!(names, kept);
    }
}
