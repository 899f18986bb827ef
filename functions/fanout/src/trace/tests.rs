//! What is said of marks and rows, on a store in memory and with a clock under control.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_contracts::order::OrderCancelled;
use fanout_contracts::user::UserDeleted;
use fanout_contracts::{Currency, Money};
use fanout_dedup::{Ledger, Links, Parking, Predecessor, Seen, Standing};
use fanout_events::{Event, EventsOf, Fingerprint, Received, decode};
use fanout_outbox::{Draft, Origin, Outbox, find_events};
use fanout_runtime::{Timestamp, Timings, id_of};
use fanout_store::{Documents, Fields, Key, Write};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::{ManualClock, SeededIds};
use serde_json::json;

use super::*;
use crate::target::Target;
use fanout_google_cloud::{EmulatorHosts, GoogleCloudSettings};

/// A bus that is down, so that rows stay in the outbox.
struct Down;

#[async_trait]
impl Publisher for Down {
    async fn publish(&self, _: &str, _: OutgoingMessage) -> Result<MessageId, PublishError> {
        Err(PublishError::Unavailable("down".into()))
    }
}

struct Scene {
    documents: Arc<SqliteDocuments>,
    clock: Arc<ManualClock>,
    ids: Arc<SeededIds>,
}

/// 2026-11-20T12:00:00Z
const START: i64 = 1_795_176_000_000;

impl Scene {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(
            Timestamp::from_timestamp_millis(START).unwrap(),
        ));
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock.clone())
            .await
            .unwrap();
        Self {
            documents: Arc::new(documents),
            clock,
            ids: Arc::new(SeededIds::new(1)),
        }
    }

    fn ledger(&self) -> Ledger {
        let (documents, clock) = (self.documents.clone(), self.clock.clone());
        Ledger::new(documents, clock, self.ids.clone(), Timings::PRODUCTION)
    }

    fn second(&self) {
        self.clock.advance(Duration::from_secs(1));
    }

    async fn done(&self, consumer: &'static str, event: &Event, outcome: &str) {
        let seen = seen(consumer, event);
        let mark = self.ledger().done(&seen, &Predecessor::NONE, outcome);
        self.documents.commit(vec![mark]).await.unwrap();
    }

    fn outbox(&self) -> Outbox {
        let (documents, clock) = (self.documents.clone(), self.clock.clone());
        let source = "user-service";
        Outbox::new(documents, Arc::new(Down), clock, self.ids.clone(), source)
    }

    /// Stores `user.deleted` and does not publish it; answers its id.
    async fn waits(&self) -> String {
        let outbox = self.outbox();
        let data = UserDeleted {
            user_id: "usr_1".to_owned(),
        };
        let draft = Draft::of("usr_1", 3, &data).unwrap();
        let origin = Origin {
            correlation_id: Some("req_3".to_owned()),
            ..Origin::default()
        };
        outbox
            .store(Vec::new(), vec![draft], &origin)
            .await
            .unwrap();
        outbox.drain().await;
        let rows = find_events(self.documents.as_ref(), EventsOf::Subject("usr_1"), 1);
        rows.await.unwrap().0[0].event_id.clone()
    }

    /// Stores an event about `subject` that another one caused; answers its id.
    async fn caused(&self, subject: &str, cause: Option<&str>) -> String {
        let cancelled = OrderCancelled {
            order_id: "ord_1".to_owned(),
            user_id: "usr_1".to_owned(),
            currency: Currency::USD,
            total: Money::parse("3.00", Currency::USD).unwrap(),
            reason: "declined".to_owned(),
        };
        let draft = Draft::of(subject, 1, &cancelled).unwrap();
        let origin = Origin {
            causation_id: cause.map(str::to_owned),
            ..Origin::default()
        };
        let outbox = self.outbox();
        outbox
            .store(Vec::new(), vec![draft], &origin)
            .await
            .unwrap();
        outbox.drain().await;
        let rows = find_events(self.documents.as_ref(), EventsOf::Subject(subject), 1);
        rows.await.unwrap().0[0].event_id.clone()
    }

    async fn user(&self, id: &str, fields: Fields) {
        let key = Key::new(system::USERS, id);
        self.documents
            .commit(vec![Write::set(key, fields)])
            .await
            .unwrap();
    }

    async fn trace(&self, asked: Asked) -> Trace {
        look_up(self.documents.as_ref(), self.clock.as_ref(), &asked)
            .await
            .unwrap()
    }
}

fn asked() -> Asked {
    Asked {
        event: None,
        user: None,
        order: None,
        correlation: None,
    }
}

fn of_event(id: &str) -> Asked {
    Asked {
        event: Some(id.to_owned()),
        ..asked()
    }
}

fn of_order(id: &str) -> Asked {
    Asked {
        order: Some(id.to_owned()),
        ..asked()
    }
}

fn of_user(id: &str) -> Asked {
    Asked {
        user: Some(id.to_owned()),
        ..asked()
    }
}

