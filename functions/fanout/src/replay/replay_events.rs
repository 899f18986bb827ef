//! Pushing event after event, and counting what becomes of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, anyhow};
use chrono::TimeDelta;
use fanout_bus::PushedMessage;
use fanout_outbox::{EventRow, RecordedBetween, RecordedEvents, Standing};
use fanout_runtime::Timestamp;
use fanout_store::Documents;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{ReplayFlags, shown};
use crate::answer::{notice, printable};
use crate::dead_letters::{ConsumerEndpoint, Interrupt, Pace, Pushed};

/// Older events are not replayed: their marks may be gone, and they would take effect twice.
const OLDEST: TimeDelta = TimeDelta::days(44);
/// How many failures are named.
const MOST_FAILURES: usize = 10;
/// How often progress is told where no terminal shows it.
const EACH: u64 = 1_000;

/// One replay.
pub(super) struct Replay<'a> {
    pub(super) flags: &'a ReplayFlags,
    pub(super) documents: &'a dyn Documents,
    /// The path of the subscription that each push names.
    pub(super) subscription: String,
    pub(super) endpoint: ConsumerEndpoint,
    pub(super) now: Timestamp,
    pub(super) interrupt: Interrupt,
}

/// What came of it, by outcome.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    consumer: &'static str,
    endpoint: String,
    dry_run: bool,
    /// In a dry run those that would be pushed.
    events: u64,
    outcomes: BTreeMap<Outcome, u64>,
    /// Where to go on, if it did not come to its end.
    pub(super) cursor: Option<String>,
    failures: Vec<String>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Done,
    Duplicate,
    Ignored,
    Stale,
    Parked,
    Busy,
    Failed,
    Waiting,
    Skipped,
    TooOld,
}

