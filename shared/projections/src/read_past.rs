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

/// How many rows a commit has at most.
const ROWS: usize = 400;
/// How many events a commit tells of at most.
const EVENTS: u64 = 200;
/// How many events are planned at once.
const AT_ONCE: usize = 8;
/// How often a commit is planned again because rows changed meanwhile.
const TRIES: u32 = 5;

/// An event, and its rows; none where it is left out.
struct Planned {
    recorded_at: Timestamp,
    rows: Option<Rows>,
}

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

impl Taken {
    /// Whether its rows are stored with those of the events before it: the first one's always are.
    fn has_room_for(&self, event: &Planned) -> bool {
        let rows = self.batch.len() + event.rows.as_ref().map_or(0, Rows::len);
        self.events == 0 || (self.events < EVENTS && rows <= ROWS)
    }

    fn add(&mut self, event: Planned) {
        self.first = self.first.or(Some(event.recorded_at));
        self.last = Some(event.recorded_at);
        self.events += 1;
        match event.rows {
            Some(rows) => self.batch.add(rows),
            None => self.skipped += 1,
        }
    }
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
                self.turn_to(Stage::UNCOMPARED);
                return self.settle_for(vec![]).await;
            };
            let mut events = RecordedEvents::of(RecordedBetween {
                from: at,
                to: until,
                event_type: Some(event_type),
                subject: None,
            });
            if self.read_type(&mut events, until).await? == Next::Rest {
                return Ok(Next::Rest);
            }
        }
    }

    /// Reads on to the last event of a type. Events whose rows are in one commit are taken together.
    async fn read_type(
        &mut self,
        events: &mut RecordedEvents<'_>,
        until: Timestamp,
    ) -> Result<Next, RebuildError> {
        let mut taken = Taken::default();
        let mut is_end = false;
        while !is_end {
            let planned = self.plan(events).await?;
            is_end = planned.len() < AT_ONCE;
            for event in planned {
                if !taken.has_room_for(&event) {
                    self.store(std::mem::take(&mut taken), until).await?;
                    if self.is_over() {
                        return Ok(Next::Rest);
                    }
                }
                taken.add(event);
            }
        }
        taken.is_end = true;
        self.store(taken, until).await?;
        Ok(Next::GoOn)
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

    /// The next events with their rows; fewer than there may be at the end.
    async fn plan(&self, events: &mut RecordedEvents<'_>) -> Result<Vec<Planned>, RebuildError> {
        let documents = self.rebuilds.documents.as_ref();
        let reading = Reading::of(documents);
        let mut rows = Vec::new();
        while rows.len() < AT_ONCE
            && let Some(row) = events.next(documents).await?
        {
            rows.push(row);
        }
        let planned = rows.iter().map(|row| self.rows_of(row, &reading));
        let planned = try_join_all(planned).await?.into_iter().zip(&rows);
        let planned = planned.map(|(rows, event)| Planned {
            recorded_at: event.recorded_at,
            rows,
        });
        Ok(planned.collect())
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
            // A live consumer could not store them either, and the rebuild would end here each time.
            Ok(rows) => Ok(match rows.check(self.generation()) {
                Ok(()) => Some(rows),
                Err(refused) => left_out(row, &error_chain(&refused)),
            }),
            Err(Failure::Park { reason, .. }) => Ok(left_out(row, reason)),
            Err(failure @ (Failure::Retry { .. } | Failure::Later(_))) => {
                Err(RebuildError::Event(failure))
            }
        }
    }

    /// How far the reading is once these are stored.
    fn note(&mut self, taken: &Taken, rows_taken: u64, end: Timestamp) {
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
        *rows += rows_taken;
        if let (true, Some(first)) = (*at == start, taken.first) {
            *from = first;
        }
        *at = taken.last.unwrap_or(*at).min(end);
        if taken.is_end {
            (*kind, *from, *at) = (*kind + 1, start, start);
        }
        self.report.events += taken.events;
        self.report.rows += rows_taken;
    }

    /// Stores rows: with the last of them, how far the reading is. A run that ends before that stores
    /// them once more.
    async fn store(&mut self, mut taken: Taken, until: Timestamp) -> Result<(), RebuildError> {
        let batch = std::mem::take(&mut taken.batch);
        let rows = batch.len() as u64;
        let standing = self.standing.write(None);
        let mut parts = batch.in_commits(ROWS, self.generation(), &standing);
        let last = parts.pop().unwrap_or_default();
        for part in &parts {
            self.store_part(part).await?;
        }
        self.note(&taken, rows, until);
        self.store_part(&last).await
    }

    /// Stores these with how the projection stands; again, where what is live was faster with one of
    /// them.
    async fn store_part(&mut self, part: &Batch) -> Result<(), RebuildError> {
        for _ in 0..TRIES {
            let documents = self.rebuilds.documents.as_ref();
            let writes = part.writes(self.generation(), documents).await?;
            match self.settle_for(writes).await {
                Err(RebuildError::Commit(CommitError::Conflict(conflict)))
                    if conflict.key != key(self.projection.name) => {}
                stored => return stored.map(drop),
            }
        }
        Err(RebuildError::Busy)
    }

    /// The one that is being built.
    fn generation(&self) -> u64 {
        let building = self.standing.building.as_ref();
        building.map(|it| it.generation).unwrap_or_default()
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
