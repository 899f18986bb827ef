//! A commit as the rules of processes see it.

use fanout_contracts::operator::OperatorIntervened;
use fanout_dedup::{Mark, MarkState, PROCESSED_EVENTS};
use fanout_events::EventType as _;
use fanout_outbox::EVENTS;
use fanout_processes::{PROCESSES, StoredProcess};
use fanout_store::{Content, Fields, Precondition, Write};
use order_service::ORDERS;
use serde_json::Value;

#[derive(Default)]
pub(crate) struct Commit<'a> {
    /// Processes that it stores.
    pub(super) processes: Vec<StoredProcess>,
    /// Orders that it creates.
    pub(super) orders: Vec<(String, &'a Fields)>,
    /// Orders that it changes.
    pub(super) changed_orders: Vec<String>,
    /// Rows of events that it creates.
    rows: Vec<&'a Fields>,
    /// Events that order-service's consumer has done with it.
    pub(super) done: Vec<String>,
}

impl<'a> Commit<'a> {
    pub(super) fn of(writes: &'a [Write]) -> Self {
        let mut commit = Self::default();
        for write in writes {
            let id = write.key.id().to_owned();
            match &write.content {
                Content::Set(fields) if write.key.is_in(PROCESSES) => {
                    let stored = StoredProcess::from_fields(fields);
                    commit.processes.push(stored.unwrap());
                }
                Content::Set(fields) if write.key.is_in(ORDERS) => {
                    commit.orders.push((id, fields));
                }
                Content::Merge(..) if write.key.is_in(ORDERS) => commit.changed_orders.push(id),
                Content::Set(fields) if write.key.is_in(PROCESSED_EVENTS) => {
                    let mark = Mark::from_fields(fields).unwrap();
                    let is_done = mark.state == MarkState::Done;
                    if is_done && mark.consumer == order_service::PROCESS {
                        commit.done.push(mark.event_id);
                    }
                }
                Content::Set(fields)
                    if write.key.is_in(EVENTS) && write.precondition == Precondition::Absent =>
                {
                    commit.rows.push(fields);
                }
                Content::Set(_) | Content::Merge(..) | Content::Delete => {}
            }
        }
        commit
    }

    /// Orders and verbs of the operators' words in it.
    pub(super) fn said(&self) -> Vec<(String, String)> {
        let rows = self.rows.iter();
        let words = rows.filter(|row| row.text("type") == Ok(OperatorIntervened::TYPE));
        let words = words.map(|row| {
            let event: Value = serde_json::from_str(row.text("data").unwrap()).unwrap();
            let text = |name: &str| event["data"][name].as_str().unwrap_or_default().to_owned();
            (text("key"), text("verb"))
        });
        words.collect()
    }

    /// The places of the events that a process emits with it, and whether each waits for none.
    pub(super) fn emitted(&self, subject: &str) -> Vec<(u64, bool)> {
        let rows = self.rows.iter();
        let of_it = rows.filter(|row| row.text("subject") == Ok(subject));
        let places = of_it.map(|row| {
            let waits_for_none = row.text("ordering_key") == Ok("");
            (row.count("sequence").unwrap(), waits_for_none)
        });
        places.collect()
    }
}
