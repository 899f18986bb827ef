//! A message bus in simulated time. It does what Pub/Sub may do and no more: at least once, in any
//! order, late, twice, and a push that is not answered in time counts as failed.
//!
//! There is no dead-lettering by count: every message is delivered until it is acked, so that one
//! that is never acked shows.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use fanout_bus::{OutgoingMessage, PushedMessage, X_REDRIVE, message_as_it_was};
use fanout_events::FLOW;
use fanout_runtime::{Clock, Timings};
use fanout_store::Documents;
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use super::acks::check_ack;
use super::clock::SimClock;
use super::delivery::{Running, check_busy, event_id_of};
use super::facts::{DeadLetter, DeliveryState};
use super::services::{Life, Service, Services};
use super::sim::{DELIVERY, Sim};

const MIN_BACKOFF: Duration = Duration::from_secs(10);
/// Why email-service parks a mail that may have left, twice.
const OUTCOME_UNKNOWN: &str = "outcome_unknown";
const MAX_BACKOFF: Duration = Duration::from_secs(600);

/// How unkind the bus is. All zero: each message comes once, at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mischief {
    /// How likely a delivery is made twice, with the same message id.
    pub(crate) twice: f64,
    /// How likely a message is stored twice, with two message ids.
    pub(crate) renumbered: f64,
    /// How late a message may come.
    pub(crate) delay: Duration,
    /// How likely an answer gets lost on its way to the bus.
    pub(crate) lost_answer: f64,
    /// How likely the handler is dropped when its time is up; else it goes on, unheard.
    pub(crate) cut: f64,
    /// How likely an instance hangs before it looks at a push, perhaps for longer than the bus waits.
    pub(crate) hangs: f64,
}

pub(crate) struct Bus {
    pub(crate) sim: Arc<Sim>,
    /// The store, without faults, to check acks against.
    pub(crate) store: Arc<dyn Documents>,
    pub(crate) mischief: Mischief,
    /// Who has subscriptions.
    consumers: &'static [Service],
    services: Mutex<Option<Arc<Services>>>,
    /// Until when it takes no message.
    down_until: Mutex<Duration>,
    message_ids: AtomicU64,
    delivery_ids: AtomicU64,
    outstanding: AtomicUsize,
}

/// How a request to a service ended.
pub(crate) enum Answer {
    Response(Response),
    /// The instance crashed.
    ConnectionLost,
    TimedOut,
}

/// One message on its way to one consumer.
struct Push {
    consumer: Service,
    message: PushedMessage,
    /// The dead letter that it is, if an operator sends it.
    redrives: Option<String>,
}

impl Bus {
    pub(crate) fn new(
        sim: Arc<Sim>,
        store: Arc<dyn Documents>,
        mischief: Mischief,
        consumers: &'static [Service],
    ) -> Arc<Self> {
        Arc::new(Self {
            sim,
            store,
            mischief,
            consumers,
            services: Mutex::new(None),
            down_until: Mutex::default(),
            message_ids: AtomicU64::new(1),
            delivery_ids: AtomicU64::new(1),
            outstanding: AtomicUsize::new(0),
        })
    }

    /// Where messages go. `None` at the end: services and bus know each other.
    pub(crate) fn connect(&self, services: Option<Arc<Services>>) {
        *self.services.lock().unwrap() = services;
    }

    /// Deliveries that have not been acked.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// It takes no message for so long.
    pub(crate) fn go_down(&self, how_long: Duration) {
        *self.down_until.lock().unwrap() = self.sim.now() + how_long;
    }

    /// Until when it takes no message.
    pub(crate) fn down_until(&self) -> Duration {
        *self.down_until.lock().unwrap()
    }

    /// Who listens to a topic.
    pub(crate) fn subscribers(&self, topic: &str) -> impl Iterator<Item = Service> + use<> {
        let topic = topic.to_owned();
        let consumers = self.consumers.iter().copied();
        consumers.filter(move |consumer| consumer.topics().contains(&topic.as_str()))
    }

