//! Why the event says who does the work: a handler that goes by the phase of the day is wrong about
//! everything that was under way at a switch.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_consume::{Consumer, Failure, Outcome, Pipeline, Plan, StoreEffect, View};
use fanout_events::{Envelope, EventsOf};
use fanout_outbox::find_events;
use fanout_runtime::SystemClock;
use fanout_testkit::consumer_tests::lone_consumer;
use migration::{AskForStay, BookingMade, HandleBooking, Hotel, Phase, Task};

use crate::support::{book, stay};

/// The handler, but for who does the work: that it is told by a setting of its own.
struct ByPhaseOfTheDay {
    handler: HandleBooking,
    today: Phase,
}

#[async_trait]
impl StoreEffect<BookingMade> for ByPhaseOfTheDay {
    async fn plan(&self, event: &Envelope<BookingMade>, view: &View<'_>) -> Result<Plan, Failure> {
        let mut event = event.clone();
        event.data.done_by = self.today.way();
        self.handler.plan(&event, view).await
    }
}

fn handler(hotel: &Hotel) -> HandleBooking {
    let bookings = AskForStay {
        http: hotel.http.clone(),
        url: hotel.bookings[0].1.clone(),
    };
    HandleBooking::of(Task::ALL[0], bookings)
}

/// Delivers a booking's event, which no handler has had yet; answers how often the work is done then.
async fn done_after(hotel: &Hotel, id: &str, consumer: Consumer) -> i64 {
    let documents = hotel.documents.as_ref();
    let found = find_events(documents, EventsOf::Subject(id), 1).await;
    let row = found.unwrap().0.remove(0);
    let pushed = row.delivered("1", "");
    let deps = lone_consumer(Arc::clone(&hotel.documents), Arc::new(SystemClock));
    let outcome = Pipeline::new(consumer, &deps).deliver(&pushed).await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    hotel.times_done(Task::ALL[0], id, &stay()).await
}

#[tokio::test]
async fn the_phase_of_the_day_does_it_twice_or_never_and_the_events_own_word_once() {
    let switches = [
        (Phase::HandleAlongside, Phase::EventsOnly, 2),
        (Phase::EventsOnly, Phase::HandleAlongside, 0),
    ];
    for (before, today, times) in switches {
        // Without subscriptions: the test delivers.
        let hotel = Hotel::open(Phase::PublishAlongside).await;
        hotel.bookings[0].0.go_to(before);
        assert_eq!(book(&hotel, 0, "one").await, 201);
        assert_eq!(book(&hotel, 0, "two").await, 201);
        let handler_of_today = ByPhaseOfTheDay {
            handler: handler(&hotel),
            today,
        };
        let wrong = Consumer::named("invoices").on::<BookingMade>(handler_of_today);
        assert_eq!(done_after(&hotel, "one", wrong).await, times);
        let right = handler(&hotel).consumer();
        assert_eq!(done_after(&hotel, "two", right).await, 1);
    }
}
