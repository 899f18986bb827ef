//! `fanout publish`: one event by hand, whole and checked, or any text as it is; or one that waits in
//! the outbox, given up.

mod compose_event;
mod read_data;
mod skip_event;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use fanout_bus::OutgoingMessage;
use fanout_contracts::user;
use fanout_events::{Received, decode};
use serde::Serialize;

use crate::answer::{AnswerFlags, WrongUse, block_on, facts, write};
use crate::operator::Operator;
pub(crate) use compose_event::{EventParts, compose, event_types, topic_of};

const EXAMPLES: &str = r#"Examples:
  fanout publish user.created --data '{"user_id":"usr_1","email":"test@example.com","name":"Test User"}'
  fanout publish user.deleted --data '{"user_id":"usr_1"}' --sequence 2
  fanout publish user.created --data @data.json --event-id evt_1    a repeat with the same id counts once
  fanout publish --raw --data '{"userId":"test-123","email":"manual@test.com","name":"Manual Test","event":"user.created"}'
  generate | fanout publish user.created --data - --project my-project
  fanout publish --skip evt_01JD2V7Q4M8T9W3X5Y6Z7A8B9C --reason 'larger than the bus takes'

The data is what goes into the event's `data`; everything around it is made here: id, time, version,
attributes, ordering key. It is decoded as every consumer does, before it leaves.

--skip gives up an event that waits in the outbox, such as one that the bus refuses for good: it is
never published, and what waits behind it goes on within a minute. No consumer gets it, so see with
`fanout trace` what it was before. The reason is kept and shown as it is: write no personal data into it.
On one machine the running `fanout up` does it; in Google Cloud this command does, in
Firestore, for which it takes the role roles/datastore.user.

Exit code: 0 published (or skipped), 1 not (or not known to be), 2 wrong use or an event that is not valid."#;

/// The flags of `fanout publish`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PublishArgs {
    /// The event's type
    #[arg(
        value_name = "TYPE",
        required_unless_present_any = ["raw", "skip"],
        conflicts_with = "raw",
        value_parser = PossibleValuesParser::new(event_types())
    )]
    event_type: Option<String>,
    /// The event's data as JSON, `@FILE` to read it from there, or `-` for stdin
    #[arg(
        long,
        value_name = "JSON",
        allow_hyphen_values = true,
        required_unless_present = "skip",
        conflicts_with = "skip"
    )]
    data: Option<String>,
    /// Publish the text as it is, without attributes and unchecked: what people do with gcloud
    #[arg(long, conflicts_with_all = ["event_id", "subject", "sequence", "correlation_id"])]
    raw: bool,
    /// Where to; by default the topic of the type's domain, and with --raw user-events
    #[arg(long, env = "FANOUT_TOPIC")]
    topic: Option<String>,
    /// The event's id; by default a new one
    #[arg(long, value_name = "ID")]
    event_id: Option<String>,
    /// What it happened to; by default the data's `user_id`
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// The event's place among its subject's, from 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    sequence: u64,
    /// The request that it belongs to; by default a new one
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// An attribute beside those that the event has by itself; repeat for several
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
    /// Give this event up instead, which waits in the outbox
    #[arg(
        long,
        value_name = "EVENT_ID",
        requires = "reason",
        conflicts_with_all = ["event_type", "raw", "event_id", "subject", "sequence", "correlation_id", "attributes"],
        value_parser = NonEmptyStringValueParser::new()
    )]
    skip: Option<String>,
    /// Why, in a sentence without personal data
    #[arg(long, value_name = "TEXT", requires = "skip", value_parser = NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// Where `fanout up` serves its ticker, which skips on one machine
    #[arg(
        long,
        env = "FANOUT_TICKER_URL",
        default_value = "http://localhost:8089"
    )]
    ticker_url: String,
    #[command(flatten)]
    common: AnswerFlags,
}

