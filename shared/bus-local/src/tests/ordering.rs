//! Ordering keys.

use std::collections::BTreeMap;

use fanout_testkit::push_endpoint::{PushEndpoint, Reply};

use super::system::{System, folder, keyed, message, push, topology, until};
use crate::Mischief;
use fanout_bus::Subscription;

fn ordered(subscription: Subscription) -> Subscription {
    Subscription {
        ordered: true,
        ..subscription
    }
}

/// The texts that came in, by ordering key, in order of arrival.
fn by_key(endpoint: &PushEndpoint) -> BTreeMap<String, Vec<String>> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in endpoint.pushes() {
        let key = request.message.ordering_key.clone();
        texts.entry(key).or_default().push(request.text());
    }
    texts
}

#[tokio::test]
async fn order_is_kept_over_a_crash_and_under_mischief() {
    let folder = folder();
    let hanging = PushEndpoint::start(|_| Reply::Never).await;
    let system = System::start(&folder, &[ordered(push("crm", hanging.url()))]).await;
    for number in 10..20 {
        system
            .publish_message(keyed(&number.to_string(), "usr_1"))
            .await;
    }
    until("the first is under way", async || hanging.count() == 1).await;
    drop(system);

    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let mischief = Mischief {
        duplicates: 0.2,
        errors: 0.2,
        reorder: true,
    };
    let subscriptions = [ordered(push("crm", endpoint.url()))];
    let clock = std::sync::Arc::new(fanout_runtime::SystemClock);
    let system = System::start_with(&folder, clock, mischief, &subscriptions).await;
    system.drained("crm").await;
    assert_eq!(hanging.count(), 1);
    let mut texts = by_key(&endpoint).remove("usr_1").unwrap();
    texts.dedup();
    let expected: Vec<String> = (10..20).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn without_ordering_the_key_travels_along_but_nothing_waits() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Never).await;
    let system = System::start(&folder, &[push("crm", endpoint.url())]).await;
    for data in ["first", "second", "third"] {
        system.publish_message(keyed(data, "usr_1")).await;
    }
    until("all are under way", async || endpoint.most_under_way() == 3).await;
}

#[tokio::test]
async fn a_subscription_can_begin_and_cease_to_keep_order_while_messages_wait() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Never).await;
    // Nothing is delivered yet: a pull subscription only waits.
    let waiting = super::system::pull_from(super::system::TOPIC, "crm");
    let system = System::start(&folder, &[waiting]).await;
    for number in 0..3 {
        system
            .publish_message(keyed(&number.to_string(), "usr_1"))
            .await;
        system.publish_message(message(&number.to_string())).await;
    }
    let set_up = async |subscription| {
        let topology = topology(&[subscription]);
        system.broker.set_up(&topology).await.unwrap();
    };
    set_up(ordered(push("crm", endpoint.url()))).await;
    until("one with the key and those without", async || {
        endpoint.count() == 4
    })
    .await;
    assert_eq!(by_key(&endpoint)["usr_1"].len(), 1);
    set_up(push("crm", endpoint.url())).await;
    until("the others too", async || endpoint.count() == 6).await;
}
