//! A store that lets services down the way a wrong protocol would.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crm_service::CONTACTS;
use email_service::EMAIL_RECIPIENTS;
use fanout_contracts::operator::OperatorIntervened;
use fanout_dedup::PROCESSED_EVENTS;
use fanout_events::EventType as _;
use fanout_outbox::{EVENTS, EVENTS_KEPT, OUTBOX_CURSORS, OUTBOX_LEASES};
use fanout_processes::{PROCESSES, STEP_FENCES};
use fanout_runtime::Timestamp;
use fanout_store::{
    CommitError, CommitReceipt, Conflict, Content, Document, Documents, Fields, Key, Page,
    Precondition, Query, StoreError, UpdateTime, Value, Violation, Write,
};
use fanout_web::IDEMPOTENCY_KEYS;
use order_service::ORDERS;
use serde_json::Value as Json;

use super::Broken;

/// How far the relay's cursors stay behind a run that leaves nothing.
const OVERLAP: Duration = Duration::from_secs(10 * 60);

pub(super) struct BrokenDocuments {
    pub(super) broken: Broken,
    pub(super) inner: Arc<dyn Documents>,
}

#[async_trait]
impl Documents for BrokenDocuments {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        let found = self.inner.get_many(keys).await?;
        let overlooked = |document: &Document| match self.broken {
            Broken::NoStepFence => document.key.is_in(STEP_FENCES),
            Broken::ShippedAfterWithdrawn => {
                self.has_no_fence(&document.key) && document.fields.text("state") == Ok("undone")
            }
            _ => false,
        };
        let misread = |document: Option<Document>| {
            let document = document.filter(|it| !overlooked(it))?;
            Some(self.misread(document))
        };
        Ok(found.into_iter().map(misread).collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let mut page = self.inner.query(query).await?;
        if query.collection == PROCESSES {
            let found = page.documents.into_iter();
            page.documents = found.map(|document| self.misread(document)).collect();
        }
        Ok(page)
    }

    async fn commit(&self, mut writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        match self.broken {
            Broken::MarkBeforeEffect if is_done_with_effect(&writes) => {
                let effect = writes.split_off(1);
                self.in_two(writes, effect).await
            }
            Broken::MarkInSecondCommit if is_done_with_effect(&writes) => {
                self.refuse_what_is_seen(&writes[0]).await?;
                let effect = writes.split_off(1);
                let mut receipt = self.in_two(effect, writes).await?;
                receipt.update_times.rotate_right(1);
                Ok(receipt)
            }
            Broken::OutboxInSecondCommit if emits(&writes) && !is_mark(&writes[0]) => {
                self.rows_in_second_commit(writes).await
            }
            Broken::EmissionInSecondCommit if emits(&writes) && is_mark(&writes[0]) => {
                self.rows_in_second_commit(writes).await
            }
            Broken::WordInSecondCommit if says_word(&writes) => {
                self.rows_in_second_commit(writes).await
            }
            Broken::TransferInTwoCommits if second_stream(&writes).is_some() => {
                let second = writes.split_off(second_stream(&writes).unwrap());
                self.in_two(writes, second).await
            }
            Broken::LeaseForgotten if emits(&writes) => self.without_leases(writes).await,
            Broken::WakeInSecondCommit if writes.iter().any(|it| it.key.is_in(PROCESSES)) => {
                let later = wakes_later(&mut writes);
                let receipt = self.inner.commit(writes).await?;
                self.inner.commit(later).await?;
                Ok(receipt)
            }
            Broken::NoRelease if is_in_state(&writes[0], "released") => Ok(CommitReceipt {
                update_times: vec![None],
            }),
            _ => {
                writes.iter_mut().for_each(|write| self.miswrite(write));
                self.inner.commit(writes).await
            }
        }
    }
}

impl BrokenDocuments {
    /// Rows and leases come last in a commit.
    async fn rows_in_second_commit(
        &self,
        mut writes: Vec<Write>,
    ) -> Result<CommitReceipt, CommitError> {
        let rows = writes.iter().position(creates_row).unwrap();
        let outbox = writes.split_off(rows);
        self.in_two(writes, outbox).await
    }

    /// Says of leases that they were stored, under some version.
    async fn without_leases(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        let creates_lease = |write: &Write| {
            write.key.is_in(OUTBOX_LEASES) && write.precondition == Precondition::Absent
        };
        let forgotten: Vec<bool> = writes.iter().map(creates_lease).collect();
        let kept = writes.into_iter().filter(|write| !creates_lease(write));
        let receipt = self.inner.commit(kept.collect()).await?;
        let mut versions = receipt.update_times.into_iter();
        let mut last = None;
        let mut version = |forgotten: bool| {
            if !forgotten {
                last = versions.next().flatten();
            }
            last
        };
        let update_times = forgotten.into_iter().map(&mut version).collect();
        Ok(CommitReceipt { update_times })
    }

