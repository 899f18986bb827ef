//! The relay: publishes what was stored and not published, of all sources.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use fanout_runtime::{Timestamp, error_chain};
use fanout_store::{Document, Pages, StoreError};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::cursors::Cursors;
use crate::holder::{Holder, Published, Stopped, read};
use crate::lease::{Line, LineLease};
use crate::outbox::Outbox;
use crate::row::{EventRow, SHARDS};

/// How long one run may take: Cloud Scheduler asks each minute, Cloud Run cuts at 60 s.
const RUN_LIMIT: Duration = Duration::from_secs(40);
/// How long a run holds a line: longer than a run, so that no other takes it over meanwhile.
const RELAY_LEASE: Duration = Duration::from_secs(60);
/// How many lines a run works on at once: after an outage there are many, with a row each.
const LINES_AT_ONCE: usize = 16;

/// What one run of the relay did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RelayReport {
    /// Rows published.
    pub published: u64,
    /// Lines given up for this run, because a row could not be published.
    pub failed: u64,
    /// Rows that are still waiting, as far as the run came.
    pub remaining: u64,
    /// Age of the oldest row that is still waiting, in seconds; 0 if none is. Where a shard could not
    /// be read, of the oldest that may wait there.
    pub oldest_age_seconds: u64,
}

/// One shard of the waiting rows, on a run's way through it.
struct Shard {
    pages: Pages,
    /// The time of the oldest row that is left behind.
    oldest_left: Option<Timestamp>,
    /// The time up to which the run has seen the shard.
    seen_until: Option<Timestamp>,
    /// The store would not give its next page.
    is_unread: bool,
}

/// What became of one line's rows.
#[derive(Default)]
struct LineReport {
    done: Published,
    failed: bool,
}

struct Run<'a> {
    outbox: &'a Outbox,
    deadline: Instant,
    shards: Vec<Shard>,
    visited: HashSet<Line>,
    /// The events that wait no longer.
    settled: HashSet<String>,
    report: RelayReport,
    /// Why a shard could not be read, the first one.
    unread: Option<StoreError>,
}

impl Outbox {
    /// Publishes all waiting rows, each line's in sequence order; stops a line at its first failure;
    /// leaves alone what another holder has. Ends at its time limit between two rounds of pages, with
    /// a report all the same. A shard that cannot be read holds up no other; that it could not is the
    /// answer in the end, with the report in the log. Safe to run any number of times at once.
    pub async fn relay(&self) -> Result<RelayReport, StoreError> {
        let deadline = Instant::now() + RUN_LIMIT;
        let cursors = Cursors::read(self.documents.as_ref(), self.clock.now()).await?;
        let shards = (0..SHARDS).map(|shard| Shard {
            pages: Pages::of(cursors.query(shard)),
            oldest_left: None,
            seen_until: None,
            is_unread: false,
        });
        let mut run = Run {
            outbox: self,
            deadline,
            shards: shards.collect(),
            visited: HashSet::new(),
            settled: HashSet::new(),
            report: RelayReport::default(),
            unread: None,
        };
        while run.round().await && !self.is_over(run.deadline) {}
        let left = run.left(&cursors);
        let complete = run.shards.iter().all(Shard::is_at_its_end);
        let unread = run.unread.take();
        // Logged first: the commit of the cursors may hang until the run is cut off.
        let report = run.into_report(&left, cursors.settled());
        log(&report);
        let kept = cursors.keep(self.documents.as_ref(), &left, complete).await;
        unread.map_or(kept, Err).map(|()| report)
    }

    async fn relay_line(&self, line: Line, from: u64, deadline: Instant) -> LineReport {
        let mut report = LineReport::default();
        if self.is_over(deadline) {
            return report;
        }
        let subject = line.name().to_owned();
        let now = self.clock.now();
        let lease = LineLease::new(line, from, self.ids.new_id("own"), now, RELAY_LEASE);
        let held = match lease.acquire(self.documents.as_ref(), now).await {
            Ok(Some(held)) => held,
            Ok(None) => return report,
            Err(error) => {
                let error = error_chain(&error);
                warn!(
                    subject,
                    error, "not published: the lease could not be taken"
                );
                report.failed = true;
                return report;
            }
        };
        let (done, ended) = Holder::new(self, held, Some(deadline)).publish_all().await;
        report.done = done;
        // The next run goes on where one that is out of time stopped.
        report.failed = !matches!(ended, Ok(()) | Err(Stopped::OutOfTime));
        report
    }
}

impl Shard {
    fn left(&mut self, since: Timestamp) {
        self.oldest_left = Some(self.oldest_left.map_or(since, |oldest| oldest.min(since)));
    }

    fn is_at_its_end(&self) -> bool {
        self.pages.query.is_none() && !self.is_unread
    }

