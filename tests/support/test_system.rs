//! The whole system in this process, on free ports and a temporary directory.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use clap::Parser;
use fanout::cli::{Cli, PUBSUB};
use fanout::google_emulators;
use fanout::up::{EngineChoice, System};
use fanout_google_cloud::GoogleCloudSettings;
use fanout_runtime::{Environment, ProcessEnvironment, Shutdown};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::eventually;

/// A running system that stops with the test.
pub(crate) struct TestSystem {
    /// An HTTP client.
    pub(crate) client: Client,
    system: System,
    shutdown: Shutdown,
    data: TempDir,
}

/// One pair of emulators for the whole test binary; they end with the process.
static EMULATORS: OnceCell<google_emulators::Emulators> = OnceCell::const_new();
static PROJECTS: AtomicU32 = AtomicU32::new(0);

impl TestSystem {
    /// On the embedded engine.
    pub(crate) async fn embedded() -> Self {
        Self::start(EngineChoice::Embedded, tempfile::tempdir().unwrap()).await
    }

    /// All systems, on the embedded engine.
    pub(crate) async fn of_all_systems() -> Self {
        let data = tempfile::tempdir().unwrap();
        Self::start_of(&["--all"], EngineChoice::Embedded, &HashMap::new(), data).await
    }

    /// On the embedded engine, with these variables that say where mails go.
    pub(crate) async fn with_mail(variables: &HashMap<String, String>) -> Self {
        let data = tempfile::tempdir().unwrap();
        Self::start_with(EngineChoice::Embedded, variables, data).await
    }

    /// The shop too, on the embedded engine.
    pub(crate) async fn shop() -> Self {
        Self::shop_of("orchestrated").await
    }

    /// The same, whose orders are seen through like this.
    pub(crate) async fn shop_of(flow: &str) -> Self {
        let (nothing, data) = (HashMap::new(), tempfile::tempdir().unwrap());
        let more = ["--system", "shop", "--order-flow", flow];
        Self::start_of(&more, EngineChoice::Embedded, &nothing, data).await
    }

    /// Posts, feeds and the search too, on the embedded engine.
    pub(crate) async fn social() -> Self {
        Self::social_on(EngineChoice::Embedded).await
    }

    /// The same on Google's emulators.
    pub(crate) async fn social_on_emulators() -> Self {
        Self::social_on(EngineChoice::Running(emulators().await)).await
    }

    async fn social_on(engine: EngineChoice) -> Self {
        let (nothing, data) = (HashMap::new(), tempfile::tempdir().unwrap());
        let more = ["--system", "social", "--system", "shop"];
        Self::start_of(&more, engine, &nothing, data).await
    }

    /// On the embedded engine, with the data of a system that has stopped.
    pub(crate) async fn restarted(data: TempDir) -> Self {
        Self::start(EngineChoice::Embedded, data).await
    }

    /// On Google's emulators, in a project of its own.
    pub(crate) async fn on_emulators() -> Self {
        Self::start(
            EngineChoice::Running(emulators().await),
            tempfile::tempdir().unwrap(),
        )
        .await
    }

    async fn start(choice: EngineChoice, data: TempDir) -> Self {
        Self::start_with(choice, &HashMap::new(), data).await
    }

    async fn start_with(
        choice: EngineChoice,
        environment: &HashMap<String, String>,
        data: TempDir,
    ) -> Self {
        Self::start_of(&[], choice, environment, data).await
    }

    async fn start_of(
        more: &[&str],
        choice: EngineChoice,
        environment: &HashMap<String, String>,
        data: TempDir,
    ) -> Self {
        let folder = data.path().display().to_string();
        let arguments = ["fanout", "--port", "all=0", "--data-dir", &folder];
        let flags = Cli::parse_from([&arguments, more].concat()).up;
        let shutdown = Shutdown::default();
        let system = System::start(&flags, choice, environment, shutdown.clone())
            .await
            .unwrap();
        Self {
            client: Client::new(),
            system,
            shutdown,
            data,
        }
    }

    /// Stops cleanly; the data directory is left for the next start.
    pub(crate) async fn stop(self) -> TempDir {
        self.shutdown.start();
        self.system.stopped().await.unwrap();
        self.data
    }