    /// Stores a message and sends it to everybody who listens to its topic; gives its id, and that of
    /// its event.
    pub(crate) fn send(
        self: &Arc<Self>,
        topic: &str,
        message: OutgoingMessage,
    ) -> (String, String) {
        let message_id = self.new_message_id();
        let message = self.pushed(&message_id, message);
        let event_id = event_id_of(&message);
        let flow = message.attributes.get(FLOW).cloned();
        let subscribers = self.subscribers(topic);
        for consumer in subscribers.filter(|it| it.hears(topic, flow.as_deref())) {
            self.push(Push {
                consumer,
                message: PushedMessage {
                    subscription: subscription(consumer),
                    ..message.clone()
                },
                redrives: None,
            });
        }
        (message_id, event_id)
    }

    /// Sends a dead letter to the consumer that it belongs to, as an operator does. It leaves its
    /// topic once it has been acked.
    pub(crate) fn redrive(self: &Arc<Self>, letter: DeadLetter) {
        let mut consumers = self.consumers.iter();
        let parked_by = consumers.find(|consumer| consumer.name() == letter.consumer);
        let consumer = *parked_by.unwrap();
        let lies_there = self.pushed(&letter.message_id, letter.message);
        self.push(Push {
            consumer,
            message: message_as_it_was(&lies_there, &subscription(consumer)),
            redrives: Some(letter.message_id),
        });
    }

    /// What an operator does about mails of which it is not known whether they left: has them sent
    /// once more. Answers whether there are any.
    pub(crate) fn redrive_what_is_unknown(self: &Arc<Self>) -> bool {
        let letters = self.sim.facts().dead_letters.clone();
        let unknown = letters
            .into_iter()
            .filter(|letter| letter.reason == OUTCOME_UNKNOWN);
        let redriven = unknown.map(|letter| self.redrive(letter));
        redriven.count() > 0
    }

    pub(crate) fn new_message_id(&self) -> String {
        let number = self.message_ids.fetch_add(1, Ordering::Relaxed);
        number.to_string()
    }

    fn pushed(&self, message_id: &str, message: OutgoingMessage) -> PushedMessage {
        PushedMessage {
            message_id: message_id.to_owned(),
            publish_time: SimClock::new(self.sim.epoch, chrono::TimeDelta::zero()).now(),
            data: message.data,
            attributes: message.attributes,
            ordering_key: message.ordering_key,
            subscription: String::new(),
            delivery_attempt: None,
        }
    }

    fn push(self: &Arc<Self>, push: Push) {
        let push = Arc::new(push);
        let delay = self.sim.dice.duration(self.mischief.delay);
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(Arc::clone(self).deliver_until_acked(Arc::clone(&push), delay));
        if self.sim.dice.chance(self.mischief.twice) {
            let delay = delay + self.sim.dice.duration(self.mischief.delay);
            self.outstanding.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(Arc::clone(self).deliver_until_acked(push, delay));
        }
    }

