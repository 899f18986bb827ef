#![doc = include_str!("../README.md")]

mod emulators;
mod names;

use std::sync::Arc;

use fanout_bus::Publisher;
use fanout_events::EmailAddress;
use fanout_outbox::{Outbox, OutboxSettings};
use fanout_runtime::{BoxError, Settings, SystemClock, SystemIds, Timings, error_chain};
use fanout_store::Documents;
use fanout_store_firestore::{ConnectError, FirestoreDocuments, FirestoreOptions};

use fanout_bus_pubsub::{Options, PubsubPublisher};
use fanout_consume::PushAuth;
use fanout_kernel::{Kernel, Place, Role, ServiceSpec};
use fanout_processes::Processes;
use fanout_projections::{Freshness, Projections};
use fanout_web::Service;
use tracing::warn;

pub use emulators::EmulatorHosts;
use names::{DATABASE_ID, database_id};
pub use names::{PROJECT_ID, project_id};

const EARLIER_VERSION: &str = "an earlier version of Fanout has used this database, and what waits in its outbox would be forgotten: give an empty database, by FIRESTORE_DATABASE";

/// Which project, and whether it is Google Cloud's or the emulators'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleCloudSettings {
    /// `GOOGLE_CLOUD_PROJECT`
    pub project: String,
    /// `FIRESTORE_DATABASE`, by default `(default)`
    pub database: String,
    /// Both emulators, if they stand in for Google Cloud
    pub emulators: Option<EmulatorHosts>,
    /// What its outboxes are told.
    pub outbox: OutboxSettings,
}

/// The two adapters.
pub struct GoogleCloud {
    /// Firestore.
    pub documents: Arc<dyn Documents>,
    /// Pub/Sub.
    pub publisher: Arc<PubsubPublisher>,
    outbox: OutboxSettings,
}

/// What the container of a role is told by its environment, all of it.
pub struct RoleSettings {
    spec: &'static ServiceSpec,
    google_cloud: GoogleCloudSettings,
    /// Of a service that is pushed to.
    push: Option<(PushAuth, Timings)>,
    role: Role,
    processes: Processes,
    projections: Projections,
}

impl GoogleCloudSettings {
    /// Reads the variables.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let project = settings.required_as("GOOGLE_CLOUD_PROJECT", PROJECT_ID, project_id);
        let database = settings.optional_as("FIRESTORE_DATABASE", DATABASE_ID, database_id);
        let emulators = EmulatorHosts::read(settings);
        let outbox = OutboxSettings::read(settings);
        Some(Self {
            outbox: outbox?,
            project: project?,
            database: database.or("(default)".to_owned())?,
            emulators: emulators.value(),
        })
    }

    /// The default database of a project, and all else as usual.
    pub fn of(project: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            database: "(default)".to_owned(),
            emulators: None,
            outbox: OutboxSettings::default(),
        }
    }

    /// The same, with outboxes that are told so.
    pub fn outboxes_told(self, outbox: OutboxSettings) -> Self {
        Self { outbox, ..self }
    }

    /// The same on emulators that stand in for Google Cloud.
    pub fn on_emulators(self, hosts: EmulatorHosts) -> Self {
        Self {
            emulators: Some(hosts),
            ..self
        }
    }

    /// Pub/Sub, for the adapter.
    pub fn pubsub(&self) -> Options {
        let emulators = self.emulators.as_ref();
        Options {
            project: self.project.clone(),
            emulator_host: emulators.map(|hosts| hosts.pubsub.clone()),
        }
    }

    /// Connects to Firestore. Fails if nobody gives credentials, or if it cannot be reached.
    pub async fn documents(&self) -> Result<FirestoreDocuments, ConnectError> {
        let emulators = self.emulators.as_ref();
        let options = FirestoreOptions {
            project: self.project.clone(),
            database: self.database.clone(),
            emulator_host: emulators.map(|hosts| hosts.firestore.clone()),
        };
        FirestoreDocuments::connect(options).await
    }

    /// Builds the clients. Fails if [`GoogleCloudSettings::documents`] does, or if an earlier version
    /// has used the database.
    pub async fn connect(self) -> Result<GoogleCloud, BoxError> {
        let documents = self.documents().await?;
        match fanout_dedup::is_of_an_earlier_version(&documents).await {
            Ok(false) => {}
            Ok(true) => return Err(EARLIER_VERSION.into()),
            // Requests will tell, and the next start asks again.
            Err(error) => warn!(
                error = error_chain(&error),
                "cannot tell whether the database is of an earlier version"
            ),
        }
        Ok(GoogleCloud {
            documents: Arc::new(documents),
            publisher: Arc::new(PubsubPublisher::new(self.pubsub())?),
            outbox: self.outbox,
        })
    }
}

