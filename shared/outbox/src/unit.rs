//! The unit of work: state, the events that tell of it and the right to publish them, in one commit.

use fanout_events::Event;
use fanout_runtime::{Timestamp, TraceContext};
use fanout_store::{
    CommitError, CommitReceipt, Fields, Key, StoreError, Write, commit_through_contention,
};

use crate::draft::{Draft, Origin, caused_event_id};
use crate::lease::{HeldLease, Line, LineLease};
use crate::outbox::{INLINE_LEASE, Outbox};
use crate::row::EventRow;

/// How often a commit follows leases that are taken and given back meanwhile.
const TRIES: u32 = 10;

/// Events that are about to be committed.
#[derive(Clone, Default)]
pub struct Events(Vec<EventRow>);

/// Events that have been committed, and the right to publish them, where it fell to this commit.
#[must_use = "what is not published now waits a minute for the relay"]
pub struct Committed {
    pub(super) lines: Vec<CommittedLine>,
}

pub(super) struct CommittedLine {
    pub(super) lease: LineLease,
    pub(super) rows: Vec<EventRow>,
    /// `None` if the line had a holder, who has been told of the rows.
    pub(super) held: Option<HeldLease>,
}

/// One line of a commit that is being tried.
struct Pending {
    lease: LineLease,
    rows: Vec<EventRow>,
    /// Whether this commit takes the lease; else it tells the holder.
    takes: bool,
}

/// A lease went to and fro.
#[derive(Debug, thiserror::Error)]
#[error("the leases of the events were taken and given back {TRIES} times meanwhile")]
struct RestlessLease;

impl Events {
    /// These and those.
    pub fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }
}

/// Rows that [`Outbox::lasting_row`] made.
impl From<Vec<EventRow>> for Events {
    fn from(rows: Vec<EventRow>) -> Self {
        Self(rows)
    }
}

impl Outbox {
    /// The row of an event that is kept for ever: its id is [`EventRow::lasting_id`], so it is also
    /// the lock of its place in the stream, and a commit that finds the place taken conflicts. It is
    /// recorded at this time exactly, also where the commit is tried again.
    pub fn lasting_row(
        &self,
        draft: &Draft,
        origin: &Origin,
        recorded_at: Timestamp,
    ) -> Result<EventRow, StoreError> {
        let id = EventRow::lasting_id(&draft.subject, draft.sequence);
        let row = EventRow::of(draft, id, &self.source, origin, recorded_at);
        let row = row.map_err(|error| StoreError::Refused(error.into()))?;
        Ok(row.lasting_with(Fields::new()))
    }

    /// The events of a request, under new ids.
    pub fn events_of(&self, drafts: Vec<Draft>, origin: &Origin) -> Result<Events, StoreError> {
        let rows = drafts.iter().map(|draft| {
            let id = self.ids.new_id("evt");
            self.row(draft, id, origin)
        });
        rows.collect::<Result<_, _>>().map(Events)
    }

    /// The events that `consumer`'s reaction to `cause` emits. Their ids follow from the cause, so
    /// planning again makes the same events.
    pub fn events_caused_by(
        &self,
        cause: &Event,
        consumer: &str,
        trace: Option<TraceContext>,
        drafts: &[Draft],
    ) -> Result<Events, StoreError> {
        // Most reactions emit nothing, and an origin is three texts.
        if drafts.is_empty() {
            return Ok(Events::default());
        }
        let origin = Origin::caused_by(cause, trace);
        self.events_following(&cause.id, consumer, &origin, drafts)
    }

    /// The events that `by` emits because of something that is no event, but has a name: `cause`.
    /// Their ids follow from it, so planning again makes the same events.
    pub fn events_following(
        &self,
        cause: &str,
        by: &str,
        origin: &Origin,
        drafts: &[Draft],
    ) -> Result<Events, StoreError> {
        let rows = drafts.iter().enumerate().map(|(place, draft)| {
            let same = drafts[..place]
                .iter()
                .filter(|other| other.event_type == draft.event_type);
            let id = caused_event_id(cause, by, draft.event_type, same.count());
            self.row(draft, id, origin)
        });
        rows.collect::<Result<_, _>>().map(Events)
    }

