//! Copies in a bucket of Cloud Storage, over its JSON API.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDate;
use fanout_event_sourcing::{CopyError, RootCopies};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use google_cloud_auth::credentials::{Builder, CacheableResource, Credentials};
use http::{Extensions, HeaderMap, StatusCode};
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use url::Url;

use crate::ReadCopies;

/// Where Cloud Storage is.
pub const CLOUD_STORAGE: &str = "https://storage.googleapis.com";

const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
/// What the names of copies begin with.
const PREFIX: &str = "roots/";
/// The right that who may only add is told to lack where there is such an object already, should
/// rights be looked at before the precondition.
const REPLACING: &str = "storage.objects.delete";
/// How long a call may take.
const CALL_LIMIT: Duration = Duration::from_secs(20);
/// How many copies are read at once.
const AT_ONCE: usize = 8;

/// A bucket with an object for each day.
#[derive(Debug, Clone)]
pub struct Bucket {
    http: Client,
    credentials: Credentials,
    base: Url,
    name: String,
}

/// A page of a list of objects.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Objects {
    #[serde(default)]
    items: Vec<Object>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Object {
    name: String,
}

/// An answer that is none of those that are asked for.
#[derive(Debug, thiserror::Error)]
#[error("Cloud Storage answers {0}")]
struct Answered(StatusCode);

/// Credentials are there, and say that they have not changed since never.
#[derive(Debug, thiserror::Error)]
#[error("there are no headers to show who asks")]
struct NoHeaders;

impl Bucket {
    /// The bucket of this name, with what the environment has for credentials.
    pub fn connect(base: &str, name: String) -> Result<Self, CopyError> {
        let credentials = Builder::default().with_scopes([SCOPE]).build();
        let credentials = credentials.map_err(|error| CopyError::Refused(error.into()))?;
        Self::new(base, name, credentials)
    }

    /// The bucket of this name, with these credentials.
    pub fn new(base: &str, name: String, credentials: Credentials) -> Result<Self, CopyError> {
        let http = Client::builder().timeout(CALL_LIMIT).build();
        Ok(Self {
            http: http.map_err(|error| CopyError::Refused(error.into()))?,
            credentials,
            base: Url::parse(base).map_err(|error| CopyError::Refused(error.into()))?,
            name,
        })
    }

    /// Below the API, each part as it is written in a path.
    fn url(&self, api: &[&str], parameters: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(api).extend(["b", &self.name, "o"]);
        }
        url.query_pairs_mut().extend_pairs(parameters);
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CopyError> {
        let request = request.headers(self.headers().await?);
        let answer = request.send().await;
        answer.map_err(|error| CopyError::Unavailable(error.without_url().into()))
    }

    async fn headers(&self) -> Result<HeaderMap, CopyError> {
        let unavailable = |error| CopyError::Unavailable(error);
        match self.credentials.headers(Extensions::new()).await {
            Ok(CacheableResource::New { data, .. }) => Ok(data),
            Ok(CacheableResource::NotModified) => Err(unavailable(NoHeaders.into())),
            Err(error) => Err(unavailable(error.into())),
        }
    }

    async fn days(&self) -> Result<Vec<NaiveDate>, CopyError> {
        let (mut days, mut token) = (Vec::new(), String::new());
        loop {
            let fields = ("fields", "items(name),nextPageToken");
            let asked = [("prefix", PREFIX), fields, ("pageToken", token.as_str())];
            let url = self.url(&["storage", "v1"], &asked);
            let answer = succeeded(self.send(self.http.get(url)).await?)?;
            let page: Objects = answer.json().await.map_err(unread)?;
            // What is no date was not copied by this.
            let names = page.items.iter();
            days.extend(
                names.filter_map(|it| it.name.strip_prefix(PREFIX)?.parse::<NaiveDate>().ok()),
            );
            match page.next_page_token {
                Some(next) if !next.is_empty() => token = next,
                Some(_) | None => return Ok(days),
            }
        }
    }

    async fn read(&self, day: NaiveDate) -> Result<(NaiveDate, String), CopyError> {
        let mut url = self.url(&["storage", "v1"], &[("alt", "media")]);
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(&format!("{PREFIX}{day}"));
        }
        let answer = succeeded(self.send(self.http.get(url)).await?)?;
        Ok((day, answer.text().await.map_err(unread)?))
    }
}

#[async_trait]
impl RootCopies for Bucket {
    async fn keep(&self, day: NaiveDate, root: &str) -> Result<bool, CopyError> {
        let name = format!("{PREFIX}{day}");
        let only_if_absent = ("ifGenerationMatch", "0");
        let asked = [
            ("uploadType", "media"),
            ("name", name.as_str()),
            only_if_absent,
        ];
        let url = self.url(&["upload", "storage", "v1"], &asked);
        let upload = self.http.post(url).header("content-type", "text/plain");
        let answer = self.send(upload.body(root.to_owned())).await?;
        if answer.status() == StatusCode::PRECONDITION_FAILED {
            return Ok(false);
        }
        if answer.status() == StatusCode::FORBIDDEN {
            let why = answer.text().await.map_err(unread)?;
            let refused = CopyError::Refused(Answered(StatusCode::FORBIDDEN).into());
            return why.contains(REPLACING).then_some(false).ok_or(refused);
        }
        succeeded(answer).map(|_| true)
    }
}

#[async_trait]
impl ReadCopies for Bucket {
    async fn all(&self) -> Result<BTreeMap<NaiveDate, String>, CopyError> {
        let days = self.days().await?;
        let reading: Vec<_> = days.into_iter().map(|day| self.read(day)).collect();
        let copies = stream::iter(reading).buffer_unordered(AT_ONCE);
        copies.try_collect().await
    }
}

fn succeeded(answer: Response) -> Result<Response, CopyError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let passes = status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    let cause = Answered(status).into();
    Err(if passes {
        CopyError::Unavailable(cause)
    } else {
        CopyError::Refused(cause)
    })
}

fn unread(error: reqwest::Error) -> CopyError {
    CopyError::Unavailable(error.without_url().into())
}
