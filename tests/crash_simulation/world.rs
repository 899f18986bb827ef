//! One simulated world from its first step until the dust has settled.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use chrono::TimeDelta;
use fanout_runtime::Clock as _;
use fanout_store::Documents as _;
use fanout_testkit::SeededIds;
use http::Request;
use order_service::OrderFlow;

use super::bank;
use super::broken::Broken;
use super::bus::{Bus, Mischief};
use super::clock::{MAX_SKEW, SimClock};
use super::feed;
use super::invariants::check_all;
use super::plan::{Faults, Plan, SeenCall};
use super::publisher::SimPublisher;
use super::script::{Clients, Step, Timed};
use super::services::{Parts, Service, Services};
use super::shop;
use super::sim::Sim;
use super::store::WatchedDocuments;
use super::ticks::Ticks;

/// How often the relay is called, as Cloud Scheduler does.
const RELAY_EVERY: Duration = Duration::from_secs(60);
/// How many of the relay's runs are left out that would find nothing.
const IDLE_RUNS_LEFT_OUT: f64 = 0.8;
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
    /// Who has subscriptions.
    pub(crate) consumers: &'static [Service],
    /// Whether an account was moved often before.
    pub(crate) with_past: bool,
    /// Whether all services are one process, which has the store's file to itself.
    pub(crate) on_one_machine: bool,
    pub(crate) faults: Faults,
    pub(crate) mischief: Mischief,
    /// How unreliable the scheduler of the ticker is.
    pub(crate) ticks: Ticks,
    /// Whether instances' clocks differ.
    pub(crate) skewed: bool,
    /// How often clients try.
    pub(crate) tries: usize,
    pub(crate) broken: Option<Broken>,
    /// How orders are seen through.
    pub(crate) flow: OrderFlow,
}

/// What became of a case.
pub(crate) struct Ran {
    pub(crate) violations: Vec<String>,
    /// Empty unless it was asked for.
    pub(crate) trace: Vec<String>,
    /// The calls of ports, in order.
    pub(crate) calls: Vec<SeenCall>,
    /// How many faults were injected.
    pub(crate) faults: u64,
    /// How many events were stored.
    pub(crate) events: usize,
}

impl Case {
    /// Runs it to its end, on this thread and in its own time.
    pub(crate) fn run(&self) -> Ran {
        self.run_in_a_world(false)
    }

    /// The same, written down step by step.
    pub(crate) fn run_traced(&self) -> Ran {
        self.run_in_a_world(true)
    }

    /// When the last deploy of the script is.
    fn deployed(&self) -> Duration {
        let deploys = self.script.iter();
        let deploys = deploys.filter(|timed| matches!(timed.step, Step::Deploy(..)));
        deploys.map(|timed| timed.at).max().unwrap_or_default()
    }

    fn run_in_a_world(&self, traced: bool) -> Ran {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(World::run(self, traced))
    }
}

struct World {
    sim: Arc<Sim>,
    plan: Arc<Plan>,
    store: Arc<WatchedDocuments>,
    bus: Arc<Bus>,
    services: Arc<Services>,
    /// Whether the relay is called on either instance; else on the first.
    any_relay: bool,
    ticks: Ticks,
    /// From when on all instances have one build.
    deployed: Duration,
}

impl World {
    async fn run(case: &Case, traced: bool) -> Ran {
        let world = Self::build(case, traced).await;
        let clients = Clients {
            sim: Arc::clone(&world.sim),
            bus: Arc::clone(&world.bus),
            store: Arc::clone(&world.store),
            services: Arc::clone(&world.services),
            tries: case.tries,
        };
        let all_at_once = case.script.iter().map(|timed| clients.clone().take(*timed));
        let busy: Vec<_> = all_at_once.map(tokio::spawn).collect();
        world.settle(busy).await;
        feed::end::check(&clients).await;
        for timed in &case.afterwards {
            // Not filled with runs of a relay that has nothing to do.
            tokio::time::sleep(timed.step.long_before()).await;
            world.store.sweep().await;
            world.plan.step_begins();
            let busy = vec![tokio::spawn(clients.clone().take(*timed))];
            world.settle(busy).await;
            feed::end::check(&clients).await;
        }
        check_all(&world.sim, world.store.as_ref(), case.consumers).await;
        let nothing_failed = match &case.faults {
            Faults::Exactly(faults) => faults.is_empty(),
            Faults::AtRandom { .. } => false,
        };
        shop::end::check(&world.sim, world.store.as_ref(), nothing_failed).await;
        let publisher = Arc::new(SimPublisher(Arc::clone(&world.bus)));
        bank::end::check(&world.sim, world.store.clone(), publisher).await;
        world.bus.connect(None);
        let events = world.sim.facts().events.len();
        Ran {
            events,
            violations: std::mem::take(&mut world.sim.facts().violations),
            trace: world.sim.take_trace(),
            calls: world.plan.take_seen(),
            faults: world.plan.injected(),
        }
    }

