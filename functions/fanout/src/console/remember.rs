//! What happened before the page was there, from the store: the latest events with their marks. Read
//! once, when the page is opened first.

use std::collections::VecDeque;

use chrono::TimeDelta;
use fanout_dedup::{FoundMark, MarkState, find_marks};
use fanout_events::{EventsOf, FLOW};
use fanout_kernel::Subscriber;
use fanout_outbox::{EventRow, RecordedBetween, RecordedEvents};
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
    /// Lets the hub know of what was before it, once.
    pub(super) async fn remember(&self) {
        let read = async {
            let found = self.latest_rows().await;
            let found = match found {
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
        };
        self.remembered.get_or_init(|| read).await;
    }

    /// What the bus has given up has no mark where the consumer was never reached: its letter tells.
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
                let mut letters = letters.iter();
                if event.reaction(subscriber.consumer).is_none()
                    && let Some(letter) = letters.find(|it| it.event_id == event.id)
                {
                    event.reactions.push(Reaction {
                        consumer: subscriber.consumer.to_owned(),
                        attempts: vec![Attempt {
                            at: letter.parked_at,
                            number: None,
                            came: Came::GivenUp,
                            took_ms: None,
                            status: None,
                            why: Some(letter.reason.clone()),
                            may_have_repeated: false,
                        }],
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
        copies: 1,
        is_unpublished: row.waits(),
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
