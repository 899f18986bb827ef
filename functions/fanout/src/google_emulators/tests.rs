//! On the real emulators, where they are installed.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use fanout_bus::{
    Backoff, DeadLetterPolicy, OutgoingMessage, PublishError, Publisher as _, PushedMessage,
    Retention, Subscription, Topology,
};
use fanout_bus_pubsub::{Options, PubsubPublisher, SetUpError, set_up};
use fanout_google_cloud::EmulatorHosts;
use fanout_runtime::{Environment as _, ProcessEnvironment, Timestamp};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::{Emulators, locate, start};

/// For everything that should happen soon.
const SOON: Duration = Duration::from_secs(20);

/// Makes the killed-process test hold emulators instead of testing.
const HOLD: &str = "FANOUT_TEST_HOLDS_EMULATORS";

/// Emulators of one test, with the folder of their output.
struct Running {
    emulators: Emulators,
    _output: TempDir,
}

async fn running() -> Running {
    let path = ProcessEnvironment.get("PATH").unwrap_or_default();
    let sdk = locate(path.as_ref()).unwrap_or_else(|missing| panic!("{missing}"));
    let output = tempfile::tempdir().unwrap();
    let emulators = start(&sdk, output.path())
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    Running {
        emulators,
        _output: output,
    }
}

impl Running {
    fn options(&self) -> Options {
        Options {
            project: "demo".to_owned(),
            emulator_host: Some(self.emulators.hosts.pubsub.clone()),
        }
    }
}

/// A push endpoint: passes on what is pushed. `POST /refuse` answers 503, `POST /accept` 204.
struct Receiver {
    base: String,
    pushes: mpsc::UnboundedReceiver<(String, PushedMessage)>,
}

impl Receiver {
    async fn start() -> Self {
        async fn push(
            State(pushes): State<mpsc::UnboundedSender<(String, PushedMessage)>>,
            Path(answer): Path<String>,
            body: Bytes,
        ) -> StatusCode {
            let status = match answer.as_str() {
                "accept" => StatusCode::NO_CONTENT,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            let message = PushedMessage::from_json(&body, Timestamp::UNIX_EPOCH).unwrap();
            let _ = pushes.send((answer, message));
            status
        }
        let (sender, pushes) = mpsc::unbounded_channel();
        let app = Router::new()
            .route("/{answer}", post(push))
            .with_state(sender);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { base, pushes }
    }

    fn url(&self, answer: &str) -> String {
        format!("{}/{answer}", self.base)
    }

    async fn next(&mut self) -> (String, PushedMessage) {
        let next = timeout(SOON, self.pushes.recv()).await;
        next.expect("nothing is pushed").unwrap()
    }
}

fn subscription(name: &str, topic: &str, push_endpoint: String) -> Subscription {
    Subscription {
        name: name.to_owned(),
        topic: topic.to_owned(),
        push_endpoint: Some(push_endpoint),
        wrapping: Default::default(),
        ack_deadline: Duration::from_secs(60),
        backoff: Backoff {
            min: Duration::from_secs(1),
            max: Duration::from_secs(10),
        },
        dead_letters: None,
        ordered: false,
        filter: None,
        retention: Retention::of_unacked(Duration::from_secs(600)),
    }
}

fn message(data: &str) -> OutgoingMessage {
    OutgoingMessage {
        data: data.to_owned().into(),
        attributes: BTreeMap::from([("ce-type".to_owned(), "user.created".to_owned())]),
        ordering_key: "usr_1".to_owned(),
    }
}

/// Waits until nobody listens there any more.
async fn gone(host: &str) {
    let deadline = Instant::now() + SOON;
    while TcpStream::connect(host).await.is_ok() {
        assert!(Instant::now() < deadline, "{host} still listens");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator"
)]
async fn a_message_that_is_published_is_pushed_to_where_the_set_up_says() {
    let google = running().await;
    let options = google.options();
    let mut first = Receiver::start().await;
    let mut second = Receiver::start().await;
    let mut topology = Topology {
        topics: vec!["events".to_owned()],
        subscriptions: vec![subscription("all-events", "events", first.url("accept"))],
    };
    set_up(&options, &topology).await.unwrap();
    let publisher = PubsubPublisher::new(options.clone()).unwrap();
    let id = publisher.publish("events", message("one")).await.unwrap();
    let (_, pushed) = first.next().await;
    assert_eq!(pushed.message_id, id.0);
    assert_eq!(pushed.data, "one");
    assert_eq!(pushed.attributes, message("one").attributes);
    assert_eq!(
        pushed.subscription,
        "projects/demo/subscriptions/all-events"
    );

    // Set up again: the same is accepted, another endpoint is taken over.
    set_up(&options, &topology).await.unwrap();
    topology.subscriptions[0].push_endpoint = Some(second.url("accept"));
    set_up(&options, &topology).await.unwrap();
    publisher.publish("events", message("two")).await.unwrap();
    assert_eq!(second.next().await.1.data, "two");

    // What cannot be changed is an error that names it.
    topology.subscriptions[0].ordered = true;
    let error = set_up(&options, &topology).await.unwrap_err();
    assert!(matches!(
        error,
        SetUpError::Different(_, "message ordering")
    ));
}

#[tokio::test]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator"
)]
async fn messages_that_keep_failing_all_reach_the_dead_letter_topic() {
    let google = running().await;
    let mut receiver = Receiver::start().await;
    let topology = Topology {
        topics: vec!["events".to_owned(), "dead".to_owned()],
        subscriptions: vec![
            Subscription {
                dead_letters: Some(DeadLetterPolicy {
                    topic: "dead".to_owned(),
                    max_attempts: 5,
                }),
                ..subscription("failing", "events", receiver.url("refuse"))
            },
            subscription("dead", "dead", receiver.url("accept")),
        ],
    };
    set_up(&google.options(), &topology).await.unwrap();
    let publisher = PubsubPublisher::new(google.options()).unwrap();
    // Two or more: that is where a retry policy makes the emulator lose them.
    let failing = ["a", "b", "c"];
    for data in failing {
        publisher.publish("events", message(data)).await.unwrap();
    }
    let (mut refused, mut dead) = (BTreeMap::<_, u32>::new(), Vec::new());
    while dead.len() < failing.len() {
        let (answer, pushed) = receiver.next().await;
        if answer == "accept" {
            dead.push(pushed.data);
        } else {
            *refused.entry(pushed.data).or_default() += 1;
        }
    }
    dead.sort();
    assert_eq!(dead, failing);
    let five_times_each = failing.map(|data| (Bytes::from(data), 5));
    assert_eq!(refused, BTreeMap::from(five_times_each));
}

