//! `fanout up --emulators`: Google's emulators, started and stopped by the command itself.

use std::net::TcpStream;

use serde_json::json;

use crate::console::{FORM, authority, page, token};
use crate::guarded::status;
use crate::running::{Running, fanout, wait_until};

#[test]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator"
)]
fn the_system_runs_on_emulators_that_it_starts_and_stops() {
    let data = tempfile::tempdir().unwrap();
    let mut command = fanout(data.path());
    command.arg("--emulators");
    let running = Running::of(command);
    let body = json!({"email": "a@example.com", "name": "A"});
    let (status, user) = running.post("user", "/users", &body);
    assert_eq!(status, 201);
    let id = user["id"].as_str().unwrap();
    let contact = format!("/contacts/{id}");
    wait_until("the contact", || running.get("crm", &contact).0 == 200);
    wait_until("the count", || running.count() == 1);
    let emulator = running.url("pubsub", "").replace("http://", "");
    let (code, output) = running.interrupt();
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("On Google's emulators"), "{output}");
    wait_until("the emulator is gone", || {
        TcpStream::connect(&emulator).is_err()
    });
}

/// Waits until the page at this path has this text.
fn see(running: &Running, path: &str, text: &str) {
    wait_until(&format!("{text} on {path}"), || {
        page(running, path).contains(text)
    });
}

/// Where the first link leads, on the page at this path, of those that begin so.
fn first(running: &Running, path: &str, begin: &str) -> String {
    let shown = page(running, path);
    let (_, rest) = shown.split_once(&format!("href=\"{begin}")).unwrap();
    let rest = rest.split('"').next().unwrap();
    format!("{begin}{rest}").replace("&#38;", "&")
}

/// The id of the plan that the page at this path shows.
fn plan_on(running: &Running, path: &str) -> String {
    let shown = page(running, path);
    let (_, rest) = shown.split_once("name=\"plan\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// Every screen with something on it, this event's among them.
fn every_screen_answers(running: &Running, event: &str) {
    let here = authority(running);
    let paths = [
        "/".to_owned(),
        "/events?outcome=trouble".to_owned(),
        first(running, event, "/requests/"),
        first(running, event, "/users/"),
        format!("{event}/payload"),
        first(running, "/processes", "/processes/order/"),
        "/projections".to_owned(),
        first(running, "/dead-letters", "/dead-letters/crm/"),
        first(running, "/dead-letters", "/dead-letters/plan?consumer=crm"),
        event.to_owned(),
    ];
    for path in &paths {
        let url = running.url("console", path);
        assert_eq!(
            status(&url, "GET", &format!("Host: {here}\r\n"), ""),
            200,
            "{path}"
        );
    }
}

/// All that the page can be asked for on emulators: what it cannot know or do there it says.
#[test]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator"
)]
fn the_page_shows_emulators_and_says_what_cannot_be_known_or_done_there() {
    let data = tempfile::tempdir().unwrap();
    let mut command = fanout(data.path());
    command.args(["--emulators", "--system", "shop"]);
    let running = Running::of(command);
    let (here, token) = (authority(&running), token(&running));
    let ours = format!("Host: {here}\r\nOrigin: http://{here}\r\n{FORM}");
    let act = |path: &str, fields: &str| {
        let body = format!("token={token}&{fields}");
        let answer = status(&running.url("console", path), "POST", &ours, &body);
        assert_eq!(answer, 303, "{path} {fields}");
    };
    let see = |path: &str, text: &str| see(&running, path, text);
    let first = |path: &str, begin: &str| first(&running, path, begin);

    // It is filled as anywhere else, from the page itself.
    act("/try/sign-up", "email=a%40example.com&name=A");
    see("/try", "signed up: 201");
    see("/events", "user.created");
    act("/try/order", "user_id=7&product_id=1&quantity=1&price=9.99");
    see("/processes", "class=\"ok\">completed");
    act("/try/garbage", "topic=user-events&what=not_json");
    see("/dead-letters", "undecodable");
    let event = first("/events?type=user.created", "/events/");
    act(&format!("{event}/again"), "");
    see(&event, "duplicate, left alone");
    every_screen_answers(&running, &event);

    // What waits is not known, and nothing can be broken.
    see("/", "<b>unknown</b> waiting");
    see(
        "/try",
        "On Google's emulators nothing can be broken from here.",
    );
    assert!(!page(&running, "/try").contains("/try/fault"));
    act("/try/fault", "consumer=email&fails=100");
    see("/try", "nothing can be broken here: it runs on");
    act("/try/mischief", "duplicates=100");
    see("/try", "emulator cannot be made to misbehave");

    // Dead letters are dealt with.
    let plan = first("/dead-letters", "/dead-letters/plan?consumer=crm");
    let plan = plan_on(&running, &plan);
    act("/dead-letters/discard", &format!("plan={plan}"));
    see("/try", "discarded 1 letter of crm");
    let kept = std::fs::read_dir(data.path()).unwrap();
    let mut kept = kept.map(|it| it.unwrap().file_name().into_string().unwrap());
    assert!(
        kept.any(|name| name.contains("crm")),
        "no file with the letter"
    );
}
