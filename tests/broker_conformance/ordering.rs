//! Ordering keys.

use std::collections::BTreeMap;
use std::time::Duration;

use fanout_testkit::push_endpoint::{Push, PushEndpoint, Reply};
use serde_json::json;

use super::bus::{keyed, message, pushing_to, texts};
use super::differences::PULL_OF_ONE_KEY;
use super::on_both_buses;
use crate::support::eventually;

/// How long the endpoint works on a message.
const WORK: Duration = Duration::from_millis(30);

/// The pushes of each key, in order of arrival. The texts are `KEY/NUMBER`: the emulator does not
/// push the key itself.
fn by_key(endpoint: &PushEndpoint) -> BTreeMap<String, Vec<Push>> {
    let mut keys: BTreeMap<String, Vec<Push>> = BTreeMap::new();
    for push in endpoint.pushes() {
        let key = push.text().split('/').next().unwrap().to_owned();
        keys.entry(key).or_default().push(push);
    }
    keys
}

on_both_buses! {
    async fn of_a_key_one_is_under_way_and_a_failure_holds_up_its_own_key_only(bus) {
        let endpoint = PushEndpoint::start(|push: &Push| match (push.text().as_str(), push.nth) {
            ("failing/2", 1..=2) => Reply::Status(500),
            _ => Reply::After(WORK, 204),
        })
        .await;
        bus.topic("events").await;
        let mut settings = pushing_to(endpoint.url());
        settings["enableMessageOrdering"] = json!(true);
        settings["retryPolicy"] = json!({"minimumBackoff": "1s", "maximumBackoff": "1s"});
        bus.subscription("ordered", settings).await;
        let keys = ["failing", "fine", "other"];
        for number in 1..=6 {
            for key in keys {
                bus.publish(vec![keyed(&format!("{key}/{number}"), key)]).await;
            }
        }
        bus.publish(vec![message("none/1")]).await;
        eventually("all of them", || async { (endpoint.count() == 3 * 6 + 1 + 2).then_some(()) }).await;

        let found = by_key(&endpoint);
        let order = |key: &str| found[key].iter().map(|push| push.text()).collect::<Vec<_>>();
        let numbered = |key: &str, numbers: &[u32]| {
            numbers.iter().map(|number| format!("{key}/{number}")).collect::<Vec<_>>()
        };
        assert_eq!(order("failing"), numbered("failing", &[1, 2, 2, 2, 3, 4, 5, 6]));
        assert_eq!(order("fine"), numbered("fine", &[1, 2, 3, 4, 5, 6]));
        assert_eq!(order("other"), numbered("other", &[1, 2, 3, 4, 5, 6]));
        // The next of a key begins when the one before has ended.
        for key in ["fine", "other"] {
            assert!(found[key].windows(2).all(|pair| pair[1].at - pair[0].at >= WORK), "{key}");
        }
        // All of the others had gone before the failing one was tried for the last time.
        let last_try = found["failing"][3].at;
        for key in ["fine", "other", "none"] {
            assert!(found[key].iter().all(|push| push.at < last_try), "{key}");
        }
    }

    async fn a_pull_keeps_the_order_of_a_key(bus) {
        bus.topic("events").await;
        bus.subscription("ordered", json!({"enableMessageOrdering": true})).await;
        for text in ["1", "2", "3"] {
            bus.publish(vec![keyed(text, "usr_1")]).await;
        }
        let mut order = Vec::new();
        let mut pulls = 0;
        while order.len() < 3 {
            let pulled = bus.pull("ordered", 10).await;
            assert_eq!(pulled[0]["message"]["orderingKey"], "usr_1");
            bus.acknowledge("ordered", &pulled).await;
            order.extend(texts(&pulled));
            pulls += 1;
        }
        assert_eq!(order, ["1", "2", "3"]);
        assert_eq!(pulls, bus.unless_embedded(&PULL_OF_ONE_KEY, 1, 3));
    }
}
