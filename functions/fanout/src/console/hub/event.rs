//! One event as the page has seen it, and what each consumer made of it.

use fanout_kernel::Subscriber;
use fanout_runtime::Timestamp;

/// How many attempts of a consumer are kept of an event: the first of them say how it began, the
/// latest where it stands.
const MOST_ATTEMPTS: usize = 40;

/// How many lines of the log are kept of an event: the latest.
const MOST_LINES: usize = 30;

/// A line of the log that names an event and is no delivery's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogLine {
    pub(crate) at: Timestamp,
    pub(crate) level: &'static str,
    pub(crate) text: String,
    /// Its fields, as they are logged: no personal data.
    pub(crate) fields: Vec<(&'static str, String)>,
}

/// What came of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Came {
    Done,
    Duplicate,
    Ignored,
    Stale,
    Parked,
    Busy,
    Deferred,
    Failed,
    /// The bus gave it up: it lies on the dead-letter topic.
    GivenUp,
    /// It was not taken as a delivery at all.
    Refused,
}

impl Came {
    /// The outcome of a delivery line. What is none of them was a refusal, whose slug stands there.
    pub(crate) fn of(outcome: &str) -> Self {
        match outcome {
            "done" => Self::Done,
            "duplicate" => Self::Duplicate,
            "ignored" => Self::Ignored,
            "stale" => Self::Stale,
            "parked" => Self::Parked,
            "busy" => Self::Busy,
            "deferred" => Self::Deferred,
            "failed" => Self::Failed,
            _ => Self::Refused,
        }
    }

    /// Whether the consumer is done with it.
    pub(crate) fn is_settled(self) -> bool {
        match self {
            Self::Done | Self::Duplicate | Self::Ignored | Self::Stale => true,
            Self::Parked | Self::Busy | Self::Deferred => false,
            Self::Failed | Self::GivenUp | Self::Refused => false,
        }
    }

    /// Whether it lies on the dead-letter topic.
    pub(crate) fn is_dead(self) -> bool {
        matches!(self, Self::Parked | Self::GivenUp)
    }
}

/// One delivery to one consumer.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// When it ended.
    pub(crate) at: Timestamp,
    /// The bus's count; none where an operator pushed it.
    pub(crate) number: Option<u64>,
    pub(crate) came: Came,
    /// None where it was not measured: the bus gave it up, or the store alone remembers it.
    pub(crate) took_ms: Option<u64>,
    /// What the bus was answered; none where it was not, or is not known.
    pub(crate) status: Option<u16>,
    /// Why, if there is something to say.
    pub(crate) why: Option<String>,
    /// An earlier holder may have acted and not lived to say so.
    pub(crate) may_have_repeated: bool,
    /// The page did not see it: the store remembers what came of it.
    pub(crate) is_remembered: bool,
}

/// What one consumer made of an event.
#[derive(Debug, Clone)]
pub(crate) struct Reaction {
    pub(crate) consumer: String,
    pub(crate) attempts: Vec<Attempt>,
}

impl Reaction {
    pub(crate) fn add(&mut self, attempt: Attempt) {
        if self.attempts.len() >= MOST_ATTEMPTS {
            // The first stays, as the one that tells how it began.
            self.attempts.remove(1);
        }
        self.attempts.push(attempt);
    }

    /// Where it stands: what came last. A duplicate does not undo what was done.
    pub(crate) fn standing(&self) -> Option<&Attempt> {
        self.attempts.last()
    }
}

/// An event that was published or delivered since the page looks.
#[derive(Debug, Clone)]
pub(crate) struct SeenEvent {
    /// Counts up: a later event has a larger one.
    pub(crate) number: u64,
    pub(crate) id: String,
    /// Empty for a message that is no event.
    pub(crate) event_type: String,
    pub(crate) topic: String,
    pub(crate) subject: Option<String>,
    pub(crate) correlation_id: Option<String>,
    /// What subscriptions may filter by.
    pub(crate) flow: Option<String>,
    /// When it was first seen.
    pub(crate) at: Timestamp,
    /// How often it was published, as far as the page saw.
    pub(crate) copies: u32,
    /// The bus has not taken it, so far or for good.
    pub(crate) is_unpublished: bool,
    pub(crate) reactions: Vec<Reaction>,
    /// The bus's ids of its messages, as far as they were told.
    pub(crate) messages: Vec<String>,
    pub(crate) lines: Vec<LogLine>,
}

impl SeenEvent {
    pub(crate) fn reaction(&self, consumer: &str) -> Option<&Reaction> {
        self.reactions.iter().find(|it| it.consumer == consumer)
    }

    /// Whether the consumer is told of it: it hears the topic, and has a use for the type and the flow.
    /// What is no event is told to all that hear the topic; of what went past the page, and is known by
    /// a delivery alone, the flow is not known.
    pub(crate) fn is_for(&self, subscriber: &Subscriber) -> bool {
        let (topic, known) = (self.topic.as_str(), self.event_type.as_str());
        let mut heard = subscriber.topics.iter().filter(|it| it.topic == topic);
        if known.is_empty() {
            return heard.next().is_some();
        }
        if self.copies == 0 && !self.is_unpublished && self.flow.is_none() {
            return heard.any(|it| it.types.contains(&known));
        }
        system::wants(subscriber, topic, known, self.flow.as_deref())
    }

    /// Keeps what was not known of it.
    pub(super) fn learn(
        &mut self,
        event_type: String,
        subject: Option<String>,
        correlation_id: Option<String>,
    ) {
        if self.event_type.is_empty() {
            self.event_type = event_type;
        }
        self.subject = self.subject.take().or(subject);
        self.correlation_id = self.correlation_id.take().or(correlation_id);
    }

    pub(super) fn logged(&mut self, line: LogLine) {
        if self.lines.len() >= MOST_LINES {
            self.lines.remove(0);
        }
        self.lines.push(line);
    }

    pub(crate) fn reaction_mut(&mut self, consumer: &str) -> &mut Reaction {
        let known = self.reactions.iter().position(|it| it.consumer == consumer);
        let place = known.unwrap_or_else(|| {
            self.reactions.push(Reaction {
                consumer: consumer.to_owned(),
                attempts: Vec::new(),
            });
            self.reactions.len() - 1
        });
        &mut self.reactions[place]
    }
}
