//! What must be true of the bank once the dust has settled.

use std::sync::Arc;

use account_service::Account;
use fanout_bus::Publisher;
use fanout_contracts::account::{Deposited, TransferReceived, TransferSent, Withdrawn};
use fanout_event_sourcing::{AsOf, Ledger, verify};
use fanout_events::EventType as _;
use fanout_outbox::Outbox;
use fanout_runtime::Clock;
use fanout_store::Documents;
use fanout_testkit::SeededIds;

use super::Booking;
use crate::crash_simulation::clock::SimClock;
use crate::crash_simulation::sim::Sim;

/// Of a long stream only every so manieth moment is looked at.
const MOMENTS: usize = 12;

/// L5, L6, and that what was answered as done was done, both sides of it.
pub(crate) async fn check(sim: &Sim, store: Arc<dyn Documents>, publisher: Arc<dyn Publisher>) {
    let streams = sim.facts().bank.streams.clone();
    if streams.is_empty() {
        return;
    }
    let report = verify::<Account>(store.as_ref(), None).await.unwrap();
    for fault in report.faults {
        sim.violation(format!("the ledger is not sound: {fault:?}"));
    }
    let ledger = ledger(sim, store, publisher);
    for (name, stream) in &streams {
        let every = 1 + stream.history.len() / MOMENTS;
        for (index, (at, balance)) in stream.history.iter().enumerate().step_by(every) {
            let then = ledger
                .load_as_of::<Account>(name, AsOf::Recorded(*at))
                .await;
            let then = then.unwrap();
            let expected = (index as u64 + 1, *balance);
            if (then.sequence, then.state.balance) != expected {
                sim.violation(format!("{name} as of {at} is not what it was then"));
            }
        }
        let now = ledger.load::<Account>(name).await.unwrap();
        let last = stream.history.last().map(|(_, balance)| *balance);
        if (now.sequence, Some(now.state.balance)) != (stream.history.len() as u64, last) {
            sim.violation(format!("{name} is not the sum of its events"));
        }
    }
    let missing = {
        let facts = sim.facts();
        let is_missing = |(booking, cents): &&(Booking, u64)| {
            let moved = |kind| facts.bank.moved(kind, *cents) == 1;
            !match booking {
                Booking::Deposit(_) => moved(Deposited::TYPE),
                Booking::Withdraw(_) => moved(Withdrawn::TYPE),
                Booking::Transfer(..) => moved(TransferSent::TYPE) && moved(TransferReceived::TYPE),
            }
        };
        let missing = facts.bank.answered.iter().filter(is_missing);
        missing.copied().collect::<Vec<_>>()
    };
    for (booking, cents) in missing {
        sim.violation(format!("{booking:?} of {cents} cents was answered as done"));
    }
}

fn ledger(sim: &Sim, store: Arc<dyn Documents>, publisher: Arc<dyn Publisher>) -> Ledger {
    let clock: Arc<dyn Clock> = Arc::new(SimClock::new(sim.epoch, chrono::TimeDelta::zero()));
    let ids = Arc::new(SeededIds::new(0));
    let outbox = Outbox::new(
        Arc::clone(&store),
        publisher,
        Arc::clone(&clock),
        ids.clone(),
        account_service::NAME,
    );
    Ledger::new(store, outbox, clock, ids)
}
