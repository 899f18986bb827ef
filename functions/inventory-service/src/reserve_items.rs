//! `inventory.reservation_requested` and `inventory.release_requested`: all items of an order are
//! promised to it, or none.

use async_trait::async_trait;
use fanout_consume::{Failure, View};
use fanout_contracts::ProductLine;
use fanout_contracts::inventory::{
    ReleaseRequested, Released, ReservationRefused, ReservationRequested, Reserved,
};
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_processes::{Answer, Ruling, StoreStep, UndoableInStore};
use fanout_store::{Key, Precondition, Write};

use crate::reservation::{Reservation, Status, kept, reservation_key};
use crate::shards::change_shards;
use crate::stock::{Change, Read, by_product, stock_key};

/// The step `reserve` of an order.
pub(crate) struct ReserveItems;

#[async_trait]
impl StoreStep for ReserveItems {
    type Asked = ReservationRequested;
    type Outcome = Reservation;
    const SUBJECT: &'static str = "res";

    async fn perform(
        &self,
        asked: &ReservationRequested,
        _: &str,
        view: &View<'_>,
    ) -> Result<(Ruling<Reservation>, Vec<Write>), Failure> {
        let refused = |reason: &str| Ok((Ruling::Refused(reason.to_owned()), Vec::new()));
        let (order, items) = (asked.order_id.as_str(), &asked.items);
        let mut writes = match changed(order, items, Change::Reserve, view).await? {
            Changed::By(writes) => writes,
            Changed::UnknownProduct => return refused("unknown_product"),
            Changed::TooFew => return refused("out_of_stock"),
        };
        writes.push(kept(&asked.order_id, Status::Reserved));
        let reservation = Reservation {
            order_id: asked.order_id.clone(),
            items: asked.items.clone(),
        };
        Ok((Ruling::Done(reservation), writes))
    }

    fn answer(
        &self,
        asked: &ReservationRequested,
        to: Answer,
        ruling: &Ruling<Reservation>,
    ) -> Result<Draft, UnwritableEvent> {
        let (reservation_id, order_id) = (to.subject.clone(), asked.order_id.clone());
        let step = asked.step.clone();
        match ruling {
            Ruling::Done(reservation) => {
                let reserved = Reserved {
                    reservation_id,
                    order_id,
                    items: reservation.items.clone(),
                    order: None,
                    step,
                };
                Draft::of(to.subject, to.sequence, &reserved)
            }
            Ruling::Refused(reason) => {
                let refused = ReservationRefused {
                    reservation_id,
                    order_id,
                    reason: reason.clone(),
                    step,
                };
                Draft::of(to.subject, to.sequence, &refused)
            }
        }
    }
}

#[async_trait]
impl UndoableInStore for ReserveItems {
    type Undo = ReleaseRequested;

    async fn undo(&self, done: Reservation, view: &View<'_>) -> Result<Vec<Write>, Failure> {
        let kept_now = view.get(&reservation_key(&done.order_id)).await?;
        let is_reserved = |it: &&fanout_store::Document| {
            it.fields.text("status") == Ok(Status::Reserved.as_str())
        };
        // What has left the warehouse is promised no more, and cannot be taken back here.
        let Some(reservation) = kept_now.as_ref().filter(is_reserved) else {
            return Ok(Vec::new());
        };
        let mut writes = taken(&done.order_id, &done.items, Change::Release, view).await?;
        let version = Precondition::UpdatedAt(reservation.update_time);
        writes.push(kept(&done.order_id, Status::Released).only_if(version));
        Ok(writes)
    }

    fn undone(&self, asked: &ReleaseRequested, to: Answer) -> Result<Draft, UnwritableEvent> {
        let released = Released {
            reservation_id: to.subject.clone(),
            order_id: asked.order_id.clone(),
            step: asked.step.clone(),
        };
        Draft::of(to.subject, to.sequence, &released)
    }
}

/// There is less of a product than was promised: a fault of ours, and nothing is made of it.
#[derive(Debug, thiserror::Error)]
#[error("less of a product is reserved than was promised to the order")]
struct LessThanPromised;

/// What a change of an order's stock comes to.
enum Changed {
    By(Vec<Write>),
    UnknownProduct,
    /// Of one product at least.
    TooFew,
}

/// The stock of each product, changed by the quantity in which the order has it, which is there.
pub(crate) async fn taken(
    order_id: &str,
    items: &[ProductLine],
    change: Change,
    view: &View<'_>,
) -> Result<Vec<Write>, Failure> {
    match changed(order_id, items, change, view).await? {
        Changed::By(writes) => Ok(writes),
        Changed::UnknownProduct | Changed::TooFew => Err(Failure::retry(LessThanPromised)),
    }
}

async fn changed(
    order_id: &str,
    items: &[ProductLine],
    change: Change,
    view: &View<'_>,
) -> Result<Changed, Failure> {
    let quantities = by_product(items);
    let keys: Vec<Key> = quantities.keys().map(|id| stock_key(id)).collect();
    let documents = view.get_many(&keys).await?;
    let mut all = Vec::new();
    for (quantity, document) in quantities.into_values().zip(&documents) {
        let Some(document) = document else {
            return Ok(Changed::UnknownProduct);
        };
        let own = Read::from_document(document)?;
        let writes = if own.shards > 0 {
            change_shards(&own, order_id, quantity, change, view).await?
        } else {
            let stock = own.stock.after(change, quantity);
            stock.map(|stock| vec![own.replace(&stock)])
        };
        match writes {
            Some(writes) => all.extend(writes),
            None => return Ok(Changed::TooFew),
        }
    }
    Ok(Changed::By(all))
}
