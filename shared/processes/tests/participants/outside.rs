//! Steps whose effect lies outside the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fanout_consume::{Attempt, Consumer, Failure, Pipeline, View};
use fanout_contracts::Currency;
use fanout_contracts::payment::{Captured, ChargeRequested, Declined, RefundRequested, Refunded};
use fanout_dedup::Mark;
use fanout_events::Envelope;
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_processes::{
    Answer, Fences, Keys, OutsideStep, Ruling, UndoableOutside, end_fences_of_dead_process,
};
use fanout_store::{ReadError, Write};

use crate::scene::{Scene, TESTED, YEARS, deliver, step, two_dollars};

/// The other side: what is captured under which key, and how often it was asked what.
#[derive(Default)]
struct Bank {
    captured: Mutex<BTreeMap<String, bool>>,
    asked: Mutex<Vec<&'static str>>,
    /// What was known when it was asked to capture: how many tries may have acted before.
    unanswered: Mutex<Vec<(u64, bool)>>,
    /// What becomes of the next calls that capture; after these, all is well.
    trouble: Mutex<Vec<Trouble>>,
}

#[derive(Clone, Copy)]
enum Trouble {
    NotReached,
    AnswerLost,
    /// The same, and it is known that it may have acted.
    Unheard,
    /// It acts, and does not answer.
    Silent,
}

#[derive(Clone)]
struct Charge(Arc<Bank>);

#[async_trait]
impl OutsideStep for Charge {
    type Asked = ChargeRequested;
    type Outcome = String;
    const SUBJECT: &'static str = "pay";

    async fn perform(
        &self,
        _: &Envelope<ChargeRequested>,
        keys: &Keys,
        attempt: &Attempt,
        _: &View<'_>,
    ) -> Result<Option<Ruling<String>>, Failure> {
        self.0.asked.lock().unwrap().push("capture");
        let known = (attempt.unanswered, attempt.may_have_repeated);
        self.0.unanswered.lock().unwrap().push(known);
        let trouble = self.0.trouble.lock().unwrap().pop();
        if !matches!(trouble, Some(Trouble::NotReached)) {
            let mut captured = self.0.captured.lock().unwrap();
            captured.entry(keys.done.clone()).or_insert(true);
        }
        match trouble {
            Some(Trouble::Silent) => Ok(None),
            Some(Trouble::Unheard) => Err(Failure::Retry {
                cause: "no answer".into(),
                may_have_acted: true,
            }),
            Some(Trouble::NotReached | Trouble::AnswerLost) => Err(Failure::retry("no answer")),
            None => Ok(Some(Ruling::Done("ch_1".to_owned()))),
        }
    }

    async fn remember(
        &self,
        _: &Envelope<ChargeRequested>,
        _: &str,
        _: &Ruling<String>,
        _: &View<'_>,
    ) -> Result<Vec<Write>, ReadError> {
        Ok(Vec::new())
    }

    fn answer(
        &self,
        asked: &ChargeRequested,
        to: Answer,
        ruling: &Ruling<String>,
    ) -> Result<Draft, UnwritableEvent> {
        let (payment_id, order_id) = (to.subject.clone(), asked.order_id.clone());
        let step = asked.step.clone();
        match ruling {
            Ruling::Done(_) => Draft::of(
                to.subject,
                to.sequence,
                &Captured {
                    payment_id,
                    order_id,
                    currency: asked.currency,
                    amount: asked.amount,
                    order: None,
                    step,
                },
            ),
            Ruling::Refused(reason) => Draft::of(
                to.subject,
                to.sequence,
                &Declined {
                    payment_id,
                    order_id,
                    reason: reason.clone(),
                    step,
                },
            ),
        }
    }
}

#[async_trait]
impl UndoableOutside for Charge {
    type Undo = RefundRequested;
    type Undone = ();

    async fn undo(
        &self,
        _: &RefundRequested,
        keys: &Keys,
        _: &Attempt,
    ) -> Result<Option<()>, Failure> {
        self.0.asked.lock().unwrap().push("undo");
        if let Some(Trouble::Silent) = self.0.trouble.lock().unwrap().pop() {
            return Ok(None);
        }
        let mut captured = self.0.captured.lock().unwrap();
        captured.insert(keys.done.clone(), false);
        Ok(Some(()))
    }

    async fn remember_undone(
        &self,
        _: &RefundRequested,
        _: &str,
        (): &(),
        _: &View<'_>,
    ) -> Result<Vec<Write>, ReadError> {
        Ok(Vec::new())
    }

    fn undone(&self, asked: &RefundRequested, to: Answer) -> Result<Draft, UnwritableEvent> {
        let refunded = Refunded {
            payment_id: to.subject.clone(),
            order_id: asked.order_id.clone(),
            step: asked.step.clone(),
        };
        Draft::of(to.subject, to.sequence, &refunded)
    }
}

struct Stage {
    scene: Scene,
    bank: Arc<Bank>,
    app: Pipeline,
}

