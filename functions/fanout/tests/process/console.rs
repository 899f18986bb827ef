//! The page as hostile programs and web pages meet it, and what each of its modes allows. What a person
//! does in a browser is in `tests/browser`.

use std::path::Path;

use serde_json::json;

use crate::guarded::status;
use crate::running::{Running, fanout, wait_until};

fn start(data: &Path, mode: &str) -> Running {
    let mut command = fanout(data);
    command.args(["--console", mode]);
    Running::of(command)
}

/// The page at this path, as text.
pub(crate) fn page(running: &Running, path: &str) -> String {
    let url = running.url("console", path);
    let output = std::process::Command::new("curl")
        .args(["-s", "--noproxy", "*", &url])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn token(running: &Running) -> String {
    let page = page(running, "/try");
    let (_, rest) = page.split_once(r#"name="token" value=""#).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

pub(crate) fn authority(running: &Running) -> String {
    let url = running.url("console", "");
    url.trim_start_matches("http://").to_owned()
}

/// A method, the lines of a head, and a body.
type Request = (&'static str, String, String);

pub(crate) const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

fn form_with(token: &str) -> String {
    format!("token={token}&consumer=email&fails=100")
}

/// Requests that name another host, each with the status that refuses it.
fn for_another_host(here: &str) -> Vec<(u16, Request)> {
    let port = here.rsplit(':').next().unwrap();
    let names = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        "localhost".to_owned(),
        "localhost:1".to_owned(),
        format!("127.0.0.1.nip.io:{port}"),
        format!("[::2]:{port}"),
        format!("0.0.0.0:{port}"),
    ];
    let get = |name: String| (403, ("GET", format!("Host: {name}\r\n"), String::new()));
    let mut requests: Vec<_> = names.into_iter().map(get).collect();
    // The host comes before the method.
    let delete = ("DELETE", "Host: evil.example\r\n".to_owned(), String::new());
    requests.push((403, delete));
    requests
}

/// Forms that another page sends, and one without the secret.
fn from_another_page(here: &str, token: &str) -> Vec<(u16, Request)> {
    let ours = format!("Host: {here}\r\nOrigin: http://{here}\r\n");
    let (body, wrong) = (
        form_with(token),
        form_with("page_00000000000000000000000000"),
    );
    let origins = [
        String::new(),
        "Origin: null\r\n".to_owned(),
        "Origin: http://evil.example\r\n".to_owned(),
        "Origin: http://localhost:1\r\n".to_owned(),
        format!("Origin: https://{here}\r\n"),
        format!("Origin: http://{here}\r\nOrigin: http://{here}\r\n"),
        format!("Origin: http://{here}\r\nSec-Fetch-Site: cross-site\r\n"),
        format!("Origin: http://{here}\r\nSec-Fetch-Site: same-site\r\n"),
    ];
    let post = |headers: String, body: &str| ("POST", headers, body.to_owned());
    let refused = |origin: String| (403, post(format!("Host: {here}\r\n{origin}{FORM}"), &body));
    let mut requests: Vec<_> = origins.into_iter().map(refused).collect();
    let text = format!("{ours}Content-Type: text/plain\r\n");
    let long = format!("{body}&x={}", "x".repeat(1 << 20));
    requests.extend([
        // The method comes before the secret, and that before the media type.
        (405, ("PUT", format!("{ours}{FORM}"), wrong.clone())),
        (
            403,
            post(format!("{ours}{FORM}"), "consumer=email&fails=100"),
        ),
        (403, post(format!("{ours}{FORM}"), &wrong)),
        (403, post(text.clone(), &wrong)),
        (415, post(text, &body)),
        (413, post(format!("{ours}{FORM}"), &long)),
    ]);
    requests
}

#[test]
fn twenty_hostile_requests_are_refused_each_for_its_own_reason() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let (here, token) = (authority(&running), token(&running));
    let url = running.url("console", "/try/fault");
    let requests = [for_another_host(&here), from_another_page(&here, &token)].concat();
    assert!(requests.len() >= 20);
    for (number, (expected, (method, headers, body))) in requests.iter().enumerate() {
        let answer = status(&url, method, headers, body);
        assert_eq!(answer, *expected, "request {number}: {method} {headers}");
    }
    assert!(!page(&running, "/try").contains("fails on purpose ("));
    let ours = format!("Host: {here}\r\nOrigin: http://{here}\r\n{FORM}");
    assert_eq!(status(&url, "POST", &ours, &form_with(&token)), 303);
    assert!(page(&running, "/try").contains("fails on purpose ("));
}

#[test]
fn a_read_only_page_shows_everything_offers_nothing_and_refuses_what_it_does_not_offer() {
    let data = tempfile::tempdir().unwrap();
    let running = start(data.path(), "read-only");
    let person = json!({"email": "ada@example.com", "name": "Ada"});
    let (_, user) = running.post("user", "/users", &person);
    wait_until("the event", || {
        page(&running, "/events").contains("user.created")
    });
    let user = format!("/users/{}", user["id"].as_str().unwrap());
    for path in ["/", "/events", "/dead-letters", "/try", &user] {
        let page = page(&running, path);
        assert!(page.contains("<h1"), "{path}");
        assert!(!page.contains(r#"method="post""#), "{path}");
        assert!(!page.contains("page_"), "{path} shows the secret");
    }
    let here = authority(&running);
    let headers = format!(
        "Host: {here}\r\nOrigin: http://{here}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    );
    let url = running.url("console", "/try/sign-up");
    assert_eq!(status(&url, "POST", &headers, "email=a@b.example"), 403);
}

/// The head of the answer to a request for this path.
fn head(running: &Running, path: &str) -> String {
    let url = running.url("console", path);
    let output = std::process::Command::new("curl")
        .args([
            "-s",
            "--noproxy",
            "*",
            "--output",
            "/dev/null",
            "--dump-header",
            "-",
            &url,
        ])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().to_lowercase()
}

#[test]
fn every_answer_forbids_what_the_page_does_not_need() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    for path in ["/", "/try", "/events/evt_none", "/no/such/path", "/metrics"] {
        let head = head(&running, path);
        for line in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; \
             img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
             base-uri 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "cache-control: no-store",
            "cross-origin-opener-policy: same-origin",
        ] {
            assert!(head.contains(line), "{path} lacks {line}: {head}");
        }
    }
    let asset = head(&running, "/assets/htmx.min.js");
    assert!(asset.contains("immutable"), "{asset}");
}

#[test]
fn each_action_and_each_look_at_a_payload_is_a_line_of_the_log_without_anything_personal() {
    let data = tempfile::tempdir().unwrap();
    let mut command = fanout(data.path());
    command.args(["--log", "json"]);
    let mut running = Running::of(command);
    let (here, token) = (authority(&running), token(&running));
    let ours = format!("Host: {here}\r\nOrigin: http://{here}\r\n{FORM}");
    let body = format!("token={token}&email=marked%40example.com&name=Marked+Person");
    let url = running.url("console", "/try/sign-up");
    assert_eq!(status(&url, "POST", &ours, &body), 303);
    running.says("console: signed up: 201");
    let events = page(&running, "/events");
    let (_, rest) = events.split_once("href=\"/events/evt_").unwrap();
    let event = format!("/events/evt_{}", rest.split('"').next().unwrap());
    let again = running.url("console", &format!("{event}/again"));
    assert_eq!(
        status(&again, "POST", &ours, &format!("token={token}")),
        303
    );
    running.says("console: sent once more");
    for (path, uncovered) in [
        ("payload", false),
        ("payload?uncovered=true", true),
        ("payload.json", true),
    ] {
        let shown = page(&running, &format!("{event}/{path}"));
        assert_eq!(shown.contains("marked@example.com"), uncovered, "{path}");
        running.says("console showed a payload");
    }
    let user = page(&running, &event);
    let (_, rest) = user.split_once("href=\"/users/").unwrap();
    let user = format!("/users/{}", rest.split('"').next().unwrap());
    for path in ["/", "/events", &event, &user, "/dead-letters", "/try"] {
        let shown = page(&running, path);
        assert!(
            !shown.contains("marked@") && !shown.contains("Marked"),
            "{path}"
        );
    }
    let (_, said) = running.interrupt();
    assert!(
        !said.contains("marked@") && !said.contains("Marked"),
        "{said}"
    );
}

#[test]
fn without_a_page_nothing_listens_for_it() {
    let data = tempfile::tempdir().unwrap();
    let running = start(data.path(), "off");
    assert!(!running.said().contains("console"));
}

#[test]
fn what_people_and_programs_write_is_text_on_the_page() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let hostile = [
        "<script>alert(1)</script>",
        "{{ 7 * 7 }}",
        "\"><img src=x onerror=alert(1)>",
        "a\u{202e}b",
        "\u{0}\u{1b}[2J",
        "x".repeat(10_000).as_str(),
    ]
    .map(str::to_owned);
    for (number, text) in hostile.iter().enumerate() {
        let event = json!({
            "id": format!("evt_{number}{text}"), "type": "user.created", "source": text,
            "subject": text, "sequence": 1, "timestamp": "2026-11-20T12:00:00Z",
            "correlation_id": text, "metadata": {"version": "1.0"},
            "data": {"user_id": text, "email": "a@example.com", "name": text},
        });
        let data = base64(&event.to_string());
        let message = json!({"messages": [{"data": data}]});
        let path = "/v1/projects/fanout-local/topics/user-events:publish";
        assert_eq!(running.post("pubsub", path, &message).0, 200);
    }
    let rows = || page(&running, "/events").matches(" id=\"e-").count();
    wait_until("all of them", || rows() >= hostile.len());
    for path in ["/", "/events", "/dead-letters"] {
        let page = page(&running, path);
        for markup in ["<script>alert", "<img src=x", "\u{1b}"] {
            assert!(!page.contains(markup), "{path} has {markup:?}");
        }
        assert!(page.len() < 400_000, "{path}: {} bytes", page.len());
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