impl GoogleCloud {
    /// The outbox of this service.
    pub fn outbox(&self, service: &str) -> Outbox {
        let outbox = Outbox::new(
            Arc::clone(&self.documents),
            Arc::clone(&self.publisher) as Arc<dyn Publisher>,
            Arc::new(SystemClock),
            Arc::new(SystemIds),
            service,
        );
        outbox.told(self.outbox.clone())
    }
}

impl RoleSettings {
    /// Reads the variables of every service, those of one that is pushed to, and the service's own.
    pub fn read(spec: &'static ServiceSpec, settings: &mut Settings<'_>) -> Option<Self> {
        let google_cloud = GoogleCloudSettings::read(settings);
        let push = match spec.subscriber {
            // Each is read, whatever is wrong with the other.
            Some(_) => read_push_auth(settings)
                .zip(Timings::read(settings))
                .map(Some),
            None => Some(None),
        };
        let role = (spec.build)(settings, &Place::Container);
        Some(Self {
            spec,
            google_cloud: google_cloud?,
            push: push?,
            role: role?,
            processes: Processes::default(),
            projections: Projections::of(Vec::new(), Freshness::CLOUD),
        })
    }

    /// The same, with the processes of the whole system.
    pub fn with_processes(self, processes: Processes) -> Self {
        Self { processes, ..self }
    }

    /// The same, with the projections of the whole system.
    pub fn with_projections(self, projections: Projections) -> Self {
        Self {
            projections,
            ..self
        }
    }

    /// The numbers of delivery.
    pub fn timings(&self) -> Timings {
        self.push
            .as_ref()
            .map_or(Timings::PRODUCTION, |(_, timings)| *timings)
    }

    /// Connects, and starts the service.
    pub async fn start(self) -> Result<Service, BoxError> {
        let timings = self.timings();
        let google_cloud = self.google_cloud.connect().await?;
        let kernel = Kernel {
            outbox: google_cloud.outbox(self.spec.name),
            documents: google_cloud.documents,
            publisher: google_cloud.publisher,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            timings,
            processes: self.processes,
            projections: self.projections,
            push_auth: self.push.map(|(auth, _)| auth),
        };
        self.spec.start(self.role, kernel)
    }
}

