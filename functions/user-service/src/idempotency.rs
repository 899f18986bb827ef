//! `Idempotency-Key`: a sign-up that is sent again is not done again.
//!
//! The key's record is one more write of the commit that stores the user, so there is no moment at
//! which one exists without the other, and no state between "not done" and "done":
//!
//! - Two requests with one key at once both commit; the record can be created once only, so one of
//!   them gets a conflict, finds the other's record, and answers what the other answered.
//! - A request whose answer was lost (the connection broke, the process died, the store's answer
//!   did not arrive and the caller got a 503) has either stored both or neither. Sent again, it
//!   finds the record or signs the user up. A record of its own for "under way" would have to be
//!   cleaned up after a crash, and would refuse repeats until then.
//!
//! `request_in_progress` is left for the one case in which a request learns nothing: the store let
//! it through neither to the commit nor to a record, because others were writing the same documents
//! all the time.
//!
//! Only sign-ups are remembered. After a 4xx nothing was stored, and the repeat is judged anew.
//!
//! The record holds nothing personal: a repeat has to bring the same fields, so the first answer
//! is made from those and the record's id and time.

use chrono::TimeDelta;
use fanout_runtime::Timestamp;
use fanout_store::{
    Collection, Document, Fields, Key, MalformedDocument, Precondition, UpdateTime, Write,
};
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use crate::MAX_KEY_LENGTH;
use crate::api_error::ApiError;
use crate::request::SignUp;
use crate::user::User;

/// The collection of records.
pub const IDEMPOTENCY_KEYS: &Collection =
    &Collection::named("idempotency_keys").expires_by("expires_at");

/// The header.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How long a key is remembered.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// A request that can be recognised: by its key, and by what it asks.
pub(crate) struct Repeatable {
    key: Key,
    fingerprint: String,
}

/// What is known of a key.
pub(crate) enum Remembered {
    /// This very request was done: the user that it made.
    Same(User),
    /// Another request was done under this key.
    Another,
    /// The key's time is over; its record can be replaced if it still has this version.
    Expired(UpdateTime),
}

impl Repeatable {
    /// The request's key, if it has one: 1 to 255 printable ASCII characters.
    pub(crate) fn from(headers: &HeaderMap, request: &SignUp) -> Result<Option<Self>, ApiError> {
        let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let printable = |text: &&str| text.bytes().all(|b| (b' '..=b'~').contains(&b));
        let key = value.to_str().ok().filter(printable);
        match key {
            Some(key) if (1..=MAX_KEY_LENGTH).contains(&key.len()) && values.next().is_none() => {
                Ok(Some(Self::new(key, request)))
            }
            _ => Err(ApiError::InvalidIdempotencyKey),
        }
    }

    /// The fingerprint is over the fields as they are read, so that a body that is formatted in
    /// another way is the same request. The key in it keeps the fingerprint from telling who it was.
    fn new(key: &str, request: &SignUp) -> Self {
        let mut fingerprint = Sha256::new();
        for part in [key, request.email.kept().expose(), request.name.expose()] {
            fingerprint.update((part.len() as u64).to_be_bytes());
            fingerprint.update(part);
        }
        Self {
            key: Key::new(IDEMPOTENCY_KEYS, &hex::encode(Sha256::digest(key))),
            fingerprint: hex::encode(fingerprint.finalize()),
        }
    }

    /// Where the record is.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Remembers that the request made this user. `expired` is the record to replace.
    pub(crate) fn remember(&self, user: &User, expired: Option<UpdateTime>) -> Write {
        let record = Fields::new()
            .with("fingerprint", self.fingerprint.as_str())
            .with("user_id", user.id.as_str())
            .with("created_at", user.created_at)
            .with("expires_at", user.created_at + KEPT);
        let precondition = expired.map_or(Precondition::Absent, Precondition::UpdatedAt);
        Write::set(self.key.clone(), record).only_if(precondition)
    }

    /// What a record says about this request.
    pub(crate) fn compare(
        &self,
        request: &SignUp,
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
        let (id, created_at) = (fields.text("user_id")?, fields.timestamp("created_at")?);
        let name = request.name.clone();
        let user = User::new(id.to_owned(), &request.email, name, created_at);
        Ok(Remembered::Same(user))
    }
}

#[cfg(test)]
mod tests {
    use fanout_events::PersonName;

    use fanout_store::Content;

    use super::*;
    use crate::address::Address;

    fn request(email: &str, name: &str) -> SignUp {
        SignUp {
            email: Address::parse(email).unwrap(),
            name: PersonName::parse(name).unwrap(),
        }
    }

    #[test]
    fn what_moves_from_one_field_into_the_next_makes_another_request() {
        let one = Repeatable::new("key", &request("a@b.co", "mX"));
        let other = Repeatable::new("key", &request("a@b.com", "X"));
        assert_eq!(one.key, other.key);
        assert_ne!(one.fingerprint, other.fingerprint);
    }

    #[test]
    fn a_record_is_made_where_there_is_none_and_replaced_only_as_the_one_that_has_expired() {
        let asked = request("ada@example.com", "Ada");
        let user = User::new(
            "usr_1".into(),
            &asked.email,
            asked.name.clone(),
            Timestamp::UNIX_EPOCH,
        );
        let repeatable = Repeatable::new("key", &asked);
        for (expired, expected) in [
            (None, Precondition::Absent),
            (Some(UpdateTime(7)), Precondition::UpdatedAt(UpdateTime(7))),
        ] {
            let record = repeatable.remember(&user, expired);
            assert_eq!(
                (&record.key, record.precondition),
                (repeatable.key(), expected)
            );
        }
    }

    #[test]
    fn a_request_is_remembered_for_a_day() {
        let asked = request("ada@example.com", "Ada");
        let made = Timestamp::UNIX_EPOCH;
        let user = User::new("usr_1".into(), &asked.email, asked.name.clone(), made);
        let repeatable = Repeatable::new("key", &asked);
        let Content::Set(fields) = repeatable.remember(&user, None).content else {
            panic!("a record is set");
        };
        let record = Document {
            key: repeatable.key().clone(),
            fields,
            update_time: UpdateTime(7),
        };
        let day = TimeDelta::hours(24);
        let before = made + day - TimeDelta::milliseconds(1);
        let same = repeatable.compare(&asked, &record, before).unwrap();
        assert!(matches!(same, Remembered::Same(it) if it == user));
        let expired = repeatable.compare(&asked, &record, made + day).unwrap();
        assert!(matches!(expired, Remembered::Expired(UpdateTime(7))));
        let other = Repeatable::new("key", &request("ada@example.com", "Bob"));
        let another = other.compare(&asked, &record, before).unwrap();
        assert!(matches!(another, Remembered::Another));
    }
}
