//! Reading bodies, with errors that say where and never show a value.

use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use fanout_contracts::Currency;
use fanout_events::is_identifier;
use fanout_outbox::Origin;
use fanout_web::{FieldError, Problem, RequestContext, read_json_body, read_json_object};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api_error::ApiError;
use crate::moment::{self, start_of};
use crate::{Movement, Refusal};

/// The largest request body.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The longest amount, in characters: more than any has.
const LONGEST_AMOUNT: usize = 64;

/// The fields that a body can have, whatever is in them; others are ignored, and `null` is as good
/// as none. Numbers stay text: an amount is read to its last digit.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    owner: Option<Box<RawValue>>,
    currency: Option<Box<RawValue>>,
    amount: Option<Box<RawValue>>,
    effective_at: Option<Box<RawValue>>,
    from: Option<Box<RawValue>>,
    to: Option<Box<RawValue>>,
    sequence: Option<Box<RawValue>>,
}

/// A body, and what is wrong with it.
pub(crate) struct Request {
    fields: Fields,
    faults: Vec<FieldError>,
}

impl Request {
    /// Reads a body that is a JSON object.
    pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, ApiError> {
        let body = read_json_body(headers, body, MAX_BODY_BYTES).await?;
        let fields = read_json_object(&body).map_err(|at| {
            Problem::not_json(at, "a JSON object in which each field occurs at most once")
        })?;
        let faults = Vec::new();
        Ok(Self { fields, faults })
    }

    pub(crate) fn owner(&mut self) -> Option<String> {
        let owner = self.fields.owner.take();
        self.identifier("owner", owner)
    }

    pub(crate) fn from(&mut self) -> Option<String> {
        let from = self.fields.from.take();
        self.identifier("from", from)
    }

    /// The account that receives, which must be another one than the one that sends.
    pub(crate) fn to(&mut self, from: Option<&str>) -> Option<String> {
        let to = self.fields.to.take();
        let to = self.identifier("to", to)?;
        if from == Some(to.as_str()) {
            self.wrong("to", "must be another account than `from`");
            return None;
        }
        Some(to)
    }

    /// The currency, which must be there.
    pub(crate) fn currency(&mut self) -> Option<Currency> {
        if self.fields.currency.is_none() {
            self.wrong("currency", "is required");
        }
        self.optional_currency()
    }

    fn optional_currency(&mut self) -> Option<Currency> {
        let given = self.fields.currency.take()?;
        match text(&given).unwrap_or_default().parse() {
            Ok(currency) => Some(currency),
            Err(fault) => {
                self.wrong("currency", fault.to_string());
                None
            }
        }
    }

    /// How much is to move. Whether that is an amount, the account's currency says.
    pub(crate) fn movement(&mut self) -> Option<Movement> {
        let (currency, effective_at) = (self.optional_currency(), self.effective_at());
        let Some(given) = self.fields.amount.take() else {
            self.wrong("amount", "is required");
            return None;
        };
        let amount = text(&given).unwrap_or_else(|| given.get().to_owned());
        if amount.len() > LONGEST_AMOUNT {
            self.wrong("amount", "is too long");
            return None;
        }
        Some(Movement {
            amount,
            currency,
            effective_at,
        })
    }

    /// A value date is the begin of its day, so that it counts on that day.
    pub(crate) fn effective_at(&mut self) -> Option<fanout_runtime::Timestamp> {
        let given = self.fields.effective_at.take()?;
        let time = text(&given).as_deref().and_then(start_of);
        if time.is_none() {
            self.wrong("effective_at", moment::MUST_BE);
        }
        time
    }

    /// The place of an event.
    pub(crate) fn sequence(&mut self) -> Option<u64> {
        let given = self.fields.sequence.take();
        let sequence = given.and_then(|given| given.get().parse().ok());
        let sequence = sequence.filter(|sequence| *sequence > 0);
        if sequence.is_none() {
            self.wrong("sequence", "must be a whole number from 1");
        }
        sequence
    }

    fn identifier(&mut self, field: &'static str, given: Option<Box<RawValue>>) -> Option<String> {
        let Some(given) = given else {
            self.wrong(field, "is required");
            return None;
        };
        let id = text(&given).filter(|id| is_identifier(id));
        if id.is_none() {
            self.wrong(
                field,
                "must have 1 to 128 characters, each a letter, a digit or one of `_-.:/`",
            );
        }
        id
    }

    fn wrong(&mut self, field: &'static str, message: impl Into<String>) {
        self.faults.push(FieldError::new(field, message));
    }

    /// What was read, if nothing was wrong: all faults at once otherwise.
    pub(crate) fn complete<T>(self, read: Option<T>) -> Result<T, ApiError> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            Some(_) | None => Err(ApiError::Unusable(Problem::invalid_fields(self.faults))),
        }
    }
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

impl Movement {
    /// All that is asked, for recognising a repeat.
    pub(crate) fn asks(&self) -> [String; 3] {
        let currency = self.currency.map(Currency::code).unwrap_or_default();
        let time = self.effective_at.map(|time| time.to_rfc3339());
        [
            self.amount.clone(),
            currency.to_owned(),
            time.unwrap_or_default(),
        ]
    }
}

/// The id in a path. One that names nothing is no account's.
pub(crate) fn account_id(path: Result<Path<String>, PathRejection>) -> Result<String, ApiError> {
    let id = path.ok().map(|Path(id)| id);
    let id = id.filter(|id| is_identifier(id));
    Ok(id.ok_or(Refusal::NoSuchAccount)?)
}

/// What the events of a request came of.
pub(crate) fn origin(context: RequestContext) -> Origin {
    Origin {
        correlation_id: Some(context.correlation_id),
        causation_id: None,
        trace: context.trace,
    }
}
