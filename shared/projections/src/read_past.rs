//! Reading the past: the stored events of a projection's types, each made rows of the new generation
//! alone.

use chrono::DateTime;
use fanout_consume::Failure;
use fanout_events::{DecodeError, Event, Received, decode_message};
use fanout_outbox::{EventRow, RecordedBetween, RecordedEvents, Standing as EventStanding};
use fanout_runtime::{Timestamp, error_chain};
use fanout_store::CommitError;
use futures_util::future::try_join_all;
use tracing::warn;

use crate::projection::Reading;
use crate::rebuilds::{Next, RebuildError, Run};
use crate::row::{Batch, Rows};
use crate::stored::{Building, Stage, key};

/// How many rows a commit has, and as many more as its last events make.
const ROWS: usize = 400;
/// How many events a commit tells of at most.
const EVENTS: u64 = 200;
/// How many events are planned at once.
const AT_ONCE: usize = 8;
/// How often a commit is planned again because rows changed meanwhile.
const TRIES: u32 = 5;

/// Events that have been taken, and the rows that they make.
#[derive(Default)]
struct Taken {
    batch: Batch,
    events: u64,
    skipped: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    is_end: bool,
}

impl Run<'_> {
    /// The earliest event that may have rows.
    pub(crate) fn start(&self) -> Timestamp {
        let begun = self.standing.building.as_ref().map(|it| it.begun_at);
        let history = self.projection.history;
        let history = history.and_then(|it| chrono::TimeDelta::from_std(it).ok());
        let start = begun.zip(history);
        start.map_or(DateTime::UNIX_EPOCH, |(begun, history)| begun - history)
    }

    /// Reads on from where the last run came to.
    pub(crate) async fn read_past(&mut self) -> Result<Next, RebuildError> {
        let kinds: Vec<&'static str> = self.projection.handles().collect();
        loop {
            let Some((kind, at, until)) = self.place() else {
                return Ok(Next::GoOn);
            };
            let place = usize::try_from(kind).unwrap_or(usize::MAX);
            let Some(event_type) = kinds.get(place) else {
                self.turn_to(Stage::Comparing {
                    table: 0,
                    after: None,
                    compared: 0,
                    missing: 0,
                });
                return self.settle_for(vec![]).await;
            };
            let mut events = RecordedEvents::of(RecordedBetween {
                from: at,
                to: until,
                event_type: Some(event_type),
                subject: None,
            });
            loop {
                let taken = self.take(&mut events).await?;
                let is_end = taken.is_end;
                self.note(&taken, until);
                self.store(&taken.batch).await?;
                if is_end {
                    break;
                }
                if self.is_over() {
                    return Ok(Next::Rest);
                }
            }
        }
    }

    fn place(&self) -> Option<(u64, Timestamp, Timestamp)> {
        match self.standing.building.as_ref()?.stage {
            Stage::Reading {
                kind, at, until, ..
            } => Some((kind, at, until)),
            Stage::Settling | Stage::Comparing { .. } => None,
        }
    }

    fn turn_to(&mut self, stage: Stage) {
        if let Some(building) = &mut self.standing.building {
            building.stage = stage;
        }
    }

    async fn take(&self, events: &mut RecordedEvents<'_>) -> Result<Taken, RebuildError> {
        let documents = self.rebuilds.documents.as_ref();
        let reading = Reading::of(documents);
        let mut taken = Taken::default();
        while !taken.is_end && taken.batch.len() < ROWS && taken.events < EVENTS {
            let mut rows = Vec::new();
            while rows.len() < AT_ONCE && !taken.is_end {
                match events.next(documents).await? {
                    Some(row) => rows.push(row),
                    None => taken.is_end = true,
                }
            }
            taken.first = taken.first.or(rows.first().map(|row| row.recorded_at));
            taken.last = rows.last().map(|row| row.recorded_at).or(taken.last);
            taken.events += rows.len() as u64;
            let planned = rows.iter().map(|row| self.rows_of(row, &reading));
            for rows in try_join_all(planned).await? {
                match rows {
                    Some(rows) => taken.batch.add(rows),
                    None => taken.skipped += 1,
                }
            }
        }
        Ok(taken)
    }

    /// The rows of an event; `None` where live consumers took it for no valid event either, or never
    /// got it.
    async fn rows_of(
        &self,
        row: &EventRow,
        reading: &Reading<'_>,
    ) -> Result<Option<Rows>, RebuildError> {
        if matches!(row.standing, EventStanding::Skipped(_)) {
            return Ok(None);
        }
        let event = match event_of(row) {
            Ok(event) => event,
            Err(fault) => return Ok(left_out(row, &error_chain(&fault))),
        };
        match self.projection.rows(&event, reading).await {
            Ok(rows) => Ok(Some(rows)),
            Err(Failure::Park { reason, .. }) => Ok(left_out(row, reason)),
            Err(failure @ (Failure::Retry { .. } | Failure::Later(_))) => {
                Err(RebuildError::Event(failure))
            }
        }
    }

    /// How far the reading is once these are stored.
    fn note(&mut self, taken: &Taken, end: Timestamp) {
        let start = self.start();
        let Some(Building {
            stage: Stage::Reading { kind, from, at, .. },
            events,
            skipped,
            rows,
            ..
        }) = &mut self.standing.building
        else {
            return;
        };
        *events += taken.events;
        *skipped += taken.skipped;
        *rows += taken.batch.len() as u64;
        if let (true, Some(first)) = (*at == start, taken.first) {
            *from = first;
        }
        *at = taken.last.unwrap_or(*at).min(end);
        if taken.is_end {
            (*kind, *from, *at) = (*kind + 1, start, start);
        }
        self.report.events += taken.events;
        self.report.rows += taken.batch.len() as u64;
    }

    /// Stores rows with how far the reading is; again, where what is live was faster with one of them.
    async fn store(&mut self, batch: &Batch) -> Result<(), RebuildError> {
        let generation = self.standing.building.as_ref().map(|it| it.generation);
        let generation = generation.unwrap_or_default();
        for _ in 0..TRIES {
            let documents = self.rebuilds.documents.as_ref();
            let writes = batch.writes(generation, documents).await?;
            match self.settle_for(writes).await {
                Err(RebuildError::Commit(CommitError::Conflict(conflict)))
                    if conflict.key != key(self.projection.name) => {}
                stored => return stored.map(drop),
            }
        }
        Err(RebuildError::Busy)
    }
}

fn event_of(row: &EventRow) -> Result<Event, DecodeError> {
    let message = row.message();
    let received = Received {
        data: &message.data,
        message_id: &row.event_id,
        publish_time: row.recorded_at,
    };
    Ok(decode_message(&received, &message.attributes)?.event)
}

fn left_out(row: &EventRow, why: &str) -> Option<Rows> {
    let event_id = row.event_id.as_str();
    warn!(event_id, why, "an event that is not valid makes no rows");
    None
}
