//! Who may push: checked by Cloud Run at its edge, or here.

use std::sync::Arc;

use fanout_runtime::BoxError;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;

use super::push_keys::PushKeys;

/// How far Google's clock and this one may be apart.
const CLOCK_SKEW_SECONDS: u64 = 10;

/// Checks that a push comes from the subscription it should come from: here, unless Cloud Run's edge
/// has, or nothing needs to on a developer's machine.
#[derive(Clone)]
pub struct PushAuth(Option<Arc<Oidc>>);

struct Oidc {
    keys: Arc<PushKeys>,
    asks: Validation,
    service_account: String,
}

/// What is read of a token whose signature, issuer, audience and expiry are right.
#[derive(Deserialize)]
struct Claims {
    email: Option<String>,
    email_verified: Option<bool>,
}

/// Why a push is refused.
#[derive(Debug, thiserror::Error)]
pub enum PushAuthError {
    /// No bearer token.
    #[error("the push carries no bearer token")]
    Missing,
    /// Not signed by Google, expired, or for another audience.
    #[error("the push's token is not valid")]
    Invalid(#[source] BoxError),
    /// A good token of another identity.
    #[error("the push's token belongs to another identity")]
    SomebodyElse,
    /// Google's keys cannot be fetched now.
    #[error("the keys that sign tokens cannot be fetched")]
    Unavailable(#[source] BoxError),
}

impl PushAuth {
    /// Trusts Cloud Run's edge: the service must not allow unauthenticated callers.
    pub fn iam() -> Self {
        Self(None)
    }

    /// Lets every caller push. For the local runner and tests: no setting of a service leads here.
    pub fn open_for_one_machine() -> Self {
        Self(None)
    }

    /// Verifies signature, issuer, audience and expiry, and that the token is `service_account`'s
    /// with its e-mail verified. `keys_url`: where the signing keys are, for tests.
    pub fn oidc(audience: &str, service_account: &str, keys_url: Option<&str>) -> Self {
        let mut asks = Validation::new(Algorithm::RS256);
        asks.set_issuer(&["https://accounts.google.com", "accounts.google.com"]);
        asks.set_audience(&[audience]);
        asks.set_required_spec_claims(&["exp", "iss", "aud"]);
        asks.leeway = CLOCK_SKEW_SECONDS;
        Self(Some(Arc::new(Oidc {
            keys: PushKeys::at(keys_url),
            asks,
            service_account: service_account.to_owned(),
        })))
    }

    /// Checks a request's `Authorization`.
    pub async fn check(&self, headers: &HeaderMap) -> Result<(), PushAuthError> {
        match &self.0 {
            None => Ok(()),
            Some(oidc) => oidc.check(headers).await,
        }
    }
}

impl Oidc {
    async fn check(&self, headers: &HeaderMap) -> Result<(), PushAuthError> {
        let token = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(PushAuthError::Missing)?;
        let header = decode_header(token).map_err(invalid)?;
        if !self.asks.algorithms.contains(&header.alg) {
            return Err(PushAuthError::Invalid("it is signed in another way".into()));
        }
        let id = header.kid.unwrap_or_default();
        let key = self.keys.find(&id).await?;
        let claims: Claims = decode(token, &key, &self.asks).map_err(invalid)?.claims;
        let email = claims.email.as_deref();
        if claims.email_verified == Some(true) && email == Some(&*self.service_account) {
            Ok(())
        } else {
            Err(PushAuthError::SomebodyElse)
        }
    }
}

fn invalid(error: jsonwebtoken::errors::Error) -> PushAuthError {
    PushAuthError::Invalid(error.into())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[tokio::test]
    async fn a_token_that_is_signed_in_another_way_is_refused_before_keys_are_asked_for() {
        let nowhere = Some("http://127.0.0.1:1/keys");
        let auth = PushAuth::oidc("https://example.com", "push@example.com", nowhere);
        // {"alg":"HS256"} and {}
        let token = HeaderValue::from_static("Bearer eyJhbGciOiJIUzI1NiJ9.e30.AA");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, token)]);
        let refused = auth.check(&headers).await;
        assert!(
            matches!(refused, Err(PushAuthError::Invalid(_))),
            "{refused:?}"
        );
    }
}
