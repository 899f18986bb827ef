//! `fanout dead-letters show`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use fanout_runtime::{Timestamp, serialize_rfc3339};
use serde::Serialize;
use serde_json::Value;

use super::hold::hold;
use super::interrupt::Interrupt;
use super::letter::DeadLetter;
use super::list_letters::{age, letters};
use super::{Looking, consumer_names, consumers_of};
use crate::answer::{printable, write_json, write_text};
use crate::operator::Operator;

const EXAMPLES: &str = "Examples:
  fanout dead-letters show evt_01JD2V7Q4M8T9W3X5Y6Z7A8B9C
  fanout dead-letters show 17 --consumer email --show-payload

The id is the event's, the dead letter's message id, or the original message's. An event may lie with
several consumers: all are shown.

Exit code: 0 shown, 1 there is none (or something failed), 2 wrong use.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ShowArgs {
    /// The event's id, or a message's
    id: String,
    /// One consumer; by default all
    #[arg(long, env = "FANOUT_CONSUMER", value_parser = consumer_names())]
    consumer: Option<String>,
    /// Show what is in it too: names and addresses
    #[arg(long)]
    show_payload: bool,
    #[command(flatten)]
    pub(super) looking: Looking,
}

#[derive(Serialize)]
struct Shown {
    consumer: &'static str,
    event_id: String,
    event_type: Option<String>,
    subject: Option<String>,
    correlation_id: Option<String>,
    reason: String,
    detail: Option<String>,
    deliveries: Option<u32>,
    message_id: String,
    #[serde(serialize_with = "serialize_rfc3339")]
    parked_at: Timestamp,
    original_message_id: String,
    #[serde(serialize_with = "serialize_rfc3339")]
    published_at: Timestamp,
    ordering_key: String,
    fingerprint: String,
    attributes: BTreeMap<String, String>,
    data_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

pub(super) async fn show(
    operator: &Operator,
    args: &ShowArgs,
    interrupt: &Interrupt,
) -> anyhow::Result<ExitCode> {
    let mut shown = Vec::new();
    let (mut looked_at, mut more) = (0, false);
    for consumer in consumers_of(args.consumer.as_deref())? {
        let limit = args.looking.limit();
        let meant = |letter: &DeadLetter| letter.has_id(&args.id);
        let held = hold(&operator.pubsub, consumer, limit, interrupt, meant).await?;
        held.give_back_all().await;
        looked_at += held.looked_at;
        more |= held.more;
        let found = held.letters.iter();
        shown.extend(found.map(|letter| Shown::of(consumer.name, letter, args.show_payload)));
    }
    if shown.is_empty() {
        let id = printable(&args.id);
        let more = if more {
            "; there are more, raise --limit"
        } else {
            ""
        };
        bail!(
            "no dead letter with the id {id} among the {} looked at{more}",
            letters(looked_at)
        );
    }
    if args.looking.json {
        write_json(&shown)?;
    } else {
        let now = operator.clock.now();
        let all: Vec<String> = shown.iter().map(|shown| shown.to_text(now)).collect();
        write_text(&all.join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Shown {
    fn of(consumer: &'static str, letter: &DeadLetter, show_payload: bool) -> Self {
        Self {
            consumer,
            event_id: letter.event_id.clone(),
            event_type: letter.event_type.clone(),
            subject: letter.subject.clone(),
            correlation_id: letter.correlation_id.clone(),
            reason: letter.reason.clone(),
            detail: letter.detail.clone(),
            deliveries: letter.deliveries,
            message_id: letter.message.message_id.clone(),
            parked_at: letter.message.publish_time,
            original_message_id: letter.original.message_id.clone(),
            published_at: letter.original.publish_time,
            ordering_key: letter.message.ordering_key.clone(),
            fingerprint: letter.fingerprint.clone(),
            attributes: letter.message.attributes.clone(),
            data_bytes: letter.message.data.len(),
            payload: show_payload.then(|| letter.payload()),
        }
    }

    fn to_text(&self, now: Timestamp) -> String {
        let time = |time: Timestamp| {
            let at = time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            format!("{at}, {} ago", age(time, now))
        };
        let lines = [
            ("event", Some(self.event_id.clone())),
            ("type", self.event_type.clone()),
            ("subject", self.subject.clone()),
            ("correlation", self.correlation_id.clone()),
            ("reason", Some(self.reason.clone())),
            ("detail", self.detail.clone()),
            ("here since", Some(time(self.parked_at))),
            ("published", Some(time(self.published_at))),
            (
                "redriven as",
                Some(format!("message {}", self.original_message_id)),
            ),
            (
                "ordering key",
                Some(self.ordering_key.clone()).filter(|key| !key.is_empty()),
            ),
            ("fingerprint", Some(self.fingerprint.clone())),
        ];
        let mut text = format!("dead letter {} of {}\n", self.message_id, self.consumer);
        for (name, value) in lines {
            if let Some(value) = value {
                let _ = writeln!(text, "  {name:<13} {}", printable(&value));
            }
        }
        let _ = writeln!(text, "  attributes");
        for (name, value) in &self.attributes {
            let _ = writeln!(text, "    {} = {}", printable(name), printable(value));
        }
        let _ = match &self.payload {
            Some(payload) => writeln!(text, "  payload       {payload}"),
            None => {
                let bytes = self.data_bytes;
                writeln!(
                    text,
                    "  payload       {bytes} bytes, shown with --show-payload"
                )
            }
        };
        text
    }
}
