//! How spans reach the collector.

use std::time::Duration;

use async_trait::async_trait;
use fanout_runtime::BoxError;
use google_cloud_auth::credentials::{Builder, CacheableResource, Credentials};
use http::{Extensions, HeaderValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::{self, Runtime};

use super::TraceSettings;

/// What Google's API of OTLP asks for.
const SCOPE: &str = "https://www.googleapis.com/auth/trace.append";

/// A client with a small runtime of its own: the thread that sends spans is not tokio's, and must
/// not wait for one that is stopping.
#[derive(Debug)]
pub(super) struct CollectorClient {
    runtime: Runtime,
    http: reqwest::Client,
    google: Option<Google>,
    /// How long finding out who sends, the way there and the answer may take together.
    limit: Duration,
}

/// Who sends, and who pays.
#[derive(Debug)]
pub(super) struct Google {
    credentials: Credentials,
    project: Option<HeaderValue>,
}

/// Credentials are there, and say that they have not changed since never.
#[derive(Debug, thiserror::Error)]
#[error("there are no headers to show who sends")]
struct NoHeaders;

impl CollectorClient {
    pub(super) fn new(settings: &TraceSettings, limit: Duration) -> Result<Self, BoxError> {
        Self::showing(limit, || {
            if !settings.asks_for_credentials() {
                return Ok(None);
            }
            let credentials = Builder::default().with_scopes([SCOPE]).build()?;
            Google::new(credentials, settings.project.as_deref()).map(Some)
        })
    }

    /// One that shows this. It is made on the client's own runtime, which refreshes tokens.
    pub(super) fn showing(
        limit: Duration,
        google: impl FnOnce() -> Result<Option<Google>, BoxError>,
    ) -> Result<Self, BoxError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let inside = runtime.enter();
        let google = google()?;
        let http = reqwest::Client::new();
        drop(inside);
        Ok(Self {
            runtime,
            http,
            google,
            limit,
        })
    }

    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        if let Some(google) = &self.google {
            google.sign(&mut request).await?;
        }
        let answer = self.http.execute(request.try_into()?).await?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            *headers = answer.headers().clone();
        }
        Ok(response.body(answer.bytes().await?)?)
    }
}

impl Google {
    pub(super) fn new(credentials: Credentials, project: Option<&str>) -> Result<Self, BoxError> {
        let project = project.map(HeaderValue::from_str).transpose()?;
        Ok(Self {
            credentials,
            project,
        })
    }

    async fn sign(&self, request: &mut Request<Bytes>) -> Result<(), HttpError> {
        match self.credentials.headers(Extensions::new()).await? {
            CacheableResource::New { data, .. } => request.headers_mut().extend(data),
            CacheableResource::NotModified => return Err(NoHeaders.into()),
        }
        if let Some(project) = &self.project {
            let headers = request.headers_mut();
            headers.insert("x-goog-user-project", project.clone());
        }
        Ok(())
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sending = self.send(request);
        self.runtime
            .block_on(async { tokio::time::timeout(self.limit, sending).await })?
    }
}
