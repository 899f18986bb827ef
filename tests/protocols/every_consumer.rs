//! Twice in sequence, twice at once, a crash at every commit, and a crowd: for every consumer, on
//! both stores.
//!
//! A crowd may be answered ABORTED, on the service sooner than on Google's emulator, which takes
//! plain commits one after the other. The pipeline tries again after a pause, as the service asks;
//! if that is not enough the delivery is answered 503 and comes again. `contention.rs` has both
//! for certain, and the emulator's own way to ABORTED.

use std::sync::Arc;

use fanout_runtime::SystemClock;
use fanout_store::Documents;
use fanout_store_sqlite::{Database, SqliteDocuments};
use tempfile::TempDir;

use super::consumers::{Analytics, Crm, Email};
use crate::support::emulators;

fanout_testkit::consumer_tests! {
    stores {
        on_the_embedded_engine: embedded(),
        #[cfg_attr(not(emulators), ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator")]
        on_googles_firestore_emulator: firestore_emulator(),
    }
    consumers {
        analytics: Analytics,
        crm: Crm,
        email: Email::default(),
    }
}

async fn embedded() -> (Arc<dyn Documents>, TempDir) {
    let data = tempfile::tempdir().unwrap();
    let database = Database::open(&data.path().join("db")).unwrap();
    let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
    (Arc::new(documents.unwrap()), data)
}

async fn firestore_emulator() -> Arc<dyn Documents> {
    Arc::new(emulators().await.documents().await.unwrap())
}

/// The tests can fail: a consumer that does not deduplicate does not pass one of them.
mod a_consumer_that_forgets_to_deduplicate {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use axum::Router;
    use axum::routing::post;
    use fanout_consume::ConsumerDeps;
    use fanout_store::{Collection, Fields, Key, Write};
    use fanout_testkit::CountingDocuments;
    use fanout_testkit::consumer_tests::{self, ConsumerUnderTest};
    use http::StatusCode;
    use serde_json::Value;

    use super::*;

    const FORGETFUL: &Collection = &Collection::named("forgetful");

    #[derive(Default)]
    struct Forgetful(Arc<AtomicUsize>);

    #[async_trait]
    impl ConsumerUnderTest for Forgetful {
        fn name(&self) -> &'static str {
            "forgetful"
        }

        fn app(&self, deps: ConsumerDeps) -> Router {
            let effects = Arc::clone(&self.0);
            let receive = move || async move {
                effects.fetch_add(1, Ordering::Relaxed);
                let write = Write::set(Key::new(FORGETFUL, "a"), Fields::new());
                deps.documents.commit(vec![write]).await.unwrap();
                (StatusCode::NO_CONTENT, [("x-outcome", "done")])
            };
            Router::new().route("/pubsub/push", post(receive))
        }

        fn event(&self, subject: &str) -> Value {
            crate::protocols::scene::created("", subject)
        }

        async fn effects(&self, _: &CountingDocuments) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    #[should_panic = "duplicate"]
    async fn fails_twice_in_sequence() {
        consumer_tests::twice_in_sequence_is_once(Forgetful::default(), embedded().await).await;
    }

    #[tokio::test]
    #[should_panic = "duplicate"]
    async fn fails_twice_at_once() {
        consumer_tests::twice_at_once_is_once(Forgetful::default(), embedded().await).await;
    }

    #[tokio::test]
    #[should_panic = "there is a mark"]
    async fn fails_at_a_crash() {
        let forgetful = Forgetful::default();
        let store = embedded().await;
        consumer_tests::a_crash_at_any_commit_is_made_good_by_the_next_delivery(forgetful, store)
            .await;
    }
}
