use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fanout_testkit::SilentProxy;
use gcloud_sdk::google::pubsub::v1::{PublishRequest, PubsubMessage};
use gcloud_sdk::prost::Message as _;
use google_cloud_auth::credentials::{CacheableResource, CredentialsProvider};
use google_cloud_auth::errors::CredentialsError;
use h2::Reason;
use h2::server::SendResponse;
use http::{Extensions, HeaderMap};
use proptest::prelude::*;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

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

proptest! {
    #[test]
    fn googles_types_read_the_message_that_was_written(
        data in prop::collection::vec(any::<u8>(), 0..300),
        attributes in prop::collection::btree_map(".{1,9}", ".{0,200}", 0..12),
        ordering_key in ".{0,40}",
    ) {
        let message = OutgoingMessage {
            data: data.clone().into(),
            attributes: attributes.clone(),
            ordering_key: ordering_key.clone(),
        };
        let expected = PublishRequest {
            topic: "projects/demo/topics/t".to_owned(),
            messages: vec![PubsubMessage {
                data,
                attributes: attributes.into_iter().collect(),
                ordering_key,
                ..Default::default()
            }],
        };
        let written = publish_request("projects/demo/topics/t", &message);
        prop_assert_eq!(PublishRequest::decode(written).unwrap(), expected);
    }
}

#[test]
fn googles_codes_are_refusals_or_silence_or_a_reason_to_try_again() {
    let refused = [
        Code::NotFound,
        Code::PermissionDenied,
        Code::InvalidArgument,
        Code::FailedPrecondition,
    ];
    let passing = [
        Code::Aborted,
        Code::DeadlineExceeded,
        Code::Internal,
        Code::ResourceExhausted,
        Code::Unavailable,
        Code::Unknown,
    ];
    for code in (0..=16).map(Code::from) {
        let status = Status::new(code, "");
        let expected = match code {
            code if refused.contains(&code) => "refused",
            Code::DeadlineExceeded => "no_answer",
            _ => "unavailable",
        };
        assert_eq!(classify(&status).slug(), expected, "{code}");
        assert_eq!(may_pass(&status), passing.contains(&code), "{code}");
    }
    // A connection that breaks has a cause, whatever code the client library makes of it.
    let broken = ClientError(Box::new(Status::cancelled("")));
    let broken = Status::from_error(Box::new(broken));
    assert_eq!(broken.code(), Code::Cancelled);
    assert!(may_pass(&broken));
}

#[tokio::test]
async fn where_nothing_listens_the_bus_is_unavailable_long_before_the_time_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let limit = Duration::from_secs(3600);
    let publisher = PubsubPublisher::with_time_limit(at(address), limit).unwrap();
    for attempt in 0..3 {
        let error = publisher.publish("t", keyed("k")).await.unwrap_err();
        assert!(
            matches!(error, PublishError::Unavailable(_)),
            "{attempt}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_bus_that_hangs_gives_no_answer_however_often_it_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limit = Duration::from_millis(300);
    let publisher = PubsubPublisher::with_time_limit(at(address), limit).unwrap();
    for key in ["", "k", "k"] {
        let start = Instant::now();
        let error = publisher.publish("t", keyed(key)).await.unwrap_err();
        assert!(matches!(error, PublishError::NoAnswer(_)), "{error:?}");
        assert!(start.elapsed() > limit / 2);
    }
    drop(listener);
}

#[tokio::test]
async fn a_message_larger_than_pubsub_takes_is_refused_without_being_sent() {
    let nobody = "127.0.0.1:1".parse().unwrap();
    let publisher = PubsubPublisher::new(at(nobody)).unwrap();
    let too_large = OutgoingMessage {
        data: vec![0; MAX_REQUEST_SIZE].into(),
        ..OutgoingMessage::default()
    };
    let error = publisher.publish("t", too_large).await.unwrap_err();
    assert!(matches!(error, PublishError::Refused(_)), "{error:?}");
}

/// What becomes of the publishes on one connection.
#[derive(Clone)]
enum Reply {
    Break,
    Silence,
    /// An answer, once the test says so.
    Late(Arc<Notify>),
}

/// Replies like this on its first connections, and answers every publish on later ones with the
/// message id 1; gRPC by hand, since nothing but one call is needed.
async fn pubsub(replies: Vec<Reply>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let reply = replies.get(number).cloned();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, respond))) = connection.accept().await {
                    let headers = request.headers();
                    assert_eq!(headers[ROUTING], "topic=projects%2Fdemo%2Ftopics%2Ft");
                    assert!(headers.contains_key("grpc-timeout"));
                    match &reply {
                        None => {}
                        Some(Reply::Break) => return,
                        Some(Reply::Silence) => pending().await,
                        Some(Reply::Late(told)) => told.notified().await,
                    }
                    answer(respond);
                }
            });
        }
    });
    host
}

