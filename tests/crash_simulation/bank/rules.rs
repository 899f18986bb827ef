//! What must be true of the bank after each commit, whatever has failed. The sums are our own: nothing
//! of the bank's code adds up here.

use std::collections::BTreeMap;

use fanout_contracts::account::{
    AccountOpened, Deposited, TransferReceived, TransferSent, Withdrawn,
};
use fanout_events::EventType as _;
use fanout_outbox::EVENTS;
use fanout_runtime::Timestamp;
use fanout_store::{Content, Fields, Value, Write};
use serde_json::Value as Json;

use super::Booking;

/// A stream as its events so far say.
#[derive(Clone, Default)]
pub(crate) struct Stream {
    /// When each event was recorded, and the balance after it.
    pub(crate) history: Vec<(Timestamp, i64)>,
    hash: String,
}

#[derive(Default)]
pub(crate) struct Bank {
    pub(crate) streams: BTreeMap<String, Stream>,
    /// Accounts by owner.
    owners: BTreeMap<String, String>,
    /// How often this much was moved by an event of this type.
    moved: BTreeMap<(String, i64), u32>,
    /// Bookings that were answered as done, with what they move.
    pub(crate) answered: Vec<(Booking, u64)>,
}

/// What one event says.
struct Said {
    event_type: String,
    cents: i64,
}

impl Said {
    fn of(row: &Fields) -> (Self, Json) {
        let event_type = row.text("type").unwrap().to_owned();
        let mut event: Json = serde_json::from_str(row.text("data").unwrap()).unwrap();
        let data = event["data"].take();
        let amount = data["amount"].as_str().unwrap_or("0");
        let cents = amount.replace('.', "").parse().unwrap();
        (Self { event_type, cents }, data)
    }

    /// What it adds to its account.
    fn adds(&self) -> i64 {
        match self.event_type.as_str() {
            Deposited::TYPE | TransferReceived::TYPE => self.cents,
            Withdrawn::TYPE | TransferSent::TYPE => -self.cents,
            _ => 0,
        }
    }

    fn is_of_transfer(&self) -> bool {
        matches!(
            self.event_type.as_str(),
            TransferSent::TYPE | TransferReceived::TYPE
        )
    }
}

impl Bank {
    /// The account of this owner, once it is stored.
    pub(crate) fn account_of(&self, owner: &str) -> Option<String> {
        self.owners.get(owner).cloned()
    }

    /// How often this much was moved by an event of this type.
    pub(crate) fn moved(&self, event_type: &str, cents: u64) -> u32 {
        let moved = (event_type.to_owned(), i64::try_from(cents).unwrap());
        self.moved.get(&moved).copied().unwrap_or_default()
    }

    /// Notes a commit that took effect; gives what is broken now.
    pub(crate) fn note(&mut self, writes: &[Write]) -> Vec<String> {
        let mut found = Vec::new();
        let mut transferred = 0;
        for write in writes.iter().filter(|it| it.key.is_in(EVENTS)) {
            let Content::Set(row) = &write.content else {
                continue;
            };
            let Ok(stream) = row.text("stream") else {
                continue;
            };
            let (said, data) = Said::of(row);
            if said.is_of_transfer() {
                transferred += said.adds();
            }
            found.extend(self.event(stream, row, &said));
            found.extend(self.effect(&said, &data, stream));
        }
        // L3
        if transferred != 0 {
            found.push(format!("a commit of transfers makes {transferred} cents"));
        }
        found
    }

    /// L1, L2, L4 and L6 of one more event.
    fn event(&mut self, name: &str, row: &Fields, said: &Said) -> Vec<String> {
        let stream = self.streams.entry(name.to_owned()).or_default();
        let (sequence, place) = (row.count("sequence").unwrap(), stream.history.len() + 1);
        let before = stream.history.last().copied();
        let balance = before.map_or(0, |(_, balance)| balance) + said.adds();
        let recorded_at = row.timestamp("recorded_at").unwrap();
        let Some(Value::Map(lasting)) = row.get("lasting") else {
            return vec![format!("event {sequence} of {name} has nothing beside it")];
        };
        let previous = lasting.optional_text("previous_hash").unwrap();
        let snapshot = match lasting.get("snapshot") {
            Some(Value::Map(snapshot)) => snapshot.text("state").ok(),
            _ => None,
        };
        let snapshot = snapshot.map(|state| {
            let state: Json = serde_json::from_str(state).unwrap();
            state["balance"].as_i64()
        });
        let rules = [
            ("comes in another place", sequence == place as u64),
            ("leaves less than nothing", balance >= 0),
            (
                "is recorded before the one before it",
                before.is_none_or(|(before, _)| before < recorded_at),
            ),
            (
                "does not go on from the hash of the one before it",
                previous.unwrap_or_default() == stream.hash,
            ),
            (
                "carries a snapshot of another state",
                snapshot.is_none_or(|it| it == Some(balance)),
            ),
            (
                "has not the snapshot that it should",
                snapshot.is_some() == sequence.is_multiple_of(100),
            ),
        ];
        stream.history.push((recorded_at, balance));
        stream.hash = lasting.text("hash").unwrap().to_owned();
        let broken = rules.iter().filter(|(_, holds)| !holds);
        broken
            .map(|(what, _)| format!("event {sequence} of {name} {what}"))
            .collect()
    }

    /// L8: a command takes effect once.
    fn effect(&mut self, said: &Said, data: &Json, stream: &str) -> Option<String> {
        let (kind, cents) = (said.event_type.clone(), said.cents);
        if kind == AccountOpened::TYPE {
            let owner = data["owner"].as_str().unwrap().to_owned();
            let before = self.owners.insert(owner, stream.to_owned());
            return before.map(|before| format!("{stream} is opened, and was as {before}"));
        }
        let times = self.moved.entry((kind, cents)).or_default();
        *times += 1;
        (*times > 1).then(|| format!("{} of {cents} cents comes twice", said.event_type))
    }
}