#[derive(Default, Serialize)]
struct Published {
    /// `None` if the message has none of its own: consumers make one of the message's id and of the
    /// time at which the bus took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    message_id: String,
    topic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("write it as NAME=VALUE, for example tenant=blue")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Publishes.
pub fn run(args: &PublishArgs) -> anyhow::Result<ExitCode> {
    block_on(publish(args))
}

async fn publish(args: &PublishArgs) -> anyhow::Result<ExitCode> {
    if let (Some(event_id), Some(reason)) = (&args.skip, &args.reason) {
        return skip_event::skip(args, event_id, reason).await;
    }
    let operator = args.common.connect()?;
    let data = read_data::read(args.data.as_deref().unwrap_or_default())?;
    let published = match &args.event_type {
        Some(event_type) => publish_event(&operator, args, event_type, &data).await?,
        None => publish_raw(&operator, args, data).await?,
    };
    write(&published, args.common.json, Published::to_text)?;
    Ok(ExitCode::SUCCESS)
}

async fn publish_event(
    operator: &Operator,
    args: &PublishArgs,
    event_type: &str,
    data: &[u8],
) -> anyhow::Result<Published> {
    let new = |given: &Option<String>, prefix| {
        let new = || operator.ids.new_id(prefix);
        given.clone().unwrap_or_else(new)
    };
    let parts = EventParts {
        id: new(&args.event_id, "evt"),
        event_type,
        subject: args.subject.as_deref(),
        sequence: args.sequence,
        timestamp: operator.clock.now(),
        correlation_id: new(&args.correlation_id, "req"),
    };
    let composed = compose_event::compose(parts, data)?;
    let event = composed.event;
    let mut message = composed.message;
    for (name, value) in &args.attributes {
        if message.attributes.contains_key(name) {
            let fault = format!("the attribute `{name}` is made from the event; --raw takes any");
            return Err(WrongUse(fault).into());
        }
        message.attributes.insert(name.clone(), value.clone());
    }
    let again = format!(": repeat with --event-id {}, and it counts once", event.id);
    let topic = args.topic();
    Ok(Published {
        event_id: Some(event.id),
        message_id: send(operator, topic, message, &again).await?,
        topic: topic.to_owned(),
        event_type: Some(event.event_type),
        subject: Some(event.subject),
        sequence: Some(event.sequence),
        correlation_id: event.correlation_id,
    })
}

async fn publish_raw(
    operator: &Operator,
    args: &PublishArgs,
    data: Vec<u8>,
) -> anyhow::Result<Published> {
    let message = OutgoingMessage {
        data: data.clone().into(),
        attributes: args.attributes.iter().cloned().collect(),
        ordering_key: String::new(),
    };
    let topic = args.topic();
    let message_id = send(operator, topic, message, "").await?;
    let received = Received {
        data: &data,
        message_id: &message_id,
        publish_time: operator.clock.now(),
    };
    let own = decode(&received).map(|decoded| decoded.event.id).ok();
    let fallback = received.fallback_event_id();
    Ok(Published {
        event_id: own.filter(|id| *id != fallback),
        message_id,
        topic: topic.to_owned(),
        ..Published::default()
    })
}

impl PublishArgs {
    /// Where to. What is raw has no type that could tell.
    fn topic(&self) -> &str {
        let of_type = || self.event_type.as_deref().and_then(topic_of);
        let given = self.topic.as_deref();
        given.or_else(of_type).unwrap_or(user::TOPIC)
    }
}

/// Publishes once; answers the message's id. `again` is what to do if it is not known whether that
/// worked.
async fn send(
    operator: &Operator,
    topic: &str,
    message: OutgoingMessage,
    again: &str,
) -> anyhow::Result<String> {
    let published = operator.pubsub.publish(topic, message).await;
    let said = match &published {
        Err(error) if error.may_have_been_done() => {
            format!("it may have been published all the same{again}")
        }
        _ => format!("nothing was published to {topic}"),
    };
    published.context(said)
}

impl Published {
    fn to_text(&self) -> String {
        let sequence = self.sequence.map(|sequence| sequence.to_string());
        let lines = [
            ("event", self.event_id.as_deref()),
            ("message", Some(&self.message_id)),
            ("type", self.event_type.as_deref()),
            ("subject", self.subject.as_deref()),
            ("sequence", sequence.as_deref()),
            ("correlation", self.correlation_id.as_deref()),
        ];
        format!("published to {}\n{}", self.topic, facts(12, &lines))
    }
}
