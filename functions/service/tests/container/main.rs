//! The container's binary as Cloud Run starts and stops it.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod google;
mod settings;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fanout_testkit::SilentProxy;
use google::Google;

/// For everything that should happen soon, on a machine that is busy.
const SOON: Duration = Duration::from_secs(60);

fn binary(role: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
    command.env_clear().arg(role);
    command
}

/// A running container, killed when dropped.
struct Container {
    child: Child,
    output: BufReader<ChildStdout>,
    port: String,
}

impl Container {
    /// Starts it and waits until it says that it is ready.
    fn start(google: &str) -> Self {
        let mut container = Self::begin("user-service", google);
        container.until_ready();
        container
    }

    /// Starts it.
    fn begin(role: &str, google: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let mut child = binary(role)
            .envs([
                ("PORT", port.as_str()),
                ("GOOGLE_CLOUD_PROJECT", "test"),
                ("FIRESTORE_EMULATOR_HOST", google),
                ("PUBSUB_EMULATOR_HOST", google),
                ("PUSH_AUTH", "iam"),
                ("SMTP_URL", "smtp://127.0.0.1:9"),
                ("MAIL_FROM", "hello@example.com"),
                ("PAYMENT_PROVIDER", "test"),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            output,
            port,
        }
    }

    fn until_ready(&mut self) {
        let mut said = String::new();
        while !said.contains("\"ready\"") {
            let read = self.output.read_line(&mut said).unwrap();
            assert!(read > 0, "it ended: {said}");
        }
    }

    /// Waits until it listens, which is all that it needs itself for.
    fn until_healthy(&self) {
        let start = Instant::now();
        while self.health() != "HTTP/1.1 200" {
            assert!(start.elapsed() < SOON, "it does not listen");
            std::thread::yield_now();
        }
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        TcpStream::connect(format!("127.0.0.1:{}", self.port))
    }

    /// Sends `POST /users` with a body of which `missing` bytes are kept back.
    fn sign_up(&self, missing: usize) -> TcpStream {
        let body = r#"{"email": "ada@example.com", "name": "Ada"}"#;
        let (length, sent) = (body.len(), &body[..body.len() - missing]);
        let mut stream = self.connect().unwrap();
        write!(
            stream,
            "POST /users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{sent}"
        )
        .unwrap();
        stream
    }

    /// How a sign-up is answered within a second, if it is.
    fn signed_up(&self) -> String {
        beginning(self.sign_up(0))
    }

    fn health(&self) -> String {
        self.get("/health")
    }

    /// How a call is answered, if it is. Before anybody listens on a port, a connection to it may be one
    /// with itself: that it was made says nothing.
    fn get(&self, path: &str) -> String {
        let Ok(mut stream) = self.connect() else {
            return String::new();
        };
        match write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n") {
            Ok(()) => beginning(stream),
            Err(_) => String::new(),
        }
    }

    /// Sends SIGTERM and waits until it takes no connection any more.
    fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
        let start = Instant::now();
        while self.connect().is_ok() {
            assert!(start.elapsed() < SOON, "it still takes connections");
            std::thread::yield_now();
        }
    }

    fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end; gives the exit code and what it has logged.
    fn ended(&mut self) -> (Option<i32>, String) {
        let mut logs = String::new();
        self.output.read_to_string(&mut logs).unwrap();
        (self.child.wait().unwrap().code(), logs)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Version and status of an answer that comes within a second.
fn beginning(mut stream: TcpStream) -> String {
    let second = Some(Duration::from_secs(1));
    stream.set_read_timeout(second).unwrap();
    let mut answer = [0; 12];
    match stream.read_exact(&mut answer) {
        Ok(()) => String::from_utf8_lossy(&answer).into_owned(),
        Err(_) => String::new(),
    }
}

async fn stop_with_a_publish_under_way(slow_client: bool) {
    let google = Google::start().await;
    let mut container = Container::start(&google.host);
    let slow = slow_client.then(|| container.sign_up(1));
    let mut request = container.sign_up(0);
    google.publish_arrived().await;
    container.terminate();
    let mut answer = String::new();
    request.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(container.runs(), "it ended before its message was out");
    assert_eq!(google.commits(), 1);
    google.answer_publishes();
    let (code, logs) = container.ended();
    assert_eq!(code, Some(0), "{logs}");
    assert!(logs.contains("\"published\""), "{logs}");
    assert!(logs.contains("\"stopped\""), "{logs}");
    // The outbox has been tidied up too, so that no relay sends it again.
    assert_eq!((google.publishes(), google.commits()), (1, 2), "{logs}");
    drop(slow);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_connections_go_silent_without_a_reset_it_has_recovered_within_ten_seconds() {
    let google = Google::start().await;
    google.answer_publishes();
    let proxy = SilentProxy::before(&google.host).await;
    let container = Container::start(&proxy.host);
    assert_eq!(container.signed_up(), "HTTP/1.1 201");
    google.publish_arrived().await;
    proxy.silence();
    let start = Instant::now();
    let before = google.publishes();
    assert_ne!(container.signed_up(), "HTTP/1.1 201");
    assert_eq!(container.health(), "HTTP/1.1 200");
    while container.signed_up() != "HTTP/1.1 201" || google.publishes() == before {
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_answers_the_paths_that_cloud_run_probes() {
    let google = Google::start().await;
    for spec in system::roles() {
        let mut container = Container::begin(spec.name, &google.host);
        container.until_ready();
        for path in ["/started", "/health"] {
            assert_eq!(container.get(path), "HTTP/1.1 200", "{} {path}", spec.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_waits_until_the_database_has_been_looked_at() {
    let google = Google::start_thinking().await;
    google.answer_publishes();
    let mut container = Container::begin("user-service", &google.host);
    container.until_healthy();
    let request = container.sign_up(0);
    // What was asked later is answered.
    container.until_healthy();
    assert_eq!(google.commits(), 0);
    google.finds(false);
    assert_eq!(beginning(request), "HTTP/1.1 201");
    container.until_ready();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_an_earlier_version_is_refused_and_so_is_what_came_meanwhile() {
    let google = Google::start_thinking().await;
    let mut container = Container::begin("user-service", &google.host);
    container.until_healthy();
    let request = container.sign_up(0);
    container.until_healthy();
    google.finds(true);
    let (code, logs) = container.ended();
    assert_eq!(code, Some(1), "{logs}");
    assert!(logs.contains("\"cannot serve\""), "{logs}");
    let sentence = "an earlier version of Fanout has used this database";
    assert!(logs.contains(sentence), "{logs}");
    assert_eq!(beginning(request), "");
    assert_eq!(google.commits(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_sigterm_a_message_under_way_is_waited_for() {
    stop_with_a_publish_under_way(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_sigterm_a_client_that_never_ends_its_request_costs_no_message() {
    stop_with_a_publish_under_way(true).await;
}