fn read_push_auth(settings: &mut Settings<'_>) -> Option<PushAuth> {
    let checked_here = settings.required_as(
        "PUSH_AUTH",
        "`iam` (Cloud Run checks the push token) or `oidc` (this process checks it)",
        |mode| match mode {
            "iam" => Some(false),
            "oidc" => Some(true),
            _ => None,
        },
    );
    if !checked_here? {
        return Some(PushAuth::iam());
    }
    let audience: Option<String> =
        settings.required("PUSH_AUDIENCE", "the audience of the subscription's token");
    let service_account = settings.required_as(
        "PUSH_SERVICE_ACCOUNT",
        "the e-mail address of the service account that the subscription pushes with",
        |text| EmailAddress::parse(text).ok(),
    );
    Some(PushAuth::oidc(&audience?, service_account?.expose(), None))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use fanout_kernel::{Limits, Subscriber};

    use super::*;

    /// A service that is pushed to, and has no settings of its own.
    static PUSHED_TO: ServiceSpec = ServiceSpec {
        name: "pushed-to-service",
        system: None,
        port: 0,
        look_at: "",
        publishes: &[],
        subscriber: Some(Subscriber {
            consumer: "pushed-to",
            topics: &[],
        }),
        collections: &[],
        env: &[],
        secrets: &[],
        limits: Limits::USUAL,
        public: false,
        build: |_, _| Some(Role::new(|_| Ok(Service::new(axum::Router::new())))),
    };

    fn faults(variables: &[(&str, &str)]) -> Vec<String> {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        let environment: HashMap<String, String> = variables.iter().map(owned).collect();
        let mut settings = Settings::new(&environment);
        let read = RoleSettings::read(&PUSHED_TO, &mut settings);
        settings
            .finish(read)
            .err()
            .map_or_else(Vec::new, |error| error.faults)
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        insta::assert_json_snapshot!(faults(&[]), @r#"
        [
          "GOOGLE_CLOUD_PROJECT is not set; it must be a Google Cloud project's id: lower-case letters, digits and hyphens.",
          "PUSH_AUTH is not set; it must be `iam` (Cloud Run checks the push token) or `oidc` (this process checks it)."
        ]
        "#);
    }

    #[test]
    fn everything_that_is_set_to_nonsense_is_named_at_once() {
        let nonsense = [
            ("GOOGLE_CLOUD_PROJECT", "bad project!"),
            ("FIRESTORE_DATABASE", "(other)"),
            ("FIRESTORE_EMULATOR_HOST", "::::"),
            ("PUSH_AUTH", "oidc"),
            ("PUSH_AUDIENCE", "a"),
            ("PUSH_SERVICE_ACCOUNT", "nobody"),
        ];
        insta::assert_json_snapshot!(faults(&nonsense), @r#"
        [
          "GOOGLE_CLOUD_PROJECT is set to something else than a Google Cloud project's id: lower-case letters, digits and hyphens (its value is not shown).",
          "FIRESTORE_DATABASE is set to something else than a Firestore database's id: `(default)`, or 4 to 63 lower-case letters, digits and hyphens (its value is not shown).",
          "FIRESTORE_EMULATOR_HOST is set to something else than an emulator's host:port, such as localhost:8085 (its value is not shown).",
          "PUSH_SERVICE_ACCOUNT is set to something else than the e-mail address of the service account that the subscription pushes with (its value is not shown)."
        ]
        "#);
    }

    #[test]
    fn an_event_is_kept_for_a_day_at_least_and_a_hundred_years_at_most() {
        let complete = [("GOOGLE_CLOUD_PROJECT", "p"), ("PUSH_AUTH", "iam")];
        let with = |days| [&complete[..], &[("EVENT_STORE_TTL_DAYS", days)]].concat();
        for days in ["1", "36500"] {
            assert_eq!(faults(&with(days)), Vec::<String>::new(), "{days}");
        }
        let sentence = "EVENT_STORE_TTL_DAYS is set to something else than a whole number of days from 1 to 36500 (its value is not shown).";
        for days in ["0", "36501", "9999999", "4294967296", "-1", "1.5"] {
            assert_eq!(faults(&with(days)), [sentence], "{days}");
        }
    }

    #[test]
    fn one_emulator_beside_production_is_refused() {
        let complete = [("GOOGLE_CLOUD_PROJECT", "p"), ("PUSH_AUTH", "iam")];
        let hosts = ["PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"];
        for (set, not_set) in [(hosts[0], hosts[1]), (hosts[1], hosts[0])] {
            let half = [&complete[..], &[(set, "localhost:1")]].concat();
            let sentence = format!(
                "{set} is set and {not_set} is not: set both to work on Google's emulators, or neither."
            );
            assert_eq!(faults(&half), [sentence]);
        }
        let both = hosts.map(|name| (name, "localhost:1"));
        assert!(faults(&[&complete[..], &both].concat()).is_empty());
    }

    #[test]
    fn there_is_no_way_to_switch_authentication_off() {
        let set = [("GOOGLE_CLOUD_PROJECT", "p"), ("PUSH_AUTH", "none")];
        assert_eq!(faults(&set).len(), 1);
    }

    #[tokio::test]
    async fn oidc_asks_for_audience_and_identity() {
        let mut set = vec![("GOOGLE_CLOUD_PROJECT", "p"), ("PUSH_AUTH", "oidc")];
        assert_eq!(faults(&set).len(), 2);
        set.extend([
            ("PUSH_AUDIENCE", "a"),
            ("PUSH_SERVICE_ACCOUNT", "s@example.com"),
        ]);
        assert_eq!(faults(&set), Vec::<String>::new());
    }
}
