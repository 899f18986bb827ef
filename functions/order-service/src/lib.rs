//! The order service: takes orders, and sees each through: the steps of other services, and their
//! undo.

mod api_error;
mod cancel_order;
mod choreographed_order;
mod get_order;
mod list_orders;
mod new_order;
mod openapi;
mod order;
mod order_flow;
mod order_process;
mod page_token;
mod place_order;
mod request_schema;

use std::sync::Arc;

use axum::{Extension, Router};
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::{inventory, mail, operator, order as orders, payment, shipping};
use fanout_events::EventType;
use fanout_kernel::{Limits, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_openapi::Description;
use fanout_outbox::Outbox;
use fanout_processes::{Engine, PROCESSES as ALL_PROCESSES, Processes};
use fanout_runtime::{Clock, IdGenerator};
use fanout_store::Documents;
use fanout_web::{IDEMPOTENCY_KEYS, Service, with_correlation, with_fallbacks};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use choreographed_order::choreographed_order;
pub use order::ORDERS;
pub use order_flow::{OrderFlow, UnknownFlow};
pub use order_process::order_process;

/// The service's name: the source of its events.
pub const NAME: &str = "order-service";

/// The process that sees an order through.
pub const PROCESS: &str = "order";

/// All processes that see orders through: one for each flow.
pub const PROCESSES: [&str; 2] = [PROCESS, orders::CHOREOGRAPHED];

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: NAME,
    system: Some("shop"),
    port: 8001,
    look_at: "/orders?user_id=123",
    publishes: &[
        orders::TOPIC,
        inventory::TOPIC,
        payment::TOPIC,
        shipping::TOPIC,
        mail::TOPIC,
        operator::TOPIC,
    ],
    subscriber: Some(Subscriber {
        consumer: "order",
        topics: &[
            Subscribed {
                topic: inventory::TOPIC,
                types: &[
                    inventory::Reserved::TYPE,
                    inventory::ReservationRefused::TYPE,
                    inventory::Released::TYPE,
                ],
            },
            Subscribed {
                topic: payment::TOPIC,
                types: &[
                    payment::Captured::TYPE,
                    payment::Declined::TYPE,
                    payment::Refunded::TYPE,
                ],
            },
            Subscribed {
                topic: shipping::TOPIC,
                types: &[
                    shipping::ShipmentCreated::TYPE,
                    shipping::ShipmentRefused::TYPE,
                ],
            },
            Subscribed {
                topic: mail::TOPIC,
                types: &[mail::MailSent::TYPE],
            },
        ],
    }),
    collections: &[ORDERS, ALL_PROCESSES, IDEMPOTENCY_KEYS],
    env: &[("ORDER_FLOW", "orchestrated")],
    secrets: &[],
    limits: Limits::USUAL,
    public: false,
    build: |settings, _| {
        let flow = settings.or_default(
            OrderFlow::SETTING,
            "orchestrated or choreographed",
            OrderFlow::default(),
        )?;
        Some(Role::new(move |kernel| {
            let subscriber = SERVICE.subscriber.as_ref();
            let subscriber = subscriber.ok_or("the order service reacts to no event")?;
            let deps = OrderServiceDeps {
                consumer: kernel.consumer(subscriber)?,
                processes: kernel.processes.of_service(NAME),
                flow,
            };
            Ok(Service::new(app(deps)))
        }))
    },
};

/// What the order service needs.
#[derive(Clone)]
pub struct OrderServiceDeps {
    /// What its consumer needs: documents, outbox, time, ids and the rest.
    pub consumer: ConsumerDeps,
    /// Its processes.
    pub processes: Processes,
    /// How new orders are seen through.
    pub flow: OrderFlow,
}

/// What its requests are answered with.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) outbox: Outbox,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) engine: Engine,
    pub(crate) flow: OrderFlow,
}

/// The service's routes.
pub fn app(deps: OrderServiceDeps) -> Router {
    let OrderServiceDeps {
        consumer: deps,
        processes,
        flow,
    } = deps;
    let engine = Engine::new(
        processes.clone(),
        Arc::clone(&deps.documents),
        deps.outbox.clone(),
        Arc::clone(&deps.clock),
    );
    let desk = Desk {
        documents: Arc::clone(&deps.documents),
        outbox: deps.outbox.clone(),
        clock: Arc::clone(&deps.clock),
        ids: Arc::clone(&deps.ids),
        engine: engine.clone(),
        flow,
    };
    let (orders, document) = OpenApiRouter::with_openapi(openapi::Frame::openapi())
        .routes(routes!(place_order::place_order, list_orders::list_orders))
        .routes(routes!(get_order::get_order))
        .routes(routes!(cancel_order::cancel_order))
        .routes(routes!(fanout_openapi::get_openapi))
        .split_for_parts();
    let description = Description::new(document, openapi::OPERATIONS);
    let orders = orders.layer(Extension(description)).with_state(desk);
    let orders = with_correlation(orders, Arc::clone(&deps.ids));
    let consumer = processes.on(Consumer::named("order"), Arc::clone(&deps.clock));
    let routes = orders
        .merge(fanout_processes::verbs_route(engine))
        .merge(push_route(consumer, deps));
    with_fallbacks(routes)
}
