//! The real services, each in two instances that crash and come back.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use chrono::TimeDelta;
use email_service::EmailServiceDeps;
use fanout_bus::Publisher;
use fanout_consume::{ConsumerDeps, PushAuth};
use fanout_mail::Letterhead;
use fanout_outbox::Outbox;
use fanout_runtime::{Clock, IdGenerator, Timings};
use fanout_store::Documents;
use fanout_testkit::faults::{FaultPlan, FaultyDocuments, FaultyPort, FaultyPublisher, Process};
use user_service::UserServiceDeps;

use super::broken::Broken;
use super::clock::SimClock;
use super::mailbox::RecordingMailer;
use super::sim::Sim;

/// The topic that user-service publishes to.
pub(crate) const USER_EVENTS: &str = "user-events";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    User,
    Email,
    Analytics,
    Crm,
}

impl Service {
    pub(crate) const CONSUMERS: [Self; 3] = [Self::Email, Self::Analytics, Self::Crm];

    /// The name; of a consumer, also the one in its marks.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Email => email_service::NAME,
            Self::Analytics => analytics_service::NAME,
            Self::Crm => crm_service::NAME,
        }
    }

    /// The event types it reacts to.
    pub(crate) fn handles(self) -> &'static [&'static str] {
        match self {
            Self::User => &[],
            Self::Email => email_service::HANDLES,
            Self::Analytics => analytics_service::HANDLES,
            Self::Crm => crm_service::HANDLES,
        }
    }

    /// Its dead-letter topic.
    pub(crate) fn dead_letters(self) -> String {
        format!("{USER_EVENTS}-{}-dead-letters", self.name())
    }
}

/// What the instances are made from.
pub(crate) struct Parts {
    pub(crate) sim: Arc<Sim>,
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) publisher: Arc<dyn Publisher>,
    pub(crate) plan: Arc<dyn FaultPlan>,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) broken: Option<Broken>,
}

/// One instance: where it runs, and one life after the other.
struct Slot {
    service: Service,
    number: usize,
    skew: TimeDelta,
    lives: AtomicU32,
    life: Mutex<Option<Life>>,
}

/// An instance that is up.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) app: Router,
    pub(crate) process: Arc<Process>,
}

pub(crate) struct Services {
    parts: Parts,
    slots: Vec<Slot>,
}

const INSTANCES: usize = 2;

impl Services {
    /// All services; `skew` gives each instance's clock error.
    pub(crate) fn new(parts: Parts, skew: impl Fn() -> TimeDelta) -> Self {
        let services = [
            Service::User,
            Service::Email,
            Service::Analytics,
            Service::Crm,
        ];
        let slot = |service, number| Slot {
            service,
            number,
            skew: skew(),
            lives: AtomicU32::new(0),
            life: Mutex::new(None),
        };
        let slots = services
            .into_iter()
            .flat_map(|service| (0..INSTANCES).map(move |number| (service, number)))
            .map(|(service, number)| slot(service, number))
            .collect();
        Self { parts, slots }
    }

    /// The instance that gets the request number `turn`; started if it is down.
    pub(crate) fn instance(&self, service: Service, turn: usize) -> Life {
        let number = turn % INSTANCES;
        let slot = self.slots.iter();
        let mut slot = slot.filter(|slot| slot.service == service && slot.number == number);
        slot.next().unwrap().life(&self.parts)
    }
}

impl Slot {
    fn life(&self, parts: &Parts) -> Life {
        let mut life = self.life.lock().unwrap();
        if let Some(life) = life.as_ref().filter(|life| !life.process.has_crashed()) {
            return life.clone();
        }
        let lives = self.lives.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}/{}.{lives}", self.service.name(), self.number);
        let process = Arc::new(Process::new(name));
        let app = parts.app(self.service, &process, self.skew);
        life.insert(Life { app, process }).clone()
    }
}

impl Parts {
    fn app(&self, service: Service, process: &Arc<Process>, skew: TimeDelta) -> Router {
        let port = FaultyPort::new(Arc::clone(process), Arc::clone(&self.plan));
        let documents: Arc<dyn Documents> = Arc::new(FaultyDocuments::new(
            port.clone(),
            Arc::clone(&self.documents),
        ));
        let publisher: Arc<dyn Publisher> = Arc::new(FaultyPublisher::new(
            port.clone(),
            Arc::clone(&self.publisher),
        ));
        let documents = Broken::documents(self.broken, documents);
        let publisher = Broken::publisher(self.broken, publisher);
        let clock: Arc<dyn Clock> = Arc::new(SimClock::new(self.sim.epoch, skew));
        let outbox = || {
            Outbox::new(
                Arc::clone(&documents),
                Arc::clone(&publisher),
                Arc::clone(&clock),
                Arc::clone(&self.ids),
                format!("{}-service", service.name()),
            )
        };
        let consumer = || ConsumerDeps {
            documents: Arc::clone(&documents),
            publisher: Arc::clone(&publisher),
            outbox: outbox(),
            dead_letter_topic: service.dead_letters(),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&self.ids),
            timings: Timings::PRODUCTION,
            auth: PushAuth::open_for_one_machine(),
            project: "simulation".to_owned(),
        };
        let app = match service {
            Service::User => user_service::app(UserServiceDeps {
                documents: Arc::clone(&documents),
                outbox: outbox(),
                clock: Arc::clone(&clock),
                ids: Arc::clone(&self.ids),
            }),
            Service::Email => email_service::app(EmailServiceDeps {
                consumer: consumer(),
                mailer: Arc::new(RecordingMailer {
                    sim: Arc::clone(&self.sim),
                    port,
                }),
                letterhead: Letterhead::of("Fanout <noreply@example.com>".parse().unwrap()),
            }),
            Service::Analytics => analytics_service::app(consumer()),
            Service::Crm => crm_service::app(consumer()),
        };
        Broken::answers(self.broken, app)
    }
}
