//! Reading request bodies, with errors that say where and never show a value.

use axum::body::{Body, Bytes};
use fanout_events::PersonName;
use fanout_web::{FieldError, Problem, both, is_encoded, media_type, read_body, read_json_object};
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
        let otherwise = Problem::not_json_media().into();
        let body = read_plain(headers, body, takes, otherwise).await?;
        let UserFields { email, name } = read_json_object(&body)?;
        let email = required("email", email, Address::parse);
        let fields = both(email, required("name", name, PersonName::parse));
        let (email, name) = fields.map_err(Problem::invalid_fields)?;
        Ok(Self { email, name })
    }
}

impl Changes {
    /// Reads the body of `PATCH /users/{id}`: any of the fields.
    pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, ApiError> {
        let takes = |media: &str| CHANGE_MEDIA.split(", ").any(|known| known == media);
        let body = read_plain(headers, body, takes, ApiError::NotMergePatch).await?;
        let UserFields { email, name } = read_json_object(&body)?;
        let email = checked("email", email, Address::parse);
        let fields = both(email, checked("name", name, PersonName::parse));
        let (email, name) = fields.map_err(Problem::invalid_fields)?;
        Ok(Self { email, name })
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

/// A field, if it is there.
fn checked<T, E: ToString>(
    field: &'static str,
    value: Option<&RawValue>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, FieldError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let text: Result<String, _> = serde_json::from_str(value.get());
    let text = text.map_err(|_| FieldError::new(field, "must be text"))?;
    let parsed = parse(&text).map_err(|reason| FieldError::new(field, reason.to_string()))?;
    Ok(Some(parsed))
}

/// A field that must be there.
fn required<T, E: ToString>(
    field: &'static str,
    value: Option<&RawValue>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, FieldError> {
    checked(field, value, parse)?.ok_or_else(|| FieldError::new(field, "is required"))
}
