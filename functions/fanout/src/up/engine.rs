//! What the services run on: the embedded engine, or Google's emulators.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use fanout_bus::{Publisher, Topology};
use fanout_bus_local::{Broker, Mischief};
use fanout_bus_pubsub as pubsub;
use fanout_google_cloud::GoogleCloudSettings;
use fanout_outbox::OutboxSettings;
use fanout_runtime::{Environment, SystemClock, SystemIds};
use fanout_store::Documents;
use fanout_store_sqlite::{Database, SqliteDocuments};

use super::data_dir::DataDir;
use crate::cli::{DeliveryFlags, UpFlags};
use crate::google_emulators::{self, Sdk};
use crate::target::{LOCAL_PROJECT, emulators};

/// Which engine the flags and the environment ask for.
pub enum EngineChoice {
    /// SQLite and the broker on it.
    Embedded,
    /// Emulators that run already, from `PUBSUB_EMULATOR_HOST` and `FIRESTORE_EMULATOR_HOST`.
    Running(GoogleCloudSettings),
    /// Emulators to be started from this SDK.
    ToBeStarted(Sdk),
}

pub(super) struct Engine {
    pub(super) documents: Arc<dyn Documents>,
    pub(super) publisher: Arc<dyn Publisher>,
    /// For what an outbox has stored.
    pub(super) outbox_publisher: Arc<dyn Publisher>,
    /// What outboxes are told.
    pub(super) outboxes: OutboxSettings,
    pub(super) bus: Bus,
}

pub(super) enum Bus {
    Embedded(Broker),
    Emulators {
        at: Box<GoogleCloudSettings>,
        /// Stops the emulators that we started, when dropped.
        _started: Option<google_emulators::Emulators>,
    },
}

impl EngineChoice {
    /// Decides; half a pair of emulator variables is an error, as is a missing SDK.
    pub fn from_flags(flags: &UpFlags, environment: &dyn Environment) -> anyhow::Result<Self> {
        if flags.emulators {
            let path = environment.get("PATH").unwrap_or_default();
            return Ok(Self::ToBeStarted(google_emulators::locate(path.as_ref())?));
        }
        Ok(emulators(environment)?.map_or(Self::Embedded, Self::Running))
    }
}

impl Engine {
    pub(super) async fn start(
        choice: EngineChoice,
        data: &DataDir,
        delivery: &DeliveryFlags,
        outboxes: OutboxSettings,
    ) -> anyhow::Result<Self> {
        match choice {
            EngineChoice::Embedded => Self::embedded(data, delivery, outboxes).await,
            EngineChoice::Running(at) => Self::on_emulators(at, None, outboxes).await,
            EngineChoice::ToBeStarted(sdk) => {
                let started = google_emulators::start(&sdk, &data.emulators()).await?;
                let at = GoogleCloudSettings::of(LOCAL_PROJECT).on_emulators(started.hosts.clone());
                Self::on_emulators(at, Some(started), outboxes).await
            }
        }
    }

    async fn embedded(
        data: &DataDir,
        delivery: &DeliveryFlags,
        outboxes: OutboxSettings,
    ) -> anyhow::Result<Self> {
        let database = Database::open(&data.database())?;
        let clock = Arc::new(SystemClock);
        let documents = SqliteDocuments::open(database.clone(), clock.clone()).await?;
        // The file is ours alone, so the process that held a claim in it is dead.
        fanout_dedup::expire_claims_of_dead_process(&documents, clock.as_ref()).await?;
        fanout_outbox::end_leases_of_dead_process(&documents, clock.as_ref()).await?;
        fanout_processes::end_fences_of_dead_process(&documents, clock.as_ref()).await?;
        let project = LOCAL_PROJECT.to_owned();
        let broker = Broker::open(database, clock, Arc::new(SystemIds), project).await?;
        let broker = broker.with_mischief(Mischief {
            duplicates: delivery.duplicates,
            errors: delivery.errors,
            reorder: delivery.reorder,
        });
        Ok(Self {
            documents: Arc::new(documents),
            publisher: Arc::new(broker.publisher()),
            outbox_publisher: Arc::new(broker.publisher_of_stored()),
            outboxes,
            bus: Bus::Embedded(broker),
        })
    }

    async fn on_emulators(
        at: GoogleCloudSettings,
        started: Option<google_emulators::Emulators>,
        outboxes: OutboxSettings,
    ) -> anyhow::Result<Self> {
        let connected = at.clone().connect().await.map_err(|error| anyhow!(error));
        let google = connected.context("cannot connect to Google's emulators")?;
        Ok(Self {
            documents: google.documents,
            outbox_publisher: google.publisher.clone(),
            publisher: google.publisher,
            outboxes,
            bus: Bus::Emulators {
                at: Box::new(at),
                _started: started,
            },
        })
    }

    pub(super) fn emulators(&self) -> Option<&GoogleCloudSettings> {
        match &self.bus {
            Bus::Embedded(_) => None,
            Bus::Emulators { at, .. } => Some(at),
        }
    }

    pub(super) async fn set_up(&self, topology: &Topology) -> anyhow::Result<()> {
        match &self.bus {
            Bus::Embedded(broker) => Ok(broker.set_up(topology).await?),
            Bus::Emulators { at, .. } => Ok(pubsub::set_up(&at.pubsub(), topology).await?),
        }
    }
}
