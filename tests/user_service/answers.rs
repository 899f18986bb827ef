//! Every row of the service's table, as a transcript of what was sent and answered.

use std::fmt::Write as _;

use fanout_store::{Document, Value as Stored};
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use user_service::{USER_EMAILS, USERS};

use super::service::{Answer, Service};

/// Requests and their whole answers, in the order in which they were made.
struct Transcript {
    service: Service,
    text: String,
}

impl Transcript {
    async fn new() -> Self {
        Self {
            service: Service::repeatable().await,
            text: String::new(),
        }
    }

    /// Sends this request and notes it with its answer.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let answer = self
            .service
            .call(method.clone(), path, headers, body.to_owned())
            .await;
        // The next request finds everything tidied up, in every run.
        self.service.outbox.drain().await;
        let text = &mut self.text;
        writeln!(text, "> {method} {path}").unwrap();
        for (name, value) in headers.iter().filter(|(name, _)| *name != "content-type") {
            writeln!(text, "> {name}: {value}").unwrap();
        }
        if !body.is_empty() {
            writeln!(text, "> {body}").unwrap();
        }
        writeln!(text, "{}", answer.status).unwrap();
        let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        for name in names {
            writeln!(text, "{name}: {}", answer.headers[name].to_str().unwrap()).unwrap();
        }
        if !answer.body.is_null() {
            writeln!(text, "{:#}", answer.body).unwrap();
        }
        text.push('\n');
        answer
    }

    async fn json(&mut self, method: Method, path: &str, body: &str) -> Answer {
        self.send(method, path, &[("content-type", "application/json")], body)
            .await
    }

    /// The published events.
    fn events(&mut self) {
        for event in self.service.bus.events() {
            writeln!(self.text, "published {event:#}\n").unwrap();
        }
    }
}

const ADA: &str = r#"{"email":"Ada@example.com","name":" Ada ","unknown":{"a":1}}"#;

#[tokio::test]
async fn sign_up_and_read() {
    let mut it = Transcript::new().await;
    let created = it.json(Method::POST, "/users", ADA).await;
    let location = created.headers["location"].to_str().unwrap().to_owned();
    it.send(Method::GET, &location, &[], "").await;
    it.json(
        Method::POST,
        "/users",
        r#"{"email":"ADA@EXAMPLE.COM","name":"Eve"}"#,
    )
    .await;
    it.send(Method::GET, "/users/usr_nobody", &[], "").await;
    it.send(Method::GET, "/users/%ff", &[], "").await;
    it.send(Method::GET, "/nowhere", &[], "").await;
    it.send(Method::PUT, &location, &[], "").await;
    it.events();
    insta::assert_snapshot!(it.text);
}

