//! What happened before the page was there, from the store: the latest events with their marks. Read
//! once, when the page is opened first.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::TimeDelta;
use fanout_dedup::{FoundMark, MarkState, find_marks};
use fanout_events::{EventsOf, FLOW};
use fanout_kernel::Subscriber;
use fanout_outbox::{EventRow, RecordedBetween, RecordedEvents, Standing};
use fanout_runtime::{Timestamp, error_chain, later};
use tracing::warn;

use super::Page;
use super::hub::{Attempt, Came, Reaction, SeenEvent};
use crate::dead_letters::Interrupt;
use crate::dead_letters::chosen::look;

/// How many events are remembered,
const MOST: usize = 200;
/// how many rows are read for it,
const MOST_READ: usize = 2_000;
/// and how far back: as far as it takes for a page.
const WINDOWS: [TimeDelta; 3] = [
    TimeDelta::minutes(1),
    TimeDelta::hours(1),
    TimeDelta::hours(24),
];
const ENOUGH: usize = 50;

impl Page {
    /// Lets the hub know of what was before it, once. It ends even if who asked first goes away: letters
    /// are held meanwhile.
    pub(super) async fn remember(self: &Arc<Self>) {
        if self.remembered.initialized() {
            return;
        }
        let page = Arc::clone(self);
        let once = async move {
            page.remembered.get_or_init(|| page.look_back()).await;
        };
        // An error says that it has panicked, which is logged.
        let _ = tokio::spawn(once).await;
    }

    async fn look_back(&self) {
        let found = match self.latest_rows().await {
            Ok(found) => found,
            Err(error) => {
                let error = error_chain(&error);
                warn!(
                    error,
                    "what was before cannot be read: the page begins empty"
                );
                return;
            }
        };
        let mut events = Vec::new();
        for row in found {
            let marks = find_marks(self.documents.as_ref(), EventsOf::Event(&row.event_id), 50);
            let marks = marks.await.map_or_else(|_| Vec::new(), |(marks, _)| marks);
            events.push(event(row, marks));
        }
        self.add_given_up(&mut events).await;
        self.hub.remember(events);
    }

    /// Of what the bus has given up no mark tells, but its letter: the consumer failed, or was never
    /// reached.
    async fn add_given_up(&self, events: &mut [SeenEvent]) {
        let Some(backlogs) = self.backlogs().await else {
            return;
        };
        let interrupt = Interrupt::new(self.shutdown.clone());
        let dead = |it: &&Subscriber| backlogs.contains_key(&it.dead_letters());
        for subscriber in self.consumers().filter(dead) {
            let letters = match look(&self.operator, subscriber, &interrupt).await {
                Ok((letters, _)) => letters,
                Err(error) => {
                    let (consumer, error) = (subscriber.consumer, format!("{error:#}"));
                    warn!(
                        consumer,
                        error, "the dead letters from before cannot be read"
                    );
                    continue;
                }
            };
            for event in events.iter_mut() {
                let letter = letters.iter().find(|it| it.event_id == event.id);
                let reaction = event.reaction(subscriber.consumer);
                let came = reaction.and_then(|it| it.standing()).map(|it| it.came);
                if !came.is_some_and(|came| came.is_settled() || came.is_dead())
                    && let Some(letter) = letter
                {
                    event.reaction_mut(subscriber.consumer).add(Attempt {
                        at: letter.parked_at,
                        number: None,
                        came: Came::GivenUp,
                        took_ms: None,
                        status: None,
                        why: Some(letter.reason.clone()),
                        may_have_repeated: false,
                        is_remembered: true,
                    });
                }
            }
        }
    }

    async fn latest_rows(&self) -> Result<VecDeque<EventRow>, fanout_store::ReadError> {
        let mut rows = VecDeque::new();
        for window in WINDOWS {
            let to = later(self.now(), std::time::Duration::from_secs(1));
            let mut recorded = RecordedEvents::of(RecordedBetween {
                from: self.now() - window,
                to,
                event_type: None,
                subject: None,
            });
            let mut read = 0;
            rows.clear();
            while read < MOST_READ
                && let Some(row) = recorded.next(self.documents.as_ref()).await?
            {
                read += 1;
                rows.push_back(row);
                if rows.len() > MOST {
                    rows.pop_front();
                }
            }
            if rows.len() >= ENOUGH {
                break;
            }
        }
        Ok(rows)
    }
}

fn event(row: EventRow, marks: Vec<FoundMark>) -> SeenEvent {
    let is_published = matches!(row.standing, Standing::Published(_));
    let flow = row.message().attributes.remove(FLOW);
    let mut event = SeenEvent {
        number: 0,
        id: row.event_id.clone(),
        event_type: row.event_type.clone(),
        topic: row.topic.clone(),
        subject: Some(row.subject.clone()),
        correlation_id: row.correlation_id.clone(),
        flow,
        at: row.recorded_at,
        copies: u32::from(is_published),
        is_unpublished: !is_published,
        reactions: Vec::new(),
        messages: Vec::new(),
        lines: Vec::new(),
    };
    for FoundMark { mark, .. } in marks {
        let came = came(mark.state, mark.outcome.as_deref());
        let at: Timestamp = mark.finished_at.unwrap_or(row.recorded_at);
        event.reactions.push(Reaction {
            consumer: mark.consumer,
            attempts: vec![Attempt {
                at,
                number: Some(mark.attempt),
                came,
                took_ms: None,
                status: None,
                why: mark.outcome.filter(|_| came == Came::Parked),
                may_have_repeated: mark.may_have_repeated,
                is_remembered: true,
            }],
        });
    }
    event
}

fn came(state: MarkState, outcome: Option<&str>) -> Came {
    match state {
        MarkState::Done if outcome == Some("stale") => Came::Stale,
        MarkState::Done => Came::Done,
        MarkState::Parked => Came::Parked,
        MarkState::Released => Came::Failed,
        MarkState::Processing => Came::Busy,
    }
}
