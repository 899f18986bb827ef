//! The services, in instances that crash and come back: each in a process
//! of its own, twice; or all in the one process that has the file, as on one machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use account_service::AccountServiceDeps;
use axum::Router;
use chrono::TimeDelta;
use email_service::EmailServiceDeps;
use fanout_bus::Publisher;
use fanout_consume::{ConsumerDeps, PushAuth};
use fanout_mail::{Letterhead, Sender};
use fanout_outbox::Outbox;
use fanout_processes::{Engine, Processes};
use fanout_projections::{Freshness, Generations, Owned, Projections, Rebuilds};
use fanout_runtime::{Clock, IdGenerator, Timings};
use fanout_store::{Documents, StoreError};
use fanout_testkit::faults::{FaultPlan, FaultyDocuments, FaultyPort, FaultyPublisher, Process};
use feed_service::FEED;
use order_service::{OrderFlow, OrderServiceDeps};
use payment_service::PaymentServiceDeps;
use ticker::Kept;
use tokio::sync::Mutex;
use user_service::UserServiceDeps;

use super::broken::Broken;
use super::clock::SimClock;
use super::club::{self, Printer};
use super::mailbox::RecordingMailer;
pub(crate) use super::service::Service;
use super::shop::Build;
use super::shop::deploys;
use super::shop::provider::SimProvider;
use super::sim::Sim;
use super::store::WatchedDocuments;
use super::store::of_process::OfProcess;

/// How long a start may take before it is tried again.
const START_LIMIT: Duration = Duration::from_secs(30);

/// What the instances are made from.
pub(crate) struct Parts {
    pub(crate) sim: Arc<Sim>,
    pub(crate) documents: Arc<WatchedDocuments>,
    pub(crate) publisher: Arc<dyn Publisher>,
    pub(crate) plan: Arc<dyn FaultPlan>,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) broken: Option<Broken>,
    pub(crate) flow: OrderFlow,
    /// Whether there are orders, and processes that see them through.
    pub(crate) shop: bool,
    /// Whether there are feeds.
    pub(crate) feeds: bool,
}

/// Where instances run: one process after the other, with one clock.
struct Slot {
    name: String,
    skew: TimeDelta,
    processes: AtomicU32,
    /// What the next process here is built from.
    build: std::sync::Mutex<Build>,
    current: Mutex<Option<Running>>,
}

/// A process that runs, with what it serves.
struct Running {
    process: Arc<Process>,
    apps: Vec<(Service, Router)>,
}

/// An instance that is up.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) app: Router,
    pub(crate) process: Arc<Process>,
}

pub(crate) struct Services {
    parts: Parts,
    /// For each service its slots; on one machine, one for all.
    slots: Vec<(Option<Service>, Slot)>,
}

const INSTANCES: usize = 2;

impl Services {
    /// All services; `skew` gives each process's clock error.
    pub(crate) fn new(parts: Parts, on_one_machine: bool, skew: impl Fn() -> TimeDelta) -> Self {
        let slot = |name| Slot {
            name,
            skew: skew(),
            processes: AtomicU32::new(0),
            build: std::sync::Mutex::new(Build::First),
            current: Mutex::default(),
        };
        let slots = match on_one_machine {
            true => vec![(None, slot("machine".to_owned()))],
            // Without those that would have nothing to do: each draws its clock's error.
            false => Service::there(parts.feeds)
                .flat_map(|service| (0..INSTANCES).map(move |number| (service, number)))
                .map(|(service, number)| {
                    (Some(service), slot(format!("{}/{number}", service.name())))
                })
                .collect(),
        };
        Self { parts, slots }
    }

    /// The instance that gets the request number `turn`; started if it is down.
    pub(crate) async fn instance(&self, service: Service, turn: usize) -> Life {
        let slots = self.slots.iter();
        let serving = slots.filter(|(of, _)| of.is_none_or(|of| of == service));
        let serving: Vec<_> = serving.collect();
        let (of, slot) = serving[turn % serving.len()];
        slot.life(&self.parts, *of, service).await
    }

