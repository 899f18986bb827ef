//! Stripe's HTTP API, as far as it is used.

use reqwest::header::AUTHORIZATION;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use fanout_runtime::BoxError;

use super::convert_amount::stripe_units;
use super::reply::{Object, Refunds, Reply, Standing, read};
use super::settings::{SecretKey, StripeSettings};
use crate::provider::{Charge, ProviderError};

/// The version of the API that this was written for: the account's own may be any.
const VERSION: &str = "2024-06-20";

/// Calls to Stripe.
pub(super) struct Api {
    http: Client,
    url: Url,
    key: SecretKey,
}

/// An answer to a question that none of ours is.
#[derive(Debug, thiserror::Error)]
#[error("Stripe does not say how the payment intent or its refunds stand")]
struct NoStanding;

impl Api {
    pub(super) fn new(settings: StripeSettings) -> Result<Self, BoxError> {
        Ok(Self {
            http: Client::builder().redirect(Policy::none()).build()?,
            url: settings.url,
            key: settings.key,
        })
    }

    /// An intent to pay this, of which nothing is captured until it is confirmed.
    pub(super) async fn make_intent(
        &self,
        key: &str,
        charge: &Charge,
    ) -> Result<Reply, ProviderError> {
        let currency = charge.amount.currency().code();
        let Some(amount) = stripe_units(charge.amount) else {
            return Ok(Reply::CannotBePaid("amount_too_precise".to_owned()));
        };
        let form = [
            ("amount", amount.to_string()),
            ("currency", currency.to_ascii_lowercase()),
            ("payment_method", charge.method.clone()),
            ("payment_method_types[]", "card".to_owned()),
            // For operators who look for it at Stripe.
            ("metadata[step]", key.to_owned()),
        ];
        self.post("/v1/payment_intents", Some(&format!("{key}-make")), &form)
            .await
    }

    /// Captures what the intent says. The customer is not there to be asked for anything.
    pub(super) async fn confirm(&self, key: &str, intent: &str) -> Result<Reply, ProviderError> {
        let path = format!("/v1/payment_intents/{intent}/confirm");
        let form = [("error_on_requires_action", "true".to_owned())];
        self.post(&path, Some(&format!("{key}-confirm")), &form)
            .await
    }

    /// Sees to it that the intent is never confirmed, unless it has been.
    pub(super) async fn cancel(&self, key: &str, intent: &str) -> Result<Reply, ProviderError> {
        let path = format!("/v1/payment_intents/{intent}/cancel");
        self.post(&path, Some(&format!("{key}-cancel")), &[]).await
    }

    /// Gives back all that was captured by the intent and has not been given back. Without a key if it
    /// was asked for before: what Stripe said then may no longer be so.
    pub(super) async fn refund(
        &self,
        key: Option<&str>,
        intent: &str,
    ) -> Result<Reply, ProviderError> {
        let form = [("payment_intent", intent.to_owned())];
        let key = key.map(|key| format!("{key}-refund"));
        self.post("/v1/refunds", key.as_deref(), &form).await
    }

    /// How an intent stands now.
    pub(super) async fn look(&self, intent: &str) -> Result<Standing, ProviderError> {
        let object: Object = self
            .get(self.at(&format!("/v1/payment_intents/{intent}")))
            .await?;
        Ok(object.status)
    }

    /// How the refunds of an intent stand now, whoever made them.
    pub(super) async fn refunds(&self, intent: &str) -> Result<Vec<Standing>, ProviderError> {
        let mut url = self.at("/v1/refunds");
        let asked = [("payment_intent", intent), ("limit", "100")];
        url.query_pairs_mut().extend_pairs(asked);
        let Refunds { data } = self.get(url).await?;
        Ok(data.into_iter().map(|refund| refund.status).collect())
    }

    async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, ProviderError> {
        match meaning(self.send(self.http.get(url)).await?).await? {
            Reply::Object(object) => Ok(object),
            Reply::Declined(_) | Reply::OtherState | Reply::CannotBePaid(_) => {
                Err(ProviderError::Unavailable(NoStanding.into()))
            }
        }
    }

    /// Under a key, and without one if Stripe fails under it: for 24 h it would repeat that failure,
    /// long after it has recovered. What was done all the same is done once, key or not: an intent is
    /// captured once, nothing goes back twice, and of two intents of a step one is ever confirmed.
    async fn post(
        &self,
        path: &str,
        key: Option<&str>,
        form: &[(&str, String)],
    ) -> Result<Reply, ProviderError> {
        let request = || {
            let request = self.http.post(self.at(path)).body(encoded(form));
            request.header("content-type", "application/x-www-form-urlencoded")
        };
        if let Some(key) = key {
            let answer = self.send(request().header("idempotency-key", key)).await?;
            if !answer.status().is_server_error() {
                return meaning(answer).await;
            }
        }
        meaning(self.send(request()).await?).await
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(path);
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ProviderError> {
        let request = request.header(AUTHORIZATION, self.key.header());
        let request = request.header("stripe-version", VERSION);
        request.send().await.map_err(lost)
    }
}

async fn meaning<T: DeserializeOwned>(answer: Response) -> Result<Reply<T>, ProviderError> {
    let status = answer.status();
    read(status, &answer.bytes().await.map_err(lost)?)
}

fn encoded(form: &[(&str, String)]) -> String {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(form).finish()
}

/// It may have arrived all the same.
fn lost(error: reqwest::Error) -> ProviderError {
    ProviderError::Unavailable(error.without_url().into())
}
