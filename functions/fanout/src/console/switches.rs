//! What can be broken on purpose on one machine: a consumer made to fail or to be slow by a layer in
//! front of its push route, or paused. No service knows of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use fanout_bus::{Backoff, PushEnvelope, PushedMessage, Topology};
use fanout_bus_local::{Broker, BrokerError};
use fanout_consume::X_OUTCOME;
use fanout_events::{Received, decode_message};
use fanout_kernel::Subscriber;
use fanout_runtime::{Clock as _, IdGenerator as _, SystemClock, SystemIds};
use http::{HeaderValue, StatusCode};
use tokio::time::sleep;
use tracing::warn;

use super::hub::{Delivery, Hub};

/// The largest push that is looked into; a consumer takes no larger one.
const MOST_BYTES: usize = 15 * 1024 * 1024;
/// While a consumer is made to fail, its messages are given up after so many deliveries,
pub(crate) const ATTEMPTS_WHILE_BROKEN: u32 = 3;
/// this far apart.
const APART_WHILE_BROKEN: Duration = Duration::from_secs(1);

/// What is wrong with a consumer on purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    /// How many of a hundred deliveries fail.
    pub(crate) fails: u8,
    /// How much longer each delivery takes, in milliseconds.
    pub(crate) slow_ms: u64,
    /// Whether nothing is pushed to it.
    pub(crate) paused: bool,
}

impl Fault {
    pub(crate) fn is_any(&self) -> bool {
        *self != Self::default()
    }
}

/// All faults, by consumer; what is not named works.
#[derive(Default)]
pub(crate) struct Switches {
    faults: Mutex<BTreeMap<&'static str, Fault>>,
}

/// The push route of one consumer.
#[derive(Clone)]
struct Front {
    consumer: &'static str,
    switches: Arc<Switches>,
    hub: Arc<Hub>,
}

impl Switches {
    pub(crate) fn of(&self, consumer: &str) -> Fault {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.get(consumer).copied().unwrap_or_default()
    }

    /// Every consumer with which something is wrong.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, Fault> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.clone()
    }

    /// Changes what is wrong with a consumer, and its subscriptions with it: one that is paused is
    /// pushed nothing, and of one that fails messages are given up soon.
    pub(crate) async fn set(
        &self,
        subscriber: &'static Subscriber,
        fault: Fault,
        wanted: &Topology,
        broker: &Broker,
    ) -> Result<(), BrokerError> {
        broker.set_up(&changed(wanted, subscriber, fault)).await?;
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if fault.is_any() {
            faults.insert(subscriber.consumer, fault);
        } else {
            faults.remove(subscriber.consumer);
        }
        Ok(())
    }

    /// The consumer's routes with this in front of them.
    pub(crate) fn in_front_of(
        self: &Arc<Self>,
        consumer: &'static str,
        hub: &Arc<Hub>,
        routes: Router,
    ) -> Router {
        let front = Front {
            consumer,
            switches: Arc::clone(self),
            hub: Arc::clone(hub),
        };
        routes.layer(from_fn_with_state(front, let_through))
    }
}

/// The subscriptions of a consumer with this fault.
fn changed(wanted: &Topology, subscriber: &Subscriber, fault: Fault) -> Topology {
    let names: Vec<String> = { subscriber.topics.iter() }
        .map(|it| subscriber.subscription(it.topic))
        .collect();
    let own = wanted
        .subscriptions
        .iter()
        .filter(|it| names.contains(&it.name));
    let changed = own.cloned().map(|mut subscription| {
        if fault.paused {
            subscription.push_endpoint = None;
        }
        if fault.fails > 0 {
            subscription.backoff = Backoff {
                min: APART_WHILE_BROKEN,
                max: APART_WHILE_BROKEN,
            };
            if let Some(policy) = &mut subscription.dead_letters {
                policy.max_attempts = ATTEMPTS_WHILE_BROKEN;
            }
        }
        subscription
    });
    Topology {
        topics: Vec::new(),
        subscriptions: changed.collect(),
    }
}

