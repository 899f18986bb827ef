//! Ordering keys.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fanout_testkit::push_endpoint::{Push, PushEndpoint, Reply};
use serde_json::json;

use super::bus::{keyed, message, pushing_to, texts};
use super::differences::{KEYS_OF_A_PUBLISH, PULL_OF_ONE_KEY};
use super::on_both_buses;
use crate::support::eventually;

/// How long the endpoint works on a message: long enough for another to come too early.
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
        let others = AtomicUsize::new(0);
        // The failing one goes on failing until all of the other keys have come.
        let endpoint = PushEndpoint::start(move |push: &Push| {
            let text = push.text();
            if !text.starts_with("failing") {
                others.fetch_add(1, Ordering::SeqCst);
            }
            if text == "failing/2" && (push.nth == 1 || others.load(Ordering::SeqCst) < 2 * 6 + 1) {
                return Reply::Status(500);
            }
            Reply::After(WORK, 204)
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
        let last = |push: &Push| push.text() == "failing/6";
        eventually("the last of them", || async { endpoint.pushes().iter().any(last).then_some(()) }).await;

        let found = by_key(&endpoint);
        let order = |key: &str| found[key].iter().map(|push| push.text()).collect::<Vec<_>>();
        let numbered = |key: &str, numbers: &[u32]| {
            numbers.iter().map(|number| format!("{key}/{number}")).collect::<Vec<_>>()
        };
        let mut failing = order("failing");
        failing.dedup();
        assert_eq!(failing, numbered("failing", &[1, 2, 3, 4, 5, 6]));
        assert_eq!(order("fine"), numbered("fine", &[1, 2, 3, 4, 5, 6]));
        assert_eq!(order("other"), numbered("other", &[1, 2, 3, 4, 5, 6]));
        assert_eq!(order("none"), numbered("none", &[1]));
        // The next of a key begins when the one before has ended.
        for push in endpoint.pushes() {
            let text = push.text();
            let (key, _) = text.split_once('/').unwrap();
            let of_its_key = |other: &String| other.starts_with(&format!("{key}/"));
            assert!(!push.beside.iter().any(of_its_key), "{text} beside {:?}", push.beside);
        }
    }

    async fn a_publish_has_one_key_for_all_its_messages_or_none(bus) {
        bus.topic("events").await;
        let several = bus.unless_emulator(&KEYS_OF_A_PUBLISH, (400, json!("FAILED_PRECONDITION")), (200, json!(null)));
        for (messages, expected) in [
            (vec![keyed("1", "a"), keyed("2", "a")], (200, json!(null))),
            (vec![keyed("1", "a"), keyed("2", "b")], several.clone()),
            (vec![keyed("1", "a"), message("2")], several),
        ] {
            let publish = json!({ "messages": messages });
            let (status, answer) = bus.call("POST topics/events:publish", publish).await;
            assert_eq!((status, answer["error"]["status"].clone()), expected, "{messages:?}");
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
