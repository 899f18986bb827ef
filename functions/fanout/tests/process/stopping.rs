//! Ctrl-C while something does not end by itself.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::running::{Running, fanout, send_signal, try_post};

/// Between the drain of 8 s and what publishing everything that waits would take: four times the
/// 10 s of one publish, at least.
const STOPPED_BY_THEN: Duration = Duration::from_secs(30);

fn user(number: usize) -> Value {
    json!({"email": format!("user-{number}@example.com"), "name": "Test User"})
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let data = tempfile::tempdir().unwrap();
    let mut running = Running::start(data.path());
    let host = running.url("user", "").replace("http://", "");
    let mut stream = TcpStream::connect(host).unwrap();
    // A body that never ends would hold it for the whole drain.
    write!(
        stream,
        "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{"
    )
    .unwrap();
    assert_eq!(running.post("user", "/users", &user(1)).0, 201);
    send_signal("-INT", running.id());
    running.says("stopping");
    send_signal("-INT", running.id());
    let (code, output) = running.ended();
    // It would be 0 after the drain.
    assert_eq!(code, Some(130), "{output}");
}

/// On emulators of which Pub/Sub's can be made to hang.
fn on_emulators(data: &Path) -> (Running, u32) {
    let mut command = fanout(data);
    command.args(["--emulators", "--log", "json"]);
    let running = Running::of(command);
    let pubsub = children(running.id())
        .into_iter()
        .find(|id| command_line(*id).contains("pubsub"));
    (running, pubsub.expect("the emulator's process"))
}

fn children(process: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let lists = threads.map(|it| std::fs::read_to_string(it.unwrap().path().join("children")));
    let ids = lists.map(|it| it.unwrap_or_default());
    ids.flat_map(|ids| {
        ids.split_whitespace()
            .map(|id| id.parse().unwrap())
            .collect::<Vec<u32>>()
    })
    .collect()
}

fn command_line(process: u32) -> String {
    std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default()
}

#[test]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator"
)]
fn with_a_bus_that_hangs_and_many_events_waiting_it_stops_within_the_drain() {
    let data = tempfile::tempdir().unwrap();
    let (running, pubsub) = on_emulators(data.path());
    // Refused at once, so that they are the relay's from the start.
    let topic = "/v1/projects/fanout-local/topics/user-events";
    assert_eq!(running.call("DELETE", "pubsub", topic, &json!({})), 200);
    let users = running.url("user", "/users");
    // On a busy machine Firestore's emulator does not take every one in time.
    let accepted = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for client in 0..4 {
            let (users, accepted) = (&users, &accepted);
            threads.spawn(move || {
                for number in 0..30 {
                    let (status, _) = try_post(users, &user(client * 30 + number)).unwrap();
                    accepted.fetch_add(usize::from(status == 201), Ordering::Relaxed);
                }
            });
        }
    });
    // A run of the relay takes 16 at once, each for as long as one publish may take.
    assert!(accepted.load(Ordering::Relaxed) >= 60, "{accepted:?}");
    send_signal("-STOP", pubsub);
    // Takes 2 s: the relay, each second, hangs by then.
    assert_eq!(running.post("user", "/users", &user(300)).0, 201);
    let start = Instant::now();
    let (code, output) = running.interrupt();
    assert_eq!(code, Some(0), "{output}");
    assert!(start.elapsed() < STOPPED_BY_THEN, "{:?}", start.elapsed());
}

#[test]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator"
)]
fn a_message_on_its_way_at_ctrl_c_is_waited_for() {
    let data = tempfile::tempdir().unwrap();
    let (mut running, pubsub) = on_emulators(data.path());
    // Connects.
    assert_eq!(running.post("user", "/users", &user(1)).0, 201);
    running.says("\"published\"");
    send_signal("-STOP", pubsub);
    assert_eq!(running.post("user", "/users", &user(2)).0, 201);
    send_signal("-INT", running.id());
    running.says("stopping");
    send_signal("-CONT", pubsub);
    let (code, output) = running.ended();
    assert_eq!(code, Some(0), "{output}");
    let after = output.split("stopping").nth(1).unwrap();
    let heard = |line: &str| line.contains("\"published\"") && line.contains("message_id");
    assert!(after.lines().any(heard), "{output}");
}
