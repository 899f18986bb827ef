//! The relay: publishes what was stored and not published.

use std::collections::HashSet;
use std::time::Duration;

use fanout_runtime::{Timestamp, error_chain};
use fanout_store::{Direction, Document, Query, StoreError};
use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;
use tokio::time::Instant;
use tracing::{info, warn};

use super::holder::{Stopped, read};
use super::inline_publish::Outbox;
use super::row::OUTBOX;
use super::subject_lease::SubjectLease;

/// How long one run may take: Cloud Scheduler asks each minute, Cloud Run cuts at 60 s.
const RUN_LIMIT: Duration = Duration::from_secs(40);
/// How long a run holds a subject: longer than a run, so that nobody takes it over meanwhile.
const RELAY_LEASE: Duration = Duration::from_secs(60);
/// How many subjects a run works on at once: after an outage there are many, with a row each.
const SUBJECTS_AT_ONCE: usize = 16;

/// What one run of the relay did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RelayReport {
    /// Rows published.
    pub published: u64,
    /// Subjects given up for this run, because a row could not be published.
    pub failed: u64,
    /// Rows that are still waiting.
    pub remaining: u64,
    /// Age of the oldest row that is still waiting, in seconds; 0 if none is.
    pub oldest_age_seconds: u64,
}

/// What became of one subject's rows.
#[derive(Default)]
struct SubjectReport {
    published: HashSet<String>,
    failed: bool,
}

/// Rows that are left behind, whether they can be read or not.
#[derive(Default)]
struct Waiting {
    rows: u64,
    oldest: Option<Timestamp>,
}

impl Waiting {
    fn add(&mut self, since: Timestamp) {
        self.rows += 1;
        self.oldest = Some(self.oldest.map_or(since, |oldest| oldest.min(since)));
    }

    fn oldest_age(&self, now: Timestamp) -> Duration {
        let age = self.oldest.and_then(|oldest| (now - oldest).to_std().ok());
        age.unwrap_or_default()
    }
}

/// Since when a row waits that cannot be read: as far as it says so itself, or else the store does.
/// Rows are never changed, so the store's last change is the row's creation.
fn stored_at(document: &Document) -> Timestamp {
    let written = document.fields.timestamp("created_at");
    written.unwrap_or_else(|_| document.update_time.moment())
}

impl Outbox {
    /// Publishes all waiting rows, each subject's in sequence order; stops a subject at its first
    /// failure; leaves alone what somebody else holds. Safe to run any number of times at once.
    pub async fn relay(&self) -> Result<RelayReport, StoreError> {
        let deadline = Instant::now() + RUN_LIMIT;
        let mut report = RelayReport::default();
        let mut published = HashSet::new();
        let mut visited = HashSet::new();
        let mut waiting = Waiting::default();
        let mut query = Query::of(OUTBOX).order_by("created_at", Direction::Ascending);
        loop {
            let page = self.documents.query(&query).await?;
            let mut rows = Vec::new();
            for document in &page.documents {
                match read(document) {
                    Ok(row) => rows.push(row),
                    Err(_) => waiting.add(stored_at(document)),
                }
            }
            let subjects = rows.iter().map(|row| row.subject.clone());
            let unvisited: Vec<String> = subjects
                .filter(|subject| visited.insert(subject.clone()))
                .collect();
            let mut subjects = stream::iter(unvisited)
                .map(|subject| self.relay_subject(subject, deadline))
                .buffer_unordered(SUBJECTS_AT_ONCE);
            while let Some(subject) = subjects.next().await {
                report.published += subject.published.len() as u64;
                report.failed += u64::from(subject.failed);
                published.extend(subject.published);
            }
            for row in rows.iter().filter(|row| !published.contains(&row.event_id)) {
                waiting.add(row.created_at);
            }
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
        report.remaining = waiting.rows;
        report.oldest_age_seconds = waiting.oldest_age(self.clock.now()).as_secs();
        log(&report);
        Ok(report)
    }

    async fn relay_subject(&self, subject: String, deadline: Instant) -> SubjectReport {
        let mut report = SubjectReport::default();
        if self.is_over(deadline) {
            return report;
        }
        let now = self.clock.now();
        let lease = SubjectLease::new(&subject, self.ids.new_id("own"), now, RELAY_LEASE);
        let held = match lease.acquire(self.documents.as_ref(), now).await {
            Ok(Some(held)) => held,
            Ok(None) => return report,
            Err(error) => {
                let error = error_chain(&error);
                warn!(
                    subject,
                    error, "not published: the subject's lease could not be taken"
                );
                report.failed = true;
                return report;
            }
        };
        let done = self
            .publish_subject(held, deadline, &mut report.published)
            .await;
        report.failed = match done {
            // The next run goes on where this one stopped.
            Ok(()) | Err(Stopped::OutOfTime) => false,
            Err(
                Stopped::Publish(_)
                | Stopped::Unreadable(_)
                | Stopped::Store(_)
                | Stopped::Commit(_),
            ) => true,
        };
        report
    }
}

fn log(report: &RelayReport) {
    if *report == RelayReport::default() {
        return;
    }
    let RelayReport {
        published,
        failed,
        remaining,
        oldest_age_seconds,
    } = *report;
    info!(
        published,
        failed, remaining, oldest_age_seconds, "outbox relayed"
    );
}
