//! The payment service: captures and refunds what orders cost, each once.

mod ask_provider;
mod charge_order;
mod follow_order;
mod list_payments;
mod payment;
mod provider;
mod stripe;
mod test_provider;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::inventory::{self, Reserved};
use fanout_contracts::payment::{self as payments, Captured, ChargeRequested, RefundRequested};
use fanout_contracts::shipping::{self, ShipmentRefused};
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Place, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_processes::{Fences, Reacting};
use fanout_runtime::Settings;
use fanout_web::{Service, with_fallbacks};

pub use payment::PAYMENTS;
pub use provider::{Capture, Charge, PaymentProvider, ProviderError, TakenBack};
pub use stripe::{STRIPE_INTENTS, Stripe, StripeSettings};
pub use test_provider::{TEST_CHARGES, TestProvider};

use charge_order::ChargeOrder;
use follow_order::{charge, refund};
use provider::Choice;

/// The consumer's name.
pub const NAME: &str = "payment";

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: "payment-service",
    system: Some("shop"),
    port: 8003,
    look_at: "/payments?order_id=",
    publishes: &[payments::TOPIC],
    subscriber: Some(SUBSCRIBER),
    collections: &[PAYMENTS, TEST_CHARGES, STRIPE_INTENTS],
    env: &[],
    secrets: &[],
    limits: Limits::USUAL,
    public: false,
    build,
};

/// Topics of which it wants only what is said of orders whose participants react to each other.
pub const OF_CHOREOGRAPHED: &[&str] = &[inventory::TOPIC, shipping::TOPIC];

const SUBSCRIBER: Subscriber = Subscriber {
    consumer: NAME,
    topics: &[
        Subscribed {
            topic: payments::TOPIC,
            types: &[ChargeRequested::TYPE, RefundRequested::TYPE],
        },
        Subscribed {
            topic: inventory::TOPIC,
            types: &[Reserved::TYPE],
        },
        Subscribed {
            topic: shipping::TOPIC,
            types: &[ShipmentRefused::TYPE],
        },
    ],
};

fn build(settings: &mut Settings<'_>, place: &Place) -> Option<Role> {
    let choice = Choice::read(settings, place)?;
    Some(Role::new(move |kernel| {
        let deps = PaymentServiceDeps {
            consumer: kernel.consumer(&SUBSCRIBER)?,
            provider: choice.open(&kernel.documents)?,
        };
        Ok(Service::new(app(deps)))
    }))
}

/// What the payment service needs.
#[derive(Clone)]
pub struct PaymentServiceDeps {
    /// What every consumer needs.
    pub consumer: ConsumerDeps,
    /// Who moves the money.
    pub provider: Arc<dyn PaymentProvider>,
}

/// The consumer, for [`push_route`].
pub fn consumer(deps: &PaymentServiceDeps) -> Consumer {
    let fences = Fences::of(NAME, &deps.consumer);
    let step = ChargeOrder {
        provider: Arc::clone(&deps.provider),
    };
    let doing = || fences.doing_outside(step.clone());
    let undoing = || fences.undoing_outside(step.clone());
    let reserved = Reacting::to(charge, doing());
    let reserved = reserved.telling::<Captured, _>("order", |it: &Reserved| it.order.as_deref());
    Consumer::named(NAME)
        // Where a process asks.
        .acting_on::<ChargeRequested>(doing())
        .acting_on::<RefundRequested>(undoing())
        // Where participants react to each other.
        .acting_on::<Reserved>(reserved)
        .acting_on::<ShipmentRefused>(Reacting::to(refund, undoing()))
}

/// The service's routes.
pub fn app(deps: PaymentServiceDeps) -> Router {
    let routes = Router::new()
        .route("/payments", get(list_payments::list_payments))
        .with_state(Arc::clone(&deps.consumer.documents))
        .merge(push_route(consumer(&deps), deps.consumer));
    with_fallbacks(routes)
}
