//! Identity tokens of service accounts, from Google's IAM Credentials API.

use std::time::Duration;

use anyhow::{Context, anyhow};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::google_api::{GoogleApi, GoogleApiError};

/// Where the API is.
pub const IAM_CREDENTIALS_URL: &str = "https://iamcredentials.googleapis.com";
/// How long a token is used. Google's live for an hour.
const USED_FOR: Duration = Duration::from_secs(30 * 60);

/// The API.
#[derive(Clone)]
pub struct IamCredentials {
    api: GoogleApi,
    url: Url,
}

/// The token of one account for one audience, made when needed and made anew before it expires.
pub struct IdentityToken {
    iam: IamCredentials,
    account: String,
    audience: String,
    made: Mutex<Option<(Instant, String)>>,
}

#[derive(Deserialize)]
struct Made {
    token: String,
}

impl IamCredentials {
    /// The API at `url`, called as whoever the credentials of `api` say.
    pub fn new(api: GoogleApi, url: Url) -> Self {
        Self { api, url }
    }

    /// The token of `account` for `audience`.
    pub fn identity_token(&self, account: &str, audience: &str) -> IdentityToken {
        IdentityToken {
            iam: self.clone(),
            account: account.to_owned(),
            audience: audience.to_owned(),
            made: Mutex::new(None),
        }
    }
}

impl IdentityToken {
    /// Whose token it is.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The token, as it goes behind `Bearer`.
    pub async fn get(&self) -> anyhow::Result<String> {
        let mut made = self.made.lock().await;
        if let Some((at, token)) = &*made
            && at.elapsed() < USED_FOR
        {
            return Ok(token.clone());
        }
        let token = self.make().await?;
        *made = Some((Instant::now(), token.clone()));
        Ok(token)
    }

    async fn make(&self) -> anyhow::Result<String> {
        let Self { iam, account, .. } = self;
        let mut url = iam.url.clone();
        let method = format!("{account}:generateIdToken");
        url.path_segments_mut()
            .map_err(|()| anyhow!("{} cannot be called", iam.url))?
            .pop_if_empty()
            .extend(["v1", "projects", "-", "serviceAccounts", &method]);
        let ask = json!({ "audience": self.audience, "includeEmail": true });
        let made: Result<Made, GoogleApiError> = iam.api.post(url, &ask).await;
        let forbidden =
            matches!(&made, Err(error) if error.status() == Some(StatusCode::FORBIDDEN));
        let made = made.with_context(|| if forbidden {
format!(
                "you may not make tokens of {account}: it takes the role roles/iam.serviceAccountOpenIdTokenCreator on that account, which Terraform gives to the members of `operators`"
            )
} else {
format!("no identity token of {account} could be made")
})?;
        Ok(made.token)
    }
}
