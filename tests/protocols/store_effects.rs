//! Effects in the store: mark and effect in one commit, one round trip for the usual event.

use async_trait::async_trait;
use fanout_consume::{Consumer, Failure, Plan, StoreEffect, View};
use fanout_contracts::user::UserCreated;
use fanout_dedup::{MarkState, PROCESSED_EVENTS};
use fanout_events::Envelope;
use fanout_runtime::Clock as _;
use fanout_store::{Collection, Documents, Fields, Key, Write};
use fanout_testkit::PortCalls;
use tokio::sync::Barrier;

use super::delivered::outcome_of;
use super::scene::{Scene, created, updated};

const CAUSED: &Collection = &Collection::named("caused");
const LEDGER: &Collection = &Collection::named("ledger");

const ONE_COMMIT: PortCalls = PortCalls {
    gets: 0,
    queries: 0,
    commits: 1,
};
const ONE_READ_MORE: PortCalls = PortCalls {
    gets: 1,
    ..ONE_COMMIT
};

#[tokio::test]
async fn the_usual_event_costs_one_commit_and_a_duplicate_one_read_more() {
    let scene = Scene::new().await;
    let event = created("evt_1", "usr_1");
    for (consumer, app) in [("analytics", scene.analytics()), ("crm", scene.crm())] {
        scene.documents.take_calls();
        assert_eq!(outcome_of(&app, &event).await, "done", "{consumer}");
        assert_eq!(scene.documents.take_calls(), ONE_COMMIT, "{consumer}");
        assert_eq!(outcome_of(&app, &event).await, "duplicate", "{consumer}");
        assert_eq!(scene.documents.take_calls(), ONE_READ_MORE, "{consumer}");
    }
}

#[tokio::test]
async fn a_later_event_of_a_contact_costs_the_read_that_its_order_needs() {
    let scene = Scene::new().await;
    let crm = scene.crm();
    assert_eq!(outcome_of(&crm, &created("evt_1", "usr_1")).await, "done");
    scene.documents.take_calls();
    let event = updated("evt_2", "usr_1", 2, "Another Name");
    assert_eq!(outcome_of(&crm, &event).await, "done");
    assert_eq!(scene.documents.take_calls(), ONE_READ_MORE);
}

#[tokio::test]
async fn the_mark_of_an_effect_says_what_happened() {
    let scene = Scene::new().await;
    let event = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&scene.analytics(), &event).await, "done");
    let mark = scene.mark("analytics", "evt_1").await.unwrap();
    assert_eq!(mark.state, MarkState::Done);
    assert_eq!(mark.outcome.as_deref(), Some("done"));
    assert_eq!(mark.links.event_type.as_deref(), Some("user.created"));
    assert_eq!(mark.attempt, 1);
    assert_eq!((mark.owner, mark.lease_expires_at), (None, None));
    assert!(!mark.may_have_repeated);
    assert_eq!(mark.finished_at, Some(scene.clock.now()));
}

/// Writes a document from what it reads, and causes another: both or none, with the mark.
struct Careful {
    read: Barrier,
}

#[async_trait]
impl StoreEffect<UserCreated> for Careful {
    async fn plan(&self, event: &Envelope<UserCreated>, view: &View<'_>) -> Result<Plan, Failure> {
        let key = Key::new(LEDGER, "total");
        let total = view.get(&key).await?;
        if view.conflicts() == 0 {
            // Both deliveries have read before either writes: one plan must turn out outdated.
            self.read.wait().await;
        }
        let sum = |total: &fanout_store::Document| total.fields.integer("sum");
        let before = total.as_ref().map(sum).transpose()?.unwrap_or(0);
        let after = Fields::new().with("sum", before + 1);
        let caused = Write::create(Key::new(CAUSED, &event.id), Fields::new());
        let total = match total {
            None => Write::create(key, after),
            Some(total) => Write::replace(key, after, total.update_time),
        };
        Ok(Plan::Apply(vec![total, caused].into()))
    }
}

#[tokio::test]
async fn a_plan_from_outdated_reads_is_made_again_and_nothing_of_it_is_left() {
    let scene = Scene::new().await;
    let effect = Careful {
        read: Barrier::new(2),
    };
    let app = scene.of(Consumer::named("careful").on::<UserCreated>(effect));
    let (first, second) = (created("evt_1", "usr_1"), created("evt_2", "usr_2"));
    let outcomes = tokio::join!(outcome_of(&app, &first), outcome_of(&app, &second));
    assert_eq!(outcomes, ("done".to_owned(), "done".to_owned()));
    let total = scene.documents.get(&Key::new(LEDGER, "total")).await;
    assert_eq!(total.unwrap().unwrap().fields.integer("sum"), Ok(2));
    assert_eq!(scene.documents.writes_to(CAUSED), 2);
    assert_eq!(scene.documents.writes_to(PROCESSED_EVENTS), 2);
}
