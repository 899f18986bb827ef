//! One push to one consumer, as its subscription would do it.

use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use fanout_bus::{PushedMessage, X_REDRIVE};
use fanout_consume::X_OUTCOME;
use fanout_kernel::Subscriber;
use fanout_runtime::error_chain;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode, Url};

use super::outcomes::Outcome;
use crate::iam_credentials::IdentityToken;
use crate::operator::Operator;

/// Pub/Sub's ack deadline where a subscription names none, in seconds.
const DEFAULT_ACK_DEADLINE: u64 = 10;

pub(crate) struct ConsumerEndpoint {
    http: Client,
    pub(crate) url: Url,
    token: Option<IdentityToken>,
    time_limit: Duration,
}

/// What became of a push, and why it failed if it did.
pub(crate) type Pushed = (Outcome, Option<String>);

impl ConsumerEndpoint {
    /// Where nobody is.
    #[cfg(test)]
    pub(crate) fn nowhere() -> Self {
        Self {
            http: Client::new(),
            url: Url::parse("http://127.0.0.1:1/pubsub/push").unwrap(),
            token: None,
            time_limit: Duration::from_secs(1),
        }
    }

    /// Asks the consumer's subscription where it pushes to, and as whom.
    pub(crate) async fn of(operator: &Operator, consumer: &Subscriber) -> anyhow::Result<Self> {
        let name = consumer.first_subscription();
        let subscription = operator.pubsub.subscription(&name).await;
        let subscription =
            subscription.with_context(|| format!("the subscription {name} cannot be read"))?;
        let push = &subscription["pushConfig"];
        let endpoint = push["pushEndpoint"].as_str().unwrap_or_default();
        let whose = consumer.consumer;
        ensure!(
            !endpoint.is_empty(),
            "{name} is no push subscription: it does not say where {whose} is"
        );
        let token = &push["oidcToken"];
        let account = token["serviceAccountEmail"].as_str();
        // Without an audience Pub/Sub puts the endpoint in.
        let audience = token["audience"].as_str().filter(|it| !it.is_empty());
        let token = operator.iam.as_ref().zip(account);
        let deadline = subscription["ackDeadlineSeconds"].as_u64();
        let deadline = deadline.filter(|seconds| *seconds > 0);
        Ok(Self {
            http: operator.http.clone(),
            url: Url::parse(endpoint)
                .with_context(|| format!("the push endpoint of {name} is not a URL"))?,
            token: token.map(|(iam, it)| IdentityToken::of(iam, it, audience.unwrap_or(endpoint))),
            time_limit: Duration::from_secs(deadline.unwrap_or(DEFAULT_ACK_DEADLINE)),
        })
    }

    /// Pushes. An error means that no other push would fare better.
    pub(crate) async fn push(&self, message: &PushedMessage) -> anyhow::Result<Pushed> {
        let mut request = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(X_REDRIVE, "true")
            .timeout(self.time_limit)
            .body(message.to_json()?);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.get().await?);
        }
        let failed = |why: String| Ok((Outcome::Failed, Some(why)));
        match request.send().await.map_err(reqwest::Error::without_url) {
            Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS => {
                Ok((Outcome::Busy, None))
            }
            Ok(answer) if answer.status().is_success() => Ok((self.outcome(&answer)?, None)),
            Ok(answer) => {
                self.check(answer.status())?;
                failed(format!("status {}", answer.status().as_u16()))
            }
            Err(error) if error.is_connect() => {
                Err(error).with_context(|| format!("{} cannot be reached", self.url))
            }
            Err(error) if error.is_timeout() => {
                failed(format!("no answer within {} s", self.time_limit.as_secs()))
            }
            Err(error) => failed(format!("no answer: {}", error_chain(&error))),
        }
    }

    fn outcome(&self, answer: &Response) -> anyhow::Result<Outcome> {
        let said = answer.headers().get(X_OUTCOME);
        let outcome = said.and_then(|said| serde_json::from_value(said.to_str().ok()?.into()).ok());
        // Another server may answer 200 to anything: that is no reason to drop a letter.
        outcome.filter(|it: &Outcome| it.is_settled()).with_context(|| {
            let (url, status) = (&self.url, answer.status());
            format!(
                "{url} answers {status} without an x-outcome that is known: it is no consumer of this system"
            )
        })
    }

    /// An error for what every push would be answered.
    fn check(&self, status: StatusCode) -> anyhow::Result<()> {
        let url = &self.url;
        let why = match (status, &self.token) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some(token)) => format!(
                " to a token of {}: that account needs the role roles/run.invoker on the service, which Terraform gives it",
                token.account
            ),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, None) => {
                ": it wants a token, and its subscription does not say whose".to_owned()
            }
            (StatusCode::NOT_FOUND, _) => {
                ": nothing is there, or (in Google Cloud) `private_ingress` shuts out everybody but Pub/Sub".to_owned()
            }
            _ => return Ok(()),
        };
        Err(anyhow!("{url} answers {}{why}", status.as_u16()))
    }
}
