//! What people do: sign up, change, go; and what else arrives on the topic.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use fanout_bus::OutgoingMessage;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::bus::{Answer, Bus};
use super::facts::UserState;
use super::mailbox::address;
use super::services::{Service, Services};
use super::sim::Sim;

/// How long a client waits before it sends a request again.
const CLIENT_WAIT: Duration = Duration::from_secs(5);

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Person number n signs up.
    SignUp(u64),
    /// Takes another name.
    Rename(u64),
    /// Takes another address.
    Move(u64),
    /// Goes.
    Delete(u64),
    /// Something that is no event arrives on the topic.
    Nonsense,
    /// Another payload arrives under the id of person n's first event.
    ReuseId(u64),
    /// Mailboxes that refused mail take it now, and what lies on dead-letter topics is sent again to
    /// the consumer that put it there.
    OpenMailboxes,
    /// This long passes, then every event is sent out again.
    SendAgainAfter(Duration),
}

impl Step {
    /// How long nothing happens before it.
    pub(crate) fn long_before(self) -> Duration {
        match self {
            Self::SendAgainAfter(wait) => wait,
            Self::SignUp(_)
            | Self::Rename(_)
            | Self::Move(_)
            | Self::Delete(_)
            | Self::Nonsense
            | Self::OpenMailboxes
            | Self::ReuseId(_) => Duration::ZERO,
        }
    }
}

/// A step and when it happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timed {
    pub(crate) at: Duration,
    pub(crate) step: Step,
}

/// The world as clients see it.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) sim: Arc<Sim>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) services: Arc<Services>,
    /// How often a request is sent at most, until it is answered for good.
    pub(crate) tries: usize,
}

impl Clients {
    pub(crate) async fn take(self, timed: Timed) {
        tokio::time::sleep(timed.at).await;
        self.sim.note(format_args!("{:?}", timed.step));
        match timed.step {
            Step::SignUp(person) => self.sign_up(person).await,
            Step::Rename(person) => {
                let name = format!("Renamed {}", self.sim.dice.below(1000));
                self.change(Method::PATCH, person, json!({"name": name}))
                    .await;
            }
            Step::Move(person) => {
                let email = format!("moved-{}-{person}@example.com", self.sim.dice.below(1000));
                self.change(Method::PATCH, person, json!({"email": email}))
                    .await;
            }
            Step::Delete(person) => self.change(Method::DELETE, person, Value::Null).await,
            Step::Nonsense => self.nonsense(),
            Step::ReuseId(person) => self.reuse_id(person),
            Step::OpenMailboxes => self.open_mailboxes(),
            Step::SendAgainAfter(wait) => self.send_all_again(wait),
        }
    }

    async fn sign_up(&self, person: u64) {
        let body = json!({"email": address(person), "name": format!("Person {person}")});
        let request = || {
            Request::post("/users")
                .header("content-type", "application/json")
                .header("idempotency-key", format!("sign-up-{person}"))
                .body(Body::from(body.to_string()))
                .unwrap()
        };
        let Some((StatusCode::CREATED, answer)) = self.ask(request).await else {
            return;
        };
        let id = answer["id"].as_str().unwrap().to_owned();
        self.sim.facts().accepted.insert(id);
    }

    async fn change(&self, method: Method, person: u64, body: Value) {
        let Some(id) = self.user_of(person) else {
            return;
        };
        let request = || {
            Request::builder()
                .method(method.clone())
                .uri(format!("/users/{id}"))
                .header("content-type", "application/json")
                .body(Body::from(body.to_string()))
                .unwrap()
        };
        self.ask(request).await;
    }

    /// The person's user, by the address it began with.
    fn user_of(&self, person: u64) -> Option<String> {
        let facts = self.sim.facts();
        let mut users = facts.users.iter();
        let theirs = |state: &UserState| match state {
            UserState::Present { email, .. } => *email == address(person),
            UserState::Deleted => false,
        };
        users
            .find(|(_, versions)| versions.get(&1).is_some_and(theirs))
            .map(|(id, _)| id.clone())
    }

    /// Sends the request until it is answered for good, or the client loses patience.
    async fn ask(&self, request: impl Fn() -> Request<Body>) -> Option<(StatusCode, Value)> {
        for turn in 0..self.tries {
            let life = self.services.instance(Service::User, turn);
            let cut = self.sim.dice.chance(0.5);
            let answer = self.bus.request(life, request(), None, cut).await;
            if let Answer::Response(response) = answer {
                let status = response.status();
                self.sim
                    .note(format_args!("the client is answered {status}"));
                let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                if status == StatusCode::INTERNAL_SERVER_ERROR {
                    self.sim.violation("a client is answered 500".to_owned());
                }
                let wait = status.is_server_error() || body["type"] == "request_in_progress";
                if !wait {
                    return Some((status, body));
                }
            }
            tokio::time::sleep(CLIENT_WAIT).await;
        }
        None
    }

    fn nonsense(&self) {
        let message = OutgoingMessage {
            data: "{\"neither\": \"an event".into(),
            ..OutgoingMessage::default()
        };
        let id = self.bus.send(message);
        let mut facts = self.sim.facts();
        let everybody = Service::CONSUMERS.map(|consumer| (consumer, id.clone()));
        facts.unusable.extend(everybody);
    }

    fn reuse_id(&self, person: u64) {
        let Some(user) = self.user_of(person) else {
            return;
        };
        let facts = self.sim.facts();
        let mut events = facts.events.values();
        let first = events.find(|event| event.subject == user && event.sequence == 1);
        let mut event: Value = serde_json::from_str(&first.unwrap().data).unwrap();
        drop(facts);
        event["data"]["name"] = "Somebody Else".into();
        let id = self.bus.send(event_message(&event));
        let mut facts = self.sim.facts();
        let everybody = Service::CONSUMERS.map(|consumer| (consumer, id.clone()));
        facts.unusable.extend(everybody);
    }

    fn open_mailboxes(&self) {
        let mut facts = self.sim.facts();
        facts.mailboxes_open = true;
        let letters = facts.dead_letters.clone();
        drop(facts);
        for letter in letters {
            let mut consumers = Service::CONSUMERS.into_iter();
            let parked_by = consumers.find(|consumer| consumer.name() == letter.consumer);
            self.bus.send_to(parked_by.unwrap(), letter.message);
        }
    }

    /// For the marks of all events this must be long past their life, or well within it.
    fn send_all_again(&self, wait: Duration) {
        let mut facts = self.sim.facts();
        facts.rounds += u32::from(wait > fanout_runtime::Timings::PRODUCTION.mark_lifetime);
        let parse = |data: &String| serde_json::from_str(data).unwrap();
        let events: Vec<Value> = facts.events.values().map(|it| parse(&it.data)).collect();
        drop(facts);
        for event in events {
            self.bus.send(event_message(&event));
        }
    }
}

fn event_message(event: &Value) -> OutgoingMessage {
    let id = event["id"].as_str().unwrap().to_owned();
    OutgoingMessage {
        data: event.to_string().into(),
        attributes: [("ce-id".to_owned(), id)].into(),
        ordering_key: event["subject"].as_str().unwrap().to_owned(),
    }
}