    /// Puts a build in place of what runs: on each service's instance of this number, or on all. What
    /// an instance is at work on it goes on with, beside the new one; on one machine it dies.
    pub(crate) async fn deploy(&self, only: Option<usize>, build: Build) {
        for (index, (of, slot)) in self.slots.iter().enumerate() {
            if only.is_some_and(|only| index % INSTANCES != only) {
                continue;
            }
            *slot.build.lock().unwrap() = build;
            let replaced = slot.current.lock().await.take();
            if let (Some(replaced), None) = (replaced, of) {
                replaced.process.crash();
            }
        }
    }
}

impl Slot {
    async fn life(&self, parts: &Parts, of: Option<Service>, service: Service) -> Life {
        let mut current = self.current.lock().await;
        let lives = current.as_ref().filter(|it| !it.process.has_crashed());
        if lives.is_none() {
            *current = Some(self.start(parts, of).await);
        }
        let running = current.as_ref().unwrap();
        let (_, app) = running.apps.iter().find(|(it, _)| *it == service).unwrap();
        Life {
            app: app.clone(),
            process: Arc::clone(&running.process),
        }
    }

    /// Starts a process. One that has the file to itself looks after what the last one left, and is
    /// started again if that does not work.
    async fn start(&self, parts: &Parts, of: Option<Service>) -> Running {
        loop {
            let number = self.processes.fetch_add(1, Ordering::Relaxed);
            let process = Arc::new(Process::new(format!("{}.{number}", self.name)));
            let build = *self.build.lock().unwrap();
            let means = Means::new(parts, &process, build, self.skew);
            let all = Service::there(parts.feeds);
            let services = all.filter(|it| of.is_none_or(|of| of == *it));
            let apps = services.map(|it| (it, means.app(it)));
            let running = Running {
                apps: apps.collect(),
                process: Arc::clone(&process),
            };
            if of.is_some() {
                return running;
            }
            parts.documents.restart().await;
            let starting = process.run(means.take_over());
            if let Ok(Some(Ok(()))) = tokio::time::timeout(START_LIMIT, starting).await {
                return running;
            }
            parts.sim.note(format_args!("the machine does not start"));
            process.crash();
        }
    }
}

/// What the services of one process share.
struct Means<'a> {
    parts: &'a Parts,
    port: FaultyPort,
    documents: Arc<dyn Documents>,
    publisher: Arc<dyn Publisher>,
    clock: Arc<dyn Clock>,
    build: Build,
}

impl<'a> Means<'a> {
    fn new(parts: &'a Parts, process: &Arc<Process>, build: Build, skew: TimeDelta) -> Self {
        let port = FaultyPort::new(Arc::clone(process), Arc::clone(&parts.plan));
        let store = Arc::clone(&parts.documents);
        let documents: Arc<dyn Documents> = match store.is_in_a_file() {
            true => Arc::new(OfProcess::new(Arc::clone(process), store)),
            false => store,
        };
        let documents = Arc::new(FaultyDocuments::new(port.clone(), documents));
        let publisher = Arc::clone(&parts.publisher);
        let publisher = Arc::new(FaultyPublisher::new(port.clone(), publisher));
        let ids = Arc::clone(&parts.ids);
        let (documents, publisher) = Broken::ports(parts.broken, documents, publisher, ids);
        Self {
            parts,
            port,
            documents,
            publisher,
            clock: Arc::new(SimClock::new(parts.sim.epoch, skew)),
            build,
        }
    }

    /// What the embedded engine does when it starts.
    async fn take_over(&self) -> Result<(), StoreError> {
        let (documents, clock) = (self.documents.as_ref(), self.clock.as_ref());
        fanout_dedup::expire_claims_of_dead_process(documents, clock).await?;
        fanout_outbox::end_leases_of_dead_process(documents, clock).await?;
        fanout_processes::end_fences_of_dead_process(documents, clock).await
    }

    fn outbox(&self, service: Service) -> Outbox {
        Outbox::new(
            Arc::clone(&self.documents),
            Broken::publisher_of(self.parts.broken, service, Arc::clone(&self.publisher)),
            Arc::clone(&self.clock),
            Arc::clone(&self.parts.ids),
            format!("{}-service", service.name()),
        )
    }

