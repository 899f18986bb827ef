//! There and back under load, in weather: each booking is done once, whatever the phase was when it
//! was made, asked again or handled.

use std::sync::atomic::{AtomicUsize, Ordering};

use fanout_bus_local::Mischief;
use futures_util::future::join_all;
use migration::{Hotel, Phase, Task, compare};

use crate::support::{book, quiet, times, until};

const CLIENTS: usize = 4;
const BOOKINGS_EACH: usize = 9;

/// Books under load while both instances go to the next phase, one after the other. Gives the ids.
async fn move_under_load(hotel: &Hotel, step: usize, to: Phase) -> Vec<String> {
    let made = AtomicUsize::new(0);
    let clients = (0..CLIENTS).map(|client| {
        let made = &made;
        async move {
            let mut ids = Vec::new();
            for number in 0..BOOKINGS_EACH {
                let id = format!("b{step}-{client}-{number}");
                let mut tries = client + number;
                // A caller asks again until it is told that all is well, here and there.
                while book(hotel, tries % 2, &id).await != 201 {
                    tries += 1;
                }
                made.fetch_add(1, Ordering::Relaxed);
                ids.push(id);
            }
            ids
        }
    });
    let all = CLIENTS * BOOKINGS_EACH;
    let roll_out = async {
        for (instance, after) in hotel.bookings.iter().zip([all / 3, 2 * all / 3]) {
            until("the load has begun", async || {
                made.load(Ordering::Relaxed) >= after
            })
            .await;
            instance.0.go_to(to);
        }
    };
    let (ids, ()) = tokio::join!(join_all(clients), roll_out);
    ids.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn there_and_back_under_load_nothing_is_lost_and_nothing_is_done_twice() {
    use Phase::{Calls, EventsOnly, HandleAlongside, Optimised, PublishAlongside};
    let hotel = Hotel::open(Calls).await;
    hotel.broker.set_mischief(Mischief {
        duplicates: 0.2,
        errors: 0.2,
        reorder: true,
    });
    for weather in &hotel.weather {
        weather.loses_each(7);
    }
    let there = [PublishAlongside, HandleAlongside, EventsOnly, Optimised];
    let back = [EventsOnly, HandleAlongside, PublishAlongside, Calls];
    let mut ids = Vec::new();
    for (step, phase) in there.into_iter().chain(back).enumerate() {
        let before = hotel.bookings[0].0.phase();
        if (before, phase) == (PublishAlongside, HandleAlongside) {
            hotel.subscribe().await;
        }
        ids.extend(move_under_load(&hotel, step, phase).await);
        if (before, phase) == (HandleAlongside, PublishAlongside) {
            // The events that do the work are all handled by now; those of calls would only compare.
            quiet(&hotel).await;
            hotel.unsubscribe().await;
        }
    }
    assert_eq!(ids.len(), 8 * CLIENTS * BOOKINGS_EACH);
    for id in &ids {
        assert_eq!(times(&hotel, id).await, [1, 1, 1], "{id}");
    }
    for task in Task::ALL {
        let compared = compare(hotel.documents.as_ref(), task).await.unwrap();
        assert!(
            compared.same > 0 && compared.different.is_empty(),
            "{compared:?}"
        );
        assert!(compared.never_called.is_empty(), "{compared:?}");
    }
}
