//! Reading request bodies, with errors that say where and never show a value.

use axum::body::{Body, Bytes};
use fanout_events::PersonName;
use fanout_web::{FieldError, is_encoded, media_type, read_body, read_json_object};
use http::HeaderMap;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::MAX_BODY_BYTES;
use crate::address::Address;
use crate::api_error::{ApiError, CHANGE_MEDIA};
use crate::user::Changes;

/// The fields that a body can have, whatever is in them; others are ignored.
#[derive(Deserialize)]
struct UserFields<'a> {
    #[serde(borrow, default, deserialize_with = "given")]
    email: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    name: Option<&'a RawValue>,
}

/// A field that is there, if only as `null`.
fn given<'de, D: Deserializer<'de>>(field: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(field).map(Some)
}

pub(crate) struct SignUp {
    pub(crate) email: Address,
    pub(crate) name: PersonName,
}

impl SignUp {
    /// Reads the body of `POST /users`: both fields, or every fault at once.
    pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, ApiError> {
        let takes = |media: &str| {
            let json = media == "application/json" || media.ends_with("+json");
            json && !media.ends_with("patch+json")
        };
        let body = read_plain(headers, body, takes, ApiError::NotJsonMedia).await?;
        let fields = read_json_object::<UserFields<'_>>(&body)?;
        let mut faults = Faults::default();
        let (no_email, no_name) = (fields.email.is_none(), fields.name.is_none());
        let changes = fields.check(&mut faults);
        for (field, missing) in [("email", no_email), ("name", no_name)] {
            if missing {
                faults.add(field, "is required");
            }
        }
        match (changes.email, changes.name) {
            (Some(email), Some(name)) if faults.0.is_empty() => Ok(Self { email, name }),
            _ => Err(faults.into()),
        }
    }
}

impl Changes {
    /// Reads the body of `PATCH /users/{id}`: any of the fields.
    pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, ApiError> {
        let takes = |media: &str| CHANGE_MEDIA.split(", ").any(|known| known == media);
        let body = read_plain(headers, body, takes, ApiError::NotMergePatch).await?;
        let mut faults = Faults::default();
        let changes = read_json_object::<UserFields<'_>>(&body)?.check(&mut faults);
        if faults.0.is_empty() {
            Ok(changes)
        } else {
            Err(faults.into())
        }
    }
}

/// The body of a request that says of it what it should.
async fn read_plain(
    headers: &HeaderMap,
    body: Body,
    takes: impl Fn(&str) -> bool,
    otherwise: ApiError,
) -> Result<Bytes, ApiError> {
    if !media_type(headers).is_some_and(|media| takes(&media)) {
        return Err(otherwise);
    }
    if is_encoded(headers) {
        return Err(ApiError::Encoded);
    }
    Ok(read_body(body, MAX_BODY_BYTES).await?)
}

/// What is wrong with a body's fields.
#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn add(&mut self, field: &'static str, message: impl ToString) {
        self.0.push(FieldError::new(field, message.to_string()));
    }

    /// A field, if it is there and valid; else its fault is added.
    fn check<T, E: ToString>(
        &mut self,
        field: &'static str,
        value: Option<&RawValue>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text: Result<String, _> = serde_json::from_str(value?.get());
        match text.map(|text| parse(&text)) {
            Ok(Ok(parsed)) => return Some(parsed),
            Ok(Err(reason)) => self.add(field, reason),
            Err(_) => self.add(field, "must be text"),
        }
        None
    }
}

impl From<Faults> for ApiError {
    fn from(mut faults: Faults) -> Self {
        faults.0.sort_by_key(|fault| fault.field);
        Self::Invalid(faults.0)
    }
}

impl UserFields<'_> {
    /// The fields that are there and valid; the others' faults are added.
    fn check(self, faults: &mut Faults) -> Changes {
        Changes {
            email: faults.check("email", self.email, Address::parse),
            name: faults.check("name", self.name, PersonName::parse),
        }
    }
}
