//! The payment service over Stripe, in one life after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use fanout_contracts::Currency;
use fanout_contracts::payment::{ChargeRequested, RefundRequested};
use fanout_events::{Envelope, EventType, StepRef};
use fanout_runtime::Timestamp;
use fanout_store::Documents;
use fanout_testkit::ManualClock;
use fanout_testkit::consumer_tests::{Answer, deliver, lone_consumer, look_at};
use fanout_testkit::faults::{
    Decision, Fault, FaultPlan, FaultyDocuments, FaultyPort, PortCall, Process,
};
use payment_service::{PaymentServiceDeps, app};

use crate::stand_in::{Call, StandIn, Trouble};
use crate::subject::{charge, documents, stripe_at};

/// How often a delivery that is told to wait comes again.
const DELIVERIES: usize = 10;

/// Ends the first life at one call of the store or of Stripe, once it is armed.
pub(crate) struct CrashAt {
    at: u64,
    moment: Fault,
    armed: AtomicBool,
    count: AtomicU64,
    first: Arc<Process>,
}

impl CrashAt {
    fn fault(&self) -> Option<Fault> {
        if !self.armed.load(Ordering::SeqCst) {
            return None;
        }
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        (number == self.at).then_some(self.moment)
    }
}

impl FaultPlan for CrashAt {
    fn decide(&self, _: &str, _: &PortCall) -> Decision {
        Decision {
            number: 0,
            fault: self.fault(),
            there: Duration::ZERO,
            back: Duration::ZERO,
        }
    }

    fn answered(&self, _: u64, _: &str) {}
}

pub(crate) struct Scene {
    pub(crate) stand_in: StandIn,
    documents: Arc<dyn Documents>,
    clock: Arc<ManualClock>,
    plan: Arc<CrashAt>,
}

impl Scene {
    /// In which Stripe's calls go wrong as planned.
    pub(crate) async fn troubled(
        plan: impl Fn(&Call) -> Option<Trouble> + Send + Sync + 'static,
    ) -> Self {
        let crashes = Arc::new(CrashAt {
            at: 0,
            moment: Fault::CrashBefore,
            armed: AtomicBool::new(false),
            count: AtomicU64::new(0),
            first: Arc::new(Process::new("first")),
        });
        Self::new(StandIn::open(plan).await, crashes).await
    }

    /// In which the first life ends at this call, from 1.
    pub(crate) async fn crashing(at: u64, moment: Fault) -> Self {
        let plan = Arc::new(CrashAt {
            at,
            moment,
            armed: AtomicBool::new(false),
            count: AtomicU64::new(0),
            first: Arc::new(Process::new("first")),
        });
        let crashes = Arc::clone(&plan);
        let stand_in = StandIn::open(move |_| {
            let first = Arc::clone(&crashes.first);
            Some(match crashes.fault()? {
                Fault::CrashAfter => Trouble::CrashAfter(first),
                _ => Trouble::CrashBefore(first),
            })
        });
        Self::new(stand_in.await, plan).await
    }

    async fn new(stand_in: StandIn, plan: Arc<CrashAt>) -> Self {
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        Self {
            stand_in,
            documents: documents().await,
            clock: Arc::new(ManualClock::new(start)),
            plan,
        }
    }

    /// A life of the service.
    pub(crate) fn life(&self) -> Router {
        self.over(Arc::clone(&self.documents))
    }

    fn over(&self, documents: Arc<dyn Documents>) -> Router {
        app(PaymentServiceDeps {
            provider: Arc::new(stripe_at(&self.stand_in, &documents)),
            consumer: lone_consumer(documents, self.clock.clone()),
        })
    }

    /// Delivers in the life that ends; whether it did.
    pub(crate) async fn crashes_at(&self, event: &str) -> bool {
        let first = Arc::clone(&self.plan.first);
        let port = FaultyPort::new(Arc::clone(&first), self.plan.clone());
        let documents = FaultyDocuments::new(port, Arc::clone(&self.documents));
        let app = self.over(Arc::new(documents));
        self.plan.armed.store(true, Ordering::SeqCst);
        let answer = first.run(deliver(&app, event)).await;
        self.plan.armed.store(false, Ordering::SeqCst);
        answer.is_none()
    }

    /// Delivers to a new life until it is acked; leases end meanwhile.
    pub(crate) async fn settles(&self, event: &str) -> Answer {
        let app = self.life();
        for _ in 0..DELIVERIES {
            let answer = deliver(&app, event).await;
            if answer.acked() {
                return answer;
            }
            let wait = answer.retry_after.unwrap_or(Duration::from_secs(1));
            self.clock.advance(wait);
        }
        panic!("it is never acked: {event}");
    }

    /// How the order's payments stand.
    pub(crate) async fn payments(&self) -> Vec<String> {
        let listed = look_at(&self.life(), "/payments?order_id=ord_1").await;
        let listed: serde_json::Value = serde_json::from_str(listed.body()).unwrap();
        let payments = listed["payments"].as_array().unwrap().iter();
        payments
            .map(|it| it["status"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The request to charge, asked for the `attempt`th time.
pub(crate) fn charge_requested(attempt: u64) -> String {
    let charge = charge("pm_card_visa", 1_999);
    let asked = ChargeRequested {
        order_id: "ord_1".to_owned(),
        currency: Currency::USD,
        amount: charge.amount,
        payment_method: charge.method,
        step: step(attempt),
    };
    event(&format!("evt_do_{attempt}"), asked)
}

/// The request to take it back.
pub(crate) fn refund_requested(attempt: u64) -> String {
    let charge = charge("pm_card_visa", 1_999);
    let asked = RefundRequested {
        order_id: "ord_1".to_owned(),
        currency: Currency::USD,
        amount: charge.amount,
        payment_method: charge.method,
        step: step(attempt),
    };
    event(&format!("evt_undo_{attempt}"), asked)
}

fn step(attempt: u64) -> StepRef {
    StepRef {
        process: "order".to_owned(),
        key: "ord_1".to_owned(),
        name: "charge".to_owned(),
        attempt,
    }
}

fn event<T: EventType>(id: &str, data: T) -> String {
    let event = Envelope {
        id: id.to_owned(),
        event_type: T::TYPE.to_owned(),
        source: "order-service".to_owned(),
        subject: "sag_1".to_owned(),
        sequence: 1,
        timestamp: Timestamp::UNIX_EPOCH,
        correlation_id: None,
        causation_id: None,
        metadata: T::metadata(),
        data,
    };
    event.to_json().unwrap()
}