    /// The URL of a name of `--port`, with this path.
    pub(crate) fn url(&self, name: &str, path: &str) -> String {
        format!("{}{path}", self.system.urls().of(name))
    }

    /// Signs somebody up and gives the new user's id.
    pub(crate) async fn sign_up(&self, email: &str) -> String {
        let answer = self
            .post_user(&json!({"email": email, "name": "Test User"}))
            .await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let user: Value = answer.json().await.unwrap();
        user["id"].as_str().unwrap().to_owned()
    }

    /// `POST /users`
    pub(crate) async fn post_user(&self, body: &Value) -> Response {
        let request = self.client.post(self.url("user", "/users")).json(body);
        request.send().await.unwrap()
    }

    /// Publishes through the REST face, as `gcloud` does.
    pub(crate) async fn publish(&self, messages: Value) {
        let project = self
            .system
            .emulators()
            .map_or("any", |at| at.project.as_str());
        let path = format!("/v1/projects/{project}/topics/user-events:publish");
        let request = self.client.post(self.url(PUBSUB, &path));
        let answer = request.json(&json!({"messages": messages})).send().await;
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
    }

    /// Delivers a push body to one consumer, as the bus does.
    pub(crate) async fn push(&self, consumer: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.client.post(self.url(consumer, "/pubsub/push"));
        let request = request.header("content-type", "application/json");
        request.body(body).send().await.unwrap()
    }

    /// The number of sign-ups counted on the last thirty days.
    pub(crate) async fn counted(&self) -> i64 {
        let (_, counts) = get_json(&self.client, &self.url("analytics", "/signups")).await;
        counts["total"].as_i64().unwrap()
    }

    /// The records of mails to a user.
    pub(crate) async fn mails_to(&self, user_id: &str) -> Vec<Value> {
        let path = format!("/emails?user_id={user_id}");
        let (_, mails) = get_json(&self.client, &self.url("email", &path)).await;
        mails["emails"].as_array().unwrap().clone()
    }

    /// The contact of a user, if there is one.
    pub(crate) async fn contact(&self, user_id: &str) -> Option<Value> {
        let path = format!("/contacts/{user_id}");
        let (status, contact) = get_json(&self.client, &self.url("crm", &path)).await;
        (status == StatusCode::OK).then_some(contact)
    }

    /// Waits for the contact, the mail and the count of these users, and checks that each is one.
    pub(crate) async fn assert_reacted_once(&self, users: &[String]) {
        for user in users {
            eventually("the contact", || self.contact(user)).await;
            let mails = eventually("the mail", || async {
                Some(self.mails_to(user).await).filter(|mails| !mails.is_empty())
            });
            assert_eq!(mails.await.len(), 1, "mails to {user}");
        }
        let expected = users.len() as i64;
        eventually("the count", || async {
            (self.counted().await >= expected).then_some(())
        })
        .await;
        assert_eq!(self.counted().await, expected);
    }

    /// The `.eml` files.
    pub(crate) fn mail_files(&self) -> Vec<PathBuf> {
        let folder = std::fs::read_dir(self.data.path().join("mail"));
        let files = folder
            .into_iter()
            .flatten()
            .map(|file| file.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|end| end == "eml"))
            .collect()
    }
}

/// A GET's status and JSON body.
pub(crate) async fn get_json(client: &Client, url: &str) -> (StatusCode, Value) {
    let answer = client.get(url).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// The emulators, with a project that no other test uses.
pub(crate) async fn emulators() -> GoogleCloudSettings {
    let started = EMULATORS
        .get_or_init(|| async {
            let path = ProcessEnvironment.get("PATH").unwrap_or_default();
            let sdk = google_emulators::locate(path.as_ref()).unwrap();
            let output =
                std::env::temp_dir().join(format!("fanout-emulators-{}", std::process::id()));
            google_emulators::start(&sdk, &output).await.unwrap()
        })
        .await;
    let project = format!("test-{}", PROJECTS.fetch_add(1, Ordering::Relaxed));
    GoogleCloudSettings::of(project).on_emulators(started.hosts.clone())
}