impl Stage {
    async fn with(trouble: &[Trouble]) -> Self {
        let scene = Scene::new().await;
        let bank = Arc::new(Bank::default());
        *bank.trouble.lock().unwrap() = trouble.to_vec();
        let fences = Fences::of(TESTED, &scene.deps());
        let charge = Charge(bank.clone());
        let consumer = Consumer::named(TESTED)
            .acting_on::<ChargeRequested>(fences.doing_outside(charge.clone()))
            .acting_on::<RefundRequested>(fences.undoing_outside(charge));
        let app = scene.of(consumer);
        Self { scene, bank, app }
    }

    async fn charge(&self, id: &str, attempt: u64) -> &'static str {
        let charge = ChargeRequested {
            order_id: "ord_1".to_owned(),
            currency: Currency::USD,
            amount: two_dollars(),
            payment_method: "tok_ok".to_owned(),
            step: step("charge", attempt),
        };
        deliver(&self.app, id, charge).await
    }

    async fn refund(&self, id: &str, attempt: u64) -> &'static str {
        let refund = RefundRequested {
            order_id: "ord_1".to_owned(),
            currency: Currency::USD,
            amount: two_dollars(),
            payment_method: "tok_ok".to_owned(),
            step: step("charge", attempt),
        };
        deliver(&self.app, id, refund).await
    }

    fn asked(&self) -> Vec<&'static str> {
        self.bank.asked.lock().unwrap().clone()
    }

    /// Whether each key that was ever used holds a capture.
    fn captures(&self) -> Vec<bool> {
        self.bank
            .captured
            .lock()
            .unwrap()
            .values()
            .copied()
            .collect()
    }
}

#[tokio::test]
async fn an_act_whose_answer_was_lost_is_made_again_under_the_same_key() {
    let stage = Stage::with(&[Trouble::NotReached, Trouble::AnswerLost]).await;
    assert_eq!(stage.charge("evt_1", 1).await, "failed");
    assert_eq!(stage.charge("evt_1", 1).await, "failed");
    assert_eq!(stage.charge("evt_1", 1).await, "done");
    assert_eq!(stage.charge("evt_2", 2).await, "done");
    assert_eq!(
        stage.asked(),
        ["capture"; 3],
        "the second question asks nobody"
    );
    assert_eq!(stage.captures(), [true]);
    assert_eq!(stage.scene.said(), ["payment.captured"; 2]);
}

#[tokio::test]
async fn a_second_question_waits_while_the_first_may_be_acted_on() {
    let stage = Stage::with(&[Trouble::AnswerLost]).await;
    assert_eq!(stage.charge("evt_1", 1).await, "failed");
    assert_eq!(stage.charge("evt_2", 2).await, "deferred");
    stage.scene.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.charge("evt_2", 2).await, "done");
    assert_eq!(stage.captures(), [true]);
    assert_eq!(stage.charge("evt_1", 1).await, "done");
    assert_eq!(stage.scene.said(), ["payment.captured"; 2]);
}

/// Where the other side takes no key, two tries are enough, whichever event they were for.
#[tokio::test]
async fn a_second_question_knows_of_the_tries_of_the_first_and_a_third_of_both() {
    let unheard = Trouble::Unheard;
    let stage = Stage::with(&[unheard, Trouble::NotReached, unheard, unheard]).await;
    assert_eq!(stage.charge("evt_1", 1).await, "failed");
    assert_eq!(stage.charge("evt_1", 1).await, "failed");
    for (event, attempt, came) in [
        ("evt_2", 2, "failed"),
        ("evt_2", 2, "failed"),
        ("evt_3", 3, "done"),
    ] {
        stage.scene.clock.advance(Duration::from_secs(60));
        assert_eq!(stage.charge(event, attempt).await, came);
    }
    let known = stage.bank.unanswered.lock().unwrap().clone();
    let (first, second) = ([(0, false), (1, true)], [(2, true), (2, true)]);
    assert_eq!(known, [&first[..], &second, &[(3, true)]].concat());
    let mark = stage
        .scene
        .documents
        .get(&Mark::key_of(TESTED, "evt_3"))
        .await;
    assert_eq!(
        mark.unwrap().unwrap().fields.flag("may_have_repeated"),
        Ok(true)
    );
}

#[tokio::test]
async fn a_first_question_that_comes_again_after_a_second_counts_no_try_twice() {
    let stage = Stage::with(&[Trouble::NotReached, Trouble::Unheard]).await;
    assert_eq!(stage.charge("evt_1", 1).await, "failed");
    for (event, attempt, came) in [("evt_2", 2, "failed"), ("evt_1", 1, "done")] {
        stage.scene.clock.advance(Duration::from_secs(60));
        assert_eq!(stage.charge(event, attempt).await, came);
    }
    let known = stage.bank.unanswered.lock().unwrap().clone();
    assert_eq!(known, [(0, false), (1, true), (1, true)]);
}

