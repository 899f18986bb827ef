//! What people do: sign up, change, go; and what else arrives on the topic.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use fanout_bus::OutgoingMessage;
use fanout_contracts::user::TOPIC as USER_EVENTS;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::bank::Booking;
use super::bus::{Answer, Bus};
use super::facts::{StoredEvent, UserState};
use super::feed::Deed;
use super::mailbox::address;
use super::services::{Service, Services};
use super::shop::{self, Build, Kind, Word};
use super::sim::Sim;
use super::store::WatchedDocuments;

/// How long a client waits before it sends a request again.
const CLIENT_WAIT: Duration = Duration::from_secs(5);
/// How often it is typed in [`Step::DeleteAndType`].
const TYPED: u32 = 6;

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
    /// Somebody types person n's `user.created` once more by hand, as it was at first.
    TypeByHand(u64),
    /// That is typed again and again, this often, and amid that person n goes.
    DeleteAndType(u64, Duration),
    /// Customer number n places an order.
    Order(u64, Kind),
    /// Customer number n calls the order off.
    CancelOrder(u64),
    /// An operator says a word about the process of order number n.
    Operate(u64, Word),
    /// The stock is divided over so many documents.
    Shard(u64),
    /// A build takes the place of what runs, on each service's instance of this number, or on all.
    Deploy(Option<usize>, Build),
    /// Owner number n opens an account.
    OpenAccount(u64),
    /// The booking of this number is asked for.
    Book(u64, Booking),
    /// Something is done to posts and feeds.
    Feed(Deed),
    /// Something that is no event arrives on the topic.
    Nonsense,
    /// Another payload arrives under the id of person n's first event.
    ReuseId(u64),
    /// Mailboxes that refused mail take it now, and what lies on dead-letter topics is sent again to
    /// the consumer that put it there.
    OpenMailboxes,
    /// This long passes, then every event is sent out again.
    SendAgainAfter(Duration),
    /// The bus is down for so long. In the meantime person n takes another name.
    Outage(u64, Duration),
    /// The same, and until the end of it nothing else runs either.
    LongOutage(u64, Duration),
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
            | Self::TypeByHand(_)
            | Self::DeleteAndType(..)
            | Self::Order(..)
            | Self::CancelOrder(_)
            | Self::Operate(..)
            | Self::Shard(_)
            | Self::Deploy(..)
            | Self::OpenAccount(_)
            | Self::Book(..)
            | Self::Feed(_)
            | Self::Nonsense
            | Self::OpenMailboxes
            | Self::Outage(..)
            | Self::LongOutage(..)
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
    pub(crate) store: Arc<WatchedDocuments>,
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
            Step::Rename(person) => self.rename(person).await,
            Step::Move(person) => {
                let email = format!("moved-{}-{person}@example.com", self.sim.dice.below(1000));
                self.change(Method::PATCH, person, json!({"email": email}))
                    .await;
            }
            Step::Delete(person) => self.change(Method::DELETE, person, Value::Null).await,
            Step::TypeByHand(person) => self.type_by_hand(person),
            Step::DeleteAndType(person, every) => {
                let delete = async {
                    tokio::time::sleep(TYPED / 2 * every).await;
                    self.change(Method::DELETE, person, Value::Null).await;
                };
                let type_again_and_again = async {
                    for _ in 0..TYPED {
                        self.type_by_hand(person);
                        tokio::time::sleep(every).await;
                    }
                };
                tokio::join!(delete, type_again_and_again);
            }
            Step::Nonsense => self.nonsense(),
            Step::ReuseId(person) => self.reuse_id(person),
            Step::OpenMailboxes => self.open_mailboxes(),
            Step::SendAgainAfter(wait) => self.send_all_again(wait),
            Step::Order(number, kind) => self.order(number, kind).await,
            Step::CancelOrder(number) => self.cancel_order(number).await,
            Step::Operate(number, word) => self.operate(number, word).await,
            Step::Shard(shards) => self.shard(shards).await,
            Step::OpenAccount(number) => self.open_account(number).await,
            Step::Book(number, booking) => self.book(number, booking).await,
            Step::Feed(deed) => self.take_deed(deed).await,
            Step::Deploy(only, build) => self.services.deploy(only, build).await,
            Step::Outage(person, how_long) => {
                self.bus.go_down(how_long);
                self.rename(person).await;
            }
            Step::LongOutage(person, how_long) => {
                self.bus.go_down(how_long);
                self.sim.facts().asleep_until = self.sim.now() + how_long;
                self.rename(person).await;
                tokio::time::sleep(how_long).await;
                self.store.sweep().await;
            }
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

    async fn order(&self, number: u64, kind: Kind) {
        self.sim.facts().shop.kinds.insert(number, kind);
        let body = shop::body(number, kind);
        let request = || {
            Request::post("/orders")
                .header("content-type", "application/json")
                .header("idempotency-key", format!("order-{number}"))
                .body(Body::from(body.to_string()))
                .unwrap()
        };
        if let Some((StatusCode::ACCEPTED, answer)) = self.ask_of(Service::Order, request).await {
            let id = answer["id"].as_str().unwrap().to_owned();
            self.sim.facts().shop.accepted.insert(number, id);
        }
    }

    async fn cancel_order(&self, number: u64) {
        let accepted = self.sim.facts().shop.accepted.get(&number).cloned();
        let Some(id) = accepted else {
            return;
        };
        let request = || {
            let path = format!("/orders/{id}/cancel");
            Request::post(path).body(Body::empty()).unwrap()
        };
        self.ask_of(Service::Order, request).await;
    }

    async fn rename(&self, person: u64) {
        let name = format!("Renamed {}", self.sim.dice.below(1000));
        self.change(Method::PATCH, person, json!({"name": name}))
            .await;
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
        self.ask_of(Service::User, request).await
    }

    pub(crate) async fn ask_of(
        &self,
        service: Service,
        request: impl Fn() -> Request<Body>,
    ) -> Option<(StatusCode, Value)> {
        self.ask_from(service, 0, request).await
    }

    /// Asks the instance of this number at first.
    pub(crate) async fn ask_from(
        &self,
        service: Service,
        first: usize,
        request: impl Fn() -> Request<Body>,
    ) -> Option<(StatusCode, Value)> {
        for turn in first..first + self.tries {
            let life = self.services.instance(service, turn).await;
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

    fn type_by_hand(&self, person: u64) {
        let Some(user) = self.user_of(person) else {
            return;
        };
        let first = self.sim.facts().users[&user][&1].clone();
        let UserState::Present { email, name } = first else {
            return;
        };
        let typed = json!({"userId": user, "email": email, "name": name, "event": "user.created"});
        let message = OutgoingMessage {
            data: typed.to_string().into(),
            ..OutgoingMessage::default()
        };
        let (_, event_id) = self.bus.send(USER_EVENTS, message);
        self.sim.facts().typed.insert(event_id, user);
    }

    fn nonsense(&self) {
        self.send_unusable(OutgoingMessage {
            data: "{\"neither\": \"an event".into(),
            ..OutgoingMessage::default()
        });
    }

    fn reuse_id(&self, person: u64) {
        let Some(user) = self.user_of(person) else {
            return;
        };
        let facts = self.sim.facts();
        let mut events = facts.events.iter();
        let of_user = |event: &StoredEvent| event.subject == user && event.sequence == 1;
        let Some((id, first)) = events.find(|(_, event)| of_user(event)) else {
            return; // It is missing, which is found otherwise.
        };
        let mut event: Value = serde_json::from_slice(&first.message.data).unwrap();
        event["data"]["name"] = "Another Person".into();
        let message = OutgoingMessage {
            data: event.to_string().into(),
            attributes: [("ce-id".to_owned(), id.clone())].into(),
            ordering_key: user.clone(),
        };
        drop(facts);
        self.send_unusable(message);
    }

    fn send_unusable(&self, message: OutgoingMessage) {
        let (id, _) = self.bus.send(USER_EVENTS, message);
        let consumers = self.bus.subscribers(USER_EVENTS);
        let each = consumers.map(|consumer| (consumer, id.clone()));
        self.sim.facts().unusable.extend(each);
    }

    fn open_mailboxes(&self) {
        let mut facts = self.sim.facts();
        facts.mailboxes_open = true;
        let letters = facts.dead_letters.clone();
        drop(facts);
        for letter in letters {
            self.bus.redrive(letter);
        }
    }

    /// For the marks of all events this must be long past their life, or well within it.
    fn send_all_again(&self, wait: Duration) {
        let mut facts = self.sim.facts();
        facts.rounds += u32::from(wait > fanout_runtime::Timings::PRODUCTION.mark_lifetime);
        let events = facts.events.values();
        let events = events.map(|event| (event.topic.clone(), event.message.clone()));
        let events: Vec<(String, OutgoingMessage)> = events.collect();
        drop(facts);
        for (topic, message) in events {
            self.bus.send(&topic, message);
        }
    }
}
