//! Google's emulators, on the cores that no contender has.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::measure::{Connection, Effects, Process, Report, free_port, version_of};

#[path = "../../../functions/fanout/src/google_emulators/locate.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "what finds them is shared with the command"
)]
mod locate;

/// How long the emulators may take until they answer.
const START_TIME_LIMIT: Duration = Duration::from_secs(60);
/// More than a round keeps.
const HEAP: &str = "-Xmx2g";
/// Messages of a pull.
const PULLED: usize = 1_000;
/// Where producers publish.
const TOPIC: &str = "user-events";
const SUBSCRIPTION: &str = "bench";

/// Both, running. Each project is a world of its own.
pub(crate) struct Emulators {
    pub(crate) firestore_port: u16,
    pub(crate) pubsub_port: u16,
    firestore: Process,
    _pubsub: Process,
}

impl Emulators {
    /// Starts both on these cores, and waits until they answer.
    pub(crate) fn start(cores: &str, output: &Path, report: &mut Report) -> anyhow::Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let sdk = locate::locate(&path)?;
        report.version(
            "Google Cloud SDK (emulators)",
            version_of("gcloud", &["--version"]),
        );
        let java = version_of("java", &["--version"]);
        report.version("Java", java);
        let (firestore_port, pubsub_port) = (free_port()?, free_port()?);
        let start = |name: &str, arguments: &[&str], port: u16| {
            let mut java = Command::new(&sdk.java);
            java.args([HEAP, "-XX:-UsePerfData"]).args(arguments);
            java.args(["--host=127.0.0.1", &format!("--port={port}")]);
            let output = output.join(format!("{name}.log"));
            let mut process = Process::start(name, &java, cores, &output)?;
            process.until_ready(START_TIME_LIMIT, || {
                Connection::to(port)
                    .get("/")
                    .is_ok_and(|it| it.is_success())
            })?;
            anyhow::Ok(process)
        };
        let firestore_jar = sdk.firestore_jar.to_string_lossy();
        let main = "com.google.cloud.datastore.emulator.firestore.CloudFirestore";
        let mode = "--database-mode=firestore-native";
        let firestore = ["-cp", &firestore_jar, main, "start", mode];
        let firestore = start("firestore-emulator", &firestore, firestore_port)?;
        let pubsub = ["-jar", &sdk.pubsub_jar.to_string_lossy()];
        Ok(Self {
            firestore_port,
            pubsub_port,
            firestore,
            _pubsub: start("pubsub-emulator", &pubsub, pubsub_port)?,
        })
    }

    /// The environment of a program that uses them.
    pub(crate) fn environment(&self, project: &str) -> [(&'static str, String); 3] {
        [
            ("GOOGLE_CLOUD_PROJECT", project.to_owned()),
            (
                "FIRESTORE_EMULATOR_HOST",
                format!("127.0.0.1:{}", self.firestore_port),
            ),
            (
                "PUBSUB_EMULATOR_HOST",
                format!("127.0.0.1:{}", self.pubsub_port),
            ),
        ]
    }

    /// CPU seconds of the one that stores.
    pub(crate) fn store_cpu_seconds(&self) -> f64 {
        self.firestore.cpu_seconds()
    }

    /// What lies in a collection, against how many documents should: one that was written more than once was
    /// changed by a repetition.
    pub(crate) fn effects(
        &self,
        project: &str,
        collection: &str,
        expected: usize,
    ) -> anyhow::Result<Effects> {
        // One query: a list comes in pages of 150, for each of which the emulator goes through the collection.
        let path = format!("/v1/projects/{project}/databases/(default)/documents:runQuery");
        let query = json!({"structuredQuery": {
            "from": [{"collectionId": collection}],
            "select": {"fields": [{"fieldPath": "__name__"}]},
        }});
        let mut connection = Connection::to(self.firestore_port);
        let found = connection
            .send("POST", &path, query.to_string().as_bytes())?
            .json()?;
        let found = found.as_array().context("a query without an answer")?;
        let documents = found.iter().filter_map(|it| it.get("document"));
        let is_dated = |it: &Value| it["createTime"].is_string() && it["updateTime"].is_string();
        ensure!(
            found.iter().all(|it| it["readTime"].is_string()) && documents.clone().all(is_dated),
            "the emulator does not say when {collection} were written"
        );
        let there = documents.clone().count();
        let changed = documents.filter(|it| it["createTime"] != it["updateTime"]);
        let changed = changed.count();
        Ok(Effects {
            lost: expected.saturating_sub(there),
            repeated: changed + there.saturating_sub(expected),
        })
    }

    /// Drops all documents of a project.
    pub(crate) fn forget(&self, project: &str) -> anyhow::Result<()> {
        let path = format!("/emulator/v1/projects/{project}/databases/(default)/documents");
        let answer = Connection::to(self.firestore_port).send("DELETE", &path, b"")?;
        ensure!(
            answer.is_success(),
            "the emulator keeps {project}: {answer:?}"
        );
        Ok(())
    }

    /// Makes the topic of producers, with one subscription that keeps what is published.
    pub(crate) fn expect_events(&self, project: &str) -> anyhow::Result<()> {
        let mut connection = Connection::to(self.pubsub_port);
        let topic = format!("projects/{project}/topics/{TOPIC}");
        connection
            .send("PUT", &format!("/v1/{topic}"), b"{}")?
            .json()?;
        let subscription = json!({"topic": topic, "ackDeadlineSeconds": 600}).to_string();
        let path = format!("/v1/projects/{project}/subscriptions/{SUBSCRIPTION}");
        connection
            .send("PUT", &path, subscription.as_bytes())?
            .json()?;
        Ok(())
    }

    /// What was published, against one event of each of so many users.
    pub(crate) fn published(&self, project: &str, expected: usize) -> anyhow::Result<Effects> {
        /// Pulls in a row that bring nothing: it may give less than there is.
        const NOTHING_MORE: usize = 20;
        let mut connection = Connection::to(self.pubsub_port);
        let path = format!("/v1/projects/{project}/subscriptions/{SUBSCRIPTION}:pull");
        let body = json!({"maxMessages": PULLED, "returnImmediately": true}).to_string();
        let mut subjects: HashMap<String, usize> = HashMap::new();
        let (mut all, mut empty) = (0, 0);
        while empty < NOTHING_MORE {
            let pulled = connection.send("POST", &path, body.as_bytes())?.json()?;
            let none = Vec::new();
            let messages = pulled["receivedMessages"].as_array().unwrap_or(&none);
            empty = if messages.is_empty() { empty + 1 } else { 0 };
            for message in messages {
                let subject = message["message"]["attributes"]["ce-subject"].as_str();
                let subject = subject.context("an event without a subject")?;
                *subjects.entry(subject.to_owned()).or_default() += 1;
                all += 1;
            }
        }
        Ok(Effects {
            lost: expected.saturating_sub(subjects.len()),
            repeated: all - subjects.len().min(expected),
        })
    }
}
