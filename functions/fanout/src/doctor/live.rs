//! Reads the facts from a live project: its topics and subscriptions, by Pub/Sub's REST API.

use std::time::Duration;

use anyhow::{Context, bail};
use fanout_runtime::Environment;
use google_cloud_auth::credentials::{self, CacheableResource, Credentials};
use http::{Extensions, HeaderMap};
use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::facts::{Expires, Fact, Facts, Subscription, Topic, parse_seconds, short_name};
use super::place::Place;
use crate::consumers::{CONSUMERS, ConsumerEntry};
use crate::topology::USER_EVENTS;

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

trait Page: DeserializeOwned {
    /// The token of the next page; empty for none.
    fn next(&self) -> &str;
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Topics {
    topics: Vec<TopicResource>,
    next_page_token: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Subscriptions {
    subscriptions: Vec<SubscriptionResource>,
    next_page_token: String,
}

impl Page for Topics {
    fn next(&self) -> &str {
        &self.next_page_token
    }
}

impl Page for Subscriptions {
    fn next(&self) -> &str {
        &self.next_page_token
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorBody {
    error: ErrorStatus,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorStatus {
    message: String,
}

#[derive(Deserialize)]
struct TopicResource {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionResource {
    name: String,
    topic: String,
    #[serde(default)]
    push_config: PushConfig,
    ack_deadline_seconds: Option<u32>,
    message_retention_duration: Option<String>,
    expiration_policy: Option<ExpirationPolicy>,
    dead_letter_policy: Option<DeadLetters>,
    retry_policy: Option<RetryPolicy>,
    filter: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PushConfig {
    push_endpoint: Option<String>,
    oidc_token: Option<OidcToken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OidcToken {
    service_account_email: Option<String>,
}

/// Without `ttl` it never expires.
#[derive(Deserialize)]
struct ExpirationPolicy {
    ttl: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeadLetters {
    dead_letter_topic: Option<String>,
    max_delivery_attempts: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetryPolicy {
    minimum_backoff: Option<String>,
    maximum_backoff: Option<String>,
}

impl TopicResource {
    fn fact(self) -> Topic {
        let place = Place::Project(self.name.clone());
        Topic {
            name: Fact::known(Some(short_name(self.name)), place),
        }
    }
}

impl SubscriptionResource {
    fn facts(self) -> Subscription {
        let place = Place::Project(self.name.clone());
        let text = |value: Option<String>| {
            Fact::known(value.filter(|text| !text.is_empty()), place.clone())
        };
        let seconds = |value: Option<String>| text(value).try_map(|text| parse_seconds(&text));
        let (least, most) = match self.retry_policy {
            Some(retry) => (retry.minimum_backoff, retry.maximum_backoff),
            None => (None, None),
        };
        let (letters, attempts) = match self.dead_letter_policy {
            Some(policy) => (policy.dead_letter_topic, policy.max_delivery_attempts),
            None => (None, None),
        };
        let expires = self.expiration_policy.map(|policy| match policy.ttl {
            None => Expires::Never,
            Some(ttl) => Expires::After(ttl),
        });
        let deadline = self
            .ack_deadline_seconds
            .map(|seconds| Duration::from_secs(seconds.into()));
        let identity = self
            .push_config
            .oidc_token
            .and_then(|token| token.service_account_email);
        Subscription {
            name: text(Some(short_name(self.name))),
            topic: text(Some(short_name(self.topic))),
            push_endpoint: text(self.push_config.push_endpoint),
            push_identity: text(identity),
            dead_letter_topic: text(letters).map(short_name),
            max_attempts: Fact::known(attempts.map(f64::from), place.clone()),
            min_backoff: seconds(least),
            max_backoff: seconds(most),
            expires: Fact::known(expires, place.clone()),
            filter: text(self.filter),
            ack_deadline: Fact::known(deadline, place.clone()),
            retention: seconds(self.message_retention_duration),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use axum::extract::Query;
    use axum::response::{IntoResponse, Response};
    use axum::routing::{get, post};
    use axum::{Json, Router};
    use http::StatusCode;
    use http::header::AUTHORIZATION;
    use serde_json::{Value, json};
    use tokio::net::TcpListener;

    use super::*;
    use crate::doctor::report::Checkup;
    use crate::doctor::rule::{Finding, Rule};

    /// Google's JSON of what Terraform makes here.
    fn subscriptions() -> Vec<Value> {
        let full = |kind: &str, name: &str| format!("projects/p/{kind}/{name}");
        let both = CONSUMERS.iter().flat_map(|consumer| {
            let (name, letters) = (consumer.subscription(), consumer.dead_letters());
            let push = json!({
                "name": full("subscriptions", &name),
                "topic": full("topics", USER_EVENTS),
                "pushConfig": {
                    "pushEndpoint": format!("https://{}-service-1.us-central1.run.app/pubsub/push", consumer.name),
                    "oidcToken": {"serviceAccountEmail": "push@p.iam.gserviceaccount.com", "audience": "https://x"},
                },
                "ackDeadlineSeconds": 60,
                "messageRetentionDuration": "604800s",
                "expirationPolicy": {},
                "filter": consumer.filter(),
                "deadLetterPolicy": {"deadLetterTopic": full("topics", &letters), "maxDeliveryAttempts": 20},
                "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
                "enableMessageOrdering": true,
                "state": "ACTIVE",
            });
            let pull = json!({
                "name": full("subscriptions", &letters),
                "topic": full("topics", &letters),
                "pushConfig": {},
                "ackDeadlineSeconds": 60,
                "messageRetentionDuration": "2678400s",
                "expirationPolicy": {},
                "state": "ACTIVE",
            });
            [push, pull]
        });
        let somebody_elses =
            json!({"name": full("subscriptions", "other"), "topic": full("topics", "orders")});
        both.chain([somebody_elses]).collect()
    }

    /// Answers as Google does, one resource a page, to whoever has the token.
    async fn google(subscriptions: Vec<Value>) -> String {
        let names = [USER_EVENTS.to_owned()]
            .into_iter()
            .chain(CONSUMERS.iter().map(ConsumerEntry::dead_letters));
        let topics = names
            .map(|name| json!({"name": format!("projects/p/topics/{name}")}))
            .collect();
        let list = |key: &'static str, all: Vec<Value>| {
            get(
                async move |headers: HeaderMap, Query(query): Query<HashMap<String, String>>| {
                    page(key, &all, &headers, &query)
                },
            )
        };
        let app = Router::new()
            .route("/v1/projects/p/topics", list("topics", topics))
            .route("/v1/projects/p/subscriptions", list("subscriptions", subscriptions))
            .route("/token", post(async || Json(json!({"access_token": "the-token", "expires_in": 3600, "token_type": "Bearer"}))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        base
    }

    fn page(
        key: &str,
        all: &[Value],
        headers: &HeaderMap,
        query: &HashMap<String, String>,
    ) -> Response {
        if headers
            .get(AUTHORIZATION)
            .is_none_or(|token| token != "Bearer the-token")
        {
            let error = json!({"error": {"code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTHENTICATED"}});
            return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
        }
        let at: usize = query
            .get("pageToken")
            .map_or(0, |token| token.parse().unwrap());
        let mut answer = json!({key: all.get(at).into_iter().collect::<Vec<_>>()});
        if at + 1 < all.len() {
            answer["nextPageToken"] = json!((at + 1).to_string());
        }
        Json(answer).into_response()
    }

    /// As whoever has logged in with gcloud.
    fn api(base: &str) -> PubsubApi {
        let user = json!({
            "type": "authorized_user",
            "client_id": "client",
            "client_secret": "none",
            "refresh_token": "refresh",
            "token_uri": format!("{base}/token"),
        });
        PubsubApi {
            base: base.to_owned(),
            credentials: Some(
                credentials::user_account::Builder::new(user)
                    .build()
                    .unwrap(),
            ),
            client: Client::new(),
        }
    }

    async fn findings(subscriptions: Vec<Value>) -> Vec<Finding> {
        let facts = api(&google(subscriptions).await).read("p").await.unwrap();
        let checkup = Checkup::of("p".to_owned(), &facts);
        checkup
            .checks
            .into_iter()
            .flat_map(|check| check.findings)
            .collect()
    }

    #[tokio::test]
    async fn a_project_that_is_as_it_should_be_has_no_finding() {
        let facts = api(&google(subscriptions()).await).read("p").await.unwrap();
        assert_eq!((facts.topics.len(), facts.subscriptions.len()), (4, 6));
        let checkup = Checkup::of("p".to_owned(), &facts);
        let checked: Vec<usize> = checkup
            .checks
            .iter()
            .map(|check| check.rule.number())
            .collect();
        assert_eq!(
            checked,
            [1, 2, 3, 6, 7, 8, 9],
            "rights and fields are not read"
        );
        assert!(checkup.checks.iter().all(|check| check.findings.is_empty()));
    }

    #[tokio::test]
    async fn what_drifted_from_terraform_is_found() {
        let name = CONSUMERS[0].subscription();
        for (field, value, rule) in [
            ("deadLetterPolicy", Value::Null, Rule::DeadLetterTopic),
            (
                "expirationPolicy",
                json!({"ttl": "2678400s"}),
                Rule::NeverExpires,
            ),
            ("expirationPolicy", Value::Null, Rule::NeverExpires),
            ("filter", json!(""), Rule::Filter),
            ("retryPolicy", Value::Null, Rule::BackoffOutlastsLease),
            ("ackDeadlineSeconds", json!(30), Rule::BudgetWithinDeadline),
            (
                "messageRetentionDuration",
                json!("1209600s"),
                Rule::MarksOutliveRedrive,
            ),
        ] {
            let mut live = subscriptions();
            live[0][field] = value;
            let found = findings(live).await;
            let [only] = found.as_slice() else {
                panic!("{field}: {found:#?}");
            };
            assert_eq!(only.rule, rule, "{field}");
            assert!(
                only.place
                    .to_string()
                    .starts_with(&format!("projects/p/subscriptions/{name}")),
                "{only:?}"
            );
        }
        let gone = subscriptions().into_iter().skip(1).collect();
        assert_eq!(findings(gone).await[0].rule, Rule::Filter);
    }

    #[tokio::test]
    async fn an_answer_that_is_none_is_an_error_with_google_s_own_words() {
        let base = google(subscriptions()).await;
        let mut stranger = api(&base);
        stranger.credentials = None;
        let error = stranger.read("p").await.unwrap_err().to_string();
        let said = "answered 401 Unauthorized for projects/p/topics: Request had invalid authentication credentials.";
        assert!(error.contains(said), "{error}");
        let error = api(&base).read("q").await.unwrap_err().to_string();
        assert!(error.contains("404"), "{error}");
    }
}
