//! Reading the past: the stored events of a projection's types, each made rows of the new generation
//! alone.

use chrono::DateTime;
use fanout_consume::Failure;
use fanout_events::{DecodeError, Event, Received, decode_message};
use fanout_outbox::{EventRow, RecordedBetween, RecordedEvents, Standing as EventStanding};
use fanout_runtime::{Timestamp, error_chain};
use fanout_store::{CommitError, Write};
use futures_util::future::try_join_all;
use tracing::warn;

use crate::projection::Reading;
use crate::rebuilds::{Next, RebuildError, Run};
use crate::row::{Batch, Rows};
use crate::stored::{Begun, Building, Stage, key};

/// How many rows a commit has at most.
const ROWS: usize = 400;
/// How many events a commit tells of at most.
const EVENTS: usize = 200;
/// How many events are planned at once.
const AT_ONCE: usize = 8;
/// Room in a commit, in bytes, for the ids that say how far the reading is.
const LONGEST_PLACE: usize = 4 * 1024;
/// How often a commit is planned again because rows changed meanwhile.
const TRIES: u32 = 5;

/// An event, and those of its rows that are still to be stored; none where it is left out.
struct Planned {
    event_id: String,
    recorded_at: Timestamp,
    rows: Option<Rows>,
}

/// Events that have been taken, and the rows that they make.
#[derive(Default)]
struct Taken {
    events: Vec<Planned>,
    batch: Batch,
    is_end: bool,
}

impl Taken {
    /// Whether its rows are stored with those of the events before it: the first one's always are.
    fn has_room_for(&self, event: &Planned) -> bool {
        let rows = self.batch.len() + event.rows.as_ref().map_or(0, Rows::len);
        self.events.is_empty() || (self.events.len() < EVENTS && rows <= ROWS)
    }

    fn add(&mut self, event: Planned) {
        if let Some(rows) = &event.rows {
            self.batch.add(rows);
        }
        self.events.push(event);
    }

