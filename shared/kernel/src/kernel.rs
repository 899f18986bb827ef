//! What a service is given.

use std::sync::Arc;

use fanout_bus::Publisher;
use fanout_consume::{ConsumerDeps, PushAuth};
use fanout_outbox::Outbox;
use fanout_processes::{Engine, Processes};
use fanout_projections::{Generations, Projections, Rebuilds};
use fanout_runtime::{BoxError, Clock, IdGenerator, Timings};
use fanout_store::Documents;

use crate::Subscriber;

/// What every service is given, wherever it runs.
#[derive(Clone)]
pub struct Kernel {
    /// Where everything is stored.
    pub documents: Arc<dyn Documents>,
    /// How messages leave. Events leave by the outbox.
    pub publisher: Arc<dyn Publisher>,
    /// How this service's events are stored and leave.
    pub outbox: Outbox,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and chance.
    pub ids: Arc<dyn IdGenerator>,
    /// The numbers of delivery.
    pub timings: Timings,
    /// The processes of the whole system.
    pub processes: Processes,
    /// The projections of the whole system.
    pub projections: Projections,
    /// How a push proves where it comes from, for a service that is pushed to.
    pub push_auth: Option<PushAuth>,
}

impl Kernel {
    /// What moves the processes of every service.
    pub fn engine_of_all(&self) -> Engine {
        Engine::new(
            self.processes.clone(),
            Arc::clone(&self.documents),
            self.outbox.clone(),
            Arc::clone(&self.clock),
        )
    }

    /// The generations of a projection, as this process knows them.
    pub fn generations_of(&self, projection: &'static str) -> Generations {
        Generations::of(
            projection,
            Arc::clone(&self.documents),
            Arc::clone(&self.clock),
            self.projections.freshness,
        )
    }

    /// What rebuilds the projections that this service owns.
    pub fn rebuilds_of(&self, service: &str) -> Rebuilds {
        self.rebuilds(self.projections.of_service(service))
    }

    /// What rebuilds the projections of every service.
    pub fn rebuilds_of_all(&self) -> Rebuilds {
        self.rebuilds(self.projections.clone())
    }

    fn rebuilds(&self, projections: Projections) -> Rebuilds {
        Rebuilds::new(
            projections,
            Arc::clone(&self.documents),
            Arc::clone(&self.clock),
            Arc::clone(&self.ids),
        )
    }

    /// What this consumer needs. Fails where nothing says how its pushes are checked.
    pub fn consumer(&self, subscriber: &Subscriber) -> Result<ConsumerDeps, BoxError> {
        let auth = self.push_auth.clone();
        Ok(ConsumerDeps {
            documents: Arc::clone(&self.documents),
            publisher: Arc::clone(&self.publisher),
            outbox: self.outbox.clone(),
            dead_letter_topic: subscriber.dead_letters(),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            timings: self.timings,
            auth: auth.ok_or(
                "nothing says how pushes are checked: the service has no subscriber in its spec",
            )?,
        })
    }
}
