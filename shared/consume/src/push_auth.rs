//! Who may push: checked by Cloud Run at its edge, or here.

use std::str::FromStr;
use std::sync::Arc;

use fanout_runtime::BoxError;
use google_cloud_auth::credentials::idtoken::verifier::{Builder, Verifier};
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The `PUSH_AUTH` setting. There is no default and no `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushAuthMode {
    /// Cloud Run's edge has checked the token (`run.invoker`) before the request gets here.
    Iam,
    /// This process checks the token itself.
    Oidc,
}

/// Checks that a push comes from the subscription it should come from.
#[derive(Clone)]
pub struct PushAuth(Check);

#[derive(Clone)]
enum Check {
    /// Somebody else has checked: Cloud Run's edge, or nobody on a developer's machine.
    Trusted,
    Oidc(Arc<Oidc>),
}

struct Oidc {
    /// Asked by one at a time: its cache of keys refuses whoever finds it locked.
    verifier: tokio::sync::Mutex<Verifier>,
    service_account: String,
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

impl FromStr for PushAuthMode {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        match value {
            "iam" => Ok(Self::Iam),
            "oidc" => Ok(Self::Oidc),
            other => Err(format!("`{other}` is neither `iam` nor `oidc`")),
        }
    }
}

impl PushAuth {
    /// Trusts Cloud Run's edge: the service must not allow unauthenticated callers.
    pub fn iam() -> Self {
        Self(Check::Trusted)
    }

    /// Lets everybody push. For the local runner and tests: no setting of a service leads here.
    pub fn open_for_one_machine() -> Self {
        Self(Check::Trusted)
    }

    /// Verifies signature, issuer, audience and expiry, and that the token is `service_account`'s
    /// with its e-mail verified. `keys_url`: where the signing keys are, for tests.
    pub fn oidc(audience: &str, service_account: &str, keys_url: Option<&str>) -> Self {
        let mut builder = Builder::new([audience]);
        if let Some(url) = keys_url {
            builder = builder.with_jwks_url(url);
        }
        Self(Check::Oidc(Arc::new(Oidc {
            verifier: builder.build().into(),
            service_account: service_account.to_owned(),
        })))
    }

    /// Checks a request's `Authorization`.
    pub async fn check(&self, headers: &HeaderMap) -> Result<(), PushAuthError> {
        match &self.0 {
            Check::Trusted => Ok(()),
            Check::Oidc(oidc) => oidc.check(headers).await,
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
        let verified = self.verifier.lock().await.verify(token).await;
        let claims = verified.map_err(refusal)?;
        let verified = claims
            .get("email_verified")
            .and_then(serde_json::Value::as_bool);
        let email = claims.get("email").and_then(serde_json::Value::as_str);
        if verified == Some(true) && email == Some(self.service_account.as_str()) {
            Ok(())
        } else {
            Err(PushAuthError::SomebodyElse)
        }
    }
}

/// A key that is not among Google's is the token's fault; keys that cannot be fetched are not.
fn refusal(error: google_cloud_auth::credentials::idtoken::verifier::Error) -> PushAuthError {
    let cause = std::error::Error::source(&error);
    let transient = cause
        .and_then(|cause| cause.downcast_ref::<google_cloud_auth::errors::CredentialsError>())
        .is_some_and(google_cloud_auth::errors::CredentialsError::is_transient);
    if error.is_load_cert() && transient {
        PushAuthError::Unavailable(error.into())
    } else {
        PushAuthError::Invalid(error.into())
    }
}
