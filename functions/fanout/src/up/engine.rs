//! What the services run on: the embedded engine, or Google's emulators.

use std::ffi::OsStr;
use std::sync::Arc;

use anyhow::Context;
use fanout_bus::{Publisher, Topology};
use fanout_bus_local::{Broker, Mischief};
use fanout_bus_pubsub as pubsub;
use fanout_bus_pubsub::Options;
use fanout_google_cloud::GoogleCloud;
use fanout_runtime::{Environment, SystemClock, SystemIds};
use fanout_store::Documents;
use fanout_store_sqlite::{Database, SqliteDocuments};

use super::data_dir::DataDir;
use super::search_path;
use crate::cli::{DeliveryFlags, UpFlags};
use crate::google_emulators::{self, Sdk};
use crate::target::{EmulatorAddresses, LOCAL_PROJECT};

/// Which engine the flags and the environment ask for.
pub enum EngineChoice {
    /// SQLite and the broker on it.
    Embedded,
    /// Emulators that run already, from `PUBSUB_EMULATOR_HOST` and `FIRESTORE_EMULATOR_HOST`.
    Running(EmulatorAddresses),
    /// Emulators to be started from this SDK.
    ToBeStarted(Sdk),
}

/// A started engine.
pub(super) struct Engine {
    pub(super) documents: Arc<dyn Documents>,
    pub(super) publisher: Arc<dyn Publisher>,
    pub(super) project: String,
    pub(super) bus: Bus,
}

/// Who delivers messages.
pub(super) enum Bus {
    Embedded(Broker),
    Emulators {
        at: EmulatorAddresses,
        /// Stops the emulators that we started, when dropped.
        _started: Option<google_emulators::Emulators>,
    },
}

impl EngineChoice {
    /// Decides; half a pair of emulator variables is an error, as is a missing SDK.
    pub fn from_flags(flags: &UpFlags, environment: &dyn Environment) -> anyhow::Result<Self> {
        if flags.emulators {
            let path = search_path(environment);
            return Ok(Self::ToBeStarted(google_emulators::locate(OsStr::new(
                &path,
            ))?));
        }
        let running = EmulatorAddresses::from_environment(environment)?;
        Ok(running.map_or(Self::Embedded, Self::Running))
    }
}

impl Engine {
    pub(super) async fn start(
        choice: EngineChoice,
        data: &DataDir,
        delivery: &DeliveryFlags,
    ) -> anyhow::Result<Self> {
        match choice {
            EngineChoice::Embedded => Self::embedded(data, delivery).await,
            EngineChoice::Running(at) => Self::on_emulators(at, None).await,
            EngineChoice::ToBeStarted(sdk) => {
                let started = google_emulators::start(&sdk, &data.emulators()).await?;
                let at = EmulatorAddresses {
                    pubsub: started.pubsub_host.clone(),
                    firestore: started.firestore_host.clone(),
                    project: LOCAL_PROJECT.to_owned(),
                };
                Self::on_emulators(at, Some(started)).await
            }
        }
    }

    async fn embedded(data: &DataDir, delivery: &DeliveryFlags) -> anyhow::Result<Self> {
        let database = Database::open(&data.database())?;
        let clock = Arc::new(SystemClock);
        let documents = SqliteDocuments::open(database.clone(), clock.clone()).await?;
        // The file is ours alone, so the process that held a claim in it is dead.
        fanout_dedup::expire_claims_of_dead_process(&documents, clock.as_ref()).await?;
        fanout_outbox::end_leases_of_dead_process(&documents, clock.as_ref()).await?;
        fanout_processes::end_fences_of_dead_process(&documents, clock.as_ref()).await?;
        let mischief = Mischief {
            duplicates: delivery.duplicates,
            errors: delivery.errors,
            reorder: delivery.reorder,
        };
        let broker = Broker::open(
            database,
            clock,
            Arc::new(SystemIds),
            LOCAL_PROJECT.to_owned(),
        )
        .await?
        .with_mischief(mischief);
        Ok(Self {
            documents: Arc::new(documents),
            publisher: Arc::new(broker.publisher()),
            project: LOCAL_PROJECT.to_owned(),
            bus: Bus::Embedded(broker),
        })
    }

    async fn on_emulators(
        at: EmulatorAddresses,
        started: Option<google_emulators::Emulators>,
    ) -> anyhow::Result<Self> {
        let GoogleCloud {
            documents,
            publisher,
            ..
        } = at
            .google_cloud()
            .connect()
            .await
            .map_err(|error| anyhow::anyhow!(error))
            .context("cannot connect to Google's emulators")?;
        Ok(Self {
            documents,
            publisher,
            project: at.project.clone(),
            bus: Bus::Emulators {
                at,
                _started: started,
            },
        })
    }

    /// Creates or updates topics and subscriptions.
    pub(super) async fn set_up(&self, topology: &Topology) -> anyhow::Result<()> {
        match &self.bus {
            Bus::Embedded(broker) => Ok(broker.set_up(topology).await?),
            Bus::Emulators { at, .. } => {
                let options = Options {
                    project: at.project.clone(),
                    emulator_host: Some(at.pubsub.clone()),
                };
                Ok(pubsub::set_up(&options, topology).await?)
            }
        }
    }
}
