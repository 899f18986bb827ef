//! Reads the facts from a live project: its topics and subscriptions, by Pub/Sub's REST API.

mod resources;

#[cfg(test)]
mod tests;

use std::time::Duration;

use anyhow::{Context, bail};
use fanout_runtime::Environment;
use google_cloud_auth::credentials::{self, CacheableResource, Credentials};
use http::{Extensions, HeaderMap};
use reqwest::Client;

use super::facts::{Facts, short_name};
use super::place::Place;
use crate::consumers::{CONSUMERS, ConsumerEntry};
use crate::topology::USER_EVENTS;
use resources::{ErrorBody, Page, SubscriptionResource, Subscriptions, TopicResource, Topics};

const GOOGLE: &str = "https://pubsub.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";
/// How long one page may take.
const PAGE_LIMIT: Duration = Duration::from_secs(30);

/// Where Pub/Sub answers, and as whom it is asked.
pub(super) struct PubsubApi {
    base: String,
    credentials: Option<Credentials>,
    client: Client,
}

impl PubsubApi {
    /// Google's own with Application Default Credentials, or the emulator that
    /// `PUBSUB_EMULATOR_HOST` names, without any.
    pub(super) fn of(environment: &dyn Environment) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(PAGE_LIMIT).build()?;
        if let Some(host) = environment.get("PUBSUB_EMULATOR_HOST") {
            return Ok(Self {
                base: format!("http://{host}"),
                credentials: None,
                client,
            });
        }
        let credentials = credentials::Builder::default().with_scopes([SCOPE]).build().context(
            "there are no credentials for Google Cloud: run `gcloud auth application-default login`",
        )?;
        Ok(Self {
            base: GOOGLE.to_owned(),
            credentials: Some(credentials),
            client,
        })
    }

    /// What answers.
    pub(super) fn name(&self) -> &str {
        &self.base
    }

    /// The topics and subscriptions that are Fanout's; a project may hold others.
    pub(super) async fn read(&self, project: &str) -> anyhow::Result<Facts> {
        let topics = self.pages(&format!("projects/{project}/topics")).await?;
        let topics: Vec<TopicResource> = topics
            .into_iter()
            .flat_map(|page: Topics| page.topics)
            .collect();
        let pages = self
            .pages(&format!("projects/{project}/subscriptions"))
            .await?;
        let subscriptions = pages
            .into_iter()
            .flat_map(|page: Subscriptions| page.subscriptions);
        let ours = |topic: &str| {
            let topic = short_name(topic.to_owned());
            topic == USER_EVENTS
                || CONSUMERS
                    .iter()
                    .map(ConsumerEntry::dead_letters)
                    .any(|name| name == topic)
        };
        Ok(Facts {
            place: Place::Project(format!("projects/{project}")),
            topics: topics
                .into_iter()
                .filter(|topic| ours(&topic.name))
                .map(TopicResource::fact)
                .collect(),
            subscriptions: subscriptions
                .filter(|found| ours(&found.topic))
                .map(SubscriptionResource::facts)
                .collect(),
            surroundings: None,
        })
    }

    async fn pages<P: Page>(&self, path: &str) -> anyhow::Result<Vec<P>> {
        let mut pages = Vec::new();
        let mut token = String::new();
        loop {
            let page: P = self.page(path, &token).await?;
            token = page.next().to_owned();
            pages.push(page);
            if token.is_empty() {
                return Ok(pages);
            }
        }
    }

    async fn page<P: Page>(&self, path: &str, token: &str) -> anyhow::Result<P> {
        let mut url = reqwest::Url::parse(&format!("{}/v1/{path}", self.base))?;
        url.query_pairs_mut().append_pair("pageSize", "1000");
        if !token.is_empty() {
            url.query_pairs_mut().append_pair("pageToken", token);
        }
        let request = self.client.get(url).headers(self.headers().await?);
        let answer = request
            .send()
            .await
            .with_context(|| format!("{} does not answer", self.base))?;
        let status = answer.status();
        if !status.is_success() {
            let text = answer.text().await.unwrap_or_default();
            let error: ErrorBody = serde_json::from_str(&text).unwrap_or_default();
            bail!(
                "{} answered {status} for {path}: {}",
                self.base,
                error.error.message
            );
        }
        let text = answer.text().await?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} answered something else for {path}", self.base))
    }

    async fn headers(&self) -> anyhow::Result<HeaderMap> {
        let Some(credentials) = &self.credentials else {
            return Ok(HeaderMap::new());
        };
        match credentials
            .headers(Extensions::new())
            .await
            .context("cannot get a token for Google Cloud")?
        {
            CacheableResource::New { data, .. } => Ok(data),
            CacheableResource::NotModified => bail!("cannot get a token for Google Cloud"),
        }
    }
}
