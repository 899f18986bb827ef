//! Sagas of four steps: `shared/processes` with one participant, pushed to by the embedded broker.

mod ends;
mod events;
mod fill;
mod flow;
mod participant;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_outbox::{Origin, Outbox};
use fanout_processes::{Engine as Moving, Status, page_of_processes};
use fanout_runtime::{Clock as _, Shutdown, SystemClock};
use fanout_store::Documents;
use fanout_web::{Service, serve};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::dialogue::{Question, Questions, say};
use crate::engine::{Engine, listener};
use crate::latencies::timed;
use ends::Ends;
use events::{ANSWERS, Begun, FACTS, REQUESTS};
use flow::{FLOW, SERVICE};

/// How many commits fill the store at once.
const AT_ONCE: usize = 64;

/// A system of two consumers, as it runs.
struct Running {
    documents: Arc<dyn Documents>,
    outbox: Outbox,
    moving: Moving,
    ends: Arc<Ends>,
}

/// Answers until it is asked for nothing more.
pub(crate) async fn answer(folder: &Path) -> anyhow::Result<()> {
    let running = Running::start(folder).await?;
    let mut questions = Questions::open();
    while let Some(question) = questions.next().await? {
        say(&running.answer(&question, folder).await?);
    }
    Ok(())
}

impl Running {
    async fn start(folder: &Path) -> anyhow::Result<Self> {
        let engine = Engine::open(folder).await?;
        let ends = Arc::new(Ends::default());
        let publisher = ends.told_by(Arc::new(engine.broker.publisher_of_stored()));
        let processes = flow::processes();
        let steps = engine.consumer(&publisher, "steps-service");
        let (steps_at, steps) = listening(participant::consumer(&steps), steps).await?;
        let flows = engine.consumer(&publisher, SERVICE);
        let reacting = processes.on(Consumer::named(FLOW), Arc::new(SystemClock));
        let (flows_at, flows) = listening(reacting, flows).await?;
        engine
            .set_up(
                &[REQUESTS, ANSWERS, FACTS],
                &[(REQUESTS, REQUESTS, steps_at), (ANSWERS, ANSWERS, flows_at)],
            )
            .await?;
        let shutdown = Shutdown::default();
        for (listener, service) in [steps, flows] {
            tokio::spawn(serve(listener, service, shutdown.clone()));
        }
        let (broker, until) = (engine.broker.clone(), shutdown.clone());
        tokio::spawn(async move { broker.run(until).await });
        let outbox = engine.outbox(publisher, SERVICE);
        let documents = Arc::clone(&engine.documents);
        let clock = Arc::new(SystemClock);
        let moving = Moving::new(processes, documents, outbox.clone(), clock);
        tokio::spawn(tick_each_second(outbox.clone(), moving.clone()));
        Ok(Self {
            documents: engine.documents,
            outbox,
            moving,
            ends,
        })
    }

    async fn answer(&self, question: &Question, folder: &Path) -> anyhow::Result<Value> {
        let Question { count, .. } = *question;
        match question.r#do.as_str() {
            "run" => {
                let one = |number| self.see_through(question, number);
                timed(count, question.at_once, one).await
            }
            "begin" => {
                let before = self.ends.so_far();
                let all = stream::iter(0..count).map(|number| self.begin(question, number));
                let all = all.buffer_unordered(question.at_once.max(1));
                all.try_collect::<()>().await?;
                self.ends.until(before + count / 2).await;
                Ok(json!({"half": true}))
            }
            "finish" => self.finish().await,
            "effects" => self.write_effects(question, folder).await,
            "fill" => fill::fill(self.documents.as_ref(), count).await,
            other => bail!("{other} is nothing that can be asked for"),
        }
    }

    /// One saga, from its beginning to its end.
    async fn see_through(&self, question: &Question, number: usize) -> anyhow::Result<()> {
        let saga = name(question, number);
        let end = self.ends.of(&saga);
        self.begin(question, number).await?;
        Ok(end.await?)
    }

    async fn begin(&self, question: &Question, number: usize) -> anyhow::Result<()> {
        let saga = name(question, number);
        let begun = Begun {
            saga: saga.clone(),
            refused: question.refused,
        };
        let origin = Origin::default();
        let begun = self
            .moving
            .begin(FLOW, &saga, &begun, &origin, SystemClock.now());
        let begun = begun?;
        let committed = self.outbox.commit(begun.writes, begun.events).await?;
        self.outbox.publish_now(committed).await;
        Ok(())
    }

    /// Waits until no saga is under way.
    async fn finish(&self) -> anyhow::Result<Value> {
        let asked = Instant::now();
        for status in [Status::Running, Status::Compensating] {
            while !page_of_processes(self.documents.as_ref(), status, 1, None)
                .await?
                .found
                .is_empty()
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(json!({"seconds": asked.elapsed().as_secs_f64()}))
    }

    async fn write_effects(&self, question: &Question, folder: &Path) -> anyhow::Result<Value> {
        let names = (0..question.count).map(|number| name(question, number));
        let found = names
            .map(|saga| async move { participant::effects(self.documents.as_ref(), &saga).await });
        let found = stream::iter(found).buffered(AT_ONCE);
        let lines: Vec<Vec<String>> = found.try_collect().await?;
        let mut text = lines.concat().join("\n");
        text.push('\n');
        std::fs::write(folder.join("effects"), text)?;
        Ok(json!({"written": true}))
    }
}

fn name(question: &Question, number: usize) -> String {
    format!("{}-{number}", question.run)
}

/// A consumer on a port of its own, with where it is pushed to.
async fn listening(
    consumer: Consumer,
    deps: ConsumerDeps,
) -> anyhow::Result<(String, (TcpListener, Service))> {
    let (address, listener) = listener().await?;
    Ok((
        address,
        (listener, Service::new(push_route(consumer, deps))),
    ))
}

/// What the ticker does each minute, as often as `fanout up` does it.
async fn tick_each_second(outbox: Outbox, moving: Moving) {
    loop {
        let (relayed, woken) = tokio::join!(outbox.relay(), moving.wake_due());
        if let Some(error) = relayed.err().into_iter().chain(woken.err()).next() {
            say(&json!({"failed": fanout_runtime::error_chain(&error)}));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
