//! `GET /openapi.json` says what the service does.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::Value;

use super::service::Service;

async fn document() -> Value {
    let service = Service::new().await;
    let answer = service.call(Method::GET, "/openapi.json", &[], "").await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.body
}

#[tokio::test]
async fn the_description_is_as_it_was_reviewed() {
    insta::assert_json_snapshot!(document().await);
}

#[tokio::test]
async fn every_status_and_slug_of_the_table_is_described() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    for (path, method, expected) in [
        (
            "/users",
            "post",
            "201 400:body_incomplete 400:invalid_idempotency_key 400:malformed_json 409:email_taken 409:request_in_progress 413:body_too_large 415:unsupported_content_encoding 415:unsupported_media_type 422:idempotency_key_reused 422:validation_failed 500:internal_error 503:unavailable",
        ),
        (
            "/users/{id}",
            "get",
            "200 304 404:user_not_found 412:version_mismatch 500:internal_error 503:unavailable",
        ),
        (
            "/users/{id}",
            "patch",
            "200 400:body_incomplete 400:malformed_json 404:user_not_found 409:email_taken 412:version_mismatch 413:body_too_large 415:unsupported_content_encoding 415:unsupported_media_type 422:validation_failed 500:internal_error 503:unavailable",
        ),
        (
            "/users/{id}",
            "delete",
            "204 404:user_not_found 412:version_mismatch 500:internal_error 503:unavailable",
        ),
        ("/openapi.json", "get", "200"),
    ] {
        let responses = document["paths"][path][method]["responses"]
            .as_object()
            .unwrap();
        let mut found = BTreeSet::new();
        for (status, response) in responses {
            let examples = &response["content"]["application/problem+json"]["examples"];
            match examples.as_object() {
                None => drop(found.insert(status.clone())),
                Some(examples) => found.extend(examples.iter().map(|(slug, example)| {
                    assert_eq!(example["value"]["type"], *slug);
                    assert_eq!(example["value"]["status"].to_string(), *status);
                    format!("{status}:{slug}")
                })),
            }
        }
        let found: Vec<String> = found.into_iter().collect();
        assert_eq!(found.join(" "), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn what_every_path_answers_that_is_not_there_is_described_by_the_slug() {
    let document = document().await;
    let service = Service::new().await;
    for (method, path, slug) in [
        (Method::GET, "/nowhere", "not_found"),
        (Method::PUT, "/users", "method_not_allowed"),
    ] {
        let answer = service.call(method, path, &[], "").await;
        let response = &document["components"]["responses"][slug];
        let examples = &response["content"]["application/problem+json"]["examples"];
        assert_eq!(examples[slug]["value"], answer.body, "{slug}");
    }
}
