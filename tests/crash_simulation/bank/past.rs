//! An account that has moved so often that its next event carries a snapshot.

use std::sync::{Arc, OnceLock};

use account_service::{Account, AccountCommand, Movement};
use async_trait::async_trait;
use chrono::TimeDelta;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_event_sourcing::Ledger;
use fanout_outbox::{EVENTS, Origin, Outbox};
use fanout_runtime::Clock;
use fanout_store::{Query, Write, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::SeededIds;
use tokio::time::Instant;

use super::{Booking, cents, decimal, owner};
use crate::crash_simulation::clock::SimClock;

/// How many bookings it has, numbered from 1; its first event is that it was opened.
pub(crate) const BOOKED: u64 = 98;

/// How long ago that was.
const AGO: TimeDelta = TimeDelta::days(1);

struct Nowhere;

#[async_trait]
impl Publisher for Nowhere {
    async fn publish(&self, _: &str, _: OutgoingMessage) -> Result<MessageId, PublishError> {
        Ok(MessageId("nowhere".to_owned()))
    }
}

/// What is stored of it: the account of owner number 0.
pub(crate) async fn past() -> Vec<Write> {
    static PAST: OnceLock<Vec<Write>> = OnceLock::new();
    if let Some(past) = PAST.get() {
        return past.clone();
    }
    let clock: Arc<dyn Clock> = Arc::new(SimClock::new(Instant::now(), -AGO));
    let documents = SqliteDocuments::open(Database::in_memory().unwrap(), clock.clone()).await;
    let documents = Arc::new(documents.unwrap());
    let ids = Arc::new(SeededIds::new(0));
    let outbox = Outbox::new(
        documents.clone(),
        Arc::new(Nowhere),
        clock.clone(),
        ids.clone(),
        account_service::NAME,
    );
    let ledger = Ledger::new(documents.clone(), outbox.clone(), clock, ids);
    let opened = AccountCommand::Open {
        id: "acc_0".to_owned(),
        owner: owner(0),
        currency: "EUR".parse().unwrap(),
    };
    let deposits = (1..=BOOKED).map(|number| {
        AccountCommand::Deposit(Movement {
            amount: decimal(cents(number, Booking::Deposit(0))),
            currency: None,
            effective_at: None,
        })
    });
    for command in [opened].into_iter().chain(deposits) {
        let origin = Origin::default();
        let done = ledger.execute::<Account>("acc_0", &command, &origin);
        done.await.unwrap();
    }
    outbox.drain().await;
    let rows = all_documents(documents.as_ref(), Query::of(EVENTS)).await;
    let rows = rows.unwrap().into_iter();
    let past = rows.map(|row| Write::create(row.key, row.fields)).collect();
    PAST.get_or_init(|| past).clone()
}
