//! Settings in every form of protobuf's JSON; settings and methods that are refused, by name.

#![allow(clippy::too_many_lines, reason = "tables of cases, one line each")]

use axum::Router;
use http::StatusCode;
use serde_json::{Value, json};

use super::rest::call;
use super::rest_requests::{PATH, asked, refused};
use super::system::{System, TOPIC, folder, pull_from};
use crate::rest::app;

/// What a subscription of the topic is described as, when it was made of these settings.
async fn made(app: &Router, settings: Value) -> Value {
    let path = format!("{PATH}/subscriptions/made");
    let mut body = json!({"topic": "projects/p/topics/user-events"});
    body.as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    let (code, answer) = call(app, "PUT", &path, &body.to_string()).await;
    assert_eq!(code, StatusCode::OK, "{body}: {answer}");
    let (_, described) = call(app, "GET", &path, "").await;
    assert_eq!(described, answer);
    call(app, "DELETE", &path, "").await;
    answer
}

#[tokio::test]
async fn a_subscription_is_made_of_settings_in_every_form_of_protobufs_json() {
    let folder = folder();
    let system = System::start(&folder, &[]).await;
    let app = app(system.broker.clone());
    let plain = made(&app, json!({})).await;
    for says_nothing in [
        json!({"pushConfig": null, "filter": null, "ackDeadlineSeconds": null}),
        json!({"pushConfig": {"pubsubWrapper": {}, "attributes": {"x-goog-version": "v1"}}}),
        json!({"labels": {}, "tags": {}, "detached": false, "messageTransforms": []}),
        json!({"pushConfig": {"noWrapper": null}, "bigqueryConfig": null}),
        json!({"state": "ACTIVE", "topicMessageRetentionDuration": "600s"}),
        json!({"expirationPolicy": {}, "enableExactlyOnceDelivery": false}),
        json!({"name": "projects/p/subscriptions/made", "ackDeadlineSeconds": 10}),
    ] {
        assert_eq!(
            made(&app, says_nothing.clone()).await,
            plain,
            "{says_nothing}"
        );
    }
    for (settings, metadata) in [
        (json!({"noWrapper": {}}), false),
        (
            json!({"no_wrapper": {"writeMetadata": true}, "pubsubWrapper": null}),
            true,
        ),
    ] {
        let described = made(&app, json!({"pushConfig": settings})).await;
        let expected = json!({"noWrapper": {"writeMetadata": metadata}});
        assert_eq!(described["pushConfig"], expected);
    }
    let mut thirty = plain.clone();
    thirty["ackDeadlineSeconds"] = json!(30);
    thirty["enableMessageOrdering"] = json!(true);
    for settings in [
        json!({"ackDeadlineSeconds": "30", "enableMessageOrdering": true}),
        json!({"ack_deadline_seconds": 30.0, "enable_message_ordering": true}),
    ] {
        assert_eq!(made(&app, settings).await, thirty);
    }
    let backoff = made(&app, json!({"retryPolicy": {"minimumBackoff": "20s"}})).await;
    let expected = json!({"minimumBackoff": "20s", "maximumBackoff": "600s"});
    assert_eq!(backoff["retryPolicy"], expected);
    let path = "/v1/projects/p/subscriptions/a%25b%2Bc~d.e";
    let topic = r#"{"topic":"projects/other/topics/user-events"}"#;
    assert_eq!(call(&app, "PUT", path, topic).await.0, StatusCode::OK);
    let (_, described) = call(&app, "GET", path, "").await;
    assert_eq!(described["name"], "projects/p/subscriptions/a%b+c~d.e");
}