fn of_request(id: &str) -> Asked {
    Asked {
        correlation: Some(id.to_owned()),
        ..asked()
    }
}

/// The user's event of this number: created, updated, deleted.
fn event(sequence: u64) -> Event {
    let types = ["user.created", "user.updated", "user.deleted"];
    let envelope = json!({
        "id": event_id(sequence),
        "type": types[sequence as usize - 1],
        "source": "user-service",
        "subject": "usr_1",
        "sequence": sequence,
        "timestamp": "2026-11-20T12:00:00.000Z",
        "correlation_id": format!("req_{sequence}"),
        "causation_id": (sequence == 2).then_some(event_id(1)),
        "data": {"user_id": "usr_1", "email": "ada@example.com", "name": "Ada"},
        "metadata": {"version": "1.0"},
    });
    let data = envelope.to_string();
    let received = Received {
        data: data.as_bytes(),
        message_id: "1",
        publish_time: Timestamp::UNIX_EPOCH,
    };
    decode(&received).unwrap().event
}

fn event_id(sequence: u64) -> String {
    id_of("evt", &sequence.to_be_bytes())
}

fn seen(consumer: &'static str, event: &Event) -> Seen {
    Seen {
        consumer,
        event_id: event.id.clone(),
        fingerprint: Fingerprint::of_bytes(b"payload"),
        links: Links::of(event),
    }
}

fn local() -> Target {
    Target::Embedded {
        data_dir: ".fanout".into(),
        pubsub_url: String::new(),
    }
}

/// A user who was created, changed and deleted, with all that can happen on the way.
async fn eventful() -> Scene {
    let scene = Scene::new().await;
    let (created, updated) = (event(1), event(2));
    scene.second();
    scene.done("crm", &created, "done").await;
    // The mail: a first holder dies, a second takes over, fails and gives back, a third is done.
    let (ledger, mail) = (scene.ledger(), seen("email", &created));
    assert!(matches!(
        ledger.claim(&mail, &[]).await.unwrap(),
        Standing::Open(_)
    ));
    scene.clock.advance(Duration::from_secs(61));
    let Standing::Open(claim) = ledger.claim(&mail, &[]).await.unwrap() else {
        panic!("no claim");
    };
    ledger.release(&claim, false, Vec::new()).await.unwrap();
    scene.second();
    let Standing::Open(claim) = ledger.claim(&mail, &[]).await.unwrap() else {
        panic!("no claim");
    };
    scene.second();
    let mark = ledger.completed(&claim, "done");
    scene.documents.commit(vec![mark]).await.unwrap();
    // Another message under the same id.
    let mut other = seen("crm", &created);
    other.fingerprint = Fingerprint::of_bytes(b"another payload");
    let detail = "another payload has been seen under this event id";
    let parking = Parking {
        message_id: "2",
        reason: "id_reused",
        detail,
    };
    ledger.note_reused(&other, parking).await.unwrap();
    let analytics = seen("analytics", &created);
    let detail = "the event is not valid: data.email is not an e-mail address";
    let parking = Parking {
        message_id: "3",
        reason: "invalid",
        detail,
    };
    ledger
        .park(&analytics, &Predecessor::NONE, parking)
        .await
        .unwrap();
    scene.second();
    scene.done("crm", &updated, "stale").await;
    scene.waits().await;
    let tombstone = Fields::new()
        .with("version", 3_u64)
        .with("deleted_at", scene.clock.now());
    scene.user("usr_1", tombstone).await;
    scene
}

#[tokio::test]
async fn an_event_is_told_with_all_that_happened_to_it() {
    let scene = eventful().await;
    let trace = scene.trace(of_event(&event_id(1))).await;
    insta::assert_snapshot!(text::of(&trace));
    insta::assert_json_snapshot!(trace);
}

#[tokio::test]
async fn a_user_is_told_in_the_order_of_sequences() {
    let scene = eventful().await;
    insta::assert_snapshot!(text::of(&scene.trace(of_user("usr_1")).await));
}

#[tokio::test]
async fn a_request_is_told_with_everything_it_led_to() {
    let scene = eventful().await;
    let trace = scene.trace(of_request("req_3")).await;
    insta::assert_snapshot!(text::of(&trace));
}

#[tokio::test]
async fn an_order_is_told_with_everything_its_events_led_to_however_far() {
    let scene = Scene::new().await;
    let mut cause = None;
    for subject in ["ord_1", "res_1", "pay_1", "shp_1", "pay_2"] {
        cause = Some(scene.caused(subject, cause.as_deref()).await);
        scene.second();
    }
    scene.caused("ord_2", None).await;
    let trace = scene.trace(of_order("ord_1")).await;
    let told = trace.events.iter().map(|life| life.subject.as_deref());
    let told: Vec<&str> = told.flatten().collect();
    assert_eq!(told, ["ord_1", "res_1", "pay_1", "shp_1", "pay_2"]);
    assert!(!trace.incomplete);
}