    async fn in_two(
        &self,
        first: Vec<Write>,
        second: Vec<Write>,
    ) -> Result<CommitReceipt, CommitError> {
        let mut receipt = self.inner.commit(first).await?;
        let rest = self.inner.commit(second).await?;
        receipt.update_times.extend(rest.update_times);
        Ok(receipt)
    }

    /// Looks before it leaps, as a protocol without a common commit would.
    async fn refuse_what_is_seen(&self, mark: &Write) -> Result<(), CommitError> {
        let found = self.inner.get(&mark.key).await?;
        let version = found.map(|mark| mark.update_time);
        let holds = match mark.precondition {
            Precondition::Absent => version.is_none(),
            Precondition::UpdatedAt(expected) => version == Some(expected),
            Precondition::None | Precondition::Exists => true,
        };
        if holds {
            return Ok(());
        }
        Err(CommitError::Conflict(Conflict {
            index: 0,
            key: mark.key.clone(),
            violation: Violation::Changed,
        }))
    }

    fn misread(&self, mut document: Document) -> Document {
        let is_mark = document.key.is_in(PROCESSED_EVENTS);
        let is_held = is_mark && document.fields.get("lease_expires_at").is_some();
        let never = Timestamp::MAX_UTC - chrono::TimeDelta::days(1);
        let fields = &mut document.fields;
        match self.broken {
            Broken::NoLeaseCheck if is_held => {
                fields.set("lease_expires_at", Timestamp::UNIX_EPOCH);
            }
            Broken::LeaseExpiryIgnored if is_held => fields.set("lease_expires_at", never),
            Broken::ParkedForgetsRepeat if is_mark && fields.text("state") == Ok("parked") => {
                fields.remove("may_have_repeated");
            }
            Broken::MarkExpiryIgnored if is_mark => fields.set("expires_at", never),
            Broken::NoOrderGuard if document.key.is_in(CONTACTS) => {
                fields.set("version", 0_u64);
            }
            Broken::TakenForFirstVersion if document.key.is_in(PROCESSES) => {
                fields.set("version", 1_u64);
            }
            Broken::TakenForSecondVersion if document.key.is_in(PROCESSES) => {
                fields.set("version", 2_u64);
            }
            Broken::UndoOfWhatIsKnown if document.key.is_in(STEP_FENCES) => {
                fields.remove("was_asked");
            }
            _ => {}
        }
        document
    }

    /// Whether it is a fence that does not hold.
    fn has_no_fence(&self, key: &Key) -> bool {
        let of_one = self.broken == Broken::ShippedAfterWithdrawn;
        let is_of_shipping = key.id().starts_with(shipping_service::NAME);
        key.is_in(STEP_FENCES) && (is_of_shipping || !of_one)
    }

    fn miswrite(&self, write: &mut Write) {
        let is_mark = write.key.is_in(PROCESSED_EVENTS);
        let begins = begins(write);
        let no_fence = self.has_no_fence(&write.key);
        let takes_a_version = matches!(write.precondition, Precondition::UpdatedAt(UpdateTime(_)));
        match (self.broken, &mut write.content) {
            (Broken::NoFencing, _) if is_mark && takes_a_version => {
                write.precondition = Precondition::None;
            }
            (Broken::NoRecipientGuard, _) if write.key.is_in(EMAIL_RECIPIENTS) => {
                write.precondition = Precondition::None;
            }
            (Broken::RepeatNotRecorded, Content::Set(fields)) if is_mark => {
                fields.set("may_have_repeated", false);
            }
            (Broken::SecondMailUnnoticed, Content::Set(fields))
                if write.key.is_in(EMAIL_RECIPIENTS) =>
            {
                fields.remove("last_event_id");
            }
            // Only at its start does a process change leases by themselves.
            (Broken::DeadClaimsReleased, Content::Merge(fields, _)) if is_mark => {
                fields.set("state", "released");
            }
            (Broken::WaitingRowExpires, Content::Set(fields)) if write.key.is_in(EVENTS) => {
                let stored = fields.timestamp("recorded_at").unwrap();
                fields.set("expires_at", stored + EVENTS_KEPT);
            }
            (Broken::NoStepFence | Broken::ShippedAfterWithdrawn, _) if no_fence => {
                write.precondition = Precondition::None;
            }
            (Broken::ProcessUnguarded, _) if write.key.is_in(PROCESSES) => {
                write.precondition = Precondition::None;
            }
            (Broken::AppendUnguarded, Content::Set(fields)) if fields.get("stream").is_some() => {
                write.precondition = Precondition::None;
            }
            (Broken::SnapshotOfBefore, Content::Set(fields)) if write.key.is_in(EVENTS) => {
                one_event_back(fields);
            }
            (Broken::CommandUnrecorded, _) if write.key.is_in(IDEMPOTENCY_KEYS) => {
                write.precondition = Precondition::None;
            }
            (Broken::StartUnguarded, _) if begins => {
                write.precondition = Precondition::None;
            }
            (Broken::WakeForgotten, Content::Set(fields)) if write.key.is_in(PROCESSES) => {
                fields.remove("wake_at");
            }
            // As if the do had never been undone.
            (Broken::NoTombstone, Content::Set(fields))
                if write.key.is_in(STEP_FENCES)
                    && matches!(fields.text("state"), Ok("undone" | "undoing")) =>
            {
                fields.set("state", "acting");
                fields.set("owner", "nothing");
                fields.set("lease_expires_at", Timestamp::UNIX_EPOCH);
            }
            (Broken::CursorPassesOver, Content::Set(fields)) if write.key.is_in(OUTBOX_CURSORS) => {
                pass_over(fields);
            }
            _ => {}
        }
    }
}

