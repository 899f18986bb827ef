//! The services, composed on one engine.

use std::sync::Arc;

use axum::Router;
use fanout_consume::{ConsumerDeps, PushAuth};
use fanout_outbox::Outbox;
use fanout_runtime::{SystemClock, SystemIds, Timings};
use user_service::UserServiceDeps;

use super::engine::Engine;
use crate::consumers::ConsumerEntry;

/// The outbox of a service.
pub(super) fn outbox(engine: &Engine, service: impl Into<String>) -> Outbox {
    Outbox::new(
        Arc::clone(&engine.documents),
        Arc::clone(&engine.publisher),
        Arc::new(SystemClock),
        Arc::new(SystemIds),
        service,
    )
}

pub(super) fn user_service(engine: &Engine, outbox: Outbox) -> Router {
    user_service::app(UserServiceDeps {
        documents: Arc::clone(&engine.documents),
        outbox,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    })
}

pub(super) fn consumer_deps(entry: &ConsumerEntry, engine: &Engine) -> ConsumerDeps {
    ConsumerDeps {
        documents: Arc::clone(&engine.documents),
        publisher: Arc::clone(&engine.publisher),
        outbox: outbox(engine, format!("{}-service", entry.name)),
        dead_letter_topic: entry.dead_letters(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        timings: Timings::PRODUCTION,
        auth: PushAuth::open_for_one_machine(),
        project: engine.project.clone(),
    }
}
