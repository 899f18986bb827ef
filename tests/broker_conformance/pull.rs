//! Pulling, acking and giving back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::bus::{message, pushing_to, text, texts};
use super::differences::{EXTENSION_LIMIT, PULL_FROM_PUSH, PULL_SIZE};
use super::on_both_buses;
use crate::support::eventually;

on_both_buses! {
    async fn a_pull_gives_as_many_as_it_asks_for_and_an_ack_removes_them(bus) {
        bus.topic("events").await;
        bus.subscription("all", json!({})).await;
        let messages = (0..1_000).map(|number| message(&number.to_string()));
        bus.publish(messages.collect()).await;
        let some = bus.pull("all", 10).await;
        assert_eq!(some.len(), 10);
        let mut rest = bus.pull("all", 1_000).await;
        assert_eq!(rest.len(), bus.unless_emulator(&PULL_SIZE, 990, 100));
        let left = 990 - rest.len();
        rest.extend(bus.pull_exactly("all", left).await);
        let found: BTreeSet<String> = some.iter().chain(&rest).map(text).collect();
        assert_eq!(found.len(), 1_000);
        assert_eq!(bus.pull("all", 1).await, [Value::Null; 0], "all are handed out");
        bus.acknowledge("all", &some).await;
        bus.put_off("all", &some, 0).await;
        bus.put_off("all", &rest, 0).await;
        let again = bus.pull_exactly("all", 990).await;
        bus.acknowledge("all", &again).await;
        bus.acknowledge("all", &again).await;
        assert_eq!(bus.pull("all", 1).await, [Value::Null; 0]);
    }

    async fn a_pulled_message_says_what_was_published(bus) {
        bus.topic("events").await;
        bus.subscription("all", json!({})).await;
        let full = json!({"data": "aGVsbG8=", "attributes": {"a": "b"}, "orderingKey": "usr_1"});
        let bare = json!({"attributes": {"x": "y"}});
        let mut ids = bus.publish(vec![full.clone()]).await;
        ids.extend(bus.publish(vec![bare.clone()]).await);
        let mut pulled = bus.pull_exactly("all", 2).await;
        for ((expected, id), found) in [full, bare].iter_mut().zip(&ids).zip(&mut pulled) {
            let time = found["message"]["publishTime"].take();
            chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).unwrap();
            expected["publishTime"] = Value::Null;
            expected["messageId"] = id.as_str().into();
            assert!(!found["ackId"].take().as_str().unwrap().is_empty());
            assert_eq!(*found, json!({"ackId": null, "message": expected}));
        }
    }

    async fn what_is_neither_acked_nor_put_off_is_handed_out_again(bus) {
        bus.topic("events").await;
        bus.subscription("all", json!({"ackDeadlineSeconds": 10})).await;
        bus.publish_texts(["held", "left"]).await;
        let pulled = bus.pull_exactly("all", 2).await;
        let (held, left): (Vec<Value>, Vec<Value>) = pulled.into_iter().partition(|one| text(one) == "held");
        bus.put_off("all", &held, 60).await;
        let again = eventually("the other again", || async {
            Some(bus.pull("all", 10).await).filter(|again| !again.is_empty())
        })
        .await;
        assert_eq!(texts(&again), texts(&left));
        bus.acknowledge("all", &again).await;
        bus.acknowledge("all", &held).await;
        assert_eq!(bus.pull("all", 10).await, [Value::Null; 0]);
    }

    async fn what_cannot_be_pulled_acked_or_put_off_is_an_error(bus) {
        bus.topic("events").await;
        bus.subscription("all", json!({})).await;
        bus.subscription("pushing", pushing_to("http://127.0.0.1:1/".to_owned())).await;
        let nothing_to_pull = bus.unless_emulator(&PULL_FROM_PUSH, 400, 200);
        let any_time = bus.unless_emulator(&EXTENSION_LIMIT, 400, 200);
        bus.publish_texts(["hello"]).await;
        let held = bus.pull_exactly("all", 1).await[0]["ackId"].clone();
        for (method, body, expected) in [
            ("nobody:pull", json!({"maxMessages": 1, "returnImmediately": true}), 404),
            ("pushing:pull", json!({"maxMessages": 1, "returnImmediately": true}), nothing_to_pull),
            ("all:pull", json!({"maxMessages": 0}), 400),
            ("all:pull", json!({"returnImmediately": true}), 400),
            ("all:pull", json!({"maxMessages": 1, "nonsense": 1}), 400),
            ("all:acknowledge", json!({"ackIds": ["garbage"]}), 400),
            ("all:acknowledge", json!({"ackIds": []}), 400),
            ("all:acknowledge", json!({}), 400),
            ("nobody:acknowledge", json!({"ackIds": [held]}), 404),
            ("all:modifyAckDeadline", json!({"ackIds": ["garbage"], "ackDeadlineSeconds": 10}), 400),
            ("all:modifyAckDeadline", json!({"ackIds": [], "ackDeadlineSeconds": 10}), 400),
            ("all:modifyAckDeadline", json!({"ackIds": [held], "ackDeadlineSeconds": 601}), any_time),
            ("all:modifyAckDeadline", json!({"ackIds": [held], "ackDeadlineSeconds": 600}), 200),
        ] {
            let (status, answer) = bus.call(&format!("POST subscriptions/{method}"), body.clone()).await;
            assert_eq!(status, expected, "{method} {body}: {answer}");
        }
    }
}
