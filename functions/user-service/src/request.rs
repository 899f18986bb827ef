//! Reading request bodies, with errors that say where and never show a value.

use std::collections::HashSet;
use std::fmt;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use fanout_events::PersonName;
use fanout_web::FieldError;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::address::Address;
use crate::api_error::ApiError;
use crate::ignored_json::{IgnoredJson, key_twice};
use crate::user::Changes;

/// The fields that a body can have; others are ignored, but not what is wrong with their JSON.
///
/// Read by hand, because serde's derived reading also takes an array, and a field that is null for
/// one that is absent, and does not see a key of somebody else's that occurs twice.
#[derive(Default)]
struct UserFields {
    email: Option<String>,
    name: Option<String>,
}

/// Who signs up.
pub(crate) struct SignUp {
    pub(crate) email: Address,
    pub(crate) name: PersonName,
}

impl SignUp {
    /// Reads the body of `POST /users`: both fields, or every fault at once.
    pub(crate) fn read(
        headers: &HeaderMap,
        body: Result<Bytes, BytesRejection>,
    ) -> Result<Self, ApiError> {
        let fields = UserFields::read(headers, body)?;
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
    pub(crate) fn read(
        headers: &HeaderMap,
        body: Result<Bytes, BytesRejection>,
    ) -> Result<Self, ApiError> {
        let mut faults = Faults::default();
        let changes = UserFields::read(headers, body)?.check(&mut faults);
        match faults.0.is_empty() {
            true => Ok(changes),
            false => Err(faults.into()),
        }
    }
}

/// What is wrong with a body's fields.
#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn add(&mut self, field: &'static str, message: impl ToString) {
        let message = message.to_string();
        self.0.push(FieldError { field, message });
    }
}

impl From<Faults> for ApiError {
    fn from(mut faults: Faults) -> Self {
        faults.0.sort_by_key(|fault| fault.field);
        Self::Invalid(faults.0)
    }
}

impl UserFields {
    /// A JSON object. serde's own messages are not passed on: they quote what they found.
    fn read(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Self, ApiError> {
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .map(|value| value.trim().to_ascii_lowercase());
        let json = |media: &str| media == "application/json" || media.ends_with("+json");
        if !content_type.is_some_and(|media| json(&media)) {
            return Err(ApiError::NotJsonMedia);
        }
        let body = body.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge,
            _ => ApiError::BodyIncomplete,
        })?;
        serde_json::from_slice(&body).map_err(|error| ApiError::NotJson {
            line: error.line(),
            column: error.column(),
        })
    }

    /// The fields that are there and valid; the others' faults are added.
    fn check(self, faults: &mut Faults) -> Changes {
        let email = self.email.map(|text| Address::parse(&text));
        let name = self.name.map(|text| PersonName::parse(&text));
        Changes {
            email: email.and_then(|it| it.map_err(|reason| faults.add("email", reason)).ok()),
            name: name.and_then(|it| it.map_err(|reason| faults.add("name", reason)).ok()),
        }
    }
}

impl<'de> Deserialize<'de> for UserFields {
    fn deserialize<D: Deserializer<'de>>(body: D) -> Result<Self, D::Error> {
        body.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = UserFields;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<UserFields, A::Error> {
        let mut fields = UserFields::default();
        let mut seen = HashSet::new();
        while let Some(name) = object.next_key::<String>()? {
            match name.as_str() {
                "email" => fields.email = Some(object.next_value()?),
                "name" => fields.name = Some(object.next_value()?),
                _ => {
                    object.next_value::<IgnoredJson>()?;
                }
            }
            if !seen.insert(name) {
                return Err(key_twice());
            }
        }
        Ok(fields)
    }
}
