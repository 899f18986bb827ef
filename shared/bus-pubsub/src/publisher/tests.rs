use std::sync::Arc;

use fanout_testkit::SilentProxy;
use google_cloud_gax::error::rpc::Status;
use google_cloud_pubsub::Error;
use tokio::net::TcpListener;

use super::*;

fn at(address: std::net::SocketAddr) -> Options {
    Options {
        project: "demo".to_owned(),
        emulator_host: Some(address.to_string()),
    }
}

fn keyed(key: &str) -> OutgoingMessage {
    OutgoingMessage {
        data: "x".into(),
        ordering_key: key.to_owned(),
        ..OutgoingMessage::default()
    }
}

#[test]
fn googles_codes_are_refusals_or_silence_or_a_reason_to_try_again() {
    let classified = |code: Code| {
        let cause = Error::service(Status::default().set_code(code));
        classify(GoogleError::Rpc(Arc::new(cause)))
    };
    let refused = |code: Code| matches!(classified(code), PublishError::Refused(_));
    for code in [
        Code::NotFound,
        Code::PermissionDenied,
        Code::InvalidArgument,
        Code::FailedPrecondition,
    ] {
        assert!(refused(code), "{code}");
    }
    for code in [
        Code::Aborted,
        Code::AlreadyExists,
        Code::Cancelled,
        Code::DataLoss,
        Code::Internal,
        Code::OutOfRange,
        Code::ResourceExhausted,
        Code::Unauthenticated,
        Code::Unavailable,
        Code::Unimplemented,
        Code::Unknown,
    ] {
        let found = classified(code);
        assert!(matches!(found, PublishError::Unavailable(_)), "{code}");
    }
    let found = classified(Code::DeadlineExceeded);
    assert!(matches!(found, PublishError::NoAnswer(_)));
}

#[test]
fn a_failure_without_a_code_is_a_reason_to_try_again() {
    let no_code = GoogleError::Rpc(Arc::new(Error::io("broken pipe")));
    for error in [
        no_code,
        GoogleError::OrderingKeyPaused,
        GoogleError::Shutdown,
    ] {
        assert!(matches!(classify(error), PublishError::Unavailable(_)));
    }
}

#[tokio::test]
async fn where_nothing_listens_the_bus_is_unavailable_long_before_the_time_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let limit = Duration::from_secs(3600);
    let publisher = PubsubPublisher::with_time_limit(at(address), limit);
    let publisher = publisher.await.unwrap();
    // Often enough for Google's own throttling to set in, if it were on.
    for attempt in 0..20 {
        let error = publisher.publish("t", keyed("k")).await.unwrap_err();
        assert!(
            matches!(error, PublishError::Unavailable(_)),
            "{attempt}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_bus_that_hangs_gives_no_answer_and_pauses_no_key() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limit = Duration::from_millis(300);
    let publisher = PubsubPublisher::with_time_limit(at(address), limit)
        .await
        .unwrap();
    for key in ["", "k", "k"] {
        let start = Instant::now();
        let error = publisher.publish("t", keyed(key)).await.unwrap_err();
        assert!(matches!(error, PublishError::NoAnswer(_)), "{error:?}");
        // Waited for, not refused because of the one before.
        assert!(start.elapsed() > limit / 2);
    }
    publisher.flush().await;
    drop(listener);
}

#[tokio::test]
async fn a_message_larger_than_pubsub_takes_is_refused_without_being_sent() {
    let nobody = "127.0.0.1:1".parse().unwrap();
    let publisher = PubsubPublisher::new(at(nobody)).await.unwrap();
    let too_large = OutgoingMessage {
        data: vec![0; MAX_MESSAGE_SIZE].into(),
        ..OutgoingMessage::default()
    };
    let error = publisher.publish("t", too_large).await.unwrap_err();
    assert!(matches!(error, PublishError::Refused(_)), "{error:?}");
    assert!(publisher.connection.lock().await.topics.is_empty());
}

#[tokio::test]
async fn a_topic_s_client_is_kept_and_renewed_before_it_holds_too_many_keys() {
    let nobody = "127.0.0.1:1".parse().unwrap();
    let publisher = PubsubPublisher::new(at(nobody)).await.unwrap();
    let mut connection = publisher.connection.lock().await;
    let state = |connection: &Connection| {
        let topic = &connection.topics["t"];
        (topic.keyed_messages, topic.previous.is_some())
    };
    for _ in 0..KEYED_MESSAGES_PER_CLIENT {
        connection.client_for("t", true);
        connection.client_for("t", false);
    }
    assert_eq!(state(&connection), (KEYED_MESSAGES_PER_CLIENT, false));
    connection.client_for("t", true);
    assert_eq!(state(&connection), (1, true));
}

/// Answers every publish with the message id 1; gRPC by hand, since nothing but one call is needed.
async fn pubsub() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let head = http::Response::builder().header("content-type", "application/grpc");
                    let mut body = respond
                        .send_response(head.body(()).unwrap(), false)
                        .unwrap();
                    // PublishResponse { message_ids: ["1"] }
                    body.send_data(b"\0\0\0\0\x03\x0a\x011".as_slice().into(), false)
                        .unwrap();
                    let ok = ("grpc-status".parse().unwrap(), "0".parse().unwrap());
                    body.send_trailers([ok].into_iter().collect()).unwrap();
                }
            });
        }
    });
    host
}

#[tokio::test]
async fn a_connection_that_goes_silent_without_a_reset_is_made_anew_for_the_next_message() {
    let proxy = SilentProxy::before(&pubsub().await).await;
    let limit = Duration::from_secs(3);
    let publisher = PubsubPublisher::with_time_limit(at(proxy.host.parse().unwrap()), limit);
    let publisher = publisher.await.unwrap();
    assert!(publisher.publish("t", keyed("k")).await.is_ok());
    proxy.silence();
    // Its caller does not wait for the limit.
    let given_up = timeout(limit / 2, publisher.publish("t", keyed("k"))).await;
    assert!(given_up.is_err());
    let start = Instant::now();
    for key in ["k", "l", ""] {
        assert!(publisher.publish("t", keyed(key)).await.is_ok(), "{key}");
    }
    assert!(start.elapsed() < limit / 2, "{:?}", start.elapsed());
}
