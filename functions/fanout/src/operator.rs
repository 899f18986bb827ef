//! A system as its operator reaches it, wherever it runs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use fanout_runtime::{Clock, Environment, IdGenerator, SystemClock, SystemIds};
use google_cloud_auth::credentials::{self, Credentials};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::google_api::GoogleApi;
use crate::iam_credentials::{IAM_CREDENTIALS_URL, IamCredentials};
use crate::monitoring::{MONITORING_URL, Monitoring};
use crate::pubsub_rest::PubsubRest;
use crate::target::{LOCAL_PROJECT, Target, TargetFlags};

const PUBSUB_FLAG: &str = "--pubsub-url";
const PUBSUB_URL: &str = "https://pubsub.googleapis.com";
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The embedded broker and the emulator say that a subscription is empty when it is.
const EMPTY_PULLS_ON_ONE_MACHINE: u32 = 1;
/// Google's asks a few of its servers and answers for those.
const EMPTY_PULLS_IN_THE_CLOUD: u32 = 3;

/// What the operator's commands work with.
pub struct Operator {
    /// The bus.
    pub pubsub: PubsubRest,
    /// Makes the tokens of push identities; absent on one machine, where no consumer asks for one.
    pub iam: Option<IamCredentials>,
    /// Metrics; absent on one machine.
    pub monitoring: Option<Monitoring>,
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
        match Target::from_flags(flags, environment)? {
            Target::Embedded { pubsub_url, .. } => Self::on_one_machine(
                &pubsub_url,
                LOCAL_PROJECT.to_owned(),
                "start `fanout up`, or say where it serves Pub/Sub's REST API with --pubsub-url",
            ),
            Target::Emulators(emulators) => Self::on_one_machine(
                &format!("http://{}", emulators.pubsub),
                emulators.project,
                "is the emulator of PUBSUB_EMULATOR_HOST running?",
            ),
            Target::Cloud { project, .. } => {
                let credentials = credentials::Builder::default().build().context(
                    "there are no credentials for Google Cloud: run `gcloud auth application-default login`",
                )?;
                let pubsub = flags.pubsub_url(PUBSUB_URL);
                Self::in_the_cloud(&pubsub, IAM_CREDENTIALS_URL, project, credentials)
            }
        }
    }

    fn on_one_machine(url: &str, project: String, advice: &'static str) -> anyhow::Result<Self> {
        // Nothing on this machine is behind a proxy or speaks TLS: it works without the root
        // certificates that a minimal image may lack.
        let http = client().no_proxy().tls_certs_only([]).build()?;
        let api = GoogleApi::new(http.clone(), None, advice);
        let url = base_url(url, PUBSUB_FLAG)?;
        Ok(Self {
            pubsub: PubsubRest::new(api, url, project, EMPTY_PULLS_ON_ONE_MACHINE),
            iam: None,
            monitoring: None,
            http,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        })
    }

    /// In Google Cloud, with its APIs at these URLs.
    pub fn in_the_cloud(
        pubsub_url: &str,
        iam_credentials_url: &str,
        project: String,
        credentials: Credentials,
    ) -> anyhow::Result<Self> {
        let http = client().build()?;
        let api = GoogleApi::new(http.clone(), Some(credentials), "is there a network?");
        let iam = IamCredentials::new(api.clone(), base_url(iam_credentials_url, PUBSUB_FLAG)?);
        let monitoring = Monitoring::new(api.clone(), Url::parse(MONITORING_URL)?, &project);
        Ok(Self {
            pubsub: PubsubRest::new(
                api,
                base_url(pubsub_url, PUBSUB_FLAG)?,
                project,
                EMPTY_PULLS_IN_THE_CLOUD,
            ),
            iam: Some(iam),
            monitoring: Some(monitoring),
            http,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        })
    }
}

fn client() -> reqwest::ClientBuilder {
    Client::builder()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_LIMIT)
}

/// The URL that this flag gives.
pub fn base_url(text: &str, flag: &str) -> anyhow::Result<Url> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) | Err(_) => {
            bail!("`{text}` is not a URL such as http://localhost:8085: correct {flag}")
        }
    }
}
