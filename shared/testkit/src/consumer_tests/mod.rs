//! What every consumer must survive: the same event twice in sequence, twice at once, a crash at
//! every commit, and a crowd.
//!
//! A consumer gets these tests by naming itself. It says what it is with [`ConsumerUnderTest`], and
//! has its line in the list:
//!
//! ```ignore
//! fanout_testkit::consumer_tests! {
//!     stores {
//!         on_the_embedded_engine: sqlite(),
//!         #[ignore = "needs the Firestore emulator"]
//!         on_firestore: firestore(),
//!     }
//!     consumers {
//!         crm: Crm,
//!         email: Email::default(),
//!     }
//! }
//! ```
//!
//! That expands into `crm::on_firestore::a_crash_at_any_commit_...` and so on, each with a store and
//! a consumer of its own. A store is a future that gives what the conformance suite of the port
//! takes, too: an `Arc<dyn Documents>`, or a pair of that and something to be kept.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod crash;
mod delivery;
mod scene;
mod stops_answering;

use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use fanout_consume::ConsumerDeps;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::CountingDocuments;
use crate::documents_conformance::Subject;

pub use crash::a_crash_at_any_commit_is_made_good_by_the_next_delivery;
pub use delivery::{Answer, deliver, deliver_as, look_at, redrive};
use scene::Scene;
pub use scene::lone_consumer;

/// A consumer, as these tests need to know it. What it acts on outside the store belongs to `self`:
/// the tests start several containers of one consumer, and crash some.
#[async_trait]
pub trait ConsumerUnderTest: Send + Sync + 'static {
    /// Its name in the marks.
    fn name(&self) -> &'static str;

    /// A container of it: its routes.
    fn app(&self, deps: ConsumerDeps) -> Router;

    /// An event about this subject that it reacts to. Its id does not matter.
    fn event(&self, subject: &str) -> Value;

    /// How many effects there are by now, of whatever event.
    async fn effects(&self, documents: &CountingDocuments) -> usize;
}

/// How many events are delivered at the same time to two containers, one after the other.
const PAIRS: usize = 8;
/// The events of the crowd.
const CROWD_EVENTS: usize = 16;
/// How often each of them is delivered at the same time.
const CROWD_COPIES: usize = 4;

/// The second delivery, to another container and with a message id of its own, is a duplicate.
pub async fn twice_in_sequence_is_once(
    consumer: impl ConsumerUnderTest,
    store: impl Into<Subject>,
) {
    let scene = Scene::new(consumer, store);
    let event = scene.event();
    for expected in ["done", "duplicate"] {
        let container = scene.container();
        let answer = scene.deliver(&container, &event).await;
        assert_eq!(answer.outcome, expected);
        assert!(answer.acked(), "{answer:?}");
        assert_eq!(scene.effects().await, 1, "after `{expected}`");
    }
}

/// Of two deliveries at the same time, one makes the effect and the other is told to wait or that
/// it is a duplicate.
pub async fn twice_at_once_is_once(consumer: impl ConsumerUnderTest, store: impl Into<Subject>) {
    let scene = Scene::new(consumer, store);
    for pair in 1..=PAIRS {
        let event = scene.event();
        let outcomes = deliver_at_once(&scene, &[event], 2).await;
        assert_eq!(outcomes, [["done", "duplicate"]], "pair {pair}");
        assert_eq!(scene.effects().await, pair);
    }
}

/// 64 deliveries at the same time to several containers: 16 events, each of them four times.
pub async fn a_crowd_of_deliveries_makes_each_effect_once(
    consumer: impl ConsumerUnderTest,
    store: impl Into<Subject>,
) {
    let scene = Scene::new(consumer, store);
    let events: Vec<Value> = (0..CROWD_EVENTS).map(|_| scene.event()).collect();
    let outcomes = deliver_at_once(&scene, &events, CROWD_COPIES).await;
    for of_event in outcomes {
        assert_eq!(of_event, ["done", "duplicate", "duplicate", "duplicate"]);
    }
    assert_eq!(scene.effects().await, CROWD_EVENTS);
    for event in &events {
        assert!(!scene.mark(event).await.may_have_repeated);
    }
}

/// Delivers each event `copies` times at the same moment, each copy to another container, and again
/// until it is acked. Gives the last outcomes of each event, sorted.
async fn deliver_at_once<C: ConsumerUnderTest>(
    scene: &Scene<C>,
    events: &[Value],
    copies: usize,
) -> Vec<Vec<String>> {
    let mut deliveries = JoinSet::new();
    for _ in 0..copies {
        let container = scene.container();
        for (index, event) in events.iter().enumerate() {
            let (container, event) = (container.clone(), event.to_string());
            deliveries.spawn(async move { (index, until_acked(&container, &event).await) });
        }
    }
    let mut outcomes = vec![Vec::new(); events.len()];
    while let Some(delivered) = deliveries.join_next().await {
        let (index, answer) = delivered.unwrap();
        outcomes[index].push(answer.outcome);
    }
    outcomes.iter_mut().for_each(|of_event| of_event.sort());
    outcomes
}

/// Delivers as the bus does: what is not acked comes again. The time stands still, so that no lease
/// ends and whoever holds a claim must be the one to finish.
async fn until_acked(container: &Router, event: &str) -> Answer {
    const BACKOFF: Duration = Duration::from_millis(20);
    const PATIENCE: Duration = Duration::from_secs(60);
    let delivered = async {
        loop {
            let answer = deliver(container, event).await;
            if answer.acked() {
                return answer;
            }
            tokio::time::sleep(BACKOFF).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, delivered).await;
    in_time.expect("the delivery is acked in time")
}

/// Expands into a module per consumer, in it one per store, and in that a test per promise. See
/// [`crate::consumer_tests!`].
#[macro_export]
macro_rules! consumer_tests {
    (stores $stores:tt consumers { $($name:ident: $consumer:expr),+ $(,)? }) => {$(
        mod $name {
            #[allow(unused_imports, reason = "consumers and stores are named as outside")]
            use super::*;

            $crate::consumer_tests! { @stores $stores $consumer }
        }
    )+};
    (@stores {
        $($(#[$attribute:meta])* $name:ident: $store:expr),+ $(,)?
    } $consumer:expr) => {
        $crate::consumer_tests! { @each $consumer, $($name [$(#[$attribute])*] [$store])+ }
    };
    (@each $consumer:expr, $($name:ident $attributes:tt [$store:expr])+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "consumers and stores are named as outside")]
            use super::*;

            $crate::consumer_tests! {
                @tests $attributes $consumer, $store,
                twice_in_sequence_is_once
                twice_at_once_is_once
                a_crash_at_any_commit_is_made_good_by_the_next_delivery
                a_crowd_of_deliveries_makes_each_effect_once
            }
        }
    )+};
    (@tests $attributes:tt $consumer:expr, $store:expr, $($case:ident)+) => {
        $($crate::consumer_tests! { @test $attributes $consumer, $store, $case })+
    };
    (@test [$($attribute:tt)*] $consumer:expr, $store:expr, $case:ident) => {
        $($attribute)*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            $crate::consumer_tests::$case($consumer, $store.await).await;
        }
    };
}
