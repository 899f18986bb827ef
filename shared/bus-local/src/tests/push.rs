//! What a push looks like, and which answers ack it.

use std::sync::atomic::Ordering;

use fanout_testkit::push_endpoint::{PushEndpoint, Reply, raw_endpoint};

use super::system::{System, folder, message, push};

#[tokio::test]
async fn a_push_has_googles_headers() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let system = System::start(&folder, &[push("email", endpoint.url())]).await;
    system.publish("hello").await;
    system.drained("email").await;
    let request = endpoint.pushes().remove(0);
    assert_eq!(request.path, "/pubsub/push");
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["user-agent"], "CloudPubSub-Google");
    assert_eq!(
        request.headers["content-length"],
        request.body.len().to_string()
    );
}

#[tokio::test]
async fn status_102_acks_whatever_comes_after_it() {
    const AND_FAILED: &str = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 500 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let folder = folder();
    let (url, count, _server) = raw_endpoint(&[AND_FAILED]).await;
    let system = System::start(&folder, &[push("email", url)]).await;
    system.publish("hello").await;
    system.drained("email").await;
    assert_eq!(count.load(Ordering::SeqCst), 1);
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
async fn each_subscription_gets_its_own_copy_and_does_not_wait_for_the_others() {
    let folder = folder();
    let hung = PushEndpoint::start(|_| Reply::Never).await;
    let quick = PushEndpoint::start(|_| Reply::Status(204)).await;
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
    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let system = System::start(&folder, &[push("email", endpoint.url())]).await;
    for number in 0..20 {
        system.publish(&number.to_string()).await;
        system.drained("email").await;
    }
    assert_eq!(endpoint.count(), 20);
    assert_eq!(endpoint.connections(), 1);
}