/// Takes the time to wake at from each process, and gives what stores it.
fn wakes_later(writes: &mut [Write]) -> Vec<Write> {
    let processes = writes.iter_mut().filter(|it| it.key.is_in(PROCESSES));
    let later = processes.filter_map(|write| match &mut write.content {
        Content::Set(fields) => {
            let at = fields.get("wake_at")?.clone();
            fields.remove("wake_at");
            let mut wake = Fields::new();
            wake.set("wake_at", at);
            Some(Write::merge(write.key.clone(), wake))
        }
        Content::Merge(..) | Content::Delete => None,
    });
    later.collect()
}

/// An order, its process, or the record of its request.
fn begins(write: &Write) -> bool {
    let key = &write.key;
    write.precondition == Precondition::Absent
        && (key.is_in(ORDERS) || key.is_in(PROCESSES) || key.is_in(IDEMPOTENCY_KEYS))
}

fn says_word(writes: &[Write]) -> bool {
    writes.iter().any(|write| match &write.content {
        Content::Set(fields) => fields.text("type") == Ok(OperatorIntervened::TYPE),
        Content::Merge(..) | Content::Delete => false,
    })
}

/// Where the rows of a second stream begin.
fn second_stream(writes: &[Write]) -> Option<usize> {
    let is_of_stream = |write: &Write| match &write.content {
        Content::Set(fields) => fields.get("stream").is_some(),
        Content::Merge(..) | Content::Delete => false,
    };
    let places = writes.iter().enumerate();
    let mut places = places.filter(|(_, it)| is_of_stream(it));
    places.nth(1).map(|(place, _)| place)
}

/// Takes from a row's snapshot what its event has brought.
fn one_event_back(row: &mut Fields) {
    let data: Json = serde_json::from_str(row.text("data").unwrap()).unwrap();
    let amount = data["data"]["amount"].as_str().unwrap_or_default();
    let moved: i64 = amount.replace('.', "").parse().unwrap_or_default();
    let Some(Value::Map(mut lasting)) = row.get("lasting").cloned() else {
        return;
    };
    let Some(Value::Map(mut snapshot)) = lasting.get("snapshot").cloned() else {
        return;
    };
    let mut state: Json = serde_json::from_str(snapshot.text("state").unwrap()).unwrap();
    let brings = match row.text("type").unwrap() {
        "account.deposited" | "account.transfer_received" => moved,
        _ => -moved,
    };
    state["balance"] = (state["balance"].as_i64().unwrap() - brings).into();
    snapshot.set("state", state.to_string());
    lasting.set("snapshot", Value::Map(snapshot));
    row.set("lasting", Value::Map(lasting));
}

fn is_in_state(write: &Write, state: &str) -> bool {
    let holds = |fields: &Fields| fields.text("state").is_ok_and(|it| it == state);
    write.key.is_in(PROCESSED_EVENTS)
        && matches!(&write.content, Content::Set(fields) if holds(fields))
}

/// A mark that is done says no state.
fn is_done_with_effect(writes: &[Write]) -> bool {
    let done = |mark: &Write| match &mark.content {
        Content::Set(fields) => fields.get("state").is_none(),
        Content::Merge { .. } | Content::Delete => false,
    };
    writes.len() > 1 && writes[0].key.is_in(PROCESSED_EVENTS) && done(&writes[0])
}

fn is_mark(write: &Write) -> bool {
    write.key.is_in(PROCESSED_EVENTS)
}

/// Puts every cursor to where the run began: that is as far as [`OVERLAP`] behind the newest.
fn pass_over(cursors: &mut Fields) {
    let shards = cursors
        .iter()
        .filter(|(name, _)| name.starts_with("shard_"));
    let shards: Vec<String> = shards.map(|(name, _)| name.to_owned()).collect();
    let newest = shards.iter().map(|shard| cursors.timestamp(shard).unwrap());
    let began = newest.max().unwrap() + OVERLAP;
    for shard in &shards {
        cursors.set(shard, began);
    }
}

fn emits(writes: &[Write]) -> bool {
    writes.iter().any(creates_row)
}

fn creates_row(write: &Write) -> bool {
    write.key.is_in(EVENTS) && write.precondition == Precondition::Absent
}