    /// The time of the oldest row that may still wait; `None` if the run saw that none does.
    fn may_be_left(&self) -> Option<Timestamp> {
        let unseen = self.pages.query.as_ref().and(self.seen_until);
        self.oldest_left.into_iter().chain(unseen).min()
    }
}

impl Run<'_> {
    /// Publishes the next page of every shard; false once there is none.
    async fn round(&mut self) -> bool {
        let documents = self.outbox.documents.as_ref();
        let pages = self.shards.iter_mut();
        let pages = join_all(pages.map(|shard| shard.pages.next(documents))).await;
        if pages.iter().all(|page| matches!(page, Ok(None))) {
            return false;
        }
        let mut rows = Vec::new();
        for (number, (shard, page)) in self.shards.iter_mut().zip(pages).enumerate() {
            let page = page.unwrap_or_else(|error| {
                shard.is_unread = true;
                self.unread.get_or_insert(error);
                None
            });
            for document in &page.unwrap_or_default() {
                match read(document) {
                    Ok(row) => {
                        shard.seen_until = Some(row.recorded_at);
                        rows.push((number, row));
                    }
                    Err(_) => {
                        self.report.remaining += 1;
                        shard.left(stored_at(document));
                    }
                }
            }
        }
        self.publish(&rows).await;
        for (number, row) in rows {
            if let Some(shard) = self.shards.get_mut(number)
                && !self.settled.contains(&row.event_id)
            {
                self.report.remaining += 1;
                shard.left(row.recorded_at);
            }
        }
        true
    }

    /// For each shard the time of the oldest row that may still wait. In one that was not read it may
    /// be as old as what the run has not seen.
    fn left(&self, cursors: &Cursors) -> Vec<Option<Timestamp>> {
        let left = (0..).zip(&self.shards).map(|(number, shard)| {
            let unread = shard.seen_until.or(cursors.stored_of(number));
            let unread = unread.filter(|_| shard.is_unread);
            shard.may_be_left().into_iter().chain(unread).min()
        });
        left.collect()
    }

    /// Publishes the lines of these rows that the run has not been to.
    async fn publish(&mut self, rows: &[(usize, EventRow)]) {
        let mut lines: HashMap<Line, u64> = HashMap::new();
        for (_, row) in rows {
            let from = lines.entry(Line::of(row)).or_insert(row.sequence);
            *from = row.sequence.min(*from);
        }
        let (outbox, deadline) = (self.outbox, self.deadline);
        let mut unvisited: Vec<(Line, u64)> = lines
            .into_iter()
            .filter(|(line, _)| self.visited.insert(line.clone()))
            .collect();
        // A map has no order of its own, and a run is to be the same again.
        unvisited.sort_by(|(a, _), (b, _)| (&a.source, a.name()).cmp(&(&b.source, b.name())));
        let mut lines = stream::iter(unvisited)
            .map(|(line, from)| outbox.relay_line(line, from, deadline))
            .buffer_unordered(LINES_AT_ONCE);
        while let Some(line) = lines.next().await {
            self.report.published += line.done.published;
            self.report.failed += u64::from(line.failed);
            self.settled.extend(line.done.settled);
        }
    }

    /// What a shard that was not read may hide counts too, or nobody hears that its rows wait. If no run
    /// ever read it, nobody knows since when: no later than `settled`.
    fn into_report(self, left: &[Option<Timestamp>], settled: Timestamp) -> RelayReport {
        let never = Timestamp::UNIX_EPOCH;
        let since = |at: &Timestamp| if *at == never { settled } else { *at };
        let oldest = left.iter().flatten().map(since).min();
        let now = self.outbox.clock.now();
        let age = oldest.and_then(|oldest| (now - oldest).to_std().ok());
        RelayReport {
            oldest_age_seconds: age.unwrap_or_default().as_secs(),
            ..self.report
        }
    }
}

/// Since when a row waits that cannot be read: as far as it says so itself, or else the store does.
/// A waiting row that cannot be read is changed by no holder, so the store's last change is its
/// creation, or what made it unreadable.
fn stored_at(document: &Document) -> Timestamp {
    let recorded = document.fields.timestamp("recorded_at");
    recorded.unwrap_or_else(|_| document.update_time.moment())
}

/// A run that found nothing to do is a line for those who count alone.
fn log(report: &RelayReport) {
    macro_rules! line {
        ($level:ident) => {
            $level!(
                published = report.published,
                failed = report.failed,
                remaining = report.remaining,
                oldest_age_seconds = report.oldest_age_seconds,
                "outbox relayed"
            )
        };
    }
    if *report == RelayReport::default() {
        line!(debug);
    } else {
        line!(info);
    }
}