fn answer(mut respond: SendResponse<Bytes>) {
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

#[tokio::test]
async fn a_message_under_which_the_connection_breaks_is_sent_again_a_few_times() {
    for breaks in 0..=TRIES {
        let host = pubsub(vec![Reply::Break; breaks as usize]).await;
        let host = host.parse().unwrap();
        let publisher = PubsubPublisher::new(at(host)).unwrap();
        let published = publisher.publish("t", keyed("k")).await;
        match published {
            Ok(id) => assert_eq!((id.0.as_str(), breaks < TRIES), ("1", true)),
            Err(PublishError::Unavailable(_)) => assert_eq!(breaks, TRIES),
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test]
async fn a_publish_whose_caller_has_left_is_cancelled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let publisher = PubsubPublisher::new(at(listener.local_addr().unwrap()));
    let (came, has_come) = oneshot::channel();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (_, mut respond) = connection.accept().await.unwrap().unwrap();
        came.send(()).unwrap();
        tokio::select! {
            reset = std::future::poll_fn(|context| respond.poll_reset(context)) => reset.unwrap(),
            _ = connection.accept() => panic!("another call, or the end"),
        }
    });
    let publisher = publisher.unwrap();
    tokio::select! {
        published = publisher.publish("t", keyed("k")) => panic!("{published:?}"),
        _ = has_come => {}
    }
    assert_eq!(server.await.unwrap(), Reason::CANCEL);
}

#[tokio::test]
async fn a_connection_that_goes_silent_without_a_reset_is_made_anew_for_the_next_message() {
    let proxy = SilentProxy::before(&pubsub(vec![]).await).await;
    let limit = Duration::from_secs(3);
    let publisher =
        PubsubPublisher::with_time_limit(at(proxy.host.parse().unwrap()), limit).unwrap();
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

#[tokio::test]
async fn a_late_answer_says_nothing_of_the_connection_that_was_made_since() {
    let late = Arc::new(Notify::new());
    let host = pubsub(vec![Reply::Late(Arc::clone(&late)), Reply::Silence]).await;
    let limit = Duration::from_secs(3);
    let publisher = PubsubPublisher::with_time_limit(at(host.parse().unwrap()), limit).unwrap();
    // Long enough to find a connection silent.
    let while_ago = limit.mul_f32(SILENT + 0.05);
    let mut first = pin!(publisher.publish("t", keyed("a")));
    assert!(timeout(while_ago, &mut first).await.is_err());
    let second = publisher.publish("t", keyed("b"));
    assert!(timeout(while_ago, second).await.is_err());
    late.notify_one();
    assert!(first.await.is_ok());
    assert!(publisher.publish("t", keyed("c")).await.is_ok());
}

/// Credentials whose refresh has died, as Google's library leaves them.
#[derive(Debug)]
enum Dead {
    Failing,
    Hanging,
}

impl CredentialsProvider for Dead {
    async fn headers(
        &self,
        _: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        match self {
            Self::Failing => Err(CredentialsError::from_msg(false, "404")),
            Self::Hanging => pending().await,
        }
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

/// Publishes until it is taken, with an API that is made like this.
async fn publish_on(host: &str, api: impl Fn() -> Result<Api, BoxError> + Send + Sync + 'static) {
    let limit = Duration::from_millis(500);
    let publisher = PubsubPublisher::on(at(host.parse().unwrap()), limit, api).unwrap();
    let published = async { while publisher.publish("t", keyed("k")).await.is_err() {} };
    timeout(20 * limit, published).await.unwrap();
}

#[tokio::test]
async fn credentials_that_have_died_are_replaced_once_there_are_others() {
    let host = pubsub(vec![]).await;
    for dead in [Dead::Failing, Dead::Hanging] {
        let (first, address) = (Mutex::new(Some(dead)), format!("http://{host}"));
        let no_file = AtomicBool::new(true);
        let api = move || match first.lock().unwrap().take() {
            Some(dead) => Api::new(&address, dead.into(), None),
            None if no_file.swap(false, Ordering::Relaxed) => Err("no such file".into()),
            None => Api::of_emulator(&address, None),
        };
        publish_on(&host, api).await;
    }
}

#[tokio::test]
async fn credentials_that_are_there_are_kept_by_the_next_connection() {
    let host = pubsub(vec![Reply::Silence]).await;
    let (made, address) = (Arc::new(AtomicUsize::new(0)), format!("http://{host}"));
    let counted = Arc::clone(&made);
    let api = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Api::of_emulator(&address, None)
    };
    publish_on(&host, api).await;
    assert_eq!(made.load(Ordering::Relaxed), 1);
}
