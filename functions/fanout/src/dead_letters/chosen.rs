//! Letters that were shown before they are dealt with: exactly those, whatever has come since.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fanout_kernel::Subscriber;
use fanout_runtime::Timestamp;
use serde_json::Value;

use super::hold::{Held, hold};
use super::letter::DeadLetter;
use super::push_all::push_all;
use super::{ConsumerEndpoint, Interrupt, Outcome, Outcomes, Rate, discard_letters};
use crate::operator::Operator;

/// How many letters of a consumer are looked at.
const MOST: usize = 1_000;

/// What may be told of a letter: nothing of its payload.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// The bus's id of the letter.
    pub(crate) message_id: String,
    pub(crate) event_id: String,
    pub(crate) event_type: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) reason: String,
    pub(crate) detail: Option<String>,
    pub(crate) parked_at: Timestamp,
    /// The bus's id of the message that the consumer could not take.
    pub(crate) original_id: String,
    pub(crate) published_at: Timestamp,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Told {
    fn of(letter: &DeadLetter) -> Self {
        Self {
            message_id: letter.message.message_id.clone(),
            event_id: letter.event_id.clone(),
            event_type: letter.event_type.clone(),
            subject: letter.subject.clone(),
            reason: letter.reason.clone(),
            detail: letter.detail.clone(),
            parked_at: letter.message.publish_time,
            original_id: letter.original.message_id.clone(),
            published_at: letter.original.publish_time,
            attributes: letter.message.attributes.clone(),
        }
    }
}

/// A consumer's letters, oldest first, and whether there are more. Changes nothing.
pub(crate) async fn look(
    operator: &Operator,
    consumer: &Subscriber,
    interrupt: &Interrupt,
) -> anyhow::Result<(Vec<Told>, bool)> {
    let mut all = Vec::new();
    let tell = |letter: &DeadLetter| {
        all.push(Told::of(letter));
        false
    };
    let held = hold(&operator.pubsub, consumer, MOST, interrupt, tell).await?;
    let more = held.more;
    all.sort_by_key(|letter| letter.parked_at);
    Ok((all, more))
}

/// The event's id of a letter, and what is in it: personal data.
pub(crate) async fn payload(
    operator: &Operator,
    consumer: &Subscriber,
    id: &str,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<(String, Value)>> {
    let mut found = None;
    let tell = |letter: &DeadLetter| {
        if letter.has_id(id) {
            found = Some((letter.event_id.clone(), letter.payload()));
        }
        false
    };
    hold(&operator.pubsub, consumer, MOST, interrupt, tell).await?;
    Ok(found)
}

async fn hold_these(
    operator: &Operator,
    consumer: &Subscriber,
    ids: &BTreeSet<String>,
    interrupt: &Interrupt,
) -> anyhow::Result<Held> {
    let meant = |letter: &DeadLetter| ids.contains(&letter.message.message_id);
    hold(&operator.pubsub, consumer, usize::MAX, interrupt, meant).await
}

/// Delivers these letters to their consumer again. `outcomes` tells how far it has come.
pub(crate) async fn redrive(
    operator: &Operator,
    consumer: &Subscriber,
    ids: &BTreeSet<String>,
    rate: Rate,
    outcomes: &mut Outcomes,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let endpoint = ConsumerEndpoint::of(operator, consumer).await?;
    let held = hold_these(operator, consumer, ids, interrupt).await?;
    outcomes.count(Outcome::NotHeld, ids.len() - held.letters.len());
    let pushed = push_all(&held, endpoint, rate, outcomes, interrupt).await;
    held.give_back_all().await;
    pushed
}

/// Writes those of these letters that are still there to a new file in `folder` and drops them; answers
/// how many, and the file. None, and no file, if there is none of them.
pub(crate) async fn discard(
    operator: &Operator,
    consumer: &Subscriber,
    ids: &BTreeSet<String>,
    folder: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<(usize, PathBuf)>> {
    let held = hold_these(operator, consumer, ids, interrupt).await?;
    if held.letters.is_empty() {
        return Ok(None);
    }
    let file = discard_letters::default_file(consumer.consumer, operator.clock.now());
    let file = folder.join(file);
    let dropped = discard_letters::drop_into(&file, &held).await;
    held.give_back_all().await;
    dropped?;
    Ok(Some((held.letters.len(), file)))
}