#[tokio::test]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator"
)]
async fn a_missing_topic_is_refused_and_emulators_that_stopped_are_unavailable() {
    let google = running().await;
    let options = google.options();
    let publisher = PubsubPublisher::new(options.clone()).unwrap();
    for _ in 0..2 {
        let error = publisher.publish("none", message("x")).await.unwrap_err();
        assert!(matches!(error, PublishError::Refused(_)), "{error:?}");
    }
    // The key that failed is not held up once the topic is there.
    let topology = Topology {
        topics: vec!["none".to_owned()],
        subscriptions: Vec::new(),
    };
    set_up(&options, &topology).await.unwrap();
    publisher.publish("none", message("x")).await.unwrap();

    let firestore_host = google.emulators.hosts.firestore.clone();
    let pubsub_host = google.emulators.hosts.pubsub.clone();
    drop(google);
    gone(&pubsub_host).await;
    gone(&firestore_host).await;
    let error = publisher.publish("none", message("x")).await.unwrap_err();
    assert!(matches!(error, PublishError::Unavailable(_)), "{error:?}");
}

/// Runs itself in another process, which starts emulators and is killed.
#[tokio::test]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator"
)]
async fn the_emulators_end_with_a_process_that_is_killed() {
    if ProcessEnvironment.get(HOLD).is_some() {
        let google = running().await;
        let EmulatorHosts { pubsub, firestore } = &google.emulators.hosts;
        println!("\nhosts {pubsub} {firestore}");
        return std::future::pending().await;
    }
    let test = concat!(
        module_path!(),
        "::the_emulators_end_with_a_process_that_is_killed"
    );
    let (_crate, test) = test.split_once("::").unwrap();
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env(HOLD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(holder.stdout.take().unwrap());
    let hosts = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("hosts ").map(str::to_owned))
        .expect("the other process says where its emulators are");
    for host in hosts.split(' ') {
        TcpStream::connect(host).await.unwrap();
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
    for host in hosts.split(' ') {
        gone(host).await;
    }
}