#[tokio::test]
async fn a_sequence_that_nobody_knows_is_named() {
    let scene = Scene::new().await;
    scene.done("crm", &event(2), "done").await;
    scene
        .user("usr_1", Fields::new().with("version", 4_u64))
        .await;
    let trace = scene.trace(of_user("usr_1")).await;
    assert_eq!(trace.users[0].unknown_sequences, [1, 3, 4]);
    assert!(text::of(&trace).contains("#1, #3 to #4: no row and no mark"));
    assert!(!trace.is_empty());
}

#[tokio::test]
async fn each_standing_of_a_claim_has_its_words() {
    let scene = Scene::new().await;
    let mail = seen("email", &event(1));
    scene.ledger().claim(&mail, &[]).await.unwrap();
    let words = async || text::of(&scene.trace(of_event(&event_id(1))).await);
    assert!(
        words()
            .await
            .contains("email      at work, claimed until 2026-11-20T12:01:00.000Z")
    );
    scene.clock.advance(Duration::from_secs(60));
    let ended = "its claim ended 2026-11-20T12:01:00.000Z without an outcome";
    assert!(words().await.contains(ended));
    let Standing::Open(claim) = scene.ledger().claim(&mail, &[]).await.unwrap() else {
        panic!("no claim");
    };
    scene
        .ledger()
        .release(&claim, true, Vec::new())
        .await
        .unwrap();
    let said = words().await;
    assert!(
        said.contains("failed: the next delivery tries again (attempt 2)"),
        "{said}"
    );
    assert!(said.contains("may have repeated"), "{said}");
    // 45 days later the store may not have deleted the mark yet.
    scene.clock.advance(Duration::from_secs(46 * 86_400));
    assert!(words().await.contains("its mark no longer counts since"));
}

#[tokio::test]
async fn an_event_that_was_skipped_is_told_with_the_reason() {
    let scene = Scene::new().await;
    let id = scene.waits().await;
    scene.second();
    let skipped = scene.outbox().skip(&id, "too \u{1b}[2Jlarge").await;
    skipped.unwrap();
    let said = text::of(&scene.trace(of_event(&id)).await);
    insta::assert_snapshot!(said.replace(&id, "evt_1"), @r"
    evt_1  user.deleted  #3 of usr_1
      stored     2026-11-20T12:00:00.000Z
      published  no: skipped 2026-11-20T12:00:01.000Z: too �[2Jlarge
      analytics  no use for this type
      request    req_3
      caused     nothing that is known
    ");
}

#[tokio::test]
async fn an_event_with_a_row_is_told_by_marks_that_do_not_say_what_it_is_about() {
    let scene = Scene::new().await;
    let id = scene.waits().await;
    let mut seen = seen("crm", &event(3));
    seen.event_id.clone_from(&id);
    seen.links = Links::default();
    let mark = scene.ledger().done(&seen, &Predecessor::NONE, "done");
    scene.documents.commit(vec![mark]).await.unwrap();
    let trace = scene.trace(of_user("usr_1")).await;
    assert_eq!(trace.events[0].event_type, "user.deleted");
    assert!(text::of(&trace).contains("crm        done 2026-11-20T12:00:00.000Z (attempt 1)"));
    assert!(text::of(&trace).contains("its row waits since 2026-11-20T12:00:00.000Z"));
}

#[tokio::test]
async fn what_nobody_knows_is_said_with_the_next_step() {
    let scene = Scene::new().await;
    let trace = scene.trace(of_event(&event_id(1))).await;
    assert!(trace.is_empty());
    insta::assert_snapshot!(text::nothing(&trace, &local()));
    let cloud = Target::Google(GoogleCloudSettings::of("my-project"));
    let odd = scene.trace(of_request("it's \"odd\"\u{1b}[2J")).await;
    insta::assert_snapshot!(text::nothing(&odd, &cloud));
    let hosts = EmulatorHosts {
        pubsub: String::new(),
        firestore: String::new(),
    };
    let emulators = Target::Google(GoogleCloudSettings::of("").on_emulators(hosts));
    let user = scene.trace(of_user("usr_9")).await;
    assert!(text::nothing(&user, &emulators).contains("knows the user usr_9"));
}

#[tokio::test]
async fn an_id_cannot_write_over_the_terminal() {
    let scene = Scene::new().await;
    let mut odd = event(1);
    odd.id = "a\u{1b}[2J\nuser usr_2: version 1".to_owned();
    scene.done("crm", &odd, "done").await;
    let text = text::of(&scene.trace(of_event(&odd.id)).await);
    assert!(text.contains("a\u{fffd}[2J\u{fffd}user usr_2"), "{text:?}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[tokio::test]
async fn a_store_that_is_not_there_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::Embedded {
        data_dir: folder.path().join("none"),
        pubsub_url: String::new(),
    };
    let error = target.documents().await.err().unwrap().to_string();
    assert!(error.contains("start `fanout up` first"), "{error}");
    assert!(!folder.path().join("none").exists());
}
