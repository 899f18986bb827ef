//! All of it on ports of this machine: two instances of the booking service, the three others, the
//! store and the bus.

#![allow(
    clippy::unwrap_used,
    reason = "for tests and the example: a panic is their verdict"
)]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use fanout_bus::{Backoff, Retention, Subscription, Topology};
use fanout_bus_local::Broker;
use fanout_consume::{ConsumerDeps, PushAuth, push_route};
use fanout_outbox::Outbox;
use fanout_runtime::{Shutdown, SystemClock, SystemIds, Timings};
use fanout_store::{Documents, Key};
use fanout_store_sqlite::{Database, SqliteDocuments};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::{AskForStay, BOOKING_EVENTS, Bookings, HandleBooking, Phase, Stay, Task, Weather};

const DEAD_LETTERS: &str = "booking-dead-letters";

/// Everything, running. Dropping it stops it.
pub struct Hotel {
    /// Two instances of the booking service, as during a roll-out, and where they are.
    pub bookings: [(Arc<Bookings>, String); 2],
    /// The weather of the three services, in the order of [`Task::ALL`].
    pub weather: [Arc<Weather>; 3],
    /// The weather of the booking service.
    pub at_bookings: Arc<Weather>,
    /// The store.
    pub documents: Arc<dyn Documents>,
    /// What the booking service publishes with.
    pub outbox: Outbox,
    /// The bus.
    pub broker: Broker,
    /// A client of all of them.
    pub http: reqwest::Client,
    tasks: Vec<(&'static Task, String)>,
    _running: Vec<AbortOnDropHandle<()>>,
    _data: TempDir,
}

impl Hotel {
    /// Everything in its first state, with the handlers that should be.
    pub async fn open(phase: Phase) -> Self {
        Self::open_with(phase, |handler| handler).await
    }

    /// The same, with these handlers instead.
    pub async fn open_with(phase: Phase, change: impl Fn(HandleBooking) -> HandleBooking) -> Self {
        let ground = Ground::new().await;
        let delivering = ground.broker.clone();
        let deliver = tokio::spawn(async move { delivering.run(Shutdown::default()).await });
        let mut running = vec![AbortOnDropHandle::new(deliver)];
        let listeners = [listen().await, listen().await];
        let http = reqwest::Client::new();
        let ask = AskForStay {
            http: http.clone(),
            url: listeners[0].1.clone(),
        };
        let weather: [Arc<Weather>; 3] = Default::default();
        let mut tasks = Vec::new();
        for (task, weather) in Task::ALL.into_iter().zip(&weather) {
            let handler = change(HandleBooking::of(task, ask.clone()));
            let routes = ground.task(handler);
            let (listener, url) = listen().await;
            running.push(serve(listener, weather.over(routes)));
            tasks.push((task, url));
        }
        let at_bookings = Arc::<Weather>::default();
        let bookings = listeners.map(|(listener, url)| {
            let (documents, outbox) = (Arc::clone(&ground.documents), ground.outbox.clone());
            let calling = (http.clone(), tasks.clone());
            let instance = Arc::new(Bookings::new(phase, documents, outbox, calling));
            let routes = at_bookings.over(Arc::clone(&instance).routes());
            running.push(serve(listener, routes));
            (instance, url)
        });
        let hotel = Self {
            bookings,
            weather,
            at_bookings,
            documents: ground.documents,
            outbox: ground.outbox,
            broker: ground.broker,
            http,
            tasks,
            _running: running,
            _data: ground.data,
        };
        if !matches!(phase, Phase::Calls | Phase::PublishAlongside) {
            hotel.subscribe().await;
        }
        hotel
    }

    /// Begins to deliver events to the handlers. Before phase 2.
    pub async fn subscribe(&self) {
        let subscriptions = self.tasks.iter().map(|(task, url)| Subscription {
            name: task.name.to_owned(),
            topic: BOOKING_EVENTS.to_owned(),
            push_endpoint: Some(format!("{url}/pubsub/push")),
            wrapping: Default::default(),
            ack_deadline: Timings::PRODUCTION.ack_deadline,
            backoff: Backoff {
                min: Duration::from_millis(10),
                max: Duration::from_millis(50),
            },
            dead_letters: None,
            ordered: true,
            filter: None,
            retention: Retention::of_unacked(Timings::PRODUCTION.retention),
        });
        let topology = Topology {
            topics: Vec::new(),
            subscriptions: subscriptions.collect(),
        };
        self.broker.set_up(&topology).await.unwrap();
    }

    /// Whether all events have been published and handled.
    pub async fn is_quiet(&self) -> bool {
        let relayed = self.outbox.relay().await.unwrap();
        relayed.remaining == 0 && self.broker.backlogs().await.unwrap().is_empty()
    }

    /// Goes back to before phase 2: events are delivered no more. Only when all is quiet, or what is
    /// on its way is lost.
    pub async fn unsubscribe(&self) {
        for (task, _) in &self.tasks {
            self.broker.delete_subscription(task.name).await.unwrap();
        }
    }

    /// How often this task has been done for this booking, as it should be done.
    pub async fn times_done(&self, task: &Task, booking_id: &str, stay: &Stay) -> i64 {
        let done = self.documents.get(&Key::new(task.done, booking_id)).await;
        let Some(mut done) = done.unwrap() else {
            return 0;
        };
        let times = done.fields.integer("times").unwrap();
        done.fields.remove("times");
        assert_eq!(done.fields, (task.work)(stay), "{} {booking_id}", task.name);
        times
    }
}

/// What all services stand on.
struct Ground {
    documents: Arc<dyn Documents>,
    outbox: Outbox,
    broker: Broker,
    data: TempDir,
}

impl Ground {
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        let store = Database::open(&data.path().join("store.db")).unwrap();
        let documents = SqliteDocuments::open(store, clock.clone()).await.unwrap();
        let documents: Arc<dyn Documents> = Arc::new(documents);
        let file = Database::open(&data.path().join("bus.db")).unwrap();
        let broker = Broker::open(file, clock.clone(), ids.clone(), "hotel".to_owned());
        let broker = broker.await.unwrap();
        for topic in [BOOKING_EVENTS, DEAD_LETTERS] {
            broker.create_topic(topic).await.unwrap();
        }
        let (store, publisher) = (Arc::clone(&documents), Arc::new(broker.publisher()));
        Self {
            outbox: Outbox::new(store, publisher, clock, ids, "booking-service"),
            documents,
            broker,
            data,
        }
    }

    /// One of the three services: its API, which the calls call, and its handler of events.
    fn task(&self, handler: HandleBooking) -> Router {
        let deps = ConsumerDeps {
            documents: Arc::clone(&self.documents),
            publisher: Arc::new(self.broker.publisher()),
            outbox: self.outbox.of(handler.task.name),
            dead_letter_topic: DEAD_LETTERS.to_owned(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            timings: Timings::PRODUCTION,
            auth: PushAuth::open_for_one_machine(),
        };
        let api = handler.task.api(Arc::clone(&self.documents));
        api.merge(push_route(handler.consumer(), deps))
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn serve(listener: TcpListener, routes: Router) -> AbortOnDropHandle<()> {
    let serving = async move { axum::serve(listener, routes).await.unwrap() };
    AbortOnDropHandle::new(tokio::spawn(serving))
}
