//! Two writes to two systems lose events; one commit with an outbox does not.

use std::sync::Arc;
use std::time::Duration;

use fanout_outbox::Outbox;
use fanout_runtime::{SystemClock, SystemIds};
use fanout_store::{Documents, Key};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::faults::{
    Decision, Fault, FaultPlan, FaultyDocuments, FaultyPort, PortCall, Process,
};
use fanout_testkit::{Mood, ScriptedBus};
use migration::{BOOKINGS, BookError, Bookings, Phase, commit_then_publish};

use crate::support::stay;

/// The process ends when it has committed, before it knows.
struct CrashAfterCommit;

impl FaultPlan for CrashAfterCommit {
    fn decide(&self, _: &str, call: &PortCall) -> Decision {
        Decision {
            number: 0,
            fault: (call.operation == "documents.commit").then_some(Fault::CrashAfter),
            there: Duration::ZERO,
            back: Duration::ZERO,
        }
    }

    fn answered(&self, _: u64, _: &str) {}
}

/// A store that outlives the process, and what the process sees of it.
struct Scene {
    documents: Arc<dyn Documents>,
    bus: Arc<ScriptedBus>,
    process: Arc<Process>,
    crashing: Arc<dyn Documents>,
}

impl Scene {
    async fn new() -> Self {
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
        let documents: Arc<dyn Documents> = Arc::new(documents.unwrap());
        let process = Arc::new(Process::new("bookings"));
        let port = FaultyPort::new(Arc::clone(&process), Arc::new(CrashAfterCommit));
        let crashing = FaultyDocuments::new(port, Arc::clone(&documents));
        Self {
            documents,
            bus: Arc::default(),
            process,
            crashing: Arc::new(crashing),
        }
    }

    fn outbox(&self, documents: &Arc<dyn Documents>) -> Outbox {
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        let documents = Arc::clone(documents);
        Outbox::new(documents, self.bus.clone(), clock, ids, "booking-service")
    }

    async fn is_booked(&self) -> bool {
        let booking = self.documents.get(&Key::new(BOOKINGS, "one")).await;
        booking.unwrap().is_some()
    }

    /// How many events of the booking are on the bus, once the bus is up and the relay has run.
    async fn published_in_the_end(&self) -> usize {
        self.bus.turn(Mood::Up);
        let relayed = self.outbox(&self.documents).relay().await.unwrap();
        assert_eq!(relayed.remaining, 0);
        self.bus.event_ids().len()
    }

    async fn book(&self, documents: &Arc<dyn Documents>) -> Result<(), BookError> {
        let outbox = self.outbox(documents);
        // By events: there is no one to call.
        let no_calls = (reqwest::Client::new(), Vec::new());
        let its = Arc::clone(documents);
        let service = Bookings::new(Phase::EventsOnly, its, outbox.clone(), no_calls);
        let made = service.make("one", &stay()).await;
        outbox.drain().await;
        made
    }
}

#[tokio::test]
async fn without_an_outbox_a_bus_that_is_down_loses_the_event() {
    let scene = Scene::new().await;
    scene.bus.turn(Mood::Down);
    let documents = scene.documents.as_ref();
    let first = commit_then_publish(documents, scene.bus.as_ref(), "one").await;
    assert!(first.is_err() && scene.is_booked().await);
    scene.bus.turn(Mood::Up);
    // Asked again, it finds the booking there.
    let again = commit_then_publish(documents, scene.bus.as_ref(), "one").await;
    assert!(again.is_err());
    assert_eq!(scene.published_in_the_end().await, 0);
}

#[tokio::test]
async fn without_an_outbox_a_crash_between_commit_and_publish_loses_the_event() {
    let scene = Scene::new().await;
    let booking = commit_then_publish(scene.crashing.as_ref(), scene.bus.as_ref(), "one");
    assert!(scene.process.run(booking).await.is_none());
    assert!(scene.is_booked().await);
    assert_eq!(scene.published_in_the_end().await, 0);
}

#[tokio::test]
async fn with_the_outbox_a_bus_that_is_down_delays_the_event() {
    let scene = Scene::new().await;
    scene.bus.turn(Mood::Down);
    scene.book(&scene.documents).await.unwrap();
    assert!(scene.is_booked().await && scene.bus.event_ids().is_empty());
    assert_eq!(scene.published_in_the_end().await, 1);
}

#[tokio::test]
async fn with_the_outbox_a_crash_after_the_commit_delays_the_event() {
    let scene = Scene::new().await;
    let booking = scene.book(&scene.crashing);
    assert!(scene.process.run(booking).await.is_none());
    assert!(scene.is_booked().await);
    // The dead process still has the line's lease; at the start of the next one it ends.
    let documents = scene.documents.as_ref();
    let ended = fanout_outbox::end_leases_of_dead_process(documents, &SystemClock).await;
    ended.unwrap();
    assert_eq!(scene.published_in_the_end().await, 1);
}
