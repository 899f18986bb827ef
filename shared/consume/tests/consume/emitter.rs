//! A consumer that emits passes the tests that every consumer must pass.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use fanout_consume::{
    Consumer, ConsumerDeps, Failure, Plan, StoreEffect, UnitOfWork, View, push_route,
};
use fanout_contracts::user::UserCreated;
use fanout_events::Envelope;
use fanout_outbox::EVENTS;
use fanout_store::{Documents, Query, all_documents};
use fanout_testkit::CountingDocuments;
use fanout_testkit::consumer_tests::ConsumerUnderTest;
use fanout_testkit::user_events::created;
use serde_json::Value;

use super::effects::follow_up;
use super::scene::{Scene, TESTED};

struct Emitter;

#[async_trait]
impl StoreEffect<UserCreated> for Emitter {
    async fn plan(&self, event: &Envelope<UserCreated>, _: &View<'_>) -> Result<Plan, Failure> {
        let subject = format!("thing_{}", event.subject);
        Ok(Plan::Apply(
            UnitOfWork::default().emit(follow_up(&subject, 1)),
        ))
    }
}

#[async_trait]
impl ConsumerUnderTest for Emitter {
    fn name(&self) -> &'static str {
        TESTED
    }

    fn app(&self, deps: ConsumerDeps) -> Router {
        push_route(Consumer::named(TESTED).on::<UserCreated>(Self), deps)
    }

    fn event(&self, subject: &str) -> Value {
        created("", subject)
    }

    async fn effects(&self, documents: &CountingDocuments) -> usize {
        let emitted = all_documents(documents, Query::of(EVENTS)).await;
        emitted.unwrap().len()
    }
}

fanout_testkit::consumer_tests! {
    stores {
        in_memory: in_memory(),
    }
    consumers {
        an_emitter: Emitter,
    }
}

async fn in_memory() -> Arc<dyn Documents> {
    Scene::new().await.documents
}