    fn consumer(&self, service: Service) -> ConsumerDeps {
        ConsumerDeps {
            documents: Arc::clone(&self.documents),
            publisher: Arc::clone(&self.publisher),
            outbox: self.outbox(service),
            dead_letter_topic: service.dead_letters(),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.parts.ids),
            timings: Timings::PRODUCTION,
            auth: PushAuth::open_for_one_machine(),
        }
    }

    /// The ticker lives and dies with an instance of the user service.
    fn users_and_ticker(&self) -> Router {
        let outbox = self.outbox(Service::User);
        let users = user_service::app(UserServiceDeps {
            documents: Arc::clone(&self.documents),
            outbox: outbox.clone(),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.parts.ids),
        });
        let kept = Kept {
            rebuilds: self.parts.feeds.then(|| self.rebuilds()),
            ..Kept::default()
        };
        let ticking = ticker::app_keeping(outbox.clone(), self.engine(outbox), kept);
        Router::new()
            .nest("/ticker", ticking)
            .fallback_service(users)
    }

    fn processes(&self) -> Processes {
        match self.parts.shop {
            true => deploys::processes(self.build, self.parts.broken),
            false => Processes::default(),
        }
    }

    fn engine(&self, outbox: Outbox) -> Engine {
        let (documents, clock) = (Arc::clone(&self.documents), Arc::clone(&self.clock));
        Engine::new(self.processes(), documents, outbox, clock)
    }

    /// How new knowledge of generations is: where all is in one process, each looks for itself.
    fn freshness(&self) -> Freshness {
        match self.parts.documents.is_in_a_file() {
            true => Freshness::EachTime,
            false => Freshness::CLOUD,
        }
    }

    fn rebuilds(&self) -> Rebuilds {
        let owned = Owned {
            service: feed_service::NAME,
            projection: feed_service::projection(),
        };
        let broken = self.parts.broken;
        let freshness = Broken::freshness_of_rebuilds(broken, self.freshness());
        Rebuilds::new(
            Projections::of(vec![owned], freshness),
            Broken::documents_of_rebuilds(broken, Arc::clone(&self.documents)),
            Arc::clone(&self.clock),
            Arc::clone(&self.parts.ids),
        )
    }

    fn feeds(&self) -> Router {
        let (broken, clock) = (self.parts.broken, Arc::clone(&self.clock));
        let documents = Broken::documents_of_generations(broken, Arc::clone(&self.documents));
        let freshness = Broken::freshness_of_instances(broken, self.freshness());
        let generations = Generations::of(FEED, documents, clock, freshness);
        feed_service::app(self.consumer(Service::Feed), generations, self.rebuilds())
    }

    fn payments(&self) -> Router {
        payment_service::app(PaymentServiceDeps {
            consumer: self.consumer(Service::Payment),
            provider: Arc::new(SimProvider {
                sim: Arc::clone(&self.parts.sim),
                port: self.port.clone(),
                new_key_each_time: self.parts.broken == Some(Broken::KeyPerCall),
            }),
        })
    }

    fn app(&self, service: Service) -> Router {
        let sim = || Arc::clone(&self.parts.sim);
        let port = || self.port.clone();
        let app = match service {
            Service::User => self.users_and_ticker(),
            Service::Account => account_service::app(AccountServiceDeps {
                documents: Arc::clone(&self.documents),
                outbox: self.outbox(service),
                clock: Arc::clone(&self.clock),
                ids: Arc::clone(&self.parts.ids),
            }),
            Service::Email => email_service::app(EmailServiceDeps {
                consumer: self.consumer(service),
                mailer: Arc::new(RecordingMailer {
                    sim: sim(),
                    port: port(),
                }),
                letterhead: Letterhead::of(Sender::parse("Fanout <noreply@example.com>").unwrap()),
            }),
            Service::Analytics => {
                analytics_service::app(self.consumer(service), Default::default())
            }
            Service::Crm => crm_service::app(self.consumer(service)),
            Service::Club => club::club(self.consumer(service)),
            Service::Desk => {
                let (sim, port) = (sim(), port());
                club::desk(self.consumer(service), Printer { sim, port })
            }
            Service::Order => order_service::app(OrderServiceDeps {
                consumer: self.consumer(service),
                processes: self.processes(),
                flow: self.parts.flow,
            }),
            Service::Inventory => inventory_service::app(self.consumer(service)),
            Service::Payment => self.payments(),
            Service::Shipping => shipping_service::app(self.consumer(service)),
            Service::Post => post_service::app(self.consumer(service)),
            Service::Feed => self.feeds(),
        };
        Broken::answers(self.parts.broken, app)
    }
}
