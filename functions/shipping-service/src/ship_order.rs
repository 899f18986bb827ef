//! `shipping.shipment_requested`: an order is shipped, or is not.

use async_trait::async_trait;
use fanout_consume::{Failure, View};
use fanout_contracts::shipping::{ShipmentCreated, ShipmentRefused, ShipmentRequested};
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_processes::{Answer, Ruling, StoreStep};
use fanout_store::Write;

use crate::shipment::Shipment;

/// A code that no country will ever have (ISO 3166 keeps it for its users): nothing goes there.
const NOWHERE: &str = "ZZ";

/// The step `ship` of an order. It is not undone: what is on its way is on its way.
pub(crate) struct ShipOrder;

#[async_trait]
impl StoreStep for ShipOrder {
    type Asked = ShipmentRequested;
    type Outcome = ();
    const SUBJECT: &'static str = "shp";

    async fn perform(
        &self,
        asked: &ShipmentRequested,
        subject: &str,
        _: &View<'_>,
    ) -> Result<(Ruling<()>, Vec<Write>), Failure> {
        if asked.country == NOWHERE {
            let refused = Ruling::Refused("country_not_served".to_owned());
            return Ok((refused, Vec::new()));
        }
        let shipment = Shipment::created(subject, &asked.order_id);
        Ok((Ruling::Done(()), vec![shipment.create()]))
    }

    fn answer(
        &self,
        asked: &ShipmentRequested,
        to: Answer,
        ruling: &Ruling<()>,
    ) -> Result<Draft, UnwritableEvent> {
        let (shipment_id, order_id) = (to.subject.clone(), asked.order_id.clone());
        let step = asked.step.clone();
        match ruling {
            Ruling::Done(()) => {
                let created = ShipmentCreated {
                    shipment_id,
                    order_id,
                    items: asked.items.clone(),
                    step,
                };
                Draft::of(to.subject, to.sequence, &created)
            }
            Ruling::Refused(reason) => {
                let refused = ShipmentRefused {
                    shipment_id,
                    order_id,
                    reason: reason.clone(),
                    order: None,
                    step,
                };
                Draft::of(to.subject, to.sequence, &refused)
            }
        }
    }
}
