//! `If-Match` and `If-None-Match`, and what a body says of itself.

use http::{Method, StatusCode};
use serde_json::json;

use super::service::Service;

#[tokio::test]
async fn a_star_or_a_tag_within_a_tag_is_neither_and_deletes_nobody() {
    let service = Service::new().await;
    let user = service.new_user("ada@example.com").await;
    let path = format!("/users/{user}");
    for tags in [
        "\"a,*,b\"",
        "\"*\"",
        "\"a,\"1\",b\"",
        "*, \"1\"",
        "\"2\", *",
    ] {
        let headers = [("if-match", tags)];
        let answer = service.call(Method::DELETE, &path, &headers, "").await;
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{tags}");
    }
    assert_eq!(service.get(&user).await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_has_the_version_is_told_so_and_may_not_change_it_by_if_none_match() {
    let service = Service::new().await;
    let user = service.new_user("ada@example.com").await;
    let path = format!("/users/{user}");
    for tags in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
        let headers = [("if-none-match", tags)];
        for method in [Method::GET, Method::HEAD] {
            let answer = service.call(method, &path, &headers, "").await;
            assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{tags}");
            assert_eq!(answer.headers["etag"], "\"1\"");
            assert!(answer.body.is_null());
        }
        for method in [Method::PATCH, Method::DELETE] {
            let change = json!({"name": "Second"});
            let answer = service.send(method, &path, &headers, &change).await;
            assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{tags}");
        }
    }
    let other = [("if-none-match", "\"2\"")];
    let read = service.call(Method::GET, &path, &other, "").await;
    assert_eq!(read.status, StatusCode::OK);
    let change = json!({"name": "Second"});
    let changed = service.send(Method::PATCH, &path, &other, &change);
    assert_eq!(changed.await.body["version"], 2);
}

#[tokio::test]
async fn a_stale_version_is_told_so_even_where_nothing_would_change() {
    let service = Service::new().await;
    let user = service.new_user("ada@example.com").await;
    let path = format!("/users/{user}");
    let stale = [("if-match", "\"7\"")];
    for method in [Method::GET, Method::PATCH] {
        let same = json!({"name": "Test User"});
        let answer = service.send(method, &path, &stale, &same).await;
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
    }
    let gone = service
        .call(Method::GET, "/users/usr_none", &stale, "")
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_body_is_json_that_is_not_encoded_and_a_change_no_other_patch_than_a_merge() {
    let service = Service::new().await;
    let ada = r#"{"email":"ada@example.com","name":"Ada"}"#;
    let post =
        async |headers: &[(&str, &str)]| service.call(Method::POST, "/users", headers, ada).await;
    for media in [
        "text/json",
        "application/json-patch+json",
        "application/merge-patch+json",
        "json",
    ] {
        let answer = post(&[("content-type", media)]).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{media}");
    }
    let json = ("content-type", "application/json");
    for coding in ["gzip", "br", "identity, deflate", "x-unknown"] {
        let answer = post(&[json, ("content-encoding", coding)]).await;
        assert_eq!(
            answer.status,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{coding}"
        );
        assert_eq!(answer.body["type"], "unsupported_content_encoding");
        assert_eq!(answer.headers["accept-encoding"], "identity");
    }
    let plain = post(&[
        ("content-type", "application/vnd.x+json; charset=utf-8"),
        ("content-encoding", "Identity"),
    ])
    .await;
    assert_eq!(plain.status, StatusCode::CREATED);
    let path = format!("/users/{}", plain.body["id"].as_str().unwrap());
    let patch = async |media, change: &'static str| {
        service
            .call(Method::PATCH, &path, &[("content-type", media)], change)
            .await
    };
    for media in [
        "application/json-patch+json",
        "application/vnd.x+json",
        "application/xml-patch+xml",
        "text/plain",
    ] {
        let answer = patch(media, r#"{"name":"Eve"}"#).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{media}");
        assert_eq!(
            answer.headers["accept-patch"],
            "application/merge-patch+json, application/json"
        );
    }
    assert_eq!(
        patch("application/merge-patch+json", r#"{"name":"B"}"#)
            .await
            .body["version"],
        2
    );
    assert_eq!(
        patch("application/json", r#"{"name":"C"}"#).await.body["version"],
        3
    );
}

#[tokio::test]
async fn a_field_of_another_type_is_named_and_what_is_in_other_fields_harms_nothing() {
    let service = Service::new().await;
    for wrong in [
        "null",
        "7",
        "1e400",
        "true",
        "[]",
        "{}",
        "[\"a\"]",
        "\"\\ud800\"",
    ] {
        let body = format!("{{\"email\":\"a@example.com\",\"name\":{wrong}}}");
        let json = [("content-type", "application/json")];
        let answer = service.call(Method::POST, "/users", &json, body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert_eq!(
            answer.body["errors"],
            json!([{"field": "name", "message": "must be text"}])
        );
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for (number, other) in ["1e400", "null", "{\"k\":1,\"k\":2}", "1,\"x\":2", &deep]
        .iter()
        .enumerate()
    {
        let body = format!(
            "\u{feff} {{\"email\":\"u{number}@example.com\",\"name\":\"U\",\"x\":{other}}}\n"
        );
        let json = [("content-type", "application/json")];
        let answer = service.call(Method::POST, "/users", &json, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    }
}
