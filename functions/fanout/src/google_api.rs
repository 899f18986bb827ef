//! JSON over HTTP as Google's APIs speak it: in Google Cloud with credentials, on an emulator and on
//! the embedded broker without.

use std::time::Duration;

use fanout_runtime::BoxError;
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use http::{Extensions, HeaderMap};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

/// How long a call may take. Publishing 10 MB over a slow line fits in.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// How long getting an access token may take.
const CREDENTIALS_LIMIT: Duration = Duration::from_secs(10);

/// Calls one API.
#[derive(Clone)]
pub struct GoogleApi {
    http: Client,
    credentials: Option<Credentials>,
    /// What to do if nobody answers.
    advice: &'static str,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum GoogleApiError {
    /// No access token.
    #[error("Google Cloud gives no access token: run `gcloud auth application-default login`")]
    Credentials(#[source] BoxError),
    /// No connection: nothing was asked.
    #[error("{host} cannot be reached: {advice}")]
    Unreachable {
        /// Whom.
        host: String,
        /// What to do.
        advice: &'static str,
        /// What the HTTP client says.
        source: reqwest::Error,
    },
    /// No whole answer: what was asked may have been done.
    #[error("{host} gave no answer")]
    NoAnswer {
        /// Whom.
        host: String,
        /// What the HTTP client says.
        source: reqwest::Error,
    },
    /// Another status than 2xx.
    #[error("{message} (status {})", status.as_u16())]
    Refused {
        /// The status.
        status: StatusCode,
        /// The API's own words.
        message: String,
    },
    /// A 2xx with something else than the API answers. Shows nothing of it: it may hold addresses.
    #[error("{host} gave an answer that is not the API's (line {line}, column {column})")]
    Unreadable {
        /// Whom.
        host: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
}

impl GoogleApiError {
    /// Whether what was asked may have been done all the same.
    pub fn may_have_been_done(&self) -> bool {
        match self {
            Self::NoAnswer { .. } | Self::Unreadable { .. } => true,
            Self::Refused { status, .. } => status.is_server_error(),
            Self::Credentials(_) | Self::Unreachable { .. } => false,
        }
    }

    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Credentials(_)
            | Self::Unreachable { .. }
            | Self::NoAnswer { .. }
            | Self::Unreadable { .. } => None,
        }
    }
}

impl GoogleApi {
    /// An API that is called with these credentials, if it wants any. `advice` says what to do if
    /// nobody answers.
    pub fn new(http: Client, credentials: Option<Credentials>, advice: &'static str) -> Self {
        Self {
            http,
            credentials,
            advice,
        }
    }

    /// Reads.
    pub async fn get<A: DeserializeOwned>(&self, url: Url) -> Result<A, GoogleApiError> {
        let request = self.http.request(Method::GET, url.clone());
        self.call(&url, request).await
    }

    /// Calls a method.
    pub async fn post<A: DeserializeOwned>(
        &self,
        url: Url,
        body: &impl Serialize,
    ) -> Result<A, GoogleApiError> {
        let request = self.http.request(Method::POST, url.clone()).json(body);
        self.call(&url, request).await
    }

    async fn call<A: DeserializeOwned>(
        &self,
        url: &Url,
        request: RequestBuilder,
    ) -> Result<A, GoogleApiError> {
        let host = url.origin().ascii_serialization();
        let request = request.headers(self.headers().await?).timeout(CALL_LIMIT);
        let failed = |source: reqwest::Error| {
            let (host, source) = (host.clone(), source.without_url());
            if source.is_connect() || source.is_builder() {
                let advice = self.advice;
                GoogleApiError::Unreachable {
                    host,
                    advice,
                    source,
                }
            } else {
                GoogleApiError::NoAnswer { host, source }
            }
        };
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(failed)?;
        if !status.is_success() {
            let message = refusal(&body, status);
            return Err(GoogleApiError::Refused { status, message });
        }
        // serde_json's own message may show values of the body.
        serde_json::from_slice(&body).map_err(|error| GoogleApiError::Unreadable {
            host,
            line: error.line(),
            column: error.column(),
        })
    }

    async fn headers(&self) -> Result<HeaderMap, GoogleApiError> {
        let Some(credentials) = &self.credentials else {
            return Ok(HeaderMap::new());
        };
        let headers = timeout(CREDENTIALS_LIMIT, credentials.headers(Extensions::new())).await;
        match headers.map_err(|elapsed| GoogleApiError::Credentials(elapsed.into()))? {
            Ok(CacheableResource::New { data, .. }) => Ok(data),
            // Answered only to who names what it has; this does not.
            Ok(CacheableResource::NotModified) => Ok(HeaderMap::new()),
            Err(error) => Err(GoogleApiError::Credentials(error.into())),
        }
    }
}

/// The message in Google's `{"error":{"message"}}`, or the status's name.
fn refusal(body: &[u8], status: StatusCode) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = body.pointer("/error/message").and_then(Value::as_str);
    let name = || status.canonical_reason().unwrap_or("refused");
    message
        .filter(|message| !message.is_empty())
        .unwrap_or_else(name)
        .to_owned()
}
