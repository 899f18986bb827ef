//! A message bus in simulated time. It does what Pub/Sub may do and no more: at least once, in any
//! order, late, twice, and a push that is not answered in time counts as failed.
//!
//! There is no dead-lettering by count: every message is delivered until it is acked, so that one
//! that is never acked shows.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::response::Response;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher, PushedMessage};
use fanout_runtime::{Clock, Timings};
use fanout_store::Documents;
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use super::acks::check_ack;
use super::clock::SimClock;
use super::facts::{DeadLetter, Delivery, DeliveryState};
use super::services::{Life, Service, Services, USER_EVENTS};
use super::sim::{DELIVERY, Sim};

const MIN_BACKOFF: Duration = Duration::from_secs(10);
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
}

pub(crate) struct Bus {
    pub(crate) sim: Arc<Sim>,
    /// The store, without faults, to check acks against.
    pub(crate) store: Arc<dyn Documents>,
    mischief: Mischief,
    services: Mutex<Option<Arc<Services>>>,
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

impl Bus {
    pub(crate) fn new(sim: Arc<Sim>, store: Arc<dyn Documents>, mischief: Mischief) -> Arc<Self> {
        Arc::new(Self {
            sim,
            store,
            mischief,
            services: Mutex::new(None),
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

    /// Stores a message and sends it to every consumer; gives its id.
    pub(crate) fn send(self: &Arc<Self>, message: OutgoingMessage) -> String {
        let message_id = self.store_message();
        for consumer in Service::CONSUMERS {
            self.push(consumer, &message_id, message.clone());
        }
        message_id
    }

    /// Sends a message to one consumer only, as a redrive does.
    pub(crate) fn send_to(self: &Arc<Self>, consumer: Service, message: OutgoingMessage) {
        let message_id = self.store_message();
        self.push(consumer, &message_id, message);
    }

    fn store_message(&self) -> String {
        let number = self.message_ids.fetch_add(1, Ordering::Relaxed);
        number.to_string()
    }

    fn push(self: &Arc<Self>, consumer: Service, message_id: &str, message: OutgoingMessage) {
        let message = PushedMessage {
            message_id: message_id.to_owned(),
            publish_time: SimClock::new(self.sim.epoch, chrono::TimeDelta::zero()).now(),
            data: message.data,
            attributes: message.attributes,
            ordering_key: message.ordering_key,
            subscription: format!("projects/simulation/subscriptions/{}", consumer.name()),
            delivery_attempt: None,
        };
        let message = Arc::new(message);
        let delay = self.sim.dice.duration(self.mischief.delay);
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(Arc::clone(self).deliver_until_acked(consumer, Arc::clone(&message), delay));
        if self.sim.dice.chance(self.mischief.twice) {
            let delay = delay + self.sim.dice.duration(self.mischief.delay);
            let bus = Arc::clone(self);
            self.outstanding.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(bus.deliver_until_acked(consumer, message, delay));
        }
    }

    async fn deliver_until_acked(
        self: Arc<Self>,
        consumer: Service,
        message: Arc<PushedMessage>,
        delay: Duration,
    ) {
        tokio::time::sleep(delay).await;
        let mut backoff = MIN_BACKOFF;
        for attempt in 0.. {
            let acked = self.deliver(consumer, &message, attempt).await;
            let lost = acked && self.sim.dice.chance(self.mischief.lost_answer);
            if acked && !lost {
                break;
            }
            if lost {
                let id = &message.message_id;
                self.sim
                    .note(format_args!("the ack of message {id} is lost"));
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
        self.outstanding.fetch_sub(1, Ordering::Relaxed);
    }

    /// One delivery; true if it was answered with an ack.
    async fn deliver(&self, consumer: Service, message: &PushedMessage, attempt: usize) -> bool {
        let services = self.services.lock().unwrap().clone();
        let Some(services) = services else {
            return true; // The simulation is over.
        };
        let life = services.instance(consumer, attempt);
        let number = self.delivery_ids.fetch_add(1, Ordering::Relaxed);
        let running = Running::new(&self.sim, number, consumer, message);
        let (id, event) = (&message.message_id, running.event_id.clone());
        let name = life.process.name();
        self.sim.note(format_args!(
            "delivery {number}: message {id} ({event}) to {name}"
        ));
        let body = message.to_json().unwrap();
        let request = Request::post("/pubsub/push")
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        let cut = self.sim.dice.chance(self.mischief.cut);
        let answer = self.request(life, request, Some(running), cut).await;
        let answered = match &answer {
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
        let (status, outcome) = (answered.status(), outcome(answered));
        self.sim.note(format_args!(
            "delivery {number}: {} {outcome}",
            status.as_u16()
        ));
        match status {
            StatusCode::NO_CONTENT => check_ack(self, consumer, message, outcome).await,
            StatusCode::TOO_MANY_REQUESTS => self.check_busy(consumer, number, &event),
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
            let answer = process.run(app.oneshot(request)).await;
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

    /// Who is told to wait must have somebody to wait for: a handler that ran meanwhile, or one that
    /// could not give its claim back.
    fn check_busy(&self, consumer: Service, this: u64, event_id: &str) {
        let facts = self.sim.facts();
        let asked = facts.deliveries[&this].started;
        let cause = |(number, other): (&u64, &Delivery)| {
            *number != this
                && other.consumer == consumer
                && other.event_id == event_id
                && (other.state != DeliveryState::Answered
                    || other.store_failed
                    || other.ended.is_some_and(|ended| ended >= asked))
        };
        let caused = facts.deliveries.iter().any(cause);
        drop(facts);
        if !caused {
            self.sim.violation(format!(
                "delivery {this} of {event_id} is told to wait, but nobody is at work on it"
            ));
        }
    }
}

fn outcome(response: &Response) -> &str {
    let outcome = response.headers().get("x-outcome");
    outcome.and_then(|it| it.to_str().ok()).unwrap_or("-")
}

/// A consumer's call that is under way; noted as dropped if it never comes to its end.
pub(crate) struct Running {
    sim: Arc<Sim>,
    number: u64,
    event_id: String,
}

impl Running {
    fn new(sim: &Arc<Sim>, number: u64, consumer: Service, message: &PushedMessage) -> Self {
        let event = message.attributes.get("ce-id").cloned();
        let event_id = event.unwrap_or_else(|| format!("msg_{}", message.message_id));
        let delivery = Delivery {
            consumer,
            event_id: event_id.clone(),
            started: sim.now(),
            state: DeliveryState::Running,
            ended: None,
            store_failed: false,
        };
        sim.facts().deliveries.insert(number, delivery);
        Self {
            sim: Arc::clone(sim),
            number,
            event_id,
        }
    }

    fn end(&self, state: DeliveryState) {
        let now = self.sim.now();
        let mut facts = self.sim.facts();
        if let Some(delivery) = facts.deliveries.get_mut(&self.number)
            && delivery.state == DeliveryState::Running
        {
            delivery.state = state;
            delivery.ended = Some(now);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(DeliveryState::Dropped);
    }
}

/// The bus as services see it.
pub(crate) struct SimPublisher(pub(crate) Arc<Bus>);

#[async_trait]
impl Publisher for SimPublisher {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        let bus = &self.0;
        if topic == USER_EVENTS {
            if bus.sim.dice.chance(bus.mischief.renumbered) {
                bus.send(message.clone());
            }
            return Ok(MessageId(bus.send(message)));
        }
        let attribute = |name: &str| message.attributes.get(name).cloned().unwrap_or_default();
        let (consumer, original_message_id) = (
            attribute("dead-letter-consumer"),
            attribute("dead-letter-original-message-id"),
        );
        let letter = DeadLetter {
            consumer,
            original_message_id,
            message,
        };
        let id = letter.original_message_id.clone();
        bus.sim.note(format_args!("message {id} lies on {topic}"));
        bus.sim.facts().dead_letters.push(letter);
        Ok(MessageId(bus.store_message()))
    }
}
