//! The account service: keeps accounts as the sum of their events, and moves money between them.

mod account;
mod account_event;
mod api_error;
mod close_account;
mod deposit_money;
mod get_account;
mod list_events;
mod moment;
mod move_money;
mod open_account;
mod request;
mod reverse_movement;
mod store_once;
mod transfer_money;
mod withdraw_money;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use fanout_contracts::account as accounts;
use fanout_event_sourcing::Ledger;
use fanout_kernel::{Kernel, Limits, Role, ServiceSpec};
use fanout_outbox::Outbox;
use fanout_runtime::{Clock, IdGenerator};
use fanout_store::Documents;
use fanout_web::{IDEMPOTENCY_KEYS, Service, health_route, with_correlation, with_fallbacks};

pub use account::{Account, AccountCommand, Movement, Refusal};
pub use account_event::AccountEvent;

/// The service's name: the source of its events.
pub const NAME: &str = "account-service";

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: NAME,
    system: Some("bank"),
    port: 8011,
    look_at: "/health",
    publishes: &[accounts::TOPIC],
    subscriber: None,
    collections: &[IDEMPOTENCY_KEYS],
    env: &[],
    secrets: &[],
    limits: Limits::USUAL,
    public: false,
    build: |_, _| {
        Some(Role::new(|kernel| {
            let Kernel {
                documents,
                outbox,
                clock,
                ids,
                ..
            } = kernel;
            Ok(Service::new(app(AccountServiceDeps {
                documents,
                outbox,
                clock,
                ids,
            })))
        }))
    },
};

/// What the account service needs.
#[derive(Clone)]
pub struct AccountServiceDeps {
    /// Where events are kept.
    pub documents: Arc<dyn Documents>,
    /// How they are stored, and leave.
    pub outbox: Outbox,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids of accounts, transfers and requests.
    pub ids: Arc<dyn IdGenerator>,
}

/// What its requests are answered with.
#[derive(Clone)]
pub(crate) struct Bank {
    pub(crate) ledger: Ledger,
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdGenerator>,
}

/// The service's routes.
pub fn app(deps: AccountServiceDeps) -> Router {
    let AccountServiceDeps {
        documents,
        outbox,
        clock,
        ids,
    } = deps;
    let ledger = Ledger::new(
        Arc::clone(&documents),
        outbox,
        Arc::clone(&clock),
        Arc::clone(&ids),
    );
    let bank = Bank {
        ledger,
        documents,
        clock,
        ids: Arc::clone(&ids),
    };
    let routes = Router::new()
        .route("/accounts", post(open_account::open_account))
        .route("/accounts/{id}", get(get_account::get_account))
        .route("/accounts/{id}/events", get(list_events::list_events))
        .route(
            "/accounts/{id}/deposits",
            post(deposit_money::deposit_money),
        )
        .route(
            "/accounts/{id}/withdrawals",
            post(withdraw_money::withdraw_money),
        )
        .route(
            "/accounts/{id}/reversals",
            post(reverse_movement::reverse_movement),
        )
        .route("/accounts/{id}/close", post(close_account::close_account))
        .route("/transfers", post(transfer_money::transfer_money))
        .with_state(bank)
        .merge(health_route());
    with_correlation(with_fallbacks(routes), ids)
}
