//! `Idempotency-Key`: a request that is sent again is not done again.
//!
//! The key's record is one more write of the commit that does the request, so there is no moment at
//! which one exists without the other, and no state between "not done" and "done":
//!
//! - Two requests with one key at once both commit; the record can be created once only, so one of
//!   them gets a conflict, finds the other's record, and answers what the other answered.
//! - A request whose answer was lost (the connection broke, the process died, the store's answer
//!   did not arrive and the caller got a 503) has either stored both or neither. Sent again, it
//!   finds the record or is done. A record of its own for "under way" would have to be cleaned up
//!   after a crash, and would refuse repeats until then.
//!
//! Only what was done is remembered. After a 4xx nothing was stored, and the repeat is judged anew.
//!
//! The record holds nothing personal: a repeat has to bring the same fields, so the first answer is
//! made from those and what the record names.

use chrono::TimeDelta;
use fanout_runtime::Timestamp;
use fanout_store::{
    Collection, Document, Fields, Key, MalformedDocument, Precondition, UpdateTime, Write,
};
use http::{HeaderMap, HeaderName, StatusCode};
use sha2::{Digest, Sha256};

use crate::Problem;

/// The collection of records.
pub const IDEMPOTENCY_KEYS: &Collection = &Collection::named("idempotency_keys")
    .no_automatic_indexes()
    .expires_by("expires_at");

/// The header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest `Idempotency-Key`.
pub const MAX_KEY_LENGTH: usize = 255;

/// How long a key is remembered.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// A request that can be recognised: by its key, and by what it asks.
pub struct Repeatable {
    key: Key,
    fingerprint: String,
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Remembered {
    /// This very request was done then; it made what has this id.
    Same {
        /// Of what it made.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// Another request was done under this key.
    Another,
    /// The key's time is over; its record can be replaced if it still has this version.
    Expired(UpdateTime),
}

/// The header is there twice, or is not 1 to 255 printable ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Idempotency-Key is not usable")]
pub struct InvalidIdempotencyKey;

impl Problem {
    /// 400: the header is there, and is no key.
    pub fn invalid_idempotency_key() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_idempotency_key",
            "The Idempotency-Key is not usable",
            format!("Send it once, with 1 to {MAX_KEY_LENGTH} printable ASCII characters."),
        )
    }

    /// 422: another request was done under this key.
    pub fn idempotency_key_reused() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "The Idempotency-Key belongs to another request",
            "A request with other fields was done under this key. Use a new key for each new request.",
        )
    }
}

impl Repeatable {
    /// The request, if it has a key. `asks` is what it asks: a body that is formatted in another way
    /// is the same request. `kind` keeps the keys of one kind of request apart from another's.
    pub fn from(
        headers: &HeaderMap,
        kind: &str,
        asks: &[&str],
    ) -> Result<Option<Self>, InvalidIdempotencyKey> {
        let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let printable = |text: &&str| text.bytes().all(|b| (b' '..=b'~').contains(&b));
        let key = value.to_str().ok().filter(printable);
        match key {
            Some(key) if (1..=MAX_KEY_LENGTH).contains(&key.len()) && values.next().is_none() => {
                Ok(Some(Self::new(key, kind, asks)))
            }
            _ => Err(InvalidIdempotencyKey),
        }
    }

    /// The key in the fingerprint keeps that from telling what was asked.
    fn new(key: &str, kind: &str, asks: &[&str]) -> Self {
        let mut fingerprint = Sha256::new();
        for part in [&[key], asks].into_iter().flatten() {
            fingerprint.update((part.len() as u64).to_be_bytes());
            fingerprint.update(part);
        }
        let id = Sha256::digest(format!("{kind}\n{key}"));
        Self {
            key: Key::new(IDEMPOTENCY_KEYS, &hex::encode(id)),
            fingerprint: hex::encode(fingerprint.finalize()),
        }
    }

    /// Where the record is.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Remembers that the request made what has this id. `expired` is the record to replace.
    pub fn remember(&self, id: &str, at: Timestamp, expired: Option<UpdateTime>) -> Write {
        let record = Fields::new()
            .with("fingerprint", self.fingerprint.as_str())
            .with("made", id)
            .with("created_at", at)
            .with("expires_at", at + KEPT);
        let precondition = expired.map_or(Precondition::Absent, Precondition::UpdatedAt);
        Write::set(self.key.clone(), record).only_if(precondition)
    }

    /// What a record says about this request.
    pub fn compare(
        &self,
        record: &Document,
        now: Timestamp,
    ) -> Result<Remembered, MalformedDocument> {
        let fields = &record.fields;
        if fields.timestamp("expires_at")? <= now {
            return Ok(Remembered::Expired(record.update_time));
        }
        if fields.text("fingerprint")? != self.fingerprint {
            return Ok(Remembered::Another);
        }
        Ok(Remembered::Same {
            id: fields.text("made")?.to_owned(),
            at: fields.timestamp("created_at")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use fanout_store::Content;

    use super::*;

    #[test]
    fn what_moves_from_one_field_into_the_next_makes_another_request() {
        let one = Repeatable::new("key", "users", &["a@b.co", "mX"]);
        let other = Repeatable::new("key", "users", &["a@b.com", "X"]);
        assert_eq!(one.key, other.key);
        assert_ne!(one.fingerprint, other.fingerprint);
    }

    #[test]
    fn one_key_serves_requests_of_two_kinds() {
        let keys = ["users", "orders"].map(|kind| Repeatable::new("key", kind, &[]).key);
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn a_record_is_made_where_there_is_none_and_replaced_only_as_the_one_that_has_expired() {
        let repeatable = Repeatable::new("key", "users", &["ada@example.com", "Ada"]);
        for (expired, expected) in [
            (None, Precondition::Absent),
            (Some(UpdateTime(7)), Precondition::UpdatedAt(UpdateTime(7))),
        ] {
            let record = repeatable.remember("usr_1", Timestamp::UNIX_EPOCH, expired);
            assert_eq!(
                (&record.key, record.precondition),
                (repeatable.key(), expected)
            );
        }
    }

    #[test]
    fn a_request_is_remembered_for_a_day() {
        let made = Timestamp::UNIX_EPOCH;
        let repeatable = Repeatable::new("key", "users", &["ada@example.com", "Ada"]);
        let Content::Set(fields) = repeatable.remember("usr_1", made, None).content else {
            panic!("a record is set");
        };
        let record = Document {
            key: repeatable.key().clone(),
            fields,
            update_time: UpdateTime(7),
        };
        let day = TimeDelta::hours(24);
        let before = made + day - TimeDelta::milliseconds(1);
        let id = "usr_1".to_owned();
        let same = repeatable.compare(&record, before).unwrap();
        assert_eq!(same, Remembered::Same { id, at: made });
        let expired = repeatable.compare(&record, made + day).unwrap();
        assert_eq!(expired, Remembered::Expired(UpdateTime(7)));
        let other = Repeatable::new("key", "users", &["ada@example.com", "Bob"]);
        assert_eq!(other.compare(&record, before), Ok(Remembered::Another));
    }
}