#[tokio::test]
async fn a_call_that_is_not_answered_holds_nothing_and_the_next_question_asks_by_its_key() {
    let stage = Stage::with(&[Trouble::Silent]).await;
    assert_eq!(stage.charge("evt_1", 1).await, "done");
    assert_eq!(stage.scene.said(), [""; 0]);
    assert_eq!(stage.charge("evt_2", 2).await, "done");
    assert_eq!(stage.asked(), ["capture"; 2]);
    assert_eq!(stage.captures(), [true]);
    assert_eq!(stage.scene.said(), ["payment.captured"]);
}

#[tokio::test]
async fn an_undo_that_is_not_answered_is_asked_for_again_and_still_refuses_the_do() {
    let stage = Stage::with(&[Trouble::Silent, Trouble::Silent]).await;
    assert_eq!(stage.charge("evt_1", 1).await, "done");
    assert_eq!(stage.refund("evt_2", 1).await, "done");
    assert_eq!(stage.charge("evt_3", 2).await, "done");
    assert_eq!(stage.scene.said(), ["payment.declined cancelled"]);
    assert_eq!(stage.refund("evt_4", 2).await, "done");
    assert_eq!(stage.asked(), ["capture", "undo", "undo"]);
    assert_eq!(stage.captures(), [false]);
    let said = ["payment.declined cancelled", "payment.refunded"];
    assert_eq!(stage.scene.said(), said);
}

#[tokio::test]
async fn an_undo_that_comes_first_asks_nobody_and_refuses_the_late_do() {
    let stage = Stage::with(&[]).await;
    assert_eq!(stage.refund("evt_1", 1).await, "done");
    assert_eq!(stage.charge("evt_2", 1).await, "done");
    assert_eq!(stage.asked(), [""; 0]);
    let said = ["payment.refunded", "payment.declined cancelled"];
    assert_eq!(stage.scene.said(), said);
}

#[tokio::test]
async fn an_undo_of_what_may_have_been_done_waits_and_then_asks_by_the_key() {
    let stage = Stage::with(&[Trouble::AnswerLost]).await;
    assert_eq!(stage.charge("evt_1", 1).await, "failed");
    assert_eq!(stage.refund("evt_2", 1).await, "deferred");
    // From here on no further try is made, so that the undo does not wait for ever.
    assert_eq!(stage.charge("evt_3", 2).await, "done");
    assert_eq!(stage.asked(), ["capture"]);
    stage.scene.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.refund("evt_2", 1).await, "done");
    assert_eq!(stage.refund("evt_4", 2).await, "done");
    assert_eq!(stage.asked(), ["capture", "undo"]);
    assert_eq!(stage.captures(), [false]);
    let refunded = "payment.refunded";
    let said = ["payment.declined cancelled", refunded, refunded];
    assert_eq!(stage.scene.said(), said);
}

#[tokio::test]
async fn a_do_that_ends_lets_the_undo_go_on_at_once() {
    let stage = Stage::with(&[Trouble::AnswerLost]).await;
    assert_eq!(stage.charge("evt_1", 1).await, "failed");
    assert_eq!(stage.refund("evt_2", 1).await, "deferred");
    assert_eq!(stage.charge("evt_1", 1).await, "done");
    assert_eq!(stage.refund("evt_2", 1).await, "done");
    assert_eq!(stage.captures(), [false]);
}

#[tokio::test]
async fn what_was_done_is_undone_once() {
    let stage = Stage::with(&[]).await;
    assert_eq!(stage.charge("evt_1", 1).await, "done");
    assert_eq!(stage.refund("evt_2", 1).await, "done");
    assert_eq!(stage.refund("evt_3", 2).await, "done");
    assert_eq!(stage.charge("evt_4", 2).await, "done");
    assert_eq!(stage.asked(), ["capture", "undo"]);
    let sequences: Vec<u64> = stage.scene.answers().iter().map(|it| it.3).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
}

/// An undo that never came to its end as well.
#[tokio::test]
async fn what_was_done_is_undone_however_late_it_is_asked_for() {
    for silent in [false, true] {
        let stage = Stage::with(&[]).await;
        assert_eq!(stage.charge("evt_1", 1).await, "done");
        if silent {
            stage.bank.trouble.lock().unwrap().push(Trouble::Silent);
            assert_eq!(stage.refund("evt_2", 1).await, "done");
        }
        stage.scene.pass(YEARS).await;
        assert_eq!(stage.refund("evt_3", 1).await, "done");
        assert_eq!(stage.captures(), [false], "{silent}");
        let said = ["payment.captured", "payment.refunded"];
        assert_eq!(stage.scene.said(), said, "{silent}");
    }
}

#[tokio::test]
async fn the_fences_of_a_dead_process_keep_nothing_waiting() {
    let stage = Stage::with(&[Trouble::AnswerLost]).await;
    assert_eq!(stage.charge("evt_1", 1).await, "failed");
    let Scene {
        documents, clock, ..
    } = &stage.scene;
    let ended = end_fences_of_dead_process(documents.as_ref(), clock.as_ref());
    ended.await.unwrap();
    assert_eq!(stage.charge("evt_2", 2).await, "done");
    assert_eq!(stage.captures(), [true]);
}
