//! More messages than a consumer can take at once, or none for a while.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::Duration;

use fanout_testkit::push_endpoint::{Push, PushEndpoint, Reply};

use super::bus::{message, pushing_to};
use super::differences::PARALLEL_PUSHES;
use super::on_both_buses;
use crate::support::eventually;

fn numbered(count: usize) -> Vec<serde_json::Value> {
    (0..count)
        .map(|number| message(&number.to_string()))
        .collect()
}

/// Waits until this many messages have come.
async fn all_of(endpoint: &PushEndpoint, count: usize) {
    eventually("all messages", || async {
        let texts: BTreeSet<String> = endpoint.pushes().iter().map(Push::text).collect();
        (texts.len() == count).then_some(())
    })
    .await;
}

on_both_buses! {
    async fn a_thousand_messages_reach_a_slow_consumer_few_at_a_time(bus) {
        let endpoint = PushEndpoint::start(|_| Reply::After(Duration::from_millis(10), 204)).await;
        bus.topic("events").await;
        bus.subscription("pushing", pushing_to(endpoint.url())).await;
        bus.publish(numbered(1_000)).await;
        all_of(&endpoint, 1_000).await;
        assert_eq!(endpoint.count(), 1_000);
        // The embedded broker begins with 16 and never has more than 256.
        let expected = bus.unless_emulator(&PARALLEL_PUSHES, 17..=256, 2..=2);
        let most = endpoint.most_under_way();
        assert!(expected.contains(&most), "{most} at once");
    }

    async fn a_consumer_that_was_down_gets_everything_when_it_is_back(bus) {
        // A port where nothing listens.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        bus.topic("events").await;
        let url = format!("http://{address}/pubsub/push");
        bus.subscription("pushing", pushing_to(url)).await;
        // Which has got its push, so that the other subscription has been tried too.
        let witness = PushEndpoint::start(|_| Reply::Status(204)).await;
        bus.subscription("witness", pushing_to(witness.url())).await;
        bus.publish(numbered(100)).await;
        all_of(&witness, 100).await;
        let endpoint = PushEndpoint::start_on(address, |_| Reply::Status(204)).await;
        all_of(&endpoint, 100).await;
        assert_eq!(endpoint.count(), 100);
    }
}
