//! One simulated world from its first step until the dust has settled.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use chrono::TimeDelta;
use fanout_store::Documents;
use fanout_testkit::SeededIds;
use http::Request;

use super::broken::Broken;
use super::bus::{Bus, Mischief, SimPublisher};
use super::clock::MAX_SKEW;
use super::invariants::{check_all, left_in_outbox};
use super::plan::{Faults, Plan};
use super::script::{Clients, Timed};
use super::services::{Parts, Service, Services};
use super::sim::Sim;
use super::store::WatchedDocuments;

/// How often the relay is called, as Cloud Scheduler does.
const RELAY_EVERY: Duration = Duration::from_secs(60);
/// How long a world may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(6 * 60 * 60);

/// Everything that makes a world. The same case gives the same world, step by step.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    /// What happens at first.
    pub(crate) script: Vec<Timed>,
    /// What happens once that has settled, one after the other.
    pub(crate) afterwards: Vec<Timed>,
    pub(crate) faults: Faults,
    pub(crate) mischief: Mischief,
    /// Whether instances' clocks differ.
    pub(crate) skewed: bool,
    /// How often clients try.
    pub(crate) tries: usize,
    pub(crate) broken: Option<Broken>,
}

/// What became of a case.
pub(crate) struct Ran {
    pub(crate) violations: Vec<String>,
    pub(crate) trace: Vec<String>,
    /// For each call of a port, in order, whether it changes anything.
    pub(crate) calls: Vec<bool>,
    /// How many faults were injected.
    pub(crate) faults: u64,
}

impl Case {
    /// Runs it to its end, on this thread and in its own time.
    pub(crate) fn run(&self) -> Ran {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(World::run(self))
    }
}

struct World {
    sim: Arc<Sim>,
    plan: Arc<Plan>,
    store: Arc<dyn Documents>,
    bus: Arc<Bus>,
    services: Arc<Services>,
    /// Whether the relay is called on either instance; else on the first.
    any_relay: bool,
}

impl World {
    async fn run(case: &Case) -> Ran {
        let world = Self::build(case).await;
        let clients = Clients {
            sim: Arc::clone(&world.sim),
            bus: Arc::clone(&world.bus),
            services: Arc::clone(&world.services),
            tries: case.tries,
        };
        let all_at_once = case.script.iter().map(|timed| clients.clone().take(*timed));
        let busy: Vec<_> = all_at_once.map(tokio::spawn).collect();
        world.settle(busy).await;
        for timed in &case.afterwards {
            // Not filled with runs of a relay that has nothing to do.
            tokio::time::sleep(timed.step.long_before()).await;
            let busy = vec![tokio::spawn(clients.clone().take(*timed))];
            world.settle(busy).await;
        }
        check_all(&world.sim, world.store.as_ref()).await;
        world.bus.connect(None);
        Ran {
            violations: std::mem::take(&mut world.sim.facts().violations),
            trace: world.sim.take_trace(),
            calls: world.plan.take_seen(),
            faults: world.plan.injected(),
        }
    }

    async fn build(case: &Case) -> Self {
        let sim = Arc::new(Sim::new(case.seed));
        let store: Arc<dyn Documents> = Arc::new(WatchedDocuments::new(Arc::clone(&sim)).await);
        let plan = Arc::new(Plan::new(Arc::clone(&sim), case.faults.clone()));
        let bus = Bus::new(Arc::clone(&sim), Arc::clone(&store), case.mischief);
        let parts = Parts {
            sim: Arc::clone(&sim),
            documents: Arc::clone(&store),
            publisher: Arc::new(SimPublisher(Arc::clone(&bus))),
            plan: plan.clone(),
            ids: Arc::new(SeededIds::new(case.seed)),
            broken: case.broken,
        };
        let most = i64::try_from(MAX_SKEW.as_millis()).unwrap();
        let skew = || match case.skewed {
            true => TimeDelta::milliseconds(sim.dice.below(2 * most as u64) as i64 - most),
            false => TimeDelta::zero(),
        };
        let services = Arc::new(Services::new(parts, skew));
        bus.connect(Some(Arc::clone(&services)));
        Self {
            sim,
            plan,
            store,
            bus,
            services,
            any_relay: matches!(case.faults, Faults::AtRandom { .. }),
        }
    }

    /// Lets time pass, with the relay called each minute, until `busy` are done and nothing is left
    /// to be published, delivered or given back.
    async fn settle(&self, busy: Vec<tokio::task::JoinHandle<()>>) {
        for step in &busy {
            while !step.is_finished() {
                self.a_minute().await;
            }
        }
        for step in busy {
            if let Err(error) = step.await {
                self.sim
                    .violation(format!("a step of the script failed: {error}"));
            }
        }
        let limit = self.sim.now() + PATIENCE;
        let mut quiet = 0;
        while quiet < 2 {
            self.a_minute().await;
            quiet = match self.is_quiet().await {
                true => quiet + 1,
                false => 0,
            };
            if self.sim.now() > limit {
                let outstanding = self.bus.outstanding();
                self.sim.violation(format!(
                    "no rest after {} s: {outstanding} deliveries are not acked",
                    PATIENCE.as_secs()
                ));
                return;
            }
        }
    }

    /// A minute, and the relay at its end.
    async fn a_minute(&self) {
        tokio::time::sleep(RELAY_EVERY).await;
        let turn = match self.any_relay {
            true => self.sim.dice.below(2) as usize,
            false => 0,
        };
        let life = self.services.instance(Service::User, turn);
        let request = Request::post("/outbox/relay").body(Body::empty()).unwrap();
        self.bus.request(life, request, None, true).await;
    }

    async fn is_quiet(&self) -> bool {
        self.bus.outstanding() == 0
            && left_in_outbox(&self.sim, self.store.as_ref())
                .await
                .is_empty()
    }
}