    /// The later events, then the earlier ones.
    fn halves(mut self) -> [Self; 2] {
        let of = |events: Vec<Planned>, is_end: bool| {
            let mut half = Self::default();
            events.into_iter().for_each(|event| half.add(event));
            Self { is_end, ..half }
        };
        let later = self.events.split_off(self.events.len() / 2);
        [of(later, self.is_end), of(self.events, false)]
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
            let Some((kind, at, last, until)) = self.place() else {
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
            if let Some(last) = last {
                events = events.behind(&last);
            }
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
                    let full = std::mem::take(&mut taken);
                    if self.store(full, until).await? == Next::Rest {
                        return Ok(Next::Rest);
                    }
                }
                taken.add(event);
            }
        }
        taken.is_end = true;
        self.store(taken, until).await
    }

    fn place(&self) -> Option<(u64, Timestamp, Option<String>, Timestamp)> {
        match &self.standing.building.as_ref()?.stage {
            Stage::Reading {
                kind,
                at,
                last,
                until,
                ..
            } => Some((*kind, *at, last.clone(), *until)),
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
            event_id: event.event_id.clone(),
            recorded_at: event.recorded_at,
            rows: rows.map(|rows| self.unstored(&event.event_id, rows)),
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

    /// Those of an event's rows that are still to be stored. What changed in the write model since the
    /// others were planned changes none of those: it has an event of its own, later than the new
    /// generation, and its rows are in that by who handles it as it comes.
    fn unstored(&self, event_id: &str, rows: Rows) -> Rows {
        let building = self.standing.building.as_ref();
        match building.map(|it| &it.stage) {
            Some(Stage::Reading {
                begun: Some(begun), ..
            }) if begun.event_id == event_id => rows.behind(&begun.table, &begun.row),
            _ => rows,
        }
    }

    /// How far the reading is once all rows of these are stored.
    fn note(&mut self, taken: &Taken, end: Timestamp) {
        let start = self.start();
        let Some(building) = &mut self.standing.building else {
            return;
        };
        building.events += taken.events.len() as u64;
        let skipped = taken.events.iter().filter(|it| it.rows.is_none());
        building.skipped += skipped.count() as u64;
        let Stage::Reading {
            kind,
            from,
            at,
            last,
            begun,
            ..
        } = &mut building.stage
        else {
            return;
        };
        if let (true, Some(first)) = (*at == start, taken.events.first()) {
            *from = first.recorded_at;
        }
        if let Some(event) = taken.events.last() {
            *at = event.recorded_at.min(end);
            *last = Some(event.event_id.clone());
        }
        // One that was stored late may come before the one that is begun.
        begun.take_if(|begun| taken.events.iter().any(|it| it.event_id == begun.event_id));
        if taken.is_end {
            (*kind, *from, *at) = (*kind + 1, start, start);
            (*last, *begun) = (None, None);
        }
    }

    /// That rows of an event are stored up to this one.
    fn note_row(&mut self, event_id: &str, table: &str, row: &str) {
        let building = self.standing.building.as_mut();
        if let Some(Stage::Reading { begun, .. }) = building.map(|it| &mut it.stage) {
            *begun = Some(Begun {
                event_id: event_id.to_owned(),
                table: table.to_owned(),
                row: row.to_owned(),
            });
        }
    }

    /// Stores rows: those of several events in one commit, those of one event in as many as they need.
    /// Each has with it how far the reading is, so a run can end behind any.
    async fn store(&mut self, taken: Taken, until: Timestamp) -> Result<Next, RebuildError> {
        let (generation, beside) = (self.generation(), self.largest());
        let mut waiting = vec![taken];
        while let Some(taken) = waiting.pop() {
            let is_one = || taken.batch.is_one_commit(ROWS, generation, &beside);
            if taken.events.len() > 1 && !is_one() {
                waiting.extend(taken.halves());
            } else if self.store_one(taken, until, &beside).await? == Next::Rest {
                return Ok(Next::Rest);
            }
        }
        Ok(Next::GoOn)
    }

    async fn store_one(
        &mut self,
        mut taken: Taken,
        until: Timestamp,
        beside: &Write,
    ) -> Result<Next, RebuildError> {
        let batch = std::mem::take(&mut taken.batch);
        let mut parts = batch.in_commits(ROWS, self.generation(), beside);
        let end = parts.pop().unwrap_or_default();
        for part in &parts {
            if let (Some(event), Some((table, row))) = (taken.events.last(), part.last()) {
                self.note_row(&event.event_id, table, row);
            }
            self.store_part(part).await?;
            if self.is_over() {
                return Ok(Next::Rest);
            }
        }
        self.note(&taken, until);
        self.store_part(&end).await?;
        self.report.events += taken.events.len() as u64;
        Ok(match self.is_over() {
            true => Next::Rest,
            false => Next::GoOn,
        })
    }

    /// How the projection stands, with room for a longer place: rows leave so much.
    fn largest(&self) -> Write {
        let mut standing = self.standing.clone();
        let longest = "x".repeat(LONGEST_PLACE);
        if let Some(Building {
            stage: Stage::Reading { last, .. },
            ..
        }) = &mut standing.building
        {
            *last = Some(longest);
        }
        standing.write(None)
    }

    /// Stores these with how the projection stands; again, where what is live was faster with one of
    /// them.
    async fn store_part(&mut self, part: &Batch) -> Result<(), RebuildError> {
        let rows = part.len() as u64;
        if let Some(building) = &mut self.standing.building {
            building.rows += rows;
        }
        for _ in 0..TRIES {
            let documents = self.rebuilds.documents.as_ref();
            let writes = part.writes(self.generation(), documents).await?;
            match self.settle_for(writes).await {
                Err(RebuildError::Commit(CommitError::Conflict(conflict)))
                    if conflict.key != key(self.projection.name) => {}
                Err(error) => return Err(error),
                Ok(_) => {
                    self.report.rows += rows;
                    return Ok(());
                }
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
