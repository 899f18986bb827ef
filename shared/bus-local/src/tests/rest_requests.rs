//! Calls in every form of protobuf's JSON, and what no form of it is.

#![allow(clippy::too_many_lines, reason = "tables of cases, one line each")]

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use super::rest::call;
use super::system::{System, TOPIC, folder, pull_from};
use crate::rest::app;

pub(super) const PATH: &str = "/v1/projects/p";
const PUBLISH: &str = "POST topics/user-events:publish";

/// Makes the request; gives the code, and the status and message of an error.
pub(super) async fn asked(app: &Router, request: &str, body: &str) -> (u16, String) {
    let (method, path) = request.split_once(' ').unwrap();
    let (code, answer) = call(app, method, &format!("{PATH}/{path}"), body).await;
    let error = &answer["error"];
    let said = |name: &str| error[name].as_str().unwrap_or_default();
    (
        code.as_u16(),
        format!("{}: {}", said("status"), said("message")),
    )
}

pub(super) async fn taken(app: &Router, requests: &[(&str, &str)]) {
    for (request, body) in requests {
        let (code, said) = asked(app, request, body).await;
        assert_eq!(code, 200, "{request} {body}: {said}");
    }
}

pub(super) async fn refused(app: &Router, requests: &[(&str, &str, &str)]) {
    for (request, body, why) in requests {
        let expected = (400, format!("INVALID_ARGUMENT: {why}"));
        assert_eq!(
            asked(app, request, body).await,
            expected,
            "{request} {body}"
        );
    }
}

#[tokio::test]
async fn a_publish_is_taken_in_every_form_of_protobufs_json() {
    let folder = folder();
    let system = System::start(&folder, &[pull_from(TOPIC, "all")]).await;
    let app = app(system.broker.clone());
    let bodies = [
        r#"{"messages":[{"data":"aGk=","orderingKey":"k"}]}"#,
        r#"{"messages":[{"data":"aGk=","ordering_key":"k","attributes":null}]}"#,
        r#"{"messages":[{"data":"aGk","orderingKey":"k","message_id":"x","publishTime":"2026-01-01T00:00:00Z"}]}"#,
        "\u{feff}{\"topic\":\"projects/p/topics/user-events\",\"messages\":[{\"data\":\"aGk=\",\"orderingKey\":\"k\"}]}",
    ];
    for body in bodies {
        taken(&app, &[(PUBLISH, body)]).await;
        let pulled = system.broker.pull("all", 1).await.unwrap().remove(0);
        assert_eq!(&pulled.message.data[..], b"hi", "{body}");
        assert_eq!(pulled.message.ordering_key, "k", "{body}");
        let ids = [pulled.ack_id];
        system.broker.acknowledge("all", &ids).await.unwrap();
    }
    let others = [
        r#"{"messages":[{"data":null,"attributes":{"a":"\ud83d\ude00"}}]}"#,
        r#"{"messages":[{"attributes":{"googclient_traceparent":"00-0-0-01","a":""}}]}"#,
    ];
    for body in others {
        taken(&app, &[(PUBLISH, body)]).await;
    }
    let at = "POST topics/user-events%3Apublish?alt=json&key=x&$alt=json;enum-encoding=int";
    taken(&app, &[(at, bodies[0])]).await;
}

