//! Messages that keep failing.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanout_testkit::push_endpoint::{Push, PushEndpoint, Reply};
use serde_json::{Value, json};

use super::bus::{message, pushing_to, text};
use super::differences::DELIVERY_ATTEMPT_IN_PUSH;
use super::on_both_buses;
use crate::support::eventually;

const POISON: [&str; 3] = ["poison a", "poison b", "poison c"];

on_both_buses! {
    async fn after_the_last_failure_a_message_goes_to_the_dead_letter_topic(bus) {
        let endpoint = PushEndpoint::start(|push: &Push| {
            Reply::Status(if push.text().starts_with("poison") { 400 } else { 204 })
        })
        .await;
        bus.topic("events").await;
        bus.topic("dead").await;
        let mut settings = pushing_to(endpoint.url());
        settings["deadLetterPolicy"] = bus.dead_letters("dead");
        bus.subscription("failing", settings).await;
        bus.subscription("letters", json!({"topic": "dead"})).await;
        let mut ids = Vec::new();
        for text in POISON {
            let own = json!({"own": "kept"});
            let poison = json!({"data": STANDARD.encode(text), "attributes": own, "orderingKey": text});
            ids.extend(bus.publish(vec![poison]).await);
        }
        bus.publish((0..20).map(|number| message(&format!("fine {number}"))).collect()).await;

        let letters = bus.pull_exactly("letters", POISON.len()).await;
        assert_eq!(letters.iter().map(text).collect::<BTreeSet<_>>(), POISON.map(str::to_owned).into());
        let pushes = endpoint.pushes();
        for letter in &letters {
            let message = &letter["message"];
            let of_this: Vec<&Push> = pushes.iter().filter(|push| push.text() == text(letter)).collect();
            let published = of_this[0].message.publish_time;
            let published = published.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            assert_eq!(message["attributes"], json!({
                "CloudPubSubDeadLetterSourceDeliveryCount": "5",
                "CloudPubSubDeadLetterSourceSubscription": "failing",
                "CloudPubSubDeadLetterSourceSubscriptionProject": bus.project,
                "CloudPubSubDeadLetterSourceTopicPublishTime": published,
                "own": "kept",
            }));
            assert_eq!(message["orderingKey"], text(letter));
            assert!(!ids.contains(&message["messageId"].as_str().unwrap().to_owned()));
            assert_eq!(letter.get("deliveryAttempt"), None);
            let attempts: Vec<_> = of_this.iter().map(|push| push.message.delivery_attempt).collect();
            let counted = (1..=5).map(Some).collect();
            let expected = bus.unless_emulator(&DELIVERY_ATTEMPT_IN_PUSH, counted, vec![None; 5]);
            assert_eq!(attempts, expected);
        }
        // The others did not wait for them, and came once.
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for push in &pushes {
            *counts.entry(push.text()).or_default() += 1;
        }
        assert_eq!(counts.len(), 23);
        assert!(counts.iter().all(|(text, count)| *count == if text.starts_with("fine") { 1 } else { 5 }));
    }

    async fn a_message_that_is_pulled_and_given_back_five_times_becomes_a_dead_letter(bus) {
        bus.topic("events").await;
        bus.topic("dead").await;
        bus.subscription("by-hand", json!({"deadLetterPolicy": bus.dead_letters("dead")})).await;
        bus.subscription("letters", json!({"topic": "dead"})).await;
        bus.publish_texts(["hello"]).await;
        for attempt in 1..=5 {
            let pulled = bus.pull_exactly("by-hand", 1).await;
            assert_eq!(pulled[0]["deliveryAttempt"], attempt);
            bus.put_off("by-hand", &pulled, 0).await;
        }
        let letter = eventually("the dead letter", || async {
            assert_eq!(bus.pull("by-hand", 1).await, [Value::Null; 0]);
            bus.pull("letters", 1).await.into_iter().next()
        })
        .await;
        let attributes = &letter["message"]["attributes"];
        assert_eq!(attributes["CloudPubSubDeadLetterSourceDeliveryCount"], "5");
    }
}
