//! Identity tokens of service accounts, from Google's IAM Credentials API.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::google_api::{GoogleApi, GoogleApiError};

/// Where the API is.
pub const IAM_CREDENTIALS_URL: &str = "https://iamcredentials.googleapis.com";
/// How long a token is used. Google's live for an hour.
const USED_FOR: Duration = Duration::from_secs(30 * 60);

/// The token of one account for one audience, made when needed and made anew before it expires.
pub(crate) struct IdentityToken {
    iam: GoogleApi,
    pub(crate) account: String,
    audience: String,
    made: Mutex<Option<(Instant, String)>>,
}

impl IdentityToken {
    /// Made by the API as whoever its credentials say.
    pub(crate) fn of(iam: &GoogleApi, account: &str, audience: &str) -> Self {
        Self {
            iam: iam.clone(),
            account: account.to_owned(),
            audience: audience.to_owned(),
            made: Mutex::new(None),
        }
    }

    /// The token, as it goes behind `Bearer`.
    pub(crate) async fn get(&self) -> anyhow::Result<String> {
        let mut made = self.made.lock().await;
        match &*made {
            Some((at, token)) if at.elapsed() < USED_FOR => return Ok(token.clone()),
            Some(_) | None => {}
        }
        let token = self.make().await?;
        *made = Some((Instant::now(), token.clone()));
        Ok(token)
    }

    async fn make(&self) -> anyhow::Result<String> {
        let Self { iam, account, .. } = self;
        let method = format!("{account}:generateIdToken");
        let path = ["v1", "projects", "-", "serviceAccounts", &method];
        let ask = json!({ "audience": self.audience, "includeEmail": true });
        let made: Result<Value, GoogleApiError> = iam.post(&path, &ask).await;
        let failed = match &made {
            Err(GoogleApiError::Refused(StatusCode::FORBIDDEN, _)) => format!(
                "you may not make tokens of {account}: it takes the role roles/iam.serviceAccountOpenIdTokenCreator on that account, which Terraform gives to the members of `operators`"
            ),
            Ok(_) | Err(_) => format!("no identity token of {account} could be made"),
        };
        let made = made.with_context(|| failed.clone())?;
        made["token"].as_str().map(str::to_owned).context(failed)
    }
}