    fn row(&self, draft: &Draft, id: String, origin: &Origin) -> Result<EventRow, StoreError> {
        let schemas_at = self.settings.schemas_at.as_ref();
        let elsewhere = schemas_at.map(|url| draft.clone().with_schema_at(url));
        let draft = elsewhere.as_ref().unwrap_or(draft);
        EventRow::of(draft, id, &self.source, origin, self.clock.now())
            .map_err(|error| StoreError::Refused(error.into()))
    }

    /// Commits `writes` and the events, all or nothing. One round trip, unless events of the same
    /// line are being published at this moment; then two. An event that is stored already (its cause
    /// was handled before) is left out, unless it is one that is kept for ever: its place is taken then,
    /// and that is a conflict.
    ///
    /// The errors are those of [`fanout_store::Documents::commit`] for `writes`, contention waited
    /// out: a conflict is always about one of these.
    pub async fn commit(
        &self,
        writes: Vec<Write>,
        events: Events,
    ) -> Result<Committed, CommitError> {
        let mut lines = self.lines_of(events);
        for _ in 0..TRIES {
            let now = self.clock.now();
            let all = writes.iter().cloned();
            let all = all.chain(lines.iter_mut().flat_map(|line| line.writes(now)));
            let (documents, ids) = (self.documents.as_ref(), self.ids.as_ref());
            match commit_through_contention(documents, ids, all.collect()).await {
                Ok(receipt) => return Ok(Committed::of(lines, &receipt, writes.len())),
                // Nothing was written. If it is about a lease or an event, the next try follows it.
                Err(CommitError::Conflict(conflict)) => {
                    if !follow(&conflict.key, &mut lines) {
                        return Err(conflict.into());
                    }
                }
                Err(error @ (CommitError::Contention(_) | CommitError::Store(_))) => {
                    return Err(error);
                }
            }
        }
        Err(CommitError::Contention(RestlessLease.into()))
    }

    fn lines_of(&self, events: Events) -> Vec<Pending> {
        let mut lines: Vec<Pending> = Vec::new();
        for row in events.0 {
            let line = Line::of(&row);
            match lines.iter_mut().find(|pending| pending.lease.line == line) {
                Some(pending) => pending.rows.push(row),
                None => {
                    let (owner, now) = (self.ids.new_id("own"), self.clock.now());
                    lines.push(Pending {
                        lease: LineLease::new(line, row.sequence, owner, now, INLINE_LEASE),
                        rows: vec![row],
                        takes: true,
                    });
                }
            }
        }
        lines
    }
}

impl Pending {
    /// The rows, then the lease. The time of storing is that of this try: the relay's cursor may
    /// pass over a row that is committed long after its time.
    fn writes(&mut self, now: Timestamp) -> Vec<Write> {
        let expiring = self.rows.iter_mut().filter(|row| row.lasting.is_none());
        for row in expiring {
            row.recorded_at = now;
        }
        let last = self.rows.last().map_or("", |row| row.event_id.as_str());
        let lease = if self.takes {
            self.lease.create()
        } else {
            self.lease.mark(last)
        };
        let rows = self.rows.iter().map(EventRow::create);
        rows.chain([lease]).collect()
    }
}

/// Follows a conflict about one of the lines; false if it is about something else.
fn follow(conflict: &Key, lines: &mut Vec<Pending>) -> bool {
    if let Some(line) = lines
        .iter_mut()
        .find(|line| line.lease.line.key() == *conflict)
    {
        // The lease has been taken, or has just been given back.
        line.takes = !line.takes;
        return true;
    }
    let before: usize = lines.iter().map(|line| line.rows.len()).sum();
    for line in lines.iter_mut() {
        // The place of an event that is kept for ever may hold another one: its author decides anew.
        line.rows
            .retain(|row| row.lasting.is_some() || row.key() != *conflict);
    }
    lines.retain(|line| !line.rows.is_empty());
    let after: usize = lines.iter().map(|line| line.rows.len()).sum();
    after < before
}

impl Committed {
    /// Nothing to publish.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn of(lines: Vec<Pending>, receipt: &CommitReceipt, before: usize) -> Self {
        let mut place = before;
        let lines = lines.into_iter().map(|Pending { lease, rows, takes }| {
            place += rows.len();
            let version = receipt.update_times.get(place).copied().flatten();
            place += 1;
            let held = version.filter(|_| takes).map(|version| lease.held(version));
            CommittedLine { lease, rows, held }
        });
        Self {
            lines: lines.collect(),
        }
    }
}
