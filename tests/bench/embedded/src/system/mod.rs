//! Sign-ups and any number of consumers of them: user-service on the embedded engine, and reactions that are pushed to.

mod published;
mod reaction;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use axum::Router;
use axum::body::Body;
use fanout_bus_local::Broker;
use fanout_consume::push_route;
use fanout_contracts::user;
use fanout_outbox::Outbox;
use fanout_runtime::{Shutdown, SystemClock, SystemIds, error_chain};
use fanout_store::Documents;
use fanout_web::{Service, serve};
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use user_service::UserServiceDeps;

use crate::dialogue::{Question, Questions, say};
use crate::engine::{Engine, listener};
use crate::latencies::timed;
use published::Published;

/// How long a look at the backlog may come too late, for each message that waits: so that looking costs little.
const PAUSE_PER_MESSAGE: Duration = Duration::from_micros(20);
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The service with its consumers.
struct Running {
    documents: Arc<dyn Documents>,
    broker: Broker,
    users: Router,
    consumers: Vec<&'static str>,
    published: Arc<Published>,
    signed_up: usize,
    delivers: bool,
}

/// Answers until it is asked for nothing more.
pub(crate) async fn answer(folder: &Path) -> anyhow::Result<()> {
    let mut questions = Questions::open();
    let mut running = None;
    while let Some(question) = questions.next().await? {
        if question.r#do == "open" {
            let opened = Running::open(folder, question.count).await?;
            say(&json!({"opened": opened.consumers.len()}));
            running = Some(opened);
        } else {
            let running = running.as_mut().context("nothing is open")?;
            say(&running.answer(&question).await?);
        }
    }
    Ok(())
}

impl Running {
    /// With so many consumers. Nothing is delivered before it is asked for: they are out.
    async fn open(folder: &Path, consumers: usize) -> anyhow::Result<Self> {
        let engine = Engine::open(folder).await?;
        let published = Arc::new(Published::default());
        let publisher = published.told_by(Arc::new(engine.broker.publisher()));
        // As long as the process.
        let names = (1..=consumers).map(|number| &*format!("reaction-{number}").leak());
        let names: Vec<&'static str> = names.collect();
        let (mut pushed, shutdown) = (Vec::new(), Shutdown::default());
        for name in &names {
            let (address, listener) = listener().await?;
            let deps = engine.consumer(&publisher, name);
            let service = Service::new(push_route(reaction::consumer(name), deps));
            tokio::spawn(serve(listener, service, shutdown.clone()));
            pushed.push((*name, user::TOPIC, address));
        }
        engine.set_up(&[user::TOPIC], &pushed).await?;
        let outbox = engine.outbox(Arc::clone(&publisher), user_service::NAME);
        tokio::spawn(relay_each_second(outbox.clone()));
        let users = user_service::app(UserServiceDeps {
            documents: Arc::clone(&engine.documents),
            outbox,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        });
        Ok(Self {
            documents: engine.documents,
            broker: engine.broker,
            users,
            consumers: names,
            published,
            signed_up: 0,
            delivers: false,
        })
    }

    async fn answer(&mut self, question: &Question) -> anyhow::Result<Value> {
        match question.r#do.as_str() {
            "sign_up" => {
                let first = self.signed_up;
                self.signed_up += question.count;
                let one = |number| self.sign_up(first + number);
                timed(question.count, question.at_once, one).await
            }
            "settle" => {
                self.settle().await?;
                Ok(json!({"settled": self.signed_up}))
            }
            "effects" => self.effects().await,
            other => bail!("{other} is nothing that can be asked for"),
        }
    }

    async fn sign_up(&self, number: usize) -> anyhow::Result<()> {
        let email = format!("user-{number}@example.com");
        let body = json!({"email": email, "name": "Ada Lovelace"}).to_string();
        let request = Request::post("/users").header("content-type", "application/json");
        let answer = self.users.clone().oneshot(request.body(Body::from(body))?);
        let status = answer.await?.status();
        ensure!(status.is_success(), "a sign-up is answered {status}");
        Ok(())
    }

    /// Delivers from the first time on, and waits until every consumer has every event.
    async fn settle(&mut self) -> anyhow::Result<()> {
        if !self.delivers {
            self.delivers = true;
            let broker = self.broker.clone();
            tokio::spawn(async move { broker.run(Shutdown::default()).await });
        }
        self.published.at_least(self.signed_up).await;
        for consumer in &self.consumers {
            loop {
                let waiting = self.broker.backlog(consumer).await?;
                if waiting == 0 {
                    break;
                }
                let pause = PAUSE_PER_MESSAGE * u32::try_from(waiting).unwrap_or(u32::MAX);
                tokio::time::sleep(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
            }
        }
        Ok(())
    }

    async fn effects(&self) -> anyhow::Result<Value> {
        let (reactions, times) = reaction::counted(self.documents.as_ref()).await?;
        let expected = self.signed_up * self.consumers.len();
        let repeated = times - reactions;
        Ok(json!({"lost": expected.saturating_sub(reactions), "repeated": repeated}))
    }
}

/// What the ticker does, as often as `fanout up` does it.
async fn relay_each_second(outbox: Outbox) {
    loop {
        if let Err(error) = outbox.relay().await {
            say(&json!({"failed": error_chain(&error)}));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
