//! What a push looks like, and which answers ack it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::endpoint::{Endpoint, Reply, raw_endpoint};
use super::system::{ManualClock, System, folder, message, push, until, with_dead_letters};
use crate::local::Mischief;
use crate::{OutgoingMessage, Subscription};

#[tokio::test]
async fn a_push_is_googles_body_with_googles_headers() {
    let folder = folder();
    let endpoint = Endpoint::start(|_| Reply::Status(204)).await;
    let clock = ManualClock::at("2026-11-20T12:00:00.123Z");
    let subscription = push("email", endpoint.url());
    let system = System::start_with(&folder, clock, Mischief::default(), &[subscription]).await;
    let id = system
        .publish_message(OutgoingMessage {
            data: "hello".into(),
            attributes: [("k".to_owned(), "v".to_owned())].into(),
            ordering_key: "usr_1".to_owned(),
        })
        .await;
    system.drained("email").await;

    let request = endpoint.requests().remove(0);
    let mut body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["message"]["messageId"], id.as_str());
    body["message"]["messageId"] = "[id]".into();
    body["message"]["message_id"] = "[id]".into();
    insta::assert_json_snapshot!(body, @r#"
    {
      "message": {
        "attributes": {
          "k": "v"
        },
        "data": "aGVsbG8=",
        "messageId": "[id]",
        "message_id": "[id]",
        "orderingKey": "usr_1",
        "publishTime": "2026-11-20T12:00:00.123Z",
        "publish_time": "2026-11-20T12:00:00.123Z"
      },
      "subscription": "projects/demo/subscriptions/email"
    }
    "#);
    assert_eq!(request.path, "/pubsub/push");
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["user-agent"], "CloudPubSub-Google");
    assert_eq!(
        request.headers["content-length"],
        request.body.len().to_string()
    );
}

#[tokio::test]
async fn deliveries_are_counted_to_the_endpoint_only_with_a_dead_letter_policy() {
    let folder = folder();
    let fail_twice =
        |request: &super::endpoint::Request| Reply::Status(if request.nth < 3 { 500 } else { 204 });
    let with = Endpoint::start(fail_twice).await;
    let without = Endpoint::start(fail_twice).await;
    let subscriptions = [
        with_dead_letters(push("with", with.url()), 5),
        push("without", without.url()),
    ];
    let system = System::start(&folder, &subscriptions).await;
    system.publish("hello").await;
    system.drained("with").await;
    system.drained("without").await;
    let attempts = |endpoint: &Endpoint| {
        let requests = endpoint.requests().into_iter();
        requests
            .map(|request| request.message.delivery_attempt)
            .collect::<Vec<_>>()
    };
    assert_eq!(attempts(&with), [Some(1), Some(2), Some(3)]);
    assert_eq!(attempts(&without), [None, None, None]);
}

#[tokio::test]
async fn only_200_201_202_and_204_ack() {
    let folder = folder();
    // The first answer is the status that the message asks for, the second always acks.
    let endpoint = Endpoint::start(|request| match request.nth {
        1 => Reply::Status(request.text().parse().unwrap()),
        _ => Reply::Status(204),
    })
    .await;
    let system = System::start(&folder, &[push("email", endpoint.url())]).await;
    let statuses = [
        200, 201, 202, 203, 204, 205, 206, 226, 304, 400, 401, 404, 408, 409, 429, 500, 502, 503,
    ];
    for status in statuses {
        system.publish(&status.to_string()).await;
    }
    system.drained("email").await;
    let deliveries = |status: u16| {
        let requests = endpoint.requests().into_iter();
        requests
            .filter(|request| request.text() == status.to_string())
            .count()
    };
    let acking = statuses
        .into_iter()
        .filter(|status| deliveries(*status) == 1);
    assert_eq!(acking.collect::<Vec<_>>(), [200, 201, 202, 204]);
    assert!(statuses.into_iter().all(|status| deliveries(status) <= 2));
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let folder = folder();
    let elsewhere = Endpoint::start(|_| Reply::Status(204)).await;
    let to = elsewhere.url();
    let endpoint = Endpoint::start(move |request| match request.nth {
        1 => Reply::Redirect(307, to.clone()),
        2 => Reply::Redirect(302, to.clone()),
        _ => Reply::Status(204),
    })
    .await;
    let system = System::start(&folder, &[push("email", endpoint.url())]).await;
    system.publish("hello").await;
    system.drained("email").await;
    assert_eq!(endpoint.count(), 3);
    assert_eq!(elsewhere.count(), 0);
}

#[tokio::test]
async fn status_102_acks_whatever_comes_after_it() {
    const PROCESSING: &str = "HTTP/1.1 102 Processing\r\n\r\n";
    const AND_FAILED: &str = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 500 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for answers in [&[PROCESSING], &[AND_FAILED]] {
        let folder = folder();
        let (url, count, _server) = raw_endpoint(answers).await;
        let system = System::start(&folder, &[push("email", url)]).await;
        system.publish("hello").await;
        system.drained("email").await;
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn status_100_does_not_ack() {
    const CONTINUE_AND_FAIL: &str = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let folder = folder();
    let (url, count, _server) = raw_endpoint(&[CONTINUE_AND_FAIL]).await;
    let system = System::start(&folder, &[push("email", url)]).await;
    system.publish("hello").await;
    system.drained("email").await;
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_one_failure() {
    let folder = folder();
    let (url, count, _server) = raw_endpoint(&["", "HTTP/1.1 gibberish\r\n\r\n"]).await;
    let system = System::start(&folder, &[push("email", url)]).await;
    system.publish("hello").await;
    system.drained("email").await;
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_delivery_is_cut_at_the_ack_deadline_and_counts_as_failed() {
    let folder = folder();
    let endpoint = Endpoint::start(|request| match request.nth {
        1 => Reply::Never,
        _ => Reply::Status(204),
    })
    .await;
    let ack_deadline = Duration::from_millis(150);
    let subscription = Subscription {
        ack_deadline,
        ..with_dead_letters(push("email", endpoint.url()), 5)
    };
    let system = System::start(&folder, &[subscription]).await;
    system.publish("hello").await;
    system.drained("email").await;
    until("the first request is cut", async || {
        endpoint.broken_off() == 1
    })
    .await;
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].message.delivery_attempt, Some(2));
    assert!(requests[1].at - requests[0].at >= ack_deadline);
}

#[tokio::test]
async fn each_subscription_gets_its_own_copy_and_does_not_wait_for_the_others() {
    let folder = folder();
    let hung = Endpoint::start(|_| Reply::Never).await;
    let quick = Endpoint::start(|_| Reply::Status(204)).await;
    let subscriptions = [push("hung", hung.url()), push("quick", quick.url())];
    let system = System::start(&folder, &subscriptions).await;
    for number in 0..100 {
        system.publish_message(message(&number.to_string())).await;
    }
    system.drained("quick").await;
    assert_eq!(quick.count(), 100);
    assert_eq!(system.backlog("hung").await, 100);
}

#[tokio::test]
async fn connections_are_kept_for_the_next_push() {
    let folder = folder();
    let endpoint = Endpoint::start(|_| Reply::Status(204)).await;
    let system = System::start(&folder, &[push("email", endpoint.url())]).await;
    for number in 0..20 {
        system.publish(&number.to_string()).await;
        system.drained("email").await;
    }
    assert_eq!(endpoint.count(), 20);
    assert_eq!(endpoint.connections(), 1);
}
