//! Topics and subscriptions in the file.

use std::time::Duration;

use fanout_runtime::Timestamp;
use http::Uri;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::error::BrokerError;
use super::filter::{AttributeFilter, InvalidFilter};
use super::rows::{Milliseconds, StoredWrapping};
use super::{forget, ordering, rows};
use fanout_bus::{Backoff, DeadLetterPolicy, Retention, Subscription};

/// A subscription with the number that its deliveries refer to.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) settings: Subscription,
}

/// Pub/Sub takes whole seconds from 10; tests want to be faster.
const SHORTEST: Duration = Duration::from_millis(1);
/// The longest ack deadline and the longest back-off: no message is put off for longer.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(600);
const LONGEST_RETENTION: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// What stands for the topic of a subscription whose topic was deleted; no topic can be named so.
pub(super) const DELETED_TOPIC: &str = "_deleted-topic_";

const SELECT: &str = "SELECT id, name, topic, push_endpoint, ack_deadline_ms, min_backoff_ms,
    max_backoff_ms, dead_letter_topic, max_attempts, ordered, filter, retention_ms, retains_acked,
    wrapping
    FROM subscriptions";

pub(super) fn topic_exists(file: &Connection, name: &str) -> rusqlite::Result<bool> {
    file.prepare_cached("SELECT 1 FROM topics WHERE name = ?1")?
        .exists([name])
}

/// Whether the topic is new.
pub(super) fn create_topic(file: &Connection, name: &str) -> Result<bool, BrokerError> {
    check_name(name)?;
    let insert = "INSERT INTO topics (name) VALUES (?1) ON CONFLICT DO NOTHING";
    Ok(file.prepare_cached(insert)?.execute([name])? > 0)
}

/// Deletes a topic. Its subscriptions stay, with what waits for them, and get nothing more.
pub(super) fn delete_topic(file: &Connection, name: &str) -> Result<(), BrokerError> {
    if file.execute("DELETE FROM topics WHERE name = ?1", [name])? == 0 {
        return Err(BrokerError::Unknown("topic", name.to_owned()));
    }
    let update = "UPDATE subscriptions SET topic = ?2 WHERE topic = ?1";
    file.execute(update, (name, DELETED_TOPIC))?;
    Ok(())
}

pub(super) fn topics(file: &Connection) -> rusqlite::Result<Vec<String>> {
    file.prepare_cached("SELECT name FROM topics ORDER BY name")?
        .query_map([], |row| row.get(0))?
        .collect()
}

pub(super) fn all(file: &Connection) -> rusqlite::Result<Vec<Stored>> {
    file.prepare_cached(&format!("{SELECT} ORDER BY name"))?
        .query_map([], stored)?
        .collect()
}

pub(super) fn by_id(file: &Connection, id: i64) -> rusqlite::Result<Option<Stored>> {
    file.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?
        .query_row([id], stored)
        .optional()
}

pub(super) fn find(file: &Connection, name: &str) -> rusqlite::Result<Option<Stored>> {
    file.prepare_cached(&format!("{SELECT} WHERE name = ?1"))?
        .query_row([name], stored)
        .optional()
}

pub(super) fn by_name(file: &Connection, name: &str) -> Result<Stored, BrokerError> {
    find(file, name)?.ok_or_else(|| BrokerError::Unknown("subscription", name.to_owned()))
}

/// Creates a subscription or changes its settings; the messages that wait for it stay.
pub(super) fn put(
    file: &Connection,
    settings: &Subscription,
    now: Timestamp,
) -> Result<(), BrokerError> {
    check(file, settings)?;
    let before = find(file, &settings.name)?;
    let dead_letters = settings.dead_letters.as_ref();
    file.prepare_cached(
        "INSERT OR REPLACE INTO subscriptions (id, name, topic, push_endpoint, ack_deadline_ms,
             min_backoff_ms, max_backoff_ms, dead_letter_topic, max_attempts, ordered, filter,
             retention_ms, retains_acked, wrapping)
         VALUES (:id, :name, :topic, :push_endpoint, :ack_deadline_ms,
             :min_backoff_ms, :max_backoff_ms, :dead_letter_topic, :max_attempts, :ordered, :filter,
             :retention_ms, :retains_acked, :wrapping)",
    )?
    .execute(named_params! {
        ":id": before.as_ref().map(|before| before.id),
        ":name": settings.name,
        ":topic": settings.topic,
        ":push_endpoint": settings.push_endpoint,
        ":ack_deadline_ms": rows::milliseconds(settings.ack_deadline),
        ":min_backoff_ms": rows::milliseconds(settings.backoff.min),
        ":max_backoff_ms": rows::milliseconds(settings.backoff.max),
        ":dead_letter_topic": dead_letters.map(|policy| &policy.topic),
        ":max_attempts": dead_letters.map(|policy| policy.max_attempts),
        ":ordered": settings.ordered,
        ":filter": settings.filter,
        ":retention_ms": rows::milliseconds(settings.retention.period),
        ":retains_acked": settings.retention.acked,
        ":wrapping": rows::wrapping_text(settings.wrapping),
    })?;
    let Some(before) = before else { return Ok(()) };
    if before.settings.ordered != settings.ordered {
        ordering::change(file, before.id, settings.ordered, now)?;
    }
    if before.settings.retention.acked && !settings.retention.acked {
        file.execute("DELETE FROM retained WHERE subscription = ?1", [before.id])?;
        forget::unwanted(file)?;
    }
    Ok(())
}

