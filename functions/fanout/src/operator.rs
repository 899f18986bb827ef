//! A system as its operator reaches it, wherever it runs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use fanout_google_cloud::GoogleCloudSettings;
use fanout_runtime::{Clock, Environment, IdGenerator, SystemClock, SystemIds};
use google_cloud_auth::credentials::{self, Credentials};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::google_api::{GoogleApi, GoogleApiError};
use crate::iam_credentials::IAM_CREDENTIALS_URL;
use crate::live_consumers::{LiveConsumer, live_consumers};
use crate::monitoring::{MONITORING_URL, Monitoring};
use crate::pubsub_rest::PubsubRest;
use crate::target::{LOCAL_PROJECT, Target, TargetFlags};

const PUBSUB_FLAG: &str = "--pubsub-url";
const PUBSUB_URL: &str = "https://pubsub.googleapis.com";
const CLOUD_RUN_URL: &str = "https://run.googleapis.com";
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// What the operator's commands work with.
pub struct Operator {
    /// The bus.
    pub pubsub: PubsubRest,
    /// Makes the tokens of push identities; absent on one machine, where no consumer asks for one.
    pub(crate) iam: Option<GoogleApi>,
    /// Metrics; absent on one machine.
    pub monitoring: Option<Monitoring>,
    /// The services; absent on one machine.
    pub(crate) cloud_run: Option<GoogleApi>,
    /// For pushes. Follows no redirect, as Pub/Sub does not.
    pub http: Client,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGenerator>,
}

impl Operator {
    /// Decides where the system runs, and finds credentials if that is Google Cloud. Makes no call.
    pub fn connect(flags: &TargetFlags, environment: &dyn Environment) -> anyhow::Result<Self> {
        let (url, project, advice) = match Target::from_flags(flags, environment)? {
            Target::Embedded { pubsub_url, .. } => (
                pubsub_url,
                LOCAL_PROJECT.to_owned(),
                "start `fanout up`, or say where it serves Pub/Sub's REST API with --pubsub-url",
            ),
            Target::Google(GoogleCloudSettings {
                project,
                emulators: Some(at),
                ..
            }) => (
                format!("http://{}", at.pubsub),
                project,
                "is the emulator of PUBSUB_EMULATOR_HOST running?",
            ),
            Target::Google(GoogleCloudSettings { project, .. }) => {
                let credentials = credentials::Builder::default().build().context(
                    "there are no credentials for Google Cloud: run `gcloud auth application-default login`",
                )?;
                let pubsub = flags.pubsub_url(PUBSUB_URL);
                return Self::in_the_cloud(&pubsub, IAM_CREDENTIALS_URL, project, credentials);
            }
        };
        let (http, url) = (client_of_this_machine()?, base_url(&url, PUBSUB_FLAG)?);
        let api = GoogleApi::new(http.clone(), url, None, advice);
        Ok(Self::new(api, http, project))
    }

    /// The consumers that are there, held still or not.
    pub(crate) async fn consumers(&self) -> Result<Vec<LiveConsumer>, GoogleApiError> {
        let subscriptions = self.pubsub.list("subscriptions").await?;
        Ok(live_consumers(&subscriptions, self.monitoring.is_some()))
    }

    /// In Google Cloud, with its APIs at these URLs.
    pub fn in_the_cloud(
        pubsub_url: &str,
        iam_credentials_url: &str,
        project: String,
        credentials: Credentials,
    ) -> anyhow::Result<Self> {
        let http = client().build()?;
        let api = |url: &str| {
            let (base, credentials) = (base_url(url, PUBSUB_FLAG)?, Some(credentials.clone()));
            let advice = "is there a network?";
            anyhow::Ok(GoogleApi::new(http.clone(), base, credentials, advice))
        };
        let monitoring = Monitoring::of(api(MONITORING_URL)?, &project);
        let (iam, cloud_run) = (api(iam_credentials_url)?, api(CLOUD_RUN_URL)?);
        let mut operator = Self::new(api(pubsub_url)?, http.clone(), project);
        // Google's asks a few of its servers whether a subscription is empty, and answers for those.
        operator.pubsub.empty_pulls = 3;
        operator.iam = Some(iam);
        operator.monitoring = Some(monitoring);
        operator.cloud_run = Some(cloud_run);
        Ok(operator)
    }

    fn new(api: GoogleApi, http: Client, project: String) -> Self {
        Self {
            pubsub: PubsubRest::of(api, project),
            iam: None,
            monitoring: None,
            cloud_run: None,
            http,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        }
    }
}

/// Nothing on this machine is behind a proxy or speaks TLS: it works without the root certificates
/// that a minimal image may lack.
pub(crate) fn client_of_this_machine() -> reqwest::Result<Client> {
    client().no_proxy().tls_certs_only([]).build()
}

fn client() -> reqwest::ClientBuilder {
    Client::builder()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_LIMIT)
}

pub(crate) fn base_url(text: &str, flag: &str) -> anyhow::Result<Url> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) | Err(_) => {
            bail!("`{text}` is not a URL such as http://localhost:8085: correct {flag}")
        }
    }
}
