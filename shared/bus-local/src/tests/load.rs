//! More messages than a consumer can take at once.

use fanout_testkit::push_endpoint::{PushEndpoint, Reply};

use super::system::{System, folder, message, push, until};

/// As many in flight as a subscription begins with.
const START: usize = 16;

#[tokio::test]
async fn no_more_are_in_flight_than_a_silent_consumer_has_earned() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|request| match request.text().parse::<u32>().unwrap() {
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
