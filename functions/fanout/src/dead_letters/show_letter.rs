//! `fanout dead-letters show`

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use fanout_runtime::Timestamp;
use serde_json::{Value, json};

use super::hold::hold;
use super::interrupt::Interrupt;
use super::letter::DeadLetter;
use super::{LookingAt, consumers_of};
use crate::answer::{counted, facts, in_words, printable, seconds_since, write};
use crate::operator::Operator;
use crate::trace::shown;

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
    #[command(flatten)]
    pub(super) at: LookingAt,
}

pub(super) async fn show(
    operator: &Operator,
    args: &ShowArgs,
    interrupt: &Interrupt,
) -> anyhow::Result<ExitCode> {
    let LookingAt {
        consumer,
        show_payload,
        looking,
    } = &args.at;
    let mut found = Vec::new();
    let (mut looked_at, mut more) = (0, false);
    for consumer in consumers_of(operator, consumer.as_deref()).await? {
        let limit = looking.limit();
        let meant = |letter: &DeadLetter| letter.has_id(&args.id);
        let held = hold(&operator.pubsub, consumer, limit, interrupt, meant).await?;
        held.give_back_all().await;
        looked_at += held.looked_at;
        more |= held.more;
        found.extend(held.letters.into_iter().map(|it| (consumer.consumer, it)));
    }
    if found.is_empty() {
        let (id, letters) = (printable(&args.id), counted(looked_at, "dead letter"));
        let raise = "; there are more, raise --limit";
        let more = if more { raise } else { "" };
        bail!("no dead letter with the id {id} among the {letters} looked at{more}");
    }
    let now = operator.clock.now();
    let all = found.iter();
    let all = all.map(|(consumer, letter)| to_json(consumer, letter, *show_payload));
    write(&all.collect::<Vec<_>>(), looking.common.json, |_| {
        let all = found.iter();
        let all = all.map(|(consumer, letter)| to_text(consumer, letter, now, *show_payload));
        all.collect::<Vec<_>>().join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn to_json(consumer: &str, letter: &DeadLetter, show_payload: bool) -> Value {
    let DeadLetter {
        message, original, ..
    } = letter;
    let mut shown = json!({
        "consumer": consumer,
        "event_id": letter.event_id,
        "event_type": letter.event_type,
        "subject": letter.subject,
        "correlation_id": letter.correlation_id,
        "reason": letter.reason,
        "detail": letter.detail,
        "deliveries": letter.deliveries,
        "message_id": message.message_id,
        "parked_at": shown(message.publish_time),
        "original_message_id": original.message_id,
        "published_at": shown(original.publish_time),
        "ordering_key": message.ordering_key,
        "fingerprint": letter.fingerprint,
        "attributes": message.attributes,
        "data_bytes": message.data.len(),
    });
    if show_payload {
        shown["payload"] = letter.payload();
    }
    shown
}

fn to_text(consumer: &str, letter: &DeadLetter, now: Timestamp, show_payload: bool) -> String {
    let time = |time| {
        let age = in_words(seconds_since(time, now));
        format!("{}, {age} ago", shown(time))
    };
    let DeadLetter {
        message, original, ..
    } = letter;
    let (here_since, published) = (time(message.publish_time), time(original.publish_time));
    let redriven_as = format!("message {}", original.message_id);
    let key = Some(message.ordering_key.as_str()).filter(|key| !key.is_empty());
    let lines = [
        ("event", Some(letter.event_id.as_str())),
        ("type", letter.event_type.as_deref()),
        ("subject", letter.subject.as_deref()),
        ("correlation", letter.correlation_id.as_deref()),
        ("reason", Some(&letter.reason)),
        ("detail", letter.detail.as_deref()),
        ("here since", Some(&here_since)),
        ("published", Some(&published)),
        ("redriven as", Some(&redriven_as)),
        ("ordering key", key),
        ("fingerprint", Some(&letter.fingerprint)),
    ];
    let (id, lines) = (&message.message_id, facts(13, &lines));
    let mut text = format!("dead letter {id} of {consumer}\n{lines}  attributes\n");
    for (name, value) in &message.attributes {
        let _ = writeln!(text, "    {} = {}", printable(name), printable(value));
    }
    let payload = if show_payload {
        letter.payload().to_string()
    } else {
        format!("{} bytes, shown with --show-payload", message.data.len())
    };
    text + &format!("  {:<13} {payload}\n", "payload")
}