async fn let_through(State(front): State<Front>, request: Request, next: Next) -> Response {
    let fault = front.switches.of(front.consumer);
    if !fault.is_any() || !request.uri().path().starts_with("/pubsub/push") {
        return next.run(request).await;
    }
    if fault.slow_ms > 0 {
        sleep(Duration::from_millis(fault.slow_ms)).await;
    }
    if SystemIds.fraction() * 100.0 < f64::from(fault.fails) {
        return front.fail(request, fault.slow_ms).await;
    }
    next.run(request).await
}

impl Front {
    /// Answers in the consumer's place, and says which event that was.
    async fn fail(&self, request: Request, took_ms: u64) -> Response {
        let (_, body) = request.into_parts();
        let message = read(body).await;
        let told = told(self.consumer, message, took_ms);
        let (consumer, event_id) = (self.consumer, told.event_id.as_str());
        warn!(consumer, event_id, "made to fail, as the page was told to");
        self.hub.delivered(told, SystemClock.now());
        let mut answer = StatusCode::SERVICE_UNAVAILABLE.into_response();
        let failed = HeaderValue::from_static("failed");
        answer.headers_mut().insert(X_OUTCOME, failed);
        answer
    }
}

async fn read(body: Body) -> Option<PushedMessage> {
    let bytes = to_bytes(body, MOST_BYTES).await.ok()?;
    let envelope = PushEnvelope::from_json(&bytes).ok()?;
    envelope.into_message(SystemClock.now()).ok()
}

fn told(consumer: &str, message: Option<PushedMessage>, took_ms: u64) -> Delivery {
    let mut told = Delivery {
        consumer: consumer.to_owned(),
        outcome: "failed".to_owned(),
        why: Some("made to fail on this page".to_owned()),
        took_ms,
        status: Some(StatusCode::SERVICE_UNAVAILABLE.as_u16()),
        ..Delivery::default()
    };
    let Some(message) = message else {
        return told;
    };
    let received = Received {
        data: &message.data,
        message_id: &message.message_id,
        publish_time: message.publish_time,
    };
    told.event_id = received.fallback_event_id();
    told.number = message.delivery_attempt.map(u64::from);
    if let Ok(decoded) = decode_message(&received, &message.attributes) {
        told.event_id = decoded.event.id;
        told.event_type = decoded.event.event_type;
        told.subject = Some(decoded.event.subject);
        told.correlation_id = decoded.event.correlation_id;
    }
    told.message_id = Some(message.message_id);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(fault: Fault) -> (Option<String>, u32, Duration) {
        let redelivery = system::Redelivery::PRODUCTION;
        let wanted = system::topology(redelivery, |_| Some("http://here/".to_owned()));
        let email = system::consumer("email").unwrap();
        let changed = changed(&wanted, email, fault);
        assert_eq!(changed.subscriptions.len(), email.topics.len());
        let first = changed.subscriptions.first().unwrap();
        let attempts = first.dead_letters.as_ref().unwrap().max_attempts;
        (first.push_endpoint.clone(), attempts, first.backoff.max)
    }

    #[test]
    fn a_consumer_that_is_made_to_fail_has_three_tries_a_second_apart_until_it_is_mended() {
        let here = Some("http://here/".to_owned());
        let broken = Fault {
            fails: 100,
            ..Fault::default()
        };
        assert_eq!(settings(broken), (here.clone(), 3, Duration::from_secs(1)));
        let mended = settings(Fault::default());
        assert_eq!(mended, (here, 20, Duration::from_secs(600)));
    }

    #[test]
    fn nothing_is_pushed_to_a_consumer_that_is_paused() {
        let paused = Fault {
            paused: true,
            ..Fault::default()
        };
        assert_eq!(settings(paused).0, None);
    }
}
