//! One push to one consumer, as its subscription would do it.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use fanout_bus::{PushedMessage, X_REDRIVE};
use fanout_consume::X_OUTCOME;
use fanout_kernel::Subscriber;
use fanout_runtime::error_chain;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode, Url};

use crate::iam_credentials::IdentityToken;
use crate::operator::Operator;

/// Pub/Sub's ack deadline where a subscription names none.
const DEFAULT_ACK_DEADLINE: Duration = Duration::from_secs(10);

/// Where one consumer is pushed to.
pub(crate) struct ConsumerEndpoint {
    http: Client,
    url: Url,
    token: Option<IdentityToken>,
    time_limit: Duration,
}

/// What became of a push. Only the first five are settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The effect was made, now.
    Done,
    /// It had been made before.
    Duplicate,
    /// A type that the consumer has no use for.
    Ignored,
    /// A later event of the same subject had been applied before.
    Stale,
    /// It lies on the dead-letter topic again, as a new copy.
    ParkedAgain,
    /// Another instance is at work on it.
    Busy,
    /// It did not work, and why.
    Failed(String),
}

impl Pushed {
    /// Whether the consumer is done with this letter.
    pub(crate) fn is_settled(&self) -> bool {
        match self {
            Self::Done | Self::Duplicate | Self::Ignored | Self::Stale | Self::ParkedAgain => true,
            Self::Busy | Self::Failed(_) => false,
        }
    }
}

impl ConsumerEndpoint {
    /// Asks the consumer's subscription where it pushes to, and as whom.
    pub(crate) async fn of(operator: &Operator, consumer: &Subscriber) -> anyhow::Result<Self> {
        let name = consumer.first_subscription();
        let subscription = operator
            .pubsub
            .subscription(&name)
            .await
            .with_context(|| format!("the subscription {name} cannot be read"))?;
        let push = subscription.push_config;
        if push.push_endpoint.is_empty() {
            bail!(
                "{name} is no push subscription: it does not say where {} is",
                consumer.consumer
            );
        }
        let url = Url::parse(&push.push_endpoint)
            .with_context(|| format!("the push endpoint of {name} is not a URL"))?;
        let token = operator
            .iam
            .as_ref()
            .zip(push.oidc_token)
            .map(|(iam, token)| {
                let audience = match token.audience.as_str() {
                    // What Pub/Sub puts in then.
                    "" => &push.push_endpoint,
                    audience => audience,
                };
                iam.identity_token(&token.service_account_email, audience)
            });
        Ok(Self {
            http: operator.http.clone(),
            url,
            token,
            time_limit: match subscription.ack_deadline_seconds {
                0 => DEFAULT_ACK_DEADLINE,
                seconds => Duration::from_secs(seconds),
            },
        })
    }

    /// The URL.
    pub(crate) fn url(&self) -> &str {
        self.url.as_str()
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
        match request.send().await {
            Ok(answer) => self.read(&answer),
            Err(error) if error.is_connect() => {
                Err(error.without_url()).with_context(|| format!("{} cannot be reached", self.url))
            }
            Err(error) if error.is_timeout() => {
                let seconds = self.time_limit.as_secs();
                Ok(Pushed::Failed(format!("no answer within {seconds} s")))
            }
            Err(error) => {
                let cause = error_chain(&error.without_url());
                Ok(Pushed::Failed(format!("no answer: {cause}")))
            }
        }
    }

    fn read(&self, answer: &Response) -> anyhow::Result<Pushed> {
        let status = answer.status();
        let outcome = answer.headers().get(X_OUTCOME);
        let outcome = outcome.and_then(|value| value.to_str().ok());
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.refused(status)),
            StatusCode::NOT_FOUND => Err(anyhow!(
                "{} answers 404: nothing is there, or (in Google Cloud) `consumer_ingress` shuts out everybody but Pub/Sub",
                self.url
            )),
            StatusCode::TOO_MANY_REQUESTS => Ok(Pushed::Busy),
            status if status.is_success() => match outcome {
                Some("done") => Ok(Pushed::Done),
                Some("duplicate") => Ok(Pushed::Duplicate),
                Some("ignored") => Ok(Pushed::Ignored),
                Some("stale") => Ok(Pushed::Stale),
                Some("parked") => Ok(Pushed::ParkedAgain),
                // Another server may answer 200 to anything: that is no reason to drop a letter.
                Some(_) | None => Err(anyhow!(
                    "{} answers {status} without an x-outcome that is known: it is no consumer of this system",
                    self.url
                )),
            },
            status => Ok(Pushed::Failed(format!("status {}", status.as_u16()))),
        }
    }

    fn refused(&self, status: StatusCode) -> anyhow::Error {
        let (url, status) = (&self.url, status.as_u16());
        match &self.token {
            Some(token) => anyhow!(
                "{url} answers {status} to a token of {}: that account needs the role roles/run.invoker on the service, which Terraform gives it",
                token.account()
            ),
            None => anyhow!(
                "{url} answers {status}: it wants a token, and its subscription does not say whose"
            ),
        }
    }
}
