//! The embedded engine, as `fanout up` starts it, without the services.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fanout_bus::{Backoff, Publisher, Retention, Subscription, Topology};
use fanout_bus_local::Broker;
use fanout_consume::{ConsumerDeps, PushAuth};
use fanout_outbox::Outbox;
use fanout_runtime::{SystemClock, SystemIds, Timings};
use fanout_store::Documents;
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_web::bind;
use tokio::net::TcpListener;

/// A file with documents and messages.
pub(crate) struct Engine {
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) broker: Broker,
}

impl Engine {
    /// Opens it, as left by a process that is dead.
    pub(crate) async fn open(folder: &Path) -> anyhow::Result<Self> {
        let database = Database::open(&folder.join("fanout.db"))?;
        let clock = Arc::new(SystemClock);
        let documents = SqliteDocuments::open(database.clone(), clock.clone()).await?;
        fanout_dedup::expire_claims_of_dead_process(&documents, clock.as_ref()).await?;
        fanout_outbox::end_leases_of_dead_process(&documents, clock.as_ref()).await?;
        fanout_processes::end_fences_of_dead_process(&documents, clock.as_ref()).await?;
        let broker = Broker::open(database, clock, Arc::new(SystemIds), "bench".to_owned());
        Ok(Self {
            documents: Arc::new(documents),
            broker: broker.await?,
        })
    }

    /// The outbox of a service, publishing by `publisher`.
    pub(crate) fn outbox(&self, publisher: Arc<dyn Publisher>, service: &str) -> Outbox {
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        Outbox::new(Arc::clone(&self.documents), publisher, clock, ids, service)
    }

    /// What a consumer needs.
    pub(crate) fn consumer(&self, publisher: &Arc<dyn Publisher>, service: &str) -> ConsumerDeps {
        ConsumerDeps {
            documents: Arc::clone(&self.documents),
            publisher: Arc::clone(publisher),
            outbox: self.outbox(Arc::clone(publisher), service),
            dead_letter_topic: "dead-letters".to_owned(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            timings: Timings::PRODUCTION,
            auth: PushAuth::open_for_one_machine(),
        }
    }

    /// Topics, and who is pushed what: a name, the topic and the address.
    pub(crate) async fn set_up(
        &self,
        topics: &[&str],
        pushed: &[(&str, &str, String)],
    ) -> anyhow::Result<()> {
        let subscriptions = pushed.iter().map(|(name, topic, address)| Subscription {
            name: (*name).to_owned(),
            topic: (*topic).to_owned(),
            push_endpoint: Some(address.clone()),
            wrapping: Default::default(),
            ack_deadline: Timings::PRODUCTION.ack_deadline,
            backoff: Backoff {
                min: Duration::from_secs(1),
                max: Duration::from_secs(10),
            },
            dead_letters: None,
            ordered: true,
            filter: None,
            retention: Retention::of_unacked(Timings::PRODUCTION.retention),
        });
        let topology = Topology {
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            subscriptions: subscriptions.collect(),
        };
        Ok(self.broker.set_up(&topology).await?)
    }
}

/// A port of its own, and the address under which a consumer on it is pushed to.
pub(crate) async fn listener() -> anyhow::Result<(String, TcpListener)> {
    let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), "").await?;
    let address = format!("http://{}/pubsub/push", listener.local_addr()?);
    Ok((address, listener))
}
