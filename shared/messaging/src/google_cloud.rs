//! The settings and adapters that every container shares: Firestore and Pub/Sub, in Google Cloud or
//! on Google's emulators.

use std::sync::Arc;

use fanout_runtime::{Settings, SystemClock, SystemIds, Timings};
use fanout_store::firestore::{FirestoreDocuments, FirestoreOptions};
use fanout_store::{BoxError, Documents};

use crate::consume::{ConsumerDeps, PushAuth, PushAuthMode};
use crate::pubsub::{Options, PubsubPublisher};

/// Which project, and whether it is Google Cloud's or the emulators'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleCloudSettings {
    /// `GOOGLE_CLOUD_PROJECT`
    pub project: String,
    /// `FIRESTORE_DATABASE`, by default `(default)`
    pub database: String,
    /// `FIRESTORE_EMULATOR_HOST`, if Firestore is the emulator's
    pub firestore_emulator: Option<String>,
    /// `PUBSUB_EMULATOR_HOST`, if Pub/Sub is the emulator's
    pub pubsub_emulator: Option<String>,
}

/// The two adapters.
pub struct GoogleCloud {
    /// Firestore.
    pub documents: Arc<dyn Documents>,
    /// Pub/Sub.
    pub publisher: Arc<PubsubPublisher>,
}

/// What every consumer's container is told by its environment.
pub struct ConsumerSettings {
    google_cloud: GoogleCloudSettings,
    dead_letter_topic: String,
    auth: PushAuth,
    timings: Timings,
}

impl GoogleCloudSettings {
    /// Reads the variables.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let host = "the emulator's host:port";
        let project = settings.required("GOOGLE_CLOUD_PROJECT", "the Google Cloud project's id");
        let database = settings.or_default(
            "FIRESTORE_DATABASE",
            "a Firestore database's id",
            "(default)".to_owned(),
        );
        let firestore_emulator = settings.optional("FIRESTORE_EMULATOR_HOST", host);
        let pubsub_emulator = settings.optional("PUBSUB_EMULATOR_HOST", host);
        Some(Self {
            project: project?,
            database: database?,
            firestore_emulator: firestore_emulator?,
            pubsub_emulator: pubsub_emulator?,
        })
    }

    /// Builds the clients. Fails if there are no credentials, or if Firestore cannot be reached.
    pub async fn connect(self) -> Result<GoogleCloud, BoxError> {
        let documents = FirestoreDocuments::connect(FirestoreOptions {
            project: self.project.clone(),
            database: self.database,
            emulator_host: self.firestore_emulator,
        });
        let publisher = PubsubPublisher::new(Options {
            project: self.project,
            emulator_host: self.pubsub_emulator,
        });
        Ok(GoogleCloud {
            documents: Arc::new(documents.await?),
            publisher: Arc::new(publisher.await?),
        })
    }
}

impl ConsumerSettings {
    /// Reads the variables, and checks that the numbers of delivery do not contradict each other.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let google_cloud = GoogleCloudSettings::read(settings);
        let dead_letter_topic = settings.required(
            "DEAD_LETTER_TOPIC",
            "the name of this consumer's dead-letter topic",
        );
        let auth = read_push_auth(settings);
        let timings = Timings::read(settings);
        Some(Self {
            google_cloud: google_cloud?,
            dead_letter_topic: dead_letter_topic?,
            auth: auth?,
            timings: timings?,
        })
    }

    /// The numbers of delivery.
    pub fn timings(&self) -> Timings {
        self.timings
    }

    /// Builds what the consumer needs.
    pub async fn connect(self) -> Result<ConsumerDeps, BoxError> {
        let project = self.google_cloud.project.clone();
        let GoogleCloud {
            documents,
            publisher,
        } = self.google_cloud.connect().await?;
        Ok(ConsumerDeps {
            documents,
            publisher,
            dead_letter_topic: self.dead_letter_topic,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            timings: self.timings,
            auth: self.auth,
            project,
        })
    }
}

fn read_push_auth(settings: &mut Settings<'_>) -> Option<PushAuth> {
    let mode = settings.required(
        "PUSH_AUTH",
        "`iam` (Cloud Run checks the push token) or `oidc` (this process checks it)",
    );
    match mode? {
        PushAuthMode::Iam => Some(PushAuth::iam()),
        PushAuthMode::Oidc => {
            let audience: Option<String> =
                settings.required("PUSH_AUDIENCE", "the audience of the subscription's token");
            let service_account: Option<String> = settings.required(
                "PUSH_SERVICE_ACCOUNT",
                "the e-mail address of the service account that the subscription pushes with",
            );
            Some(PushAuth::oidc(&audience?, &service_account?, None))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn faults(variables: &[(&str, &str)]) -> Vec<String> {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        let environment: HashMap<String, String> = variables.iter().map(owned).collect();
        let mut settings = Settings::new(&environment);
        let read = ConsumerSettings::read(&mut settings);
        settings
            .finish(read)
            .err()
            .map_or_else(Vec::new, |error| error.faults)
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        insta::assert_json_snapshot!(faults(&[]), @r#"
        [
          "GOOGLE_CLOUD_PROJECT is not set; it must be the Google Cloud project's id.",
          "DEAD_LETTER_TOPIC is not set; it must be the name of this consumer's dead-letter topic.",
          "PUSH_AUTH is not set; it must be `iam` (Cloud Run checks the push token) or `oidc` (this process checks it)."
        ]
        "#);
    }

    #[test]
    fn there_is_no_way_to_switch_authentication_off() {
        let set = [
            ("GOOGLE_CLOUD_PROJECT", "p"),
            ("DEAD_LETTER_TOPIC", "t"),
            ("PUSH_AUTH", "none"),
        ];
        assert_eq!(faults(&set).len(), 1);
    }

    #[tokio::test]
    async fn oidc_asks_for_audience_and_identity() {
        let mut set = vec![
            ("GOOGLE_CLOUD_PROJECT", "p"),
            ("DEAD_LETTER_TOPIC", "t"),
            ("PUSH_AUTH", "oidc"),
        ];
        assert_eq!(faults(&set).len(), 2);
        set.extend([
            ("PUSH_AUDIENCE", "a"),
            ("PUSH_SERVICE_ACCOUNT", "s@example.com"),
        ]);
        assert_eq!(faults(&set), Vec::<String>::new());
    }
}