impl Replay<'_> {
    pub(super) async fn run(&self, summary: &mut Summary) -> anyhow::Result<()> {
        let flags = self.flags;
        let mut pace = Pace::of(flags.rate);
        let bar = progress()?;
        let mut events = RecordedEvents::of(RecordedBetween {
            from: flags.cursor.unwrap_or(flags.from).max(flags.from),
            to: flags.to,
            event_type: flags.event_type.as_deref(),
            subject: flags.subject.as_deref(),
        });
        let mut at = None;
        let ended = loop {
            let next = events.next(self.documents).await;
            let row = match next.context("the store could not be read") {
                Ok(Some(row)) => row,
                Ok(None) => break Ok(()),
                Err(error) => {
                    summary.cursor = at.map(shown);
                    break Err(error);
                }
            };
            at = Some(row.recorded_at);
            if let Some(why) = left_out(&row.standing, self.now) {
                *summary.outcomes.entry(why).or_default() += 1;
                continue;
            }
            if !flags.dry_run {
                let pushed = self.push(&row, &mut pace).await;
                match pushed {
                    Ok(pushed) => summary.count(&row, pushed),
                    Err(error) => {
                        summary.cursor = Some(shown(row.recorded_at));
                        break Err(error);
                    }
                }
            }
            summary.events += 1;
            bar.set_position(summary.events);
            bar.set_message(shown(row.recorded_at));
            if bar.is_hidden() && summary.events.is_multiple_of(EACH) {
                notice(&format!(
                    "{} events, at {}",
                    summary.events,
                    shown(row.recorded_at)
                ));
            }
        };
        bar.finish_and_clear();
        ended
    }

    /// Pushes in its turn. After Ctrl-C one that is under way still gets its answer.
    async fn push(&self, row: &EventRow, pace: &mut Pace) -> anyhow::Result<Pushed> {
        let interrupted = |_| anyhow!("interrupted");
        self.interrupt.or(pace.turn()).await.map_err(interrupted)?;
        let message = row.message();
        let message = PushedMessage {
            // The bus's own is not kept; what has an event id goes by that.
            message_id: format!("replay-{}", row.event_id),
            publish_time: row.recorded_at,
            data: message.data,
            attributes: message.attributes,
            ordering_key: message.ordering_key,
            subscription: self.subscription.clone(),
            delivery_attempt: None,
        };
        let pushed = self.interrupt.let_end(self.endpoint.push(&message)).await;
        pushed.map_err(interrupted)?
    }
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
    pub(super) fn new(consumer: &'static str, endpoint: &str, dry_run: bool) -> Self {
        Self {
            consumer,
            endpoint: endpoint.to_owned(),
            dry_run,
            events: 0,
            outcomes: BTreeMap::new(),
            cursor: None,
            failures: Vec::new(),
        }
    }

    fn count(&mut self, row: &EventRow, pushed: Pushed) {
        let outcome = match pushed {
            Pushed::Done => Outcome::Done,
            Pushed::Duplicate => Outcome::Duplicate,
            Pushed::Ignored => Outcome::Ignored,
            Pushed::Stale => Outcome::Stale,
            Pushed::ParkedAgain => Outcome::Parked,
            Pushed::Busy => Outcome::Busy,
            Pushed::Failed(why) => {
                if self.failures.len() < MOST_FAILURES {
                    self.failures.push(format!("{}: {why}", row.event_id));
                }
                Outcome::Failed
            }
        };
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    /// Whether nothing is left to do.
    pub(super) fn all_is_well(&self) -> bool {
        let left = [Outcome::Parked, Outcome::Busy, Outcome::Failed];
        self.cursor.is_none() && !left.iter().any(|it| self.outcomes.contains_key(it))
    }

    pub(super) fn to_text(&self) -> String {
        let Self {
            consumer, events, ..
        } = self;
        let plural = if *events == 1 { "" } else { "s" };
        let mut text = if self.dry_run {
            format!(
                "{consumer}: would push {events} event{plural} to {}\n",
                self.endpoint
            )
        } else {
            format!("{consumer}: {events} event{plural} replayed\n")
        };
        for (outcome, count) in &self.outcomes {
            let (name, meaning) = outcome.words();
            let line = format!("  {name:<10} {count:>6}  {meaning}");
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for failure in &self.failures {
            let _ = writeln!(text, "  {}", printable(failure));
        }
        text
    }
}

impl Outcome {
    /// Its name, and what it means.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("done", ""),
            Self::Duplicate => ("duplicate", "the effect had been made before"),
            Self::Ignored => ("ignored", "of a type that it has no use for"),
            Self::Stale => ("stale", "a later event had been applied before"),
            Self::Parked => ("parked", "lies on the dead-letter topic"),
            Self::Busy => (
                "busy",
                "an instance is at work on it: replay again in a minute",
            ),
            Self::Failed => ("failed", "replay again when the cause is mended"),
            Self::Waiting => ("waiting", "not pushed: it waits in the outbox"),
            Self::Skipped => ("skipped", "not pushed: an operator gave it up"),
            Self::TooOld => ("too old", "not pushed: its mark may be gone"),
        }
    }
}

/// On stderr, and only if that is a terminal.
fn progress() -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{pos} events, at {msg}")?;
    Ok(ProgressBar::new_spinner().with_style(style))
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
        let mut summary = Summary::new("crm", "http://localhost:8083/pubsub/push", false);
        assert!(summary.all_is_well());
        let all = [
            (Outcome::Done, true),
            (Outcome::Duplicate, true),
            (Outcome::Ignored, true),
            (Outcome::Stale, true),
            (Outcome::Parked, false),
            (Outcome::Busy, false),
            (Outcome::Failed, false),
            (Outcome::Waiting, true),
            (Outcome::Skipped, true),
            (Outcome::TooOld, true),
        ];
        for (outcome, well) in all {
            summary.outcomes = BTreeMap::from([(outcome, 1)]);
            assert_eq!(summary.all_is_well(), well, "{outcome:?}");
        }
        summary.outcomes = all.into_iter().map(|(outcome, _)| (outcome, 2)).collect();
        summary.events = 14;
        summary.failures.push("evt_1: status 503".to_owned());
        insta::assert_snapshot!(summary.to_text());
    }
}
