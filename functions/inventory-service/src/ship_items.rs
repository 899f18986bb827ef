//! `shipment.created`: what was promised to the order has left the warehouse.

use async_trait::async_trait;
use fanout_consume::{Failure, Plan, StoreEffect, View};
use fanout_contracts::shipping::ShipmentCreated;
use fanout_events::Envelope;
use fanout_store::Precondition;

use crate::reservation::{Status, kept, reservation_key};
use crate::reserve_items::taken;
use crate::stock::Change;

/// Takes an order's items from the stock, once per order: shipping may say it again.
pub(crate) struct ShipItems;

#[async_trait]
impl StoreEffect<ShipmentCreated> for ShipItems {
    async fn plan(
        &self,
        event: &Envelope<ShipmentCreated>,
        view: &View<'_>,
    ) -> Result<Plan, Failure> {
        let shipment = &event.data;
        let found = view.get(&reservation_key(&shipment.order_id)).await?;
        let Some(reservation) = found else {
            return Err(not_reserved());
        };
        let status = reservation.fields.text("status")?;
        if status == Status::Shipped.as_str() {
            return Ok(Plan::Stale(Default::default()));
        }
        if status != Status::Reserved.as_str() {
            return Err(not_reserved());
        }
        let mut writes = taken(&shipment.order_id, &shipment.items, Change::Ship, view).await?;
        let version = Precondition::UpdatedAt(reservation.update_time);
        writes.push(kept(&shipment.order_id, Status::Shipped).only_if(version));
        Ok(Plan::Apply(writes.into()))
    }
}

fn not_reserved() -> Failure {
    Failure::Park {
        reason: "not_reserved",
        detail: "nothing is reserved for the order that was shipped".to_owned(),
    }
}
