//! What must be true of the shop after each commit, whatever has failed: stock adds up, nothing is done
//! after its undo, and every open process knows when it wakes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use fanout_processes::{PROCESSES, STEP_FENCES};
use fanout_runtime::Timestamp;
use fanout_store::{Content, Fields, Write};
use inventory_service::{RESERVATIONS, STOCK};
use order_service::ORDERS;
use shipping_service::SHIPMENTS;

use super::orders::{ON_HAND, QUANTITY, number_of, total};
use super::{Kind, Ledger};

/// How late a process may be woken once nothing goes wrong any more: two runs of the scheduler, and
/// what the instances' clocks are apart.
const LATE: TimeDelta = TimeDelta::seconds(2 * 60 + 30);

/// A process as its document says.
pub(crate) struct Seen {
    pub(crate) status: String,
    pub(crate) wake_at: Option<Timestamp>,
    pub(crate) says_why: bool,
}

#[derive(Default)]
pub(crate) struct Shop {
    pub(crate) ledger: Ledger,
    /// What is special about the order of each number.
    pub(crate) kinds: BTreeMap<u64, Kind>,
    /// Orders that were answered 202, by number.
    pub(crate) accepted: BTreeMap<u64, String>,
    /// Orders that are stored, with their numbers.
    pub(crate) orders: BTreeMap<String, u64>,
    /// Processes, by order.
    pub(crate) processes: BTreeMap<String, Seen>,
    /// How far each order's reservation is.
    pub(crate) reservations: BTreeMap<String, String>,
    pub(crate) shipped: BTreeSet<String>,
    /// Steps that are undone, by fence.
    undone: BTreeSet<String>,
    /// On hand, and reserved.
    stock: Option<(u64, u64)>,
}

impl Shop {
    /// Notes a commit that took effect; gives what is broken now.
    pub(crate) fn note(&mut self, writes: &[Write]) -> Vec<String> {
        let mut broken = Vec::new();
        let mut touched = false;
        for write in writes {
            let (Content::Set(fields) | Content::Merge(fields, _)) = &write.content else {
                continue;
            };
            let id = write.key.id();
            match write.key.collection() {
                name if name == STOCK.name => {
                    let count = |name| fields.count(name).unwrap();
                    self.stock = Some((count("on_hand"), count("reserved")));
                    touched = true;
                }
                name if name == RESERVATIONS.name => {
                    touched = true;
                    broken.extend(self.reservation(fields));
                }
                name if name == STEP_FENCES.name => broken.extend(self.fence(id, fields)),
                name if name == PROCESSES.name => broken.extend(self.process(fields)),
                name if name == ORDERS.name => {
                    if let Some(number) = fields.text("user_id").ok().and_then(number_of) {
                        self.orders.insert(id.to_owned(), number);
                    }
                }
                name if name == SHIPMENTS.name => {
                    self.shipped
                        .insert(fields.text("order_id").unwrap().to_owned());
                }
                _ => {}
            }
        }
        if touched {
            broken.extend(self.stock_adds_up());
        }
        broken
    }

    /// S2: stock, reserved and shipped are what there was at first, at every moment.
    fn stock_adds_up(&self) -> Option<String> {
        let (on_hand, reserved) = self.stock?;
        let many = |status: &str| {
            let those = self.reservations.values().filter(|it| *it == status);
            QUANTITY * those.count() as u64
        };
        let (promised, gone) = (many("reserved"), many("shipped"));
        let adds_up = on_hand + gone == ON_HAND && reserved == promised && reserved <= on_hand;
        (!adds_up).then(|| {
            format!(
                "stock does not add up: {on_hand} on hand, {reserved} reserved; {promised} are promised and {gone} gone"
            )
        })
    }

    fn reservation(&mut self, fields: &Fields) -> Option<String> {
        let text = |name| fields.text(name).unwrap().to_owned();
        let (order, status) = (text("order_id"), text("status"));
        let before = self.reservations.insert(order.clone(), status.clone());
        let kept = |total| self.ledger.captures(total).1 > 0;
        let still_paid = self.orders.get(&order).is_some_and(|it| kept(total(*it)));
        match (before.as_deref(), status.as_str()) {
            // S4
            (Some(before @ ("released" | "shipped")), "reserved") => {
                Some(format!("{order} is reserved again after it was {before}"))
            }
            // S5: what was done last is undone first.
            (_, "released") if still_paid => Some(format!(
                "the items of {order} are released before its money is"
            )),
            _ => None,
        }
    }

    /// S4: what is undone stays so.
    fn fence(&mut self, id: &str, fields: &Fields) -> Option<String> {
        let state = fields.text("state").ok()?;
        if state == "undone" {
            self.undone.insert(id.to_owned());
            return None;
        }
        let again = self.undone.contains(id);
        again.then(|| format!("step {id} is {state} after it was undone"))
    }

    /// S6 and S11: an open process knows when it wakes, and one that is stuck says why.
    fn process(&mut self, fields: &Fields) -> Option<String> {
        // A part of the document says nothing of the rest.
        let key = fields.text("key").ok()?.to_owned();
        let seen = Seen {
            status: fields.text("status").unwrap().to_owned(),
            wake_at: fields.optional_timestamp("wake_at").unwrap(),
            says_why: fields.get("failure").is_some(),
        };
        let broken = match (seen.status.as_str(), seen.wake_at, seen.says_why) {
            ("running" | "compensating", None, _) => Some(format!(
                "the process of {key} is {} and never wakes",
                seen.status
            )),
            ("stuck", _, false) => Some(format!("the process of {key} is stuck and says not why")),
            _ => None,
        };
        self.processes.insert(key, seen);
        broken
    }

    fn open(&self) -> impl Iterator<Item = (&String, &Seen)> {
        let processes = self.processes.iter();
        processes.filter(|(_, it)| matches!(it.status.as_str(), "running" | "compensating"))
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        self.open().next().is_none()
    }

    /// Whether a run of the scheduler would wake anything.
    pub(crate) fn is_any_due(&self, now: Timestamp) -> bool {
        self.open()
            .any(|(_, it)| it.wake_at.is_none_or(|at| at <= now))
    }

    /// S7: who should have been woken by now. `calm` is how long nothing went wrong.
    pub(crate) fn overslept(&self, now: Timestamp, calm: Duration) -> Vec<String> {
        if TimeDelta::from_std(calm).unwrap() < LATE {
            return Vec::new();
        }
        let late = |at: Timestamp| at + LATE < now;
        let late = self.open().filter(|(_, it)| it.wake_at.is_some_and(late));
        late.map(|(key, _)| format!("the process of {key} was not woken in time"))
            .collect()
    }
}
