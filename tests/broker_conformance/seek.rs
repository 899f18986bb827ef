//! Seeking to a time.

use chrono::DateTime;
use fanout_runtime::{Clock, SystemClock};
use fanout_testkit::push_endpoint::{Push, PushEndpoint, Reply};
use serde_json::{Value, json};

use super::bus::{Bus, pushing_to, texts};
use super::on_both_buses;
use crate::support::eventually;

async fn seek(bus: &Bus, subscription: &str, time: &str) {
    let path = format!("POST subscriptions/{subscription}:seek");
    bus.ok(&path, json!({ "time": time })).await;
}

/// Publishes texts, each in a millisecond of its own; gives the time of each as a pull says it.
async fn publish_apart(bus: &Bus, subscription: &str, names: &[&str]) -> Vec<String> {
    let mut times = Vec::new();
    for name in names {
        bus.publish_texts([name]).await;
        let pulled = bus.pull_exactly(subscription, 1).await.remove(0);
        let time = pulled["message"]["publishTime"]
            .as_str()
            .unwrap()
            .to_owned();
        let published = DateTime::parse_from_rfc3339(&time).unwrap();
        eventually("the next millisecond", || async {
            let passed = SystemClock.now() - published.to_utc();
            (passed.num_milliseconds() > 1).then_some(())
        })
        .await;
        times.push(time);
    }
    times
}

on_both_buses! {
    async fn a_seek_to_the_past_brings_back_what_was_acked_and_is_retained(bus) {
        bus.topic("events").await;
        bus.subscription("retaining", json!({"retainAckedMessages": true})).await;
        bus.subscription("forgetting", json!({})).await;
        bus.subscription("clock", json!({})).await;
        let times = publish_apart(&bus, "clock", &["a", "b", "c"]).await;
        for subscription in ["retaining", "forgetting"] {
            let pulled = bus.pull_exactly(subscription, 3).await;
            bus.acknowledge(subscription, &pulled).await;
            assert_eq!(bus.pull(subscription, 1).await, [Value::Null; 0]);
        }
        seek(&bus, "retaining", &times[1]).await;
        assert_eq!(texts(&bus.pull_exactly("retaining", 2).await), ["b", "c"]);
        seek(&bus, "forgetting", &times[1]).await;
        assert_eq!(bus.pull("forgetting", 10).await, [Value::Null; 0]);
    }

    async fn a_seek_to_the_future_purges_and_what_comes_later_comes(bus) {
        bus.topic("events").await;
        bus.subscription("all", json!({})).await;
        bus.publish_texts(["a", "b"]).await;
        let soon = SystemClock.now() + chrono::TimeDelta::milliseconds(500);
        let time = soon.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        seek(&bus, "all", &time).await;
        assert_eq!(bus.pull("all", 10).await, [Value::Null; 0]);
        eventually("the time", || async { (SystemClock.now() > soon).then_some(()) }).await;
        bus.publish_texts(["c"]).await;
        assert_eq!(texts(&bus.pull_exactly("all", 1).await), ["c"]);
    }

    async fn what_a_seek_brings_back_is_pushed_again(bus) {
        let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
        bus.topic("events").await;
        let mut settings = pushing_to(endpoint.url());
        settings["retainAckedMessages"] = json!(true);
        bus.subscription("retaining", settings).await;
        bus.publish_texts(["a", "b", "c"]).await;
        eventually("the pushes", || async { (endpoint.count() == 3).then_some(()) }).await;
        // An ack is written down a moment after the answer: until then there is nothing to bring
        // back.
        eventually("all of them again", || async {
            seek(&bus, "retaining", "2020-01-01T00:00:00Z").await;
            let pushes = endpoint.pushes();
            let twice = |text: &str| pushes.iter().filter(|push| Push::text(push) == text).count() > 1;
            ["a", "b", "c"].into_iter().all(twice).then_some(())
        })
        .await;
    }

    async fn a_seek_to_nowhere_is_an_error(bus) {
        bus.topic("events").await;
        bus.subscription("all", json!({})).await;
        for (name, body, expected) in [
            ("all", json!({}), 400),
            ("all", json!({"time": "yesterday"}), 400),
            ("nobody", json!({"time": "2020-01-01T00:00:00Z"}), 404),
        ] {
            let (status, answer) = bus.call(&format!("POST subscriptions/{name}:seek"), body).await;
            assert_eq!(status, expected, "{answer}");
        }
    }
}
