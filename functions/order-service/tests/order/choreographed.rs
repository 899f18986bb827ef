//! The process of an order that nobody is asked for: it joins facts in whatever order they come.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use fanout_contracts::order::{CHOREOGRAPHED, OrderCreated, OrderItem};
use fanout_contracts::{Currency, Money};
use fanout_events::{Data, Event, EventType, Metadata, StepRef};
use fanout_processes::{
    Emit, Input, Instance, Machine, OperateError, Pace, Status, Step, StepStatus, Verb,
};
use fanout_runtime::Timestamp;
use order_service::choreographed_order;
use serde_json::{Value, json};

const KEY: &str = "ord_1";

/// A fact, the step it is about, and why where it is a refusal.
type Fact = (&'static str, &'static str, Option<&'static str>);

const RESERVED: Fact = ("inventory.reserved", "reserve", None);
const RELEASED: Fact = ("inventory.released", "reserve", None);
const NOT_RESERVED: Fact = ("inventory.refused", "reserve", Some("out_of_stock"));
const CAPTURED: Fact = ("payment.captured", "charge", None);
const REFUNDED: Fact = ("payment.refunded", "charge", None);
const DECLINED: Fact = ("payment.declined", "charge", Some("declined"));
const UNDONE_BEFORE: Fact = ("payment.declined", "charge", Some("cancelled"));
const SHIPPED: Fact = ("shipment.created", "ship", None);
const NOT_SHIPPED: Fact = ("shipment.refused", "ship", Some("country_not_served"));
const TOO_LATE: Fact = ("shipment.refused", "ship", Some("cancelled"));
const MAILED: Fact = ("mail.sent", "confirm", None);

fn event((event_type, name, reason): Fact) -> Event {
    let step = json!({"process": CHOREOGRAPHED, "key": KEY, "name": name, "attempt": 1});
    let mut data = json!({"order_id": KEY, "step": step});
    if let Some(reason) = reason {
        data["reason"] = json!(reason);
    }
    event_of(event_type, "1.0", data)
}

fn event_of(event_type: &str, version: &str, data: Value) -> Event {
    Event {
        id: "evt_1".to_owned(),
        event_type: event_type.to_owned(),
        source: "test-service".to_owned(),
        subject: KEY.to_owned(),
        sequence: 1,
        timestamp: DateTime::UNIX_EPOCH,
        correlation_id: None,
        causation_id: None,
        data: Data(data.as_object().unwrap().clone()),
        metadata: Metadata {
            version: version.to_owned(),
            schema: None,
        },
    }
}

/// An order under way, and all that it has emitted.
struct Order {
    machine: Arc<dyn Machine>,
    instance: Instance<Value>,
    emitted: Vec<&'static str>,
    wakes: Option<Timestamp>,
}

impl Order {
    fn begun() -> Self {
        let money = |text| Money::parse(text, Currency::USD).unwrap();
        let order = OrderCreated {
            order_id: KEY.to_owned(),
            user_id: "123".to_owned(),
            items: vec![OrderItem {
                product_id: "1".to_owned(),
                quantity: 2,
                price: money("1.50"),
            }],
            currency: Currency::USD,
            total: money("3.00"),
            payment_method: "tok_ok".to_owned(),
            country: "US".to_owned(),
            step: Some(StepRef {
                process: CHOREOGRAPHED.to_owned(),
                key: KEY.to_owned(),
                name: "reserve".to_owned(),
                attempt: 1,
            }),
        };
        let data = serde_json::to_value(&order).unwrap();
        let event = event_of(OrderCreated::TYPE, OrderCreated::VERSION, data);
        let machine = choreographed_order(Pace::REAL);
        let step = machine.start(KEY, &event, DateTime::UNIX_EPOCH).unwrap();
        let mut order = Self {
            instance: step.instance.clone(),
            machine,
            emitted: Vec::new(),
            wakes: None,
        };
        order.take(step);
        order
    }

    fn take(&mut self, step: Step<Value>) {
        self.instance = step.instance;
        self.wakes = step.wake;
        let emitted = step.emit.iter().map(|emit| match emit {
            Emit::Request(draft) | Emit::Fact(draft) => draft.event_type(),
        });
        self.emitted.extend(emitted);
        assert_eq!(self.wakes.is_some(), self.instance.status.is_under_way());
    }

    fn hear(&mut self, fact: Fact) {
        let (instance, event) = (self.instance.clone(), event(fact));
        let step = self
            .machine
            .on(instance, Input::Event(&event), DateTime::UNIX_EPOCH);
        if let Some(step) = step.unwrap() {
            self.take(step);
        }
    }

    /// Its next deadline passes.
    fn oversleep(&mut self) {
        let (instance, now) = (self.instance.clone(), self.wakes.unwrap());
        let step = self.machine.on(instance, Input::Due, now).unwrap();
        self.take(step.unwrap());
    }

    fn is_told(&mut self, verb: &Verb) -> Result<(), OperateError> {
        let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(1);
        let step = self.machine.operate(self.instance.clone(), verb, now)?;
        self.take(step);
        Ok(())
    }

    /// Oversleeps until an operator is asked.
    fn is_given_up(&mut self) {
        while self.instance.status.is_under_way() {
            self.oversleep();
        }
    }

    fn skips(&mut self, step: &str) -> Result<(), OperateError> {
        let step = step.to_owned();
        self.is_told(&Verb::Skip { step })
    }

    /// The step that is waited for.
    fn awaited(&self) -> Option<&str> {
        let mut steps = self.instance.steps.iter();
        let awaited = steps.find(|record| record.due_at.is_some());
        awaited.map(|record| record.step.as_str())
    }

    fn end(&self) -> (Status, Option<&str>) {
        let reason = self
            .instance
            .failure
            .as_ref()
            .map(|why| why.reason.as_str());
        (self.instance.status, reason)
    }
}

/// What a user asks for who calls it off.
const OFF: Verb = Verb::Compensate {
    reason: "cancelled_by_user",
};

fn orders_of(facts: &[Fact]) -> Vec<Vec<Fact>> {
    if facts.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (place, first) in facts.iter().enumerate() {
        let mut rest = facts.to_vec();
        rest.remove(place);
        for mut order in orders_of(&rest) {
            order.insert(0, *first);
            all.push(order);
        }
    }
    all
}

#[test]
fn facts_come_to_the_same_in_every_order_however_often() {
    let cancelled = |why| (Status::Compensated, Some(why));
    let cases: [(&[Fact], _); 4] = [
        (
            &[RESERVED, CAPTURED, SHIPPED, MAILED],
            (Status::Completed, None),
        ),
        (&[NOT_RESERVED], cancelled("out_of_stock")),
        (&[RESERVED, DECLINED, RELEASED], cancelled("declined")),
        (
            &[RESERVED, CAPTURED, NOT_SHIPPED, REFUNDED, RELEASED],
            cancelled("country_not_served"),
        ),
    ];
    for (facts, end) in cases {
        for order in orders_of(facts) {
            let mut joined = Order::begun();
            for fact in &order {
                joined.hear(*fact);
                joined.hear(*fact);
            }
            // The mail is asked for once it is shipped, so its answer comes after.
            if end.0 == Status::Completed && joined.end().0 == Status::Running {
                joined.hear(MAILED);
            }
            assert_eq!(joined.end(), end, "{order:?}");
            let ends = joined.emitted.iter().filter(|it| it.starts_with("order."));
            assert_eq!(ends.count(), 1, "{order:?}: {:?}", joined.emitted);
        }
    }
}

#[test]
fn what_does_not_come_to_an_end_is_withdrawn_and_that_again_until_an_operator_is_asked() {
    let mut order = Order::begun();
    order.hear(RESERVED);
    order.oversleep();
    assert_eq!(order.end(), (Status::Compensating, Some("timed_out")));
    for _ in 0..9 {
        order.oversleep();
    }
    assert_eq!(order.emitted, ["order.withdrawn"; 10]);
    order.oversleep();
    assert_eq!(order.end(), (Status::Stuck, Some("undo_failed")));
    order.is_told(&Verb::Retry).unwrap();
    order.hear(TOO_LATE);
    order.hear(REFUNDED);
    order.hear(RELEASED);
    assert_eq!(order.end(), (Status::Compensated, Some("timed_out")));
}

#[test]
fn an_order_that_is_called_off_too_late_is_seen_through() {
    let mut order = Order::begun();
    order.hear(RESERVED);
    order.is_told(&OFF).unwrap();
    assert!(matches!(order.is_told(&OFF), Err(OperateError::Turned)));
    order.hear(CAPTURED);
    order.hear(SHIPPED);
    order.hear(MAILED);
    assert_eq!(order.end(), (Status::Completed, None));
    let mut order = Order::begun();
    order.hear(CAPTURED);
    assert!(matches!(order.is_told(&OFF), Err(OperateError::PastPivot)));
    assert!(matches!(
        order.is_told(&Verb::Retry),
        Err(OperateError::NotAwaited)
    ));
}

#[test]
fn a_mail_that_is_never_answered_holds_up_no_order() {
    let mut order = Order::begun();
    for fact in [RESERVED, CAPTURED, SHIPPED] {
        order.hear(fact);
    }
    for _ in 0..3 {
        order.oversleep();
    }
    assert_eq!(order.end(), (Status::Completed, None));
    let asked = order
        .emitted
        .iter()
        .filter(|it| **it == "mail.confirmation_requested");
    assert_eq!(asked.count(), 3);
}

#[test]
fn money_is_given_back_before_an_order_is_given_up_that_was_called_off_before_it_was_reserved() {
    let mut order = Order::begun();
    order.is_told(&OFF).unwrap();
    for fact in [RESERVED, CAPTURED, TOO_LATE] {
        order.hear(fact);
    }
    order.is_given_up();
    assert_eq!(order.end(), (Status::Stuck, Some("undo_failed")));
    let failure = order.instance.failure.as_ref().unwrap();
    assert_eq!(failure.step.as_deref(), Some("charge"));
    let early = order.skips("reserve");
    assert!(matches!(early, Err(OperateError::NotAwaited)));
    order.skips("charge").unwrap();
    assert_eq!(order.awaited(), Some("reserve"));
    order.hear(RELEASED);
    assert_eq!(
        order.end(),
        (Status::Compensated, Some("cancelled_by_user"))
    );
}

#[test]
fn stock_is_released_on_request_where_the_refund_was_made_by_hand() {
    let mut order = Order::begun();
    for fact in [RESERVED, CAPTURED, NOT_SHIPPED] {
        order.hear(fact);
    }
    order.is_given_up();
    order.emitted.clear();
    order.skips("charge").unwrap();
    assert_eq!(order.emitted, ["inventory.release_requested"]);
    assert_eq!(order.awaited(), Some("reserve"));
    order.is_told(&Verb::Retry).unwrap();
    let again = ["order.withdrawn", "inventory.release_requested"];
    assert_eq!(order.emitted[1..], again);
    order.hear(RELEASED);
    assert_eq!(
        order.end(),
        (Status::Compensated, Some("country_not_served"))
    );
}

#[test]
fn nothing_is_released_after_a_refund_by_hand_until_shipping_has_refused() {
    let mut order = Order::begun();
    for fact in [RESERVED, CAPTURED] {
        order.hear(fact);
    }
    order.is_given_up();
    order.emitted.clear();
    order.skips("charge").unwrap();
    assert_eq!(order.emitted, [""; 0]);
    assert_eq!(order.awaited(), Some("reserve"));
    order.hear(TOO_LATE);
    assert_eq!(order.emitted, ["inventory.release_requested"]);
    order.hear(RELEASED);
    assert_eq!(order.end(), (Status::Compensated, Some("timed_out")));
}

#[test]
fn a_charge_that_came_after_its_undo_is_given_up_once_that_is_done() {
    let mut order = Order::begun();
    order.hear(RESERVED);
    order.is_told(&OFF).unwrap();
    order.hear(UNDONE_BEFORE);
    assert_eq!(order.awaited(), Some("charge"));
    order.hear(REFUNDED);
    assert_eq!(order.awaited(), Some("reserve"));
    order.hear(RELEASED);
    assert_eq!(
        order.end(),
        (Status::Compensated, Some("cancelled_by_user"))
    );
}

#[test]
fn what_is_not_reserved_needs_no_refund() {
    let mut order = Order::begun();
    order.is_told(&OFF).unwrap();
    order.hear(NOT_RESERVED);
    assert_eq!(
        order.end(),
        (Status::Compensated, Some("cancelled_by_user"))
    );
    let steps = order.instance.steps.iter();
    let steps: Vec<_> = steps.map(|it| (it.step.as_str(), it.status)).collect();
    let left = [
        ("reserve", StepStatus::Refused),
        ("charge", StepStatus::Undone),
    ];
    assert_eq!(steps, left);
}