    async fn build(case: &Case, traced: bool) -> Self {
        let sim = Arc::new(Sim::new(case.seed, traced));
        let store = WatchedDocuments::new(Arc::clone(&sim), case.on_one_machine).await;
        let store = Arc::new(store);
        let shop = case.consumers.contains(&Service::Order);
        if shop {
            let stocked = store.commit(vec![shop::first_stock()]).await;
            stocked.unwrap();
        }
        if case.with_past {
            store.put_past(bank::past().await).await;
        }
        let plan = Arc::new(Plan::new(Arc::clone(&sim), case.faults.clone()));
        let (sim_too, store_too) = (Arc::clone(&sim), store.clone());
        let bus = Bus::new(sim_too, store_too, case.mischief, case.consumers);
        let parts = Parts {
            sim: Arc::clone(&sim),
            documents: Arc::clone(&store),
            publisher: Arc::new(SimPublisher(Arc::clone(&bus))),
            plan: plan.clone(),
            ids: Arc::new(SeededIds::new(case.seed)),
            broken: case.broken,
            flow: case.flow,
            shop,
            feeds: case.consumers.contains(&Service::Feed),
        };
        let most = i64::try_from(MAX_SKEW.as_millis()).unwrap();
        let skew = || match case.skewed {
            true => TimeDelta::milliseconds(sim.dice.below(2 * most as u64) as i64 - most),
            false => TimeDelta::zero(),
        };
        let services = Arc::new(Services::new(parts, case.on_one_machine, skew));
        bus.connect(Some(Arc::clone(&services)));
        Self {
            sim,
            plan,
            store,
            bus,
            services,
            any_relay: matches!(case.faults, Faults::AtRandom { .. }),
            ticks: case.ticks,
            deployed: case.deployed(),
        }
    }

    /// Lets time pass, with the relay called each minute, until `busy` are done and nothing is left
    /// to be published, delivered, given back or looked after.
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
        while self.comes_to_rest().await && self.bus.redrive_what_is_unknown() {}
    }

    /// Whether it does, within reason.
    async fn comes_to_rest(&self) -> bool {
        let limit = self.sim.now() + PATIENCE;
        let mut quiet = 0;
        while quiet < 2 {
            self.a_minute().await;
            quiet = match self.is_quiet() {
                true => quiet + 1,
                false => 0,
            };
            if self.sim.now() > limit {
                let outstanding = self.bus.outstanding();
                self.sim.violation(format!(
                    "no rest after {} s: {outstanding} deliveries are not acked",
                    PATIENCE.as_secs()
                ));
                return false;
            }
        }
        true
    }

    /// A minute, and the relay at its end. One that finds nothing to do is left out, most times as
    /// long as anything may go wrong, and always later.
    async fn a_minute(&self) {
        let asleep_until = self.sim.facts().asleep_until;
        tokio::time::sleep(RELAY_EVERY.max(asleep_until.saturating_sub(self.sim.now()))).await;
        let calm_since = self.plan.calm_since().max(self.bus.down_until());
        let calm_since = calm_since.max(self.deployed);
        let is_calm = self.sim.now() >= calm_since;
        let clock = SimClock::new(self.sim.epoch, TimeDelta::zero());
        let finds_nothing = {
            let facts = self.sim.facts();
            let soon = clock.now() + MAX_SKEW;
            let is_any_due = facts.shop.is_any_due(soon) || facts.feeds.is_any_due(soon);
            !facts.outbox.is_any_waiting() && !is_any_due
        };
        if finds_nothing && (is_calm || self.sim.dice.chance(IDLE_RUNS_LEFT_OUT)) {
            return;
        }
        match self.ticks.next(&self.sim, is_calm).await {
            0 => return,
            1 => self.tick(0).await,
            _ => drop(tokio::join!(self.tick(0), self.tick(1))),
        }
        let now = self.sim.now();
        let late = {
            let mut facts = self.sim.facts();
            let mut late = facts.outbox.too_late(now, calm_since);
            let calm = now.saturating_sub(calm_since);
            late.extend(facts.shop.overslept(clock.now(), calm));
            late
        };
        late.into_iter().for_each(|what| self.sim.violation(what));
    }

    /// Calls the ticker: on any instance, or on the one of this number.
    async fn tick(&self, number: usize) {
        let turn = match self.any_relay {
            true => self.sim.dice.below(2) as usize,
            false => number,
        };
        let life = self.services.instance(Service::User, turn).await;
        let request = Request::post("/ticker/tick").body(Body::empty()).unwrap();
        self.bus.request(life, request, None, true).await;
    }

    fn is_quiet(&self) -> bool {
        let now = SimClock::new(self.sim.epoch, TimeDelta::zero()).now();
        let facts = self.sim.facts();
        let settled = facts.outbox.is_at_rest(now) && facts.shop.is_at_rest();
        self.bus.outstanding() == 0 && settled && !facts.feeds.is_any_due(now + MAX_SKEW)
    }
}
