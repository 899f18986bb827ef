//! JSON over HTTP as Google's APIs speak it: in Google Cloud with credentials, on an emulator and on
//! the embedded broker without. The ticker of `fanout up` speaks it too.

use std::time::Duration;

use fanout_runtime::BoxError;
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use http::{Extensions, HeaderMap};
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use crate::answer::printable;

/// How long a call may take. Publishing 10 MB over a slow line fits in.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// How long getting an access token may take.
const CREDENTIALS_LIMIT: Duration = Duration::from_secs(10);

/// Calls one API.
#[derive(Clone)]
pub struct GoogleApi {
    http: Client,
    base: Url,
    credentials: Option<Credentials>,
    /// What to do where no server answers.
    advice: &'static str,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum GoogleApiError {
    /// No access token.
    #[error("Google Cloud gives no access token: run `gcloud auth application-default login`")]
    Credentials(#[source] BoxError),
    /// No connection to this host, and what to do about it: nothing was asked.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, &'static str, #[source] reqwest::Error),
    /// No whole answer of this host: what was asked may have been done.
    #[error("{0} gave no answer")]
    NoAnswer(String, #[source] reqwest::Error),
    /// Another status than 2xx, and the API's own words.
    #[error("{} (status {})", .1, .0.as_u16())]
    Refused(StatusCode, String),
    /// A 2xx of this host with something else than the API answers. Shows nothing of it: it may hold
    /// addresses.
    #[error("{0} gave an answer that is not the API's")]
    Unreadable(String),
}

impl GoogleApiError {
    /// Whether what was asked may have been done all the same.
    pub fn may_have_been_done(&self) -> bool {
        match self {
            Self::NoAnswer(..) | Self::Unreadable(_) => true,
            Self::Refused(status, _) => status.is_server_error(),
            Self::Credentials(_) | Self::Unreachable(..) => false,
        }
    }

    /// What one of this project's own services has said, without the status that it said it with.
    pub fn in_its_words(self) -> anyhow::Error {
        match self {
            Self::Refused(_, said) => anyhow::anyhow!(said),
            Self::Credentials(_)
            | Self::Unreachable(..)
            | Self::NoAnswer(..)
            | Self::Unreadable(_) => self.into(),
        }
    }
}

impl GoogleApi {
    /// The API at this address, called with these credentials if it wants any. `advice` says what to do
    /// where no server answers.
    pub fn new(
        http: Client,
        base: Url,
        credentials: Option<Credentials>,
        advice: &'static str,
    ) -> Self {
        Self {
            http,
            base,
            credentials,
            advice,
        }
    }

    /// The part of the API below this path.
    pub fn below(mut self, path: &[&str]) -> Self {
        self.base = self.url(path);
        self
    }

    /// Scheme, host and port.
    pub fn host(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Fails for URLs that cannot be a base, such as `mailto:`; those are refused at the start.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// Reads.
    pub async fn get<A: DeserializeOwned>(&self, path: &[&str]) -> Result<A, GoogleApiError> {
        self.call(self.http.get(self.url(path))).await
    }

    /// Reads a list of this name, page by page.
    pub async fn list(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        name: &str,
    ) -> Result<Vec<Value>, GoogleApiError> {
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let mut url = self.url(path);
            let mut pairs = url.query_pairs_mut();
            pairs.extend_pairs(query).append_pair("pageToken", &token);
            drop(pairs);
            let mut page: Value = self.call(self.http.get(url)).await?;
            if let Some(items) = page[name].as_array_mut() {
                all.append(items);
            }
            match page["nextPageToken"].as_str() {
                Some(next) if !next.is_empty() => token = next.to_owned(),
                Some(_) | None => return Ok(all),
            }
        }
    }

    /// Calls a method.
    pub async fn post<A: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<A, GoogleApiError> {
        self.call(self.http.post(self.url(path)).json(body)).await
    }

    async fn call<A: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<A, GoogleApiError> {
        let host = self.host();
        let request = request.headers(self.headers().await?).timeout(CALL_LIMIT);
        let failed = |error: reqwest::Error| {
            let (host, error) = (host.clone(), error.without_url());
            if error.is_connect() || error.is_builder() {
                GoogleApiError::Unreachable(host, self.advice, error)
            } else {
                GoogleApiError::NoAnswer(host, error)
            }
        };
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(failed)?;
        if !status.is_success() {
            return Err(GoogleApiError::Refused(status, refusal(&body, status)));
        }
        // serde_json's own message may show values of the body.
        serde_json::from_slice(&body).map_err(|_| GoogleApiError::Unreadable(host))
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

/// The message in Google's `{"error":{"message"}}` or in the ticker's problem, or the status's name.
fn refusal(body: &[u8], status: StatusCode) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let said = ["/error/message", "/errors/0/message", "/detail"];
    let mut said = said.iter().filter_map(|at| body.pointer(at)?.as_str());
    match said.find(|message| !message.is_empty()) {
        Some(message) => printable(message),
        None => status.canonical_reason().unwrap_or("refused").to_owned(),
    }
}