#[tokio::test]
async fn bodies_that_are_refused() {
    let mut it = Transcript::new().await;
    for body in [
        "",
        "not JSON",
        "[\"ada@example.com\",\"Ada\"]",
        "{\"email\":\"ada@example.com\",\n \"name\":7}",
        "{\"email\":\"ada@example.com\",\"name\":null}",
        "{\"email\":\"a@example.com\",\"email\":\"b@example.com\",\"name\":\"Ada\"}",
        "{\"email\":\"a@example.com\",\"name\":\"Ada\"} trailing",
        "{\"email\":\"a@example.com\",\"name\":\"Ada\"",
        "{\"email\":\"a@example.com\",\"name\":\"\\ud800\"}",
        "{}",
        "{\"email\":\"nobody\",\"name\":\"a\\u0000b\"}",
        "{\"email\":\"ada@localhost\"}",
    ] {
        let answer = it.json(Method::POST, "/users", body).await;
        assert!(answer.status.is_client_error(), "{body}");
    }
    it.send(Method::POST, "/users", &[], ADA).await;
    it.send(
        Method::POST,
        "/users",
        &[("content-type", "text/plain")],
        ADA,
    )
    .await;
    insta::assert_snapshot!(it.text);
    assert!(it.service.stored(USERS).await.is_empty());
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_and_one_of_64_kib_is_not() {
    let service = Service::new().await;
    let json = [("content-type", "application/json")];
    let body = |length: usize| {
        let start = r#"{"email":"ada@example.com","name":"Ada","padding":""#;
        format!("{start}{}\"}}", "x".repeat(length - start.len() - 2))
    };
    let over = body(64 * 1024 + 1);
    let refused = service.call(Method::POST, "/users", &json, over).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    insta::assert_json_snapshot!(refused.body, @r#"
    {
      "detail": "Send at most 65536 bytes.",
      "status": 413,
      "title": "The body is too large",
      "type": "body_too_large"
    }
    "#);
    let fits = service.call(Method::POST, "/users", &json, body(64 * 1024));
    assert_eq!(fits.await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn change_a_user() {
    let mut it = Transcript::new().await;
    let created = it.json(Method::POST, "/users", ADA).await;
    it.json(
        Method::POST,
        "/users",
        r#"{"email":"eve@example.com","name":"Eve"}"#,
    )
    .await;
    let path = created.headers["location"].to_str().unwrap().to_owned();
    it.service.clock.advance(std::time::Duration::from_secs(60));
    it.json(Method::PATCH, &path, r#"{"name":"Ada Lovelace"}"#)
        .await;
    it.json(Method::PATCH, &path, r#"{"name":"Ada Lovelace"}"#)
        .await;
    it.json(Method::PATCH, &path, "{}").await;
    it.json(
        Method::PATCH,
        &path,
        r#"{"email":"new@example.com","name":"A. L."}"#,
    )
    .await;
    it.json(Method::PATCH, &path, r#"{"email":"eve@example.com"}"#)
        .await;
    it.json(Method::PATCH, &path, r#"{"email":"nobody","name":""}"#)
        .await;
    it.json(Method::PATCH, &path, r#"{"name":null}"#).await;
    let json = ("content-type", "application/json");
    let change = r#"{"name":"B"}"#;
    for tag in ["\"1\"", "W/\"3\"", "3"] {
        it.send(Method::PATCH, &path, &[json, ("if-match", tag)], change)
            .await;
    }
    it.send(
        Method::PATCH,
        &path,
        &[json, ("if-match", "\"1\", \"3\"")],
        change,
    )
    .await;
    it.send(
        Method::PATCH,
        &path,
        &[json, ("if-match", "*")],
        r#"{"name":"C"}"#,
    )
    .await;
    it.json(Method::PATCH, "/users/usr_nobody", change).await;
    it.events();
    insta::assert_snapshot!(it.text);
    it.service.assert_outbox_empty().await;
}

#[tokio::test]
async fn delete_a_user() {
    let mut it = Transcript::new().await;
    let created = it.json(Method::POST, "/users", ADA).await;
    let path = created.headers["location"].to_str().unwrap().to_owned();
    it.send(Method::DELETE, &path, &[("if-match", "\"7\"")], "")
        .await;
    it.send(Method::DELETE, &path, &[("if-match", "\"1\"")], "")
        .await;
    it.send(Method::DELETE, &path, &[], "").await;
    it.send(Method::GET, &path, &[], "").await;
    it.json(Method::PATCH, &path, r#"{"name":"Zombie"}"#).await;
    it.json(Method::POST, "/users", ADA).await;
    it.events();
    insta::assert_snapshot!(it.text);
}

fn names(document: &Document) -> Vec<&str> {
    document.fields.iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn a_deleted_user_leaves_id_version_and_time_and_nothing_else() {
    let service = Service::new().await;
    let user = service.new_user("ada@example.com").await;
    service.patch(&user, &json!({"name": "Ada"})).await;
    service.delete(&user).await;
    let users = service.stored(USERS).await;
    assert_eq!(users.len(), 1);
    assert_eq!(users[0].key.id(), user);
    assert_eq!(names(&users[0]), ["deleted_at", "version"]);
    assert_eq!(users[0].fields.get("version"), Some(&Stored::Integer(3)));
    assert!(service.stored(USER_EMAILS).await.is_empty());
}

#[tokio::test]
async fn by_a_clock_that_is_put_back_nothing_happens_before_what_came_first() {
    let service = Service::new().await;
    let user = service.new_user("ada@example.com").await;
    let created = service.get(&user).await.body["created_at"].clone();
    service.clock.set(fanout_runtime::Timestamp::UNIX_EPOCH);
    let changed = service.patch(&user, &json!({"name": "Ada"})).await;
    assert_eq!(changed.body["updated_at"], created);
    service.delete(&user).await;
    service.outbox.drain().await;
    let times = service.bus.events().into_iter();
    assert!(
        times
            .map(|event| event["timestamp"].clone())
            .all(|time| time == created)
    );
}

#[tokio::test]
async fn another_spelling_of_the_own_address_is_a_change_that_moves_no_claim() {
    let service = Service::new().await;
    let user = service.new_user("ada@example.com").await;
    let claims = service.stored(USER_EMAILS).await;
    let answer = service
        .patch(&user, &json!({"email": "ADA@example.com"}))
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["email"], "ADA@example.com");
    assert_eq!(answer.body["version"], 2);
    assert_eq!(service.stored(USER_EMAILS).await, claims);
}

#[tokio::test]
async fn a_new_address_is_taken_and_the_old_one_free_at_once() {
    let service = Service::new().await;
    let user = service.new_user("old@example.com").await;
    service
        .patch(&user, &json!({"email": "new@bücher.example"}))
        .await;
    let taken = service.sign_up("New@xn--bcher-kva.example").await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    assert_eq!(
        service.sign_up("old@example.com").await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn every_accepted_address_and_name_can_be_decoded_by_consumers() {
    let service = Service::new().await;
    for (number, (typed, kept)) in [
        ("o'neil+tag@example.com", "o'neil+tag@example.com"),
        ("a@bücher.example", "a@bücher.example"),
        ("संपर्क@डाटामेल.भारत", "संपर्क@डाटामेल.भारत"),
        ("👋@example.com", "👋@example.com"),
        ("jose\u{301}@example.com", "jos\u{e9}@example.com"),
    ]
    .iter()
    .enumerate()
    {
        let body =
            json!({"email": typed, "name": format!("\u{3000}{}\t", "é".repeat(200 - number))});
        let answer = service.send(Method::POST, "/users", &[], &body).await;
        assert_eq!(
            answer.status,
            StatusCode::CREATED,
            "{typed}: {:?}",
            answer.body
        );
        assert_eq!(answer.body["email"], *kept);
    }
    for message in service.bus.messages() {
        let decoded = fanout_events::decode(&fanout_events::Received {
            data: &message.data,
            message_id: "1",
            publish_time: fanout_runtime::Timestamp::UNIX_EPOCH,
        });
        let sent: Value = serde_json::from_slice(&message.data).unwrap();
        assert_eq!(serde_json::to_value(decoded.unwrap().event).unwrap(), sent);
    }
}

#[tokio::test]
async fn names_that_show_nothing_or_turn_the_text_around_are_refused() {
    let service = Service::new().await;
    for name in [
        "\u{200b}",
        "\u{301}",
        "\u{3164}",
        "\u{2800}",
        "Ada\u{202e}gpj.exe",
        "a\u{2028}b",
    ] {
        let body = json!({"email": "ada@example.com", "name": name});
        let answer = service.send(Method::POST, "/users", &[], &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name:?}");
        assert_eq!(answer.body["errors"][0]["field"], "name");
    }
}

#[tokio::test]
async fn every_error_is_a_problem_and_every_answer_names_its_request() {
    let service = Service::new().await;
    for (method, path) in [
        (Method::POST, "/users"),
        (Method::GET, "/users/x"),
        (Method::PATCH, "/users/x"),
        (Method::DELETE, "/users/x"),
        (Method::GET, "/nowhere"),
        (Method::TRACE, "/users"),
    ] {
        let answer = service.call(method.clone(), path, &[], "").await;
        assert!(answer.status.is_client_error(), "{method} {path}");
        assert_eq!(answer.headers[CONTENT_TYPE], "application/problem+json");
        assert!(answer.body["type"].is_string());
        assert!(
            answer.headers["x-request-id"]
                .to_str()
                .unwrap()
                .starts_with("req_")
        );
    }
}