/// Deletes a subscription with all that waits for it.
pub(super) fn delete(file: &Connection, name: &str) -> Result<(), BrokerError> {
    let id = by_name(file, name)?.id;
    for sql in [
        "DELETE FROM deliveries WHERE subscription = ?1",
        "DELETE FROM retained WHERE subscription = ?1",
        "DELETE FROM subscriptions WHERE id = ?1",
    ] {
        file.prepare_cached(sql)?.execute([id])?;
    }
    forget::unwanted(file)?;
    Ok(())
}

fn check(file: &Connection, settings: &Subscription) -> Result<(), BrokerError> {
    check_name(&settings.name)?;
    let invalid = |reason| Err(invalid(&settings.name, reason));
    let policy = settings.dead_letters.as_ref();
    let topics = std::iter::once(&settings.topic);
    for topic in topics.chain(policy.map(|it| &it.topic)) {
        if !topic_exists(file, topic)? {
            return Err(BrokerError::Unknown("topic", topic.clone()));
        }
    }
    if policy.is_some_and(|policy| policy.topic == settings.topic) {
        return invalid("its dead letters would come back to it");
    }
    if policy.is_some_and(|policy| policy.max_attempts == 0) {
        return invalid("at least one delivery must be tried");
    }
    let endpoint = settings.push_endpoint.as_deref();
    if endpoint.is_some_and(|endpoint| endpoint_uri(endpoint).is_none()) {
        return invalid("its push endpoint must be a URL that begins with http://");
    }
    if !(SHORTEST..=LONGEST_WAIT).contains(&settings.ack_deadline) {
        return invalid("its ack deadline must be from a millisecond to ten minutes");
    }
    if settings.backoff.min > settings.backoff.max || settings.backoff.max > LONGEST_WAIT {
        return invalid(
            "its back-off must grow from a shortest wait to a longest of at most ten minutes",
        );
    }
    if !(SHORTEST..=LONGEST_RETENTION).contains(&settings.retention.period) {
        return invalid("its retention must be from a millisecond to 31 days");
    }
    parse_filter(&settings.name, settings.filter.as_deref()).map(drop)
}

/// The endpoint as an address that can be pushed to.
pub(super) fn endpoint_uri(endpoint: &str) -> Option<Uri> {
    let uri: Uri = endpoint.parse().ok()?;
    (uri.scheme_str() == Some("http") && uri.host().is_some()).then_some(uri)
}

/// What the subscription of this name wants; `None` for everything.
pub(super) fn parse_filter(
    name: &str,
    filter: Option<&str>,
) -> Result<Option<AttributeFilter>, BrokerError> {
    let text = filter.filter(|text| !text.is_empty());
    let filter = text.map(str::parse).transpose();
    filter.map_err(|error: InvalidFilter| invalid(name, &error.to_string()))
}

fn invalid(name: &str, reason: &str) -> BrokerError {
    BrokerError::Invalid(format!("subscription `{name}`: {reason}"))
}

fn check_name(name: &str) -> Result<(), BrokerError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.~+%".contains(c);
    let valid = (3..=255).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !name.starts_with("goog")
        && name.chars().all(allowed);
    if valid {
        Ok(())
    } else {
        Err(BrokerError::Invalid(format!(
            "`{name}` is no name for a topic or subscription: 3 to 255 letters, digits and -_.~+%, the first a letter, not beginning with goog"
        )))
    }
}

/// Of what is selected by [`SELECT`], in its order.
fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let (
        id,
        name,
        topic,
        push_endpoint,
        Milliseconds(ack_deadline),
        Milliseconds(min),
        Milliseconds(max),
        dead_letter_topic,
        max_attempts,
        ordered,
        filter,
        Milliseconds(period),
        acked,
        StoredWrapping(wrapping),
    ) = row.try_into()?;
    let policy = |(topic, max_attempts)| DeadLetterPolicy {
        topic,
        max_attempts,
    };
    let settings = Subscription {
        name,
        topic,
        push_endpoint,
        wrapping,
        ack_deadline,
        backoff: Backoff { min, max },
        dead_letters: Option::zip(dead_letter_topic, max_attempts).map(policy),
        ordered,
        filter,
        retention: Retention { period, acked },
    };
    Ok(Stored { id, settings })
}
