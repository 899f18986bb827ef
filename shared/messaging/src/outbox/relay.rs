//! The relay: publishes what was stored and not published.

use std::collections::HashSet;
use std::time::Duration;

use fanout_runtime::{Timestamp, error_chain};
use fanout_store::{Comparison, Direction, Document, Query, StoreError, Write};
use serde::Serialize;
use tokio::time::Instant;
use tracing::{info, warn};

use super::inline_publish::Outbox;
use super::row::{OUTBOX, OutboxRow};
use super::subject_lease::{HeldLease, SubjectLease};
use crate::PublishError;

/// How long one run may take: Cloud Scheduler asks each minute, Cloud Run cuts at 60 s.
const RUN_LIMIT: Duration = Duration::from_secs(40);
/// How long a run holds a subject: longer than a run, so that nobody takes it over meanwhile.
const RELAY_LEASE: Duration = Duration::from_secs(60);
/// How long one message may take.
const PUBLISH_LIMIT: Duration = Duration::from_secs(5);

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

impl Outbox {
    /// Publishes all waiting rows, each subject's in sequence order; stops a subject at its first
    /// failure; leaves alone what somebody else holds. Safe to run any number of times at once.
    pub async fn relay(&self) -> Result<RelayReport, StoreError> {
        let deadline = Instant::now() + RUN_LIMIT;
        let mut report = RelayReport::default();
        let mut published = HashSet::new();
        let mut visited = HashSet::new();
        let mut oldest: Option<Timestamp> = None;
        let mut query = Query::of(OUTBOX).order_by("created_at", Direction::Ascending);
        loop {
            let page = self.documents.query(&query).await?;
            for row in page.documents.iter().filter_map(readable) {
                if visited.insert(row.subject.clone()) && Instant::now() < deadline {
                    let subject = self.relay_subject(&row.subject, deadline).await?;
                    report.published += subject.published.len() as u64;
                    report.failed += u64::from(subject.failed);
                    published.extend(subject.published);
                }
                if !published.contains(&row.event_id) {
                    report.remaining += 1;
                    oldest = Some(oldest.map_or(row.created_at, |found| found.min(row.created_at)));
                }
            }
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
        let age = oldest.and_then(|oldest| (self.clock.now() - oldest).to_std().ok());
        report.oldest_age_seconds = age.unwrap_or_default().as_secs();
        if report != RelayReport::default() {
            let RelayReport {
                published,
                failed,
                remaining,
                oldest_age_seconds,
            } = report;
            info!(
                published,
                failed, remaining, oldest_age_seconds, "outbox relayed"
            );
        }
        Ok(report)
    }

    async fn relay_subject(
        &self,
        subject: &str,
        deadline: Instant,
    ) -> Result<SubjectReport, StoreError> {
        let now = self.clock.now();
        let lease = SubjectLease::new(subject, self.ids.new_id("own"), now, RELAY_LEASE);
        let Some(held) = lease.acquire(self.documents.as_ref(), now).await? else {
            return Ok(SubjectReport::default());
        };
        let report = self.publish_in_order(subject, &held, deadline).await;
        // Fails if the lease has been taken over; then it is not ours to give back.
        let _ = self.documents.commit(vec![held.release()]).await;
        report
    }

    async fn publish_in_order(
        &self,
        subject: &str,
        held: &HeldLease,
        deadline: Instant,
    ) -> Result<SubjectReport, StoreError> {
        let mut report = SubjectReport::default();
        let mut query = Query::of(OUTBOX)
            .only("subject", Comparison::Equal, subject)
            .order_by("sequence", Direction::Ascending);
        loop {
            let page = self.documents.query(&query).await?;
            for document in &page.documents {
                let in_time = Instant::now() < deadline && self.clock.now() < held.expires_at;
                let Some(row) = readable(document).filter(|_| in_time) else {
                    return Ok(report);
                };
                if let Err(error) = self.publish_row(&row).await {
                    let (event_id, error) = (row.event_id.as_str(), error_chain(&error));
                    warn!(
                        event_id,
                        error, "not published; this subject waits for the next run"
                    );
                    report.failed = true;
                    return Ok(report);
                }
                report.published.insert(row.event_id.clone());
                let deleted = self.documents.commit(vec![Write::delete(row.key())]).await;
                if let Err(error) = deleted {
                    let (event_id, error) = (row.event_id.as_str(), error_chain(&error));
                    warn!(
                        event_id,
                        error, "a published outbox row could not be deleted"
                    );
                }
            }
            match page.next {
                Some(next) => query = query.after(next),
                None => return Ok(report),
            }
        }
    }

    async fn publish_row(&self, row: &OutboxRow) -> Result<(), PublishError> {
        let publishing = self.publisher.publish(&self.topic, row.message());
        match tokio::time::timeout(PUBLISH_LIMIT, publishing).await {
            Ok(published) => published.map(drop),
            Err(elapsed) => Err(PublishError::Unavailable(elapsed.into())),
        }
    }
}

/// A row that cannot be read stops its subject, loudly; it cannot be skipped without losing order.
fn readable(document: &Document) -> Option<OutboxRow> {
    OutboxRow::from_fields(&document.fields)
        .inspect_err(
            |error| tracing::error!(row = document.key.id(), %error, "unreadable outbox row"),
        )
        .ok()
}
