//! Injected faults.

use std::collections::BTreeMap;
use std::sync::Arc;

use fanout_runtime::SystemClock;

use fanout_testkit::push_endpoint::{PushEndpoint, Reply};

use super::system::{System, TOPIC, folder, message, pull_from, push, topology};
use crate::Mischief;

async fn deliveries_of_100(mischief: Mischief) -> BTreeMap<String, usize> {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let subscriptions = [push("email", endpoint.url())];
    let clock = Arc::new(SystemClock);
    let system = System::start_with(&folder, clock, mischief, &subscriptions).await;
    let messages = (0..100)
        .map(|number| message(&number.to_string()))
        .collect();
    system.broker.publish(TOPIC, messages).await.unwrap();
    system.drained("email").await;
    let mut deliveries = BTreeMap::new();
    for request in endpoint.pushes() {
        *deliveries.entry(request.text()).or_default() += 1;
    }
    deliveries
}

#[tokio::test]
async fn duplicates_and_lost_answers_deliver_again_and_lose_nothing() {
    let duplicates = Mischief {
        duplicates: 0.3,
        ..Mischief::default()
    };
    let errors = Mischief {
        errors: 0.3,
        ..Mischief::default()
    };
    for mischief in [duplicates, errors] {
        let deliveries = deliveries_of_100(mischief).await;
        assert_eq!(deliveries.len(), 100);
        let repeated = deliveries.values().filter(|count| **count > 1).count();
        assert!(
            (5..70).contains(&repeated),
            "{repeated} of 100 for {mischief:?}"
        );
    }
}

#[tokio::test]
async fn reordering_mixes_messages_that_wait_together() {
    let folder = folder();
    let mischief = Mischief {
        reorder: true,
        ..Mischief::default()
    };
    let waiting = [pull_from(TOPIC, "email")];
    let clock = Arc::new(SystemClock);
    let system = System::start_with(&folder, clock, mischief, &waiting).await;
    let messages = (100..200)
        .map(|number| message(&number.to_string()))
        .collect();
    system.broker.publish(TOPIC, messages).await.unwrap();
    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let pushing = topology(&[push("email", endpoint.url())]);
    system.broker.set_up(&pushing).await.unwrap();
    system.drained("email").await;
    let mut texts: Vec<String> = endpoint
        .pushes()
        .iter()
        .map(fanout_testkit::push_endpoint::Push::text)
        .collect();
    // Of the first sixteen in order not one can be a stranger; mixed, most are.
    let early = texts
        .iter()
        .take(16)
        .filter(|text| text.as_str() < "116")
        .count();
    assert!(early < 12, "{texts:?}");
    texts.sort();
    assert!(
        texts
            .into_iter()
            .eq((100..200).map(|number| number.to_string()))
    );
}