#[tokio::test]
async fn settings_that_would_be_ignored_are_refused_by_name() {
    let folder = folder();
    let system = System::start(&folder, &[]).await;
    let app = app(system.broker.clone());
    for (setting, name) in [
        (
            json!({"pushConfig": {"oidcToken": {"audience": "a"}}}),
            "pushConfig.oidcToken",
        ),
        (
            json!({"pushConfig": {"attributes": {"x-goog-version": "v1beta1"}}}),
            "pushConfig.attributes",
        ),
        (json!({"bigqueryConfig": {}}), "bigqueryConfig"),
        (json!({"cloud_storage_config": {}}), "cloudStorageConfig"),
        (
            json!({"expirationPolicy": {"ttl": "86400s"}}),
            "expirationPolicy.ttl",
        ),
        (json!({"labels": {"a": "b"}}), "labels"),
        (
            json!({"enableExactlyOnceDelivery": true}),
            "enableExactlyOnceDelivery",
        ),
        (json!({"detached": true}), "detached"),
        (json!({"messageTransforms": [{}]}), "messageTransforms"),
    ] {
        let mut body = setting;
        body["topic"] = json!("projects/p/topics/user-events");
        let why = format!("the embedded broker does not know the setting `{name}`");
        refused(&app, &[("PUT subscriptions/new", &body.to_string(), &why)]).await;
    }
    for (setting, name) in [
        (json!({"labels": {"a": "b"}}), "labels"),
        (
            json!({"messageRetentionDuration": "600s"}),
            "messageRetentionDuration",
        ),
        (json!({"kmsKeyName": "k"}), "kmsKeyName"),
        (json!({"schemaSettings": {}}), "schemaSettings"),
    ] {
        let why = format!("the embedded broker does not know the setting `{name}`");
        refused(&app, &[("PUT topics/new", &setting.to_string(), &why)]).await;
    }
    let full_name = "`topic` must be a full name: projects/PROJECT/topics/TOPIC";
    refused(&app, &[
        ("PUT subscriptions/new", "{}", "a subscription needs a `topic`"),
        ("PUT subscriptions/new", r#"{"topic":"user-events"}"#, full_name),
        ("PUT subscriptions/new", r#"{"topic":"projects/p/subscriptions/user-events"}"#, full_name),
        (
            "PUT subscriptions/new",
            r#"{"topic":"projects/p/topics/user-events","name":"projects/p/subscriptions/other"}"#,
            "`name` must be the name in the path",
        ),
        (
            "PUT subscriptions/new",
            r#"{"topic":"projects/p/topics/user-events","deadLetterPolicy":{}}"#,
            "`deadLetterPolicy` needs a `deadLetterTopic`",
        ),
        (
            "PUT subscriptions/new",
            r#"{"topic":"projects/p/topics/user-events","pushConfig":{"pushEndpoint":"http://127.0.0.1:1/"},"nope":false}"#,
            "`nope` is no field that is known here",
        ),
        (
            "PUT subscriptions/new",
            r#"{"topic":"projects/p/topics/user-events","messageRetentionDuration":"6e2s"}"#,
            "`messageRetentionDuration` must be a number of seconds such as `1.5s`",
        ),
        ("PUT topics/new", r#"{"name":"projects/q/topics/new"}"#, "`name` must be the name in the path"),
    ])
    .await;
    assert_eq!(system.broker.topics().await.unwrap().len(), 2);
    assert!(system.broker.subscriptions().await.unwrap().is_empty());
}

#[tokio::test]
async fn methods_that_are_not_done_are_refused_by_name() {
    let folder = folder();
    let system = System::start(&folder, &[pull_from(TOPIC, "all")]).await;
    let app = app(system.broker.clone());
    for (request, name) in [
        ("PATCH subscriptions/all", "projects.subscriptions.patch"),
        ("PATCH topics/user-events", "projects.topics.patch"),
        (
            "POST subscriptions/all:modifyPushConfig",
            "projects.subscriptions.modifyPushConfig",
        ),
        (
            "POST subscriptions/all:detach",
            "projects.subscriptions.detach",
        ),
        (
            "GET topics/user-events:getIamPolicy",
            "projects.topics.getIamPolicy",
        ),
        (
            "GET topics/user-events:getIamPolicy?options.requestedPolicyVersion=3",
            "projects.topics.getIamPolicy",
        ),
        (
            "POST topics/user-events:setIamPolicy",
            "projects.topics.setIamPolicy",
        ),
        (
            "POST topics/user-events%3AtestIamPermissions",
            "projects.topics.testIamPermissions",
        ),
        (
            "GET subscriptions/all:getIamPolicy",
            "projects.subscriptions.getIamPolicy",
        ),
        ("GET snapshots", "projects.snapshots.list"),
        ("GET snapshots/s", "projects.snapshots.get"),
        ("PUT snapshots/s", "projects.snapshots.create"),
        ("DELETE snapshots/s", "projects.snapshots.delete"),
        (
            "GET snapshots/s:getIamPolicy",
            "projects.snapshots.getIamPolicy",
        ),
        (
            "GET topics/user-events/snapshots",
            "projects.topics.snapshots.list",
        ),
        ("POST schemas", "projects.schemas.create"),
        ("POST schemas:validate", "projects.schemas.validate"),
        ("PUT topics/a:b", "projects.topics.b"),
        ("DELETE subscriptions/a:b", "projects.subscriptions.b"),
    ] {
        let (code, said) = asked(&app, request, "{}").await;
        let start = format!(
            "INVALID_ARGUMENT: the embedded broker does not do {name}. It does: topics list,"
        );
        assert!(
            code == 400 && said.starts_with(&start),
            "{request}: {code} {said}"
        );
    }
    for path in [
        "/",
        "/v1/nonsense",
        "/v1/projects/p/nonsense",
        "/v1/projects/p/topics/t/x/y",
    ] {
        let (code, answer) = call(&app, "GET", path, "").await;
        assert_eq!(
            (code.as_u16(), &answer["error"]["status"]),
            (404, &json!("NOT_FOUND")),
            "{path}"
        );
    }
    assert_eq!(call(&app, "GET", "/health", "").await.0, StatusCode::OK);
}
