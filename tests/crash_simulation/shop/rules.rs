//! What must be true of the shop after each commit, whatever has failed: stock adds up, nothing is
//! done after its undo, nothing is paid twice; of processes, see [`super::process_rules`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use fanout_processes::{STEP_FENCES, Status, StoredProcess};
use fanout_runtime::Timestamp;
use fanout_store::{Content, Fields, Write};
use inventory_service::{RESERVATIONS, STOCK, STOCK_SHARDS};
use shipping_service::SHIPMENTS;

use super::commit::Commit;
use super::orders::{ON_HAND, QUANTITY, number_of, total};
use super::{Kind, Ledger};
use crate::crash_simulation::facts::StoredEvent;

/// How late a process may be woken once nothing goes wrong any more: two runs of the scheduler, and
/// what the instances' clocks are apart.
const LATE: TimeDelta = TimeDelta::seconds(2 * 60 + 30);

/// For how long the provider gives nothing back of an order that is unrefundable: longer than its
/// undo is asked for.
const GIVES_NOTHING_BACK: Duration = Duration::from_secs(2 * 60 * 60);

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
    pub(crate) processes: BTreeMap<String, StoredProcess>,
    /// How far each order's reservation is.
    pub(crate) reservations: BTreeMap<String, String>,
    pub(crate) shipped: BTreeSet<String>,
    /// What operators said, by order and verb.
    pub(super) said: BTreeSet<(String, String)>,
    /// Steps that are undone, by fence.
    undone: BTreeSet<String>,
    /// On hand, and reserved, by document.
    stock: BTreeMap<(String, String), (u64, u64)>,
}

impl Shop {
    /// Notes a commit that took effect; gives what is broken now.
    pub(crate) fn note(
        &mut self,
        writes: &[Write],
        events: &BTreeMap<String, StoredEvent>,
    ) -> Vec<String> {
        let commit = Commit::of(writes);
        self.said.extend(commit.said());
        let mut broken = self.two_orders(&commit);
        let mut touched = false;
        for write in writes {
            let id = write.key.id();
            let place = || (write.key.collection().to_owned(), id.to_owned());
            let (Content::Set(fields) | Content::Merge(fields, _)) = &write.content else {
                touched |= self.stock.remove(&place()).is_some();
                continue;
            };
            match write.key.collection() {
                name if name == STOCK.name || name == STOCK_SHARDS.name => {
                    let count = |name| fields.count(name).unwrap();
                    let counts = (count("on_hand"), count("reserved"));
                    if counts.1 > counts.0 {
                        broken.push(format!("of {id} more is reserved than on hand"));
                    }
                    self.stock.insert(place(), counts);
                    touched = true;
                }
                name if name == RESERVATIONS.name => {
                    touched = true;
                    broken.extend(self.reservation(fields));
                }
                name if name == STEP_FENCES.name => broken.extend(self.fence(id, fields)),
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
        broken.extend(self.check_processes(&commit, events));
        let processes = commit.processes.into_iter();
        let by_key = processes.map(|it| (it.instance.key.clone(), it));
        self.processes.extend(by_key);
        broken
    }

    /// Notes orders that are new; gives those of which there is one already.
    fn two_orders(&mut self, commit: &Commit<'_>) -> Vec<String> {
        let mut found = Vec::new();
        for (order, fields) in &commit.orders {
            let Some(number) = fields.text("user_id").ok().and_then(number_of) else {
                continue;
            };
            if let Some(other) = self.order_of(number).filter(|other| other != order) {
                found.push(format!(
                    "order {number} is stored as {other} and as {order}"
                ));
            }
            self.orders.insert(order.clone(), number);
        }
        found
    }

    /// The order of this number.
    pub(crate) fn order_of(&self, number: u64) -> Option<String> {
        let mut orders = self.orders.iter();
        let found = orders.find(|(_, it)| **it == number);
        found.map(|(order, _)| order.clone())
    }

    /// The order of this number, and the process that sees it through.
    pub(crate) fn order_and_process(&self, number: u64) -> Option<(String, String)> {
        let order = self.order_of(number)?;
        let process = self.processes.get(&order)?.name.clone();
        Some((order, process))
    }

    /// Whether an operator has said so of an order.
    pub(crate) fn is_said(&self, order: &str, verb: &str) -> bool {
        self.said.contains(&(order.to_owned(), verb.to_owned()))
    }

    /// Whether operators have taken something of it upon themselves, so that it need not fit.
    pub(crate) fn is_by_hand(&self, order: &str) -> bool {
        self.is_said(order, "skip") || self.is_said(order, "abandon")
    }

    /// Whether the provider gives nothing back of what costs this much, as yet.
    pub(crate) fn is_refund_refused(&self, total: u64, now: Duration) -> bool {
        let kind = self.kinds.get(&(total / QUANTITY));
        kind == Some(&Kind::Unrefundable) && now < GIVES_NOTHING_BACK
    }

    /// S3, when something was captured: once at most, and not of an order that was called off.
    pub(crate) fn wrong_capture(&self, total: u64) -> Option<String> {
        let (ever, kept) = self.ledger.captures(total);
        if ever > 1 {
            return Some(format!("{total} cents are captured {ever} times"));
        }
        let order = self.order_of(total / QUANTITY)?;
        let status = self.processes.get(&order)?.instance.status;
        let too_late = status == Status::Compensated && kept > 0 && !self.is_by_hand(&order);
        too_late.then(|| format!("{order} is paid after it was called off"))
    }

    /// S2: stock, reserved and shipped are what there was at first, at every moment.
    fn stock_adds_up(&self) -> Option<String> {
        let sum = |of: fn(&(u64, u64)) -> u64| self.stock.values().map(of).sum::<u64>();
        let (on_hand, reserved) = (sum(|it| it.0), sum(|it| it.1));
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
            (_, "released") if still_paid && !self.is_by_hand(&order) => Some(format!(
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

    fn under_way(&self) -> impl Iterator<Item = (&String, &StoredProcess)> {
        let processes = self.processes.iter();
        processes.filter(|(_, it)| it.instance.status.is_under_way())
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        self.under_way().next().is_none()
    }

    /// Whether a run of the scheduler would wake anything.
    pub(crate) fn is_any_due(&self, now: Timestamp) -> bool {
        self.under_way()
            .any(|(_, it)| it.wake_at.is_none_or(|at| at <= now))
    }

    /// S7: who should have been woken by now. `calm` is how long nothing went wrong.
    pub(crate) fn overslept(&self, now: Timestamp, calm: Duration) -> Vec<String> {
        if TimeDelta::from_std(calm).unwrap() < LATE {
            return Vec::new();
        }
        let late = |at: Timestamp| at + LATE < now;
        let late = self
            .under_way()
            .filter(|(_, it)| it.wake_at.is_some_and(late));
        late.map(|(key, _)| format!("the process of {key} was not woken in time"))
            .collect()
    }
}
