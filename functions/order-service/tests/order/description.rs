//! `GET /openapi.json` says what the service does.

use http::StatusCode;

use crate::scene::Scene;

#[tokio::test]
async fn the_description_is_as_it_was_reviewed() {
    let (status, document) = Scene::new().await.get("/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    insta::assert_json_snapshot!(document);
}
