//! Requests in every form of protobuf's JSON mapping. What only one of the two takes is no
//! difference worth a name: the embedded broker's own tests have the rest.

use serde_json::json;

use super::on_both_buses;

on_both_buses! {
    async fn a_request_is_taken_in_either_spelling_with_nulls_and_numbers_as_texts(bus) {
        bus.topic("events").await;
        bus.subscription("all", json!({"ack_deadline_seconds": "30", "filter": null})).await;
        let described = bus.ok("GET subscriptions/all", json!(null)).await;
        assert_eq!(described["ackDeadlineSeconds"], 30);
        for message in [
            json!({"data": "aGk=", "ordering_key": "k", "attributes": null}),
            json!({"data": "aGk", "messageId": "x", "publishTime": "2026-01-01T00:00:00Z"}),
            json!({"data": "_-8_", "orderingKey": null}),
        ] {
            bus.publish(vec![message]).await;
        }
        let topic = bus.topic_path("events");
        let publish = json!({"topic": topic, "messages": [{"attributes": {"a": ""}}]});
        bus.ok("POST topics/events%3Apublish?alt=json&key=x&$alt=json;enum-encoding=int", publish).await;
        for pull in [
            json!({"max_messages": 1, "return_immediately": true}),
            json!({"maxMessages": "1", "returnImmediately": true}),
            json!({"maxMessages": 1.0, "returnImmediately": true}),
        ] {
            let pulled = bus.ok("POST subscriptions/all:pull", pull.clone()).await;
            assert_eq!(pulled["receivedMessages"].as_array().map(Vec::len), Some(1), "{pull}");
        }
        bus.ok("POST subscriptions/all:seek", json!({"time": "2026-11-26T22:00:00.123456789+02:00"})).await;
    }

    async fn what_is_none_of_its_forms_is_an_invalid_argument(bus) {
        bus.topic("events").await;
        bus.subscription("all", json!({})).await;
        for (request, body) in [
            ("POST topics/events:publish", json!({"messages": null})),
            ("POST topics/events:publish", json!({"messages": [{"data": {"a": 1}}]})),
            ("POST topics/events:publish", json!({"messages": [{"data": "_-8/"}]})),
            ("POST topics/events:publish", json!({"messages": [{"data": "aGk=", "nope": 1}]})),
            ("POST subscriptions/all:acknowledge", json!({"ack_ids": ["x"]})),
            ("POST subscriptions/all:seek", json!({"time": "2026-11-26T22:00:00"})),
            ("PUT subscriptions/other", json!({})),
            ("PUT subscriptions/other", json!({"topic": "events"})),
            ("PUT subscriptions/other", json!({"topic": "projects/p/subscriptions/events"})),
        ] {
            let (status, answer) = bus.call(request, body.clone()).await;
            let found = (status, &answer["error"]["status"]);
            assert_eq!(found, (400, &json!("INVALID_ARGUMENT")), "{request} {body}");
        }
    }
}
