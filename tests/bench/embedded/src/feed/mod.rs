//! Feeds: post-service and feed-service on the embedded engine, each pushed to by its broker.

mod rebuild;
mod visible;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{bail, ensure};
use axum::Router;
use axum::body::{Body, to_bytes};
use fanout_bus::Publisher;
use fanout_bus_local::Broker;
use fanout_contracts::post;
use fanout_outbox::Outbox;
use fanout_posts::{Follow, Followed};
use fanout_projections::{Freshness, Generations, Owned, Projections, Rebuilds};
use fanout_runtime::{Shutdown, SystemClock, SystemIds};
use fanout_store::{Documents, Write};
use fanout_web::{Service, serve};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::dialogue::{Question, Questions, say};
use crate::engine::{Engine, listener};

/// Documents of one commit.
const OF_A_COMMIT: usize = 400;
const POSTS: &str = "posts";
const FEEDS: &str = "feeds";

/// The two services, as they run.
struct Running {
    documents: Arc<dyn Documents>,
    broker: Broker,
    outbox: Outbox,
    posts: Router,
    feeds: Router,
    rebuilds: Rebuilds,
    generations: Generations,
}

/// Answers until it is asked for nothing more.
pub(crate) async fn answer(folder: &Path) -> anyhow::Result<()> {
    let running = Running::start(folder).await?;
    let mut questions = Questions::open();
    while let Some(question) = questions.next().await? {
        say(&running.answer(&question).await?);
    }
    Ok(())
}

impl Running {
    async fn start(folder: &Path) -> anyhow::Result<Self> {
        let engine = Engine::open(folder).await?;
        let publisher: Arc<dyn Publisher> = Arc::new(engine.broker.publisher_of_stored());
        let projections = Projections::of(
            vec![Owned {
                service: feed_service::NAME,
                projection: feed_service::projection(),
            }],
            Freshness::EachTime,
        );
        let (documents, clock) = (Arc::clone(&engine.documents), Arc::new(SystemClock));
        let generations = Generations::of(
            feed_service::FEED,
            documents,
            clock.clone(),
            Freshness::EachTime,
        );
        let documents = Arc::clone(&engine.documents);
        let rebuilds = Rebuilds::new(projections, documents, clock, Arc::new(SystemIds));
        let posts = post_service::app(engine.consumer(&publisher, post_service::NAME));
        let deps = engine.consumer(&publisher, feed_service::NAME);
        let feeds = feed_service::app(deps, generations.clone(), rebuilds.clone());
        let (posts_at, of_posts) = listener().await?;
        let (feeds_at, of_feeds) = listener().await?;
        let pushed = [
            (POSTS, post::TOPIC, posts_at),
            (FEEDS, post::TOPIC, feeds_at),
        ];
        engine.set_up(&[post::TOPIC], &pushed).await?;
        let shutdown = Shutdown::default();
        tokio::spawn(serve(
            of_posts,
            Service::new(posts.clone()),
            shutdown.clone(),
        ));
        tokio::spawn(serve(
            of_feeds,
            Service::new(feeds.clone()),
            shutdown.clone(),
        ));
        let broker = engine.broker.clone();
        tokio::spawn(async move { broker.run(shutdown).await });
        Ok(Self {
            outbox: engine.outbox(publisher, post_service::NAME),
            documents: engine.documents,
            broker: engine.broker,
            posts,
            feeds,
            rebuilds,
            generations,
        })
    }

    async fn answer(&self, question: &Question) -> anyhow::Result<Value> {
        match question.r#do.as_str() {
            "follow" => {
                let run = question.run.as_str();
                let readers =
                    (0..question.count).map(|number| (format!("{run}-{number}"), run.to_owned()));
                self.follow(readers.collect()).await?;
                Ok(json!({"followed": question.count}))
            }
            "visible" => self.visible(question).await,
            "fill" => self.fill(question).await,
            "rebuild" => self.rebuild(question).await,
            other => bail!("{other} is nothing that can be asked for"),
        }
    }

    /// Readers follow authors, without the events that fill their feeds with what is there already.
    async fn follow(&self, pairs: Vec<(String, String)>) -> anyhow::Result<()> {
        let (version, now) = (1, true);
        let writes = pairs.into_iter().map(|(follower, followee)| {
            let follow = Follow { follower, followee };
            Write::create(follow.key(), follow.to_fields(Followed { version, now }))
        });
        let writes: Vec<Write> = writes.collect();
        let commits = writes
            .chunks(OF_A_COMMIT)
            .map(|part| self.documents.commit(part.to_vec()));
        let done = stream::iter(commits).buffer_unordered(4).map_ok(drop);
        Ok(done.try_collect::<()>().await?)
    }

    /// Waits until every message has been dealt with.
    async fn settle(&self) -> anyhow::Result<()> {
        for subscription in [POSTS, FEEDS] {
            while self.broker.backlog(subscription).await? > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(())
    }
}

/// What a service answers to a request.
async fn asked(service: &Router, request: Request<Body>) -> anyhow::Result<Value> {
    let answer = service.clone().oneshot(request).await?;
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await?;
    ensure!(
        status.is_success(),
        "{status}: {}",
        String::from_utf8_lossy(&body)
    );
    Ok(serde_json::from_slice(&body)?)
}
