//! What Stripe's answers mean.

use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::provider::ProviderError;

/// What Stripe says to a call that it has decided.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply<T = Object> {
    /// The object as it stands now.
    Object(T),
    /// The card, or its bank, refuses: a slug such as `insufficient_funds`.
    Declined(String),
    /// The object stands otherwise than the call asks for, and was left alone.
    OtherState,
    /// What the order says cannot be paid: no such method, an amount out of range.
    CannotBePaid(String),
}

/// A payment intent, or a refund.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) status: Standing,
}

/// The refunds of an intent.
#[derive(Deserialize)]
pub(super) struct Refunds {
    pub(super) data: Vec<Object>,
}

/// How an intent or a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    Succeeded,
    Canceled,
    Processing,
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Pending,
    Failed,
    #[serde(other)]
    Unknown,
}

#[derive(Default, Deserialize)]
struct Failed {
    #[serde(default)]
    error: Fault,
}

#[derive(Default, Deserialize)]
struct Fault {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
}

/// An answer that decides nothing, or that an operator has to see to. Stripe's own sentence is left
/// out: it repeats what it was sent.
#[derive(Debug, thiserror::Error)]
#[error("Stripe answers {status}: {slugs}")]
struct Answered {
    status: u16,
    slugs: String,
}

/// Parameters that an order brings.
const OF_THE_ORDER: [&str; 3] = ["payment_method", "amount", "currency"];
/// Slugs that say that there is nothing to do any more, or not now.
const OTHER_STATE: [&str; 2] = ["payment_intent_unexpected_state", "charge_already_refunded"];

/// Reads an answer. Only a 2xx, a 402 and two kinds of 400 decide anything.
pub(super) fn read<T: DeserializeOwned>(
    status: StatusCode,
    body: &[u8],
) -> Result<Reply<T>, ProviderError> {
    if status.is_success() {
        let object = serde_json::from_slice(body);
        return object
            .map(Reply::Object)
            .map_err(|error| ProviderError::Unavailable(error.into()));
    }
    let Failed { error } = serde_json::from_slice(body).unwrap_or_default();
    let is = |known: &[&str], it: &Option<String>| {
        it.as_deref().is_some_and(|slug| known.contains(&slug))
    };
    let is_request = is(&["invalid_request_error"], &error.kind);
    match status.as_u16() {
        402 => Ok(Reply::Declined(error.slug())),
        400 if is(&OTHER_STATE, &error.code) => Ok(Reply::OtherState),
        400 if is_request && is(&OF_THE_ORDER, &error.param) => {
            Ok(Reply::CannotBePaid(error.slug()))
        }
        // The first call under this key is still at work, or others change the same object; too many
        // calls; Stripe does not know itself.
        408 | 409 | 424 | 425 | 429 | 500..=599 => {
            Err(ProviderError::Unavailable(error.answered(status).into()))
        }
        _ => Err(ProviderError::Refused(error.answered(status).into())),
    }
}

impl Fault {
    /// What it says, in a word.
    fn slug(&self) -> String {
        let slug = self.decline_code.as_ref().or(self.code.as_ref());
        slug.map_or_else(|| "declined".to_owned(), Clone::clone)
    }

    fn answered(&self, status: StatusCode) -> Answered {
        let slugs = [&self.kind, &self.code, &self.param].into_iter().flatten();
        let slugs: Vec<&str> = slugs.map(String::as_str).collect();
        Answered {
            status: status.as_u16(),
            slugs: slugs.join(" "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> String {
        match read::<Object>(StatusCode::from_u16(status).unwrap(), body.as_bytes()) {
            Ok(reply) => format!("{reply:?}"),
            Err(ProviderError::Unavailable(cause)) => format!("unknown: {cause}"),
            Err(ProviderError::Pending(cause)) => format!("later: {cause}"),
            Err(ProviderError::Refused(cause)) => format!("operator: {cause}"),
        }
    }

    #[test]
    fn each_answer_means_this() {
        let card = r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"Your card"}}"#;
        let state = r#"{"error":{"type":"invalid_request_error","code":"payment_intent_unexpected_state"}}"#;
        let method = r#"{"error":{"type":"invalid_request_error","code":"resource_missing","param":"payment_method","message":"No such 'pm_x'"}}"#;
        let reused =
            r#"{"error":{"type":"idempotency_error","message":"Keys for idempotent requests"}}"#;
        let in_use =
            r#"{"error":{"type":"invalid_request_error","code":"idempotency_key_in_use"}}"#;
        let ours = r#"{"error":{"type":"invalid_request_error","code":"parameter_unknown","param":"metdata"}}"#;
        let table = [
            (200, r#"{"id":"pi_1","status":"succeeded"}"#),
            (200, r#"{"id":"pi_1","status":"something_new"}"#),
            (200, "{}"),
            (200, "<html>"),
            (302, ""),
            (400, state),
            (400, method),
            (400, reused),
            (400, ours),
            (
                401,
                r#"{"error":{"type":"invalid_request_error","message":"Invalid API Key: sk_test_1"}}"#,
            ),
            (402, card),
            (402, ""),
            (403, ""),
            (
                404,
                r#"{"error":{"type":"invalid_request_error","code":"resource_missing","param":"intent"}}"#,
            ),
            (409, in_use),
            (429, r#"{"error":{"code":"lock_timeout"}}"#),
            (500, r#"{"error":{"type":"api_error"}}"#),
            (503, "<html>"),
        ];
        let lines = table.map(|(status, body)| format!("{status}: {}", said(status, body)));
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn every_status_without_a_word_is_settled_and_only_402_decides_among_them() {
        let decided = (100..=999).filter(|status| {
            let status = StatusCode::from_u16(*status).unwrap();
            read::<Object>(status, b"").is_ok()
        });
        assert_eq!(decided.collect::<Vec<u16>>(), [402]);
        let later = (100..=999).filter(|status| said(*status, "").starts_with("unknown"));
        let later: Vec<u16> = later
            .filter(|status| !(200..300).contains(status))
            .collect();
        let server: Vec<u16> = (500..600).collect();
        assert_eq!(later, [&[408, 409, 424, 425, 429][..], &server].concat());
    }
}
