//! More messages than a consumer can take at once.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::Duration;

use super::endpoint::{Endpoint, Reply};
use super::system::{System, folder, message, push, until};

/// As many in flight as a subscription begins with, and as many as it ever has.
const START: usize = 16;
const MOST: usize = 256;

#[tokio::test]
async fn a_thousand_messages_wait_for_a_slow_consumer_with_few_in_flight() {
    let folder = folder();
    let endpoint = Endpoint::start(|_| Reply::After(Duration::from_millis(20), 204)).await;
    let system = System::start(&folder, &[push("email", endpoint.url())]).await;
    let messages = (0..1_000)
        .map(|number| message(&number.to_string()))
        .collect();
    system
        .broker
        .publish(super::system::TOPIC, messages)
        .await
        .unwrap();
    system.drained("email").await;
    let texts: BTreeSet<String> = endpoint
        .requests()
        .iter()
        .map(super::endpoint::Request::text)
        .collect();
    assert_eq!((texts.len(), endpoint.count()), (1_000, 1_000));
    let most = endpoint.most_under_way();
    assert!((START + 1..=MOST).contains(&most), "{most} in flight");
}

#[tokio::test]
async fn no_more_are_in_flight_than_a_silent_consumer_has_earned() {
    let folder = folder();
    let endpoint = Endpoint::start(|request| match request.text().parse::<u32>().unwrap() {
        0..50 => Reply::Status(204),
        _ => Reply::Never,
    })
    .await;
    let system = System::start(&folder, &[push("email", endpoint.url())]).await;
    for number in 0..50 {
        system.publish(&number.to_string()).await;
    }
    system.drained("email").await;
    let messages = (50..1_000)
        .map(|number| message(&number.to_string()))
        .collect();
    system
        .broker
        .publish(super::system::TOPIC, messages)
        .await
        .unwrap();
    let earned = START + 50;
    until("all places are taken", async || {
        endpoint.most_under_way() == earned
    })
    .await;
    assert_eq!(system.backlog("email").await, 950);
}

#[tokio::test]
async fn a_consumer_that_was_down_gets_everything_when_it_is_back() {
    let folder = folder();
    // A port where nobody listens.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/pubsub/push");
    let system = System::start(&folder, &[push("email", url)]).await;
    for number in 0..200 {
        system.publish(&number.to_string()).await;
    }
    let failed_often = "SELECT count(*) FROM deliveries WHERE attempts >= 2";
    until("many have failed", async || {
        system.number(failed_often).await >= 20
    })
    .await;
    let endpoint = Endpoint::start_on(address, |_| Reply::Status(204)).await;
    system.drained("email").await;
    let texts: BTreeSet<String> = endpoint
        .requests()
        .iter()
        .map(super::endpoint::Request::text)
        .collect();
    assert_eq!(texts.len(), 200);
}
