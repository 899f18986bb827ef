//! Each phase by itself: what it does, and what becomes of a booking while a service is down.

use fanout_events::EventsOf;
use fanout_outbox::{Standing, find_events};
use fanout_store::Fields;
use migration::{Compared, Hotel, Phase, Task, compare};

use crate::support::{book, quiet, times, until};

const ROOMS: usize = 1;

#[tokio::test]
async fn where_it_begins_a_booking_is_as_available_as_all_services_together() {
    let hotel = Hotel::open(Phase::Calls).await;
    assert_eq!(book(&hotel, 0, "one").await, 201);
    assert_eq!(times(&hotel, "one").await, [1, 1, 1]);
    hotel.weather[ROOMS].is_down(true);
    assert_eq!(book(&hotel, 0, "two").await, 503);
    // The first call was made, and the third was not: a half of a booking, until it is asked again.
    assert_eq!(times(&hotel, "two").await, [1, 0, 0]);
    hotel.weather[ROOMS].is_down(false);
    assert_eq!(book(&hotel, 1, "two").await, 201);
    assert_eq!(times(&hotel, "two").await, [1, 1, 1]);
}

#[tokio::test]
async fn phase_1_publishes_and_changes_nothing_else() {
    let hotel = Hotel::open(Phase::PublishAlongside).await;
    assert_eq!(book(&hotel, 0, "one").await, 201);
    assert_eq!(times(&hotel, "one").await, [1, 1, 1]);
    assert_eq!(hotel.bookings[0].0.calls(), 3);
    let only_event = async || {
        let documents = hotel.documents.as_ref();
        let (mut found, _) = find_events(documents, EventsOf::Subject("one"), 2)
            .await
            .unwrap();
        assert_eq!(found.len(), 1);
        found.remove(0)
    };
    assert_eq!(only_event().await.event_type, "booking.made");
    until("it is published", async || {
        matches!(only_event().await.standing, Standing::Published(_))
    })
    .await;
}

#[tokio::test]
async fn phase_2_does_nothing_twice_and_finds_the_same_both_ways() {
    let hotel = Hotel::open(Phase::HandleAlongside).await;
    for id in ["one", "two", "three"] {
        assert_eq!(book(&hotel, 0, id).await, 201);
    }
    quiet(&hotel).await;
    for task in Task::ALL {
        let compared = compare(hotel.documents.as_ref(), task).await.unwrap();
        let expected = Compared {
            same: 3,
            ..Compared::default()
        };
        assert_eq!(compared, expected, "{}", task.name);
    }
    assert_eq!(times(&hotel, "one").await, [1, 1, 1]);
}

#[tokio::test]
async fn phase_2_names_what_a_wrong_handler_would_have_done() {
    let forgets_nights = |stay: &migration::Stay| match stay.nights {
        1 => Fields::new().with("cents", 9_900_u64),
        _ => Fields::new().with("cents", 9_901_u64),
    };
    let hotel = Hotel::open_with(Phase::HandleAlongside, |mut handler| {
        if handler.task.name == "invoices" {
            handler.work = forgets_nights;
        }
        handler
    })
    .await;
    assert_eq!(book(&hotel, 0, "one").await, 201);
    quiet(&hotel).await;
    let [invoices, rooms, _] = Task::ALL;
    let documents = hotel.documents.as_ref();
    let compared = compare(documents, invoices).await.unwrap();
    assert_eq!(compared.different, ["one"]);
    assert_eq!(compare(documents, rooms).await.unwrap().same, 1);
    // The guest has seen nothing of it.
    assert_eq!(times(&hotel, "one").await, [1, 1, 1]);
}

#[tokio::test]
async fn phase_2_names_the_calls_that_were_never_made() {
    let hotel = Hotel::open(Phase::HandleAlongside).await;
    hotel.weather[0].is_down(true);
    assert_eq!(book(&hotel, 0, "one").await, 503);
    hotel.weather[0].is_down(false);
    // The caller does not ask again.
    quiet(&hotel).await;
    for task in Task::ALL {
        let compared = compare(hotel.documents.as_ref(), task).await.unwrap();
        assert_eq!(compared.never_called, ["one"], "{}", task.name);
    }
    assert_eq!(times(&hotel, "one").await, [0, 0, 0]);
}

#[tokio::test]
async fn phase_3_calls_no_service_and_books_while_a_service_is_down() {
    let hotel = Hotel::open(Phase::EventsOnly).await;
    hotel.weather[ROOMS].is_down(true);
    assert_eq!(book(&hotel, 0, "one").await, 201);
    until("the others have done their work", async || {
        times(&hotel, "one").await == [1, 0, 1]
    })
    .await;
    hotel.weather[ROOMS].is_down(false);
    quiet(&hotel).await;
    assert_eq!(times(&hotel, "one").await, [1, 1, 1]);
    assert_eq!(hotel.bookings[0].0.calls(), 0);
}

#[tokio::test]
async fn phase_3_still_asks_the_booking_service_and_phase_4_does_not() {
    for (phase, while_it_is_down) in [(Phase::EventsOnly, [0; 3]), (Phase::Optimised, [1; 3])] {
        let hotel = Hotel::open(phase).await;
        for weather in &hotel.weather {
            weather.is_down(true);
        }
        assert_eq!(book(&hotel, 0, "one").await, 201);
        hotel.at_bookings.is_down(true);
        for weather in &hotel.weather {
            weather.is_down(false);
        }
        let tried = async || {
            let requests = hotel.weather.iter().map(|weather| weather.requests());
            requests.min() > Some(2) || hotel.is_quiet().await
        };
        until("each handler has tried", tried).await;
        assert_eq!(times(&hotel, "one").await, while_it_is_down, "{phase:?}");
        hotel.at_bookings.is_down(false);
        quiet(&hotel).await;
        assert_eq!(times(&hotel, "one").await, [1; 3], "{phase:?}");
    }
}
