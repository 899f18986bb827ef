//! Pushing event after event, and counting what becomes of them.

use anyhow::{Context as _, anyhow};
use chrono::TimeDelta;
use fanout_outbox::{EventRow, RecordedBetween, RecordedEvents, Standing};
use fanout_runtime::Timestamp;
use fanout_store::Documents;
use serde::Serialize;

use super::{ReplayFlags, shown};
use crate::answer::{counted, notice};
use crate::dead_letters::{
    ConsumerEndpoint, Interrupt, Interrupted, Outcome, Outcomes, Pace, Pushed,
};

/// Older events are not replayed: their marks may be gone, and they would take effect twice.
const OLDEST: TimeDelta = TimeDelta::days(44);
/// How often progress is told.
const EACH: usize = 1_000;

pub(super) struct Replay<'a> {
    pub(super) flags: &'a ReplayFlags,
    pub(super) documents: &'a dyn Documents,
    /// The path of the subscription that each push names.
    pub(super) subscription: String,
    pub(super) endpoint: ConsumerEndpoint,
    pub(super) now: Timestamp,
    pub(super) interrupt: Interrupt,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) consumer: &'static str,
    pub(super) endpoint: String,
    pub(super) dry_run: bool,
    /// In a dry run those that would be pushed.
    pub(super) events: usize,
    /// Where to go on, if it did not come to its end.
    pub(super) cursor: Option<String>,
    #[serde(flatten)]
    pub(super) outcomes: Outcomes,
}

impl Replay<'_> {
    pub(super) async fn run(&self, summary: &mut Summary) -> anyhow::Result<()> {
        let flags = self.flags;
        let mut pace = Pace::of(flags.rate);
        let from = flags.cursor.unwrap_or(flags.from).max(flags.from);
        summary.cursor = Some(shown(from));
        let mut events = RecordedEvents::of(RecordedBetween {
            from,
            to: flags.to,
            event_type: flags.event_type.as_deref(),
            subject: flags.subject.as_deref(),
        });
        loop {
            // Until this is past, a replay that goes on begins with the last event that was read.
            let next = self.interrupt.or(events.next(self.documents)).await;
            let next = next.map_err(interrupted)?;
            let Some(row) = next.context("the store could not be read")? else {
                summary.cursor = None;
                return Ok(());
            };
            summary.cursor = Some(shown(row.recorded_at));
            if let Some(why) = left_out(&row.standing, self.now) {
                summary.outcomes.count(why, 1);
                continue;
            }
            if !flags.dry_run {
                let (outcome, why) = self.push(&row, &mut pace).await?;
                summary.outcomes.pushed(&row.event_id, outcome, why);
            }
            summary.events += 1;
            if summary.events.is_multiple_of(EACH) {
                let (events, at) = (summary.events, shown(row.recorded_at));
                notice(&format!("{events} events, at {at}"));
            }
        }
    }

    /// Pushes in its turn. After Ctrl-C one that is under way still gets its answer.
    async fn push(&self, row: &EventRow, pace: &mut Pace) -> anyhow::Result<Pushed> {
        self.interrupt.or(pace.turn()).await.map_err(interrupted)?;
        // The bus's own id is not kept; what has an event id goes by that.
        let message_id = format!("replay-{}", row.event_id);
        let message = row.delivered(&message_id, &self.subscription);
        let pushed = self.interrupt.let_end(self.endpoint.push(&message)).await;
        pushed.map_err(interrupted)?
    }
}

fn interrupted(_: Interrupted) -> anyhow::Error {
    anyhow!("interrupted")
}

/// Why an event is not pushed, if it is not.
fn left_out(standing: &Standing, now: Timestamp) -> Option<Outcome> {
    match standing {
        Standing::Waiting { .. } => Some(Outcome::Waiting),
        Standing::Skipped(_) => Some(Outcome::Skipped),
        Standing::Published(at) if now - *at > OLDEST => Some(Outcome::TooOld),
        Standing::Published(_) => None,
    }
}

impl Summary {
    pub(super) fn all_is_well(&self) -> bool {
        self.cursor.is_none() && self.outcomes.all_is_well()
    }

    pub(super) fn to_text(&self) -> String {
        let (consumer, events) = (self.consumer, counted(self.events, "event"));
        let outcomes = self.outcomes.to_text();
        if self.dry_run {
            format!(
                "{consumer}: would push {events} to {}\n{outcomes}",
                self.endpoint
            )
        } else {
            format!("{consumer}: {events} replayed\n{outcomes}")
        }
    }
}

#[cfg(test)]
mod tests {
    use fanout_outbox::Skipped;

    use super::*;

    #[test]
    fn what_was_not_published_or_too_long_ago_is_left_out() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let skipped = Standing::Skipped(Skipped {
            at: now,
            reason: String::new(),
        });
        let waiting = Standing::Waiting { refusal: None };
        assert_eq!(left_out(&waiting, now), Some(Outcome::Waiting));
        assert_eq!(left_out(&skipped, now), Some(Outcome::Skipped));
        assert_eq!(left_out(&Standing::Published(now - OLDEST), now), None);
        let older = now - OLDEST - TimeDelta::milliseconds(1);
        let left = left_out(&Standing::Published(older), now);
        assert_eq!(left, Some(Outcome::TooOld));
    }

    #[test]
    fn every_outcome_is_said_and_what_is_left_to_do_is_not_well() {
        let mut summary = Summary {
            consumer: "crm",
            ..Summary::default()
        };
        assert!(summary.all_is_well());
        let all = [
            (Outcome::Done, true),
            (Outcome::Duplicate, true),
            (Outcome::Ignored, true),
            (Outcome::Stale, true),
            (Outcome::Parked, false),
            (Outcome::Busy, false),
            (Outcome::Failed, false),
            (Outcome::NotPushed, false),
            (Outcome::NotHeld, false),
            (Outcome::Waiting, true),
            (Outcome::Skipped, true),
            (Outcome::TooOld, true),
        ];
        for (outcome, well) in all {
            let mut outcomes = Outcomes::default();
            outcomes.count(outcome, 1);
            assert_eq!(outcomes.all_is_well(), well, "{outcome:?}");
            summary.outcomes.count(outcome, 2);
        }
        summary.events = 14;
        let why = Some("status 503".to_owned());
        summary.outcomes.pushed("evt_1", Outcome::Failed, why);
        insta::assert_snapshot!(summary.to_text());
    }
}