#[tokio::test]
async fn a_publish_that_no_protobuf_json_is_names_the_field() {
    let folder = folder();
    let system = System::start(&folder, &[pull_from(TOPIC, "all")]).await;
    let app = app(system.broker.clone());
    let table = [
        (
            r#"{"messages":null}"#,
            "a publish needs at least one message",
        ),
        (r#"{"messages":[null]}"#, "`messages[0]` must be an object"),
        (
            r#"{"messages":[{"data":{"a":1}}]}"#,
            "`messages[0].data` must be base64",
        ),
        (
            r#"{"messages":[{"data":"hello world"}]}"#,
            "`messages[0].data` must be base64",
        ),
        (
            r#"{"messages":[{"data":"aGk=","orderingKey":"","ordering_key":""}]}"#,
            "`messages[0].orderingKey` must be there once",
        ),
        (
            r#"{"messages":[{"attributes":{"n":1}}]}"#,
            "`messages[0].attributes` must be an object of texts",
        ),
        (
            r#"{"messages":[{"attributes":{"n":true}}]}"#,
            "`messages[0].attributes` must be an object of texts",
        ),
        (
            r#"{"messages":[{"attributes":{"n":null}}]}"#,
            "`messages[0].attributes` must be an object of texts",
        ),
        (
            r#"{"messages":[{"data":"aGk=","nope":1}]}"#,
            "`messages[0].nope` is no field that is known here",
        ),
        (
            r#"{"messages":[{"data":"aGk=","publishTime":"noon"}]}"#,
            "`messages[0].publishTime` must be an RFC 3339 time",
        ),
        (
            r#"{"messages":[{"data":"aGk=","messageId":1}]}"#,
            "`messages[0].messageId` must be a text",
        ),
        (
            r#"{"topic":"projects/p/topics/other","messages":[{"data":"aGk="}]}"#,
            "`topic` must be the name in the path",
        ),
        (r#"[]"#, "the request's body must be an object"),
        (
            r#"{"messages":[{"attributes":{"googclient_x":"1"}}]}"#,
            "an attribute's name must not begin with goog",
        ),
    ];
    for (body, why) in table {
        refused(&app, &[(PUBLISH, body, why)]).await;
    }
    let batch =
        r#"{"messages":[{"data":"aGk=","orderingKey":"a"},{"data":"aGk=","orderingKey":"b"}]}"#;
    let (code, said) = asked(&app, PUBLISH, batch).await;
    assert_eq!(code, 400);
    let why = "FAILED_PRECONDITION: the messages of one publish must have the same ordering key";
    assert!(said.starts_with(why), "{said}");
    assert_eq!(system.backlog("all").await, 0);
}

#[tokio::test]
async fn a_body_that_is_encoded_is_refused() {
    let folder = folder();
    let system = System::start(&folder, &[pull_from(TOPIC, "all")]).await;
    let publish = |coding| {
        let request = Request::post(format!("{PATH}/topics/user-events:publish"));
        let request = request.header("content-encoding", coding);
        let body = r#"{"messages":[{"data":"aGk="}]}"#;
        app(system.broker.clone()).oneshot(request.body(Body::from(body)).unwrap())
    };
    let gzip = publish("gzip").await.unwrap().status();
    assert_eq!(gzip, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(publish("identity").await.unwrap().status(), StatusCode::OK);
    assert_eq!(system.backlog("all").await, 1);
}

#[tokio::test]
async fn pulls_acks_and_seeks_are_taken_in_every_form_of_protobufs_json() {
    let folder = folder();
    let system = System::start(&folder, &[pull_from(TOPIC, "all")]).await;
    let app = app(system.broker.clone());
    let (pull, seek) = ("POST subscriptions/all:pull", "POST subscriptions/all:seek");
    let modify = "POST subscriptions/all:modifyAckDeadline";
    taken(&app, &[
        (pull, r#"{"max_messages":1,"return_immediately":true}"#),
        (pull, r#"{"maxMessages":"1","returnImmediately":true}"#),
        (pull, r#"{"maxMessages":1.0,"returnImmediately":true}"#),
        (pull, r#"{"subscription":"projects/p/subscriptions/all","maxMessages":1,"returnImmediately":true}"#),
        ("POST subscriptions/all:acknowledge", r#"{"ack_ids":["1-1"]}"#),
        (modify, r#"{"ackIds":["1-1"],"ackDeadlineSeconds":"600"}"#),
        (modify, r#"{"ackIds":["1-1"],"ackDeadlineSeconds":null}"#),
        (seek, r#"{"time":"2026-11-26T20:00:00.123456789Z"}"#),
        (seek, r#"{"time":"2026-11-26T22:00:00+02:00","snapshot":null}"#),
        (seek, r#"{"time":"0001-01-01T00:00:00Z"}"#),
        (seek, r#"{"time":"9999-12-31T23:59:59.999999999Z"}"#),
        ("GET topics?page_size=1&prettyPrint=false", ""),
    ])
    .await;
    refused(
        &app,
        &[
            (
                pull,
                r#"{"maxMessages":1.5}"#,
                "`maxMessages` must be a whole number",
            ),
            (
                pull,
                r#"{"maxMessages":-1}"#,
                "`maxMessages` must be at least 1",
            ),
            (
                pull,
                r#"{"maxMessages":1,"returnImmediately":"true"}"#,
                "`returnImmediately` must be true or false",
            ),
            (
                pull,
                r#"{"subscription":"all","maxMessages":1}"#,
                "`subscription` must be the name in the path",
            ),
            (
                modify,
                r#"{"ackIds":[1]}"#,
                "`ackIds` must be a list of texts",
            ),
            (
                modify,
                r#"{"ackIds":["1-1"],"ackDeadlineSeconds":601}"#,
                "`ackDeadlineSeconds` must be from 0 to 600",
            ),
            (seek, "{}", "a seek needs a `time`"),
            (
                seek,
                r#"{"time":"2026-11-26T22:00:00"}"#,
                "`time` must be an RFC 3339 time",
            ),
            (
                seek,
                r#"{"snapshot":"projects/p/snapshots/s"}"#,
                "the embedded broker does not know the setting `snapshot`",
            ),
            (
                "GET topics?pageSize=abc",
                "",
                "`pageSize` must be a number from 0",
            ),
            (
                "GET subscriptions?pageSize=-1",
                "",
                "`pageSize` must be a number from 0",
            ),
            (
                "GET topics?pageToken=zzzz",
                "",
                "`pageToken` is none that a list has answered with",
            ),
            (
                "GET topics?pageSise=1",
                "",
                "`pageSise` is no field that is known here",
            ),
            (
                "GET topics/user-events?pageSize=1",
                "",
                "`pageSize` is no field that is known here",
            ),
            (
                "GET topics?alt=proto",
                "",
                "`alt` is no field that is known here",
            ),
        ],
    )
    .await;
}