    async fn deliver_until_acked(self: Arc<Self>, push: Arc<Push>, delay: Duration) {
        tokio::time::sleep(delay).await;
        let mut backoff = MIN_BACKOFF;
        for attempt in 0.. {
            let acked = self.deliver(&push, attempt).await;
            let lost = acked && self.sim.dice.chance(self.mischief.lost_answer);
            if acked && !lost {
                break;
            }
            if lost {
                let id = &push.message.message_id;
                self.sim
                    .note(format_args!("the ack of message {id} is lost"));
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
        if let Some(letter) = &push.redrives {
            let mut facts = self.sim.facts();
            facts.dead_letters.retain(|it| it.message_id != *letter);
        }
        self.outstanding.fetch_sub(1, Ordering::Relaxed);
    }

    /// One delivery; true if it was answered with an ack.
    async fn deliver(&self, push: &Push, attempt: usize) -> bool {
        let services = self.services.lock().unwrap().clone();
        let Some(services) = services else {
            return true; // The simulation is over.
        };
        let Push {
            consumer, message, ..
        } = push;
        let life = services.instance(*consumer, attempt).await;
        let number = self.delivery_ids.fetch_add(1, Ordering::Relaxed);
        let limit = Timings::PRODUCTION.ack_deadline;
        let stalled = match self.sim.dice.chance(self.mischief.hangs) {
            true => self.sim.dice.duration(2 * limit),
            false => Duration::ZERO,
        };
        let running = Running::new(&self.sim, number, *consumer, message, stalled);
        let (id, event) = (&message.message_id, running.event_id.clone());
        let name = life.process.name();
        self.sim.note(format_args!(
            "delivery {number}: message {id} ({event}) to {name}"
        ));
        let mut request = Request::post("/pubsub/push").header("content-type", "application/json");
        if push.redrives.is_some() {
            request = request.header(X_REDRIVE, "1");
        }
        let body = Body::from(message.to_json().unwrap());
        let cut = self.sim.dice.chance(self.mischief.cut);
        let request = request.body(body).unwrap();
        let answered = match self.request(life, request, Some(running), cut).await {
            Answer::Response(response) => response,
            Answer::ConnectionLost => {
                self.sim
                    .note(format_args!("delivery {number}: connection lost"));
                return false;
            }
            Answer::TimedOut => {
                self.sim
                    .note(format_args!("delivery {number}: no answer in time"));
                return false;
            }
        };
        let (status, outcome) = (answered.status(), outcome(&answered));
        self.sim.note(format_args!(
            "delivery {number}: {} {outcome}",
            status.as_u16()
        ));
        match status {
            StatusCode::NO_CONTENT => check_ack(self, *consumer, message, outcome).await,
            // Who is asked to come later waits for another event, or for a mail server.
            StatusCode::TOO_MANY_REQUESTS if outcome == "deferred" => {}
            StatusCode::TOO_MANY_REQUESTS => check_busy(&self.sim, *consumer, number, &event),
            StatusCode::SERVICE_UNAVAILABLE => {}
            other => {
                let what = format!("delivery {number} is answered {other}");
                self.sim.violation(what);
            }
        }
        status == StatusCode::NO_CONTENT
    }

    /// Sends a request and waits for the answer as long as everybody does: 60 s.
    pub(crate) async fn request(
        &self,
        life: Life,
        request: Request<Body>,
        running: Option<Running>,
        cut: bool,
    ) -> Answer {
        let delivery = running.as_ref().map_or(0, |running| running.number);
        let handler = async move {
            let Life { app, process } = life;
            let handling = async {
                if let Some(running) = &running {
                    running.begin().await;
                }
                app.oneshot(request).await
            };
            let answer = process.run(handling).await;
            if let (Some(running), Some(_)) = (&running, &answer) {
                running.end(DeliveryState::Answered);
            }
            drop(running);
            answer
        };
        let mut handler = tokio::spawn(DELIVERY.scope(delivery, handler));
        let limit = Timings::PRODUCTION.ack_deadline;
        match tokio::time::timeout(limit, &mut handler).await {
            Ok(Ok(Some(Ok(response)))) => Answer::Response(response),
            Ok(Ok(None)) => Answer::ConnectionLost,
            Ok(Ok(Some(Err(never)))) => match never {},
            Ok(Err(panicked)) => {
                self.sim.violation(format!("a handler ended: {panicked}"));
                Answer::ConnectionLost
            }
            Err(_) => {
                if cut {
                    handler.abort();
                }
                Answer::TimedOut
            }
        }
    }
}

fn subscription(consumer: Service) -> String {
    format!("projects/simulation/subscriptions/{}", consumer.name())
}

fn outcome(response: &Response) -> &str {
    let outcome = response.headers().get("x-outcome");
    outcome.and_then(|it| it.to_str().ok()).unwrap_or("-")
}
