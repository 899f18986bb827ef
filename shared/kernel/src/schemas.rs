//! `GET /schemas/{type}/{version}/writer.json` and `reader.json`: what a service's events are. The newest
//! reader of a major is also where `metadata.schema` says.

use std::collections::BTreeSet;

use axum::Router;
use axum::routing::get;
use fanout_contracts::{DOMAINS, RELEASED, newest_of_major};
use fanout_web::Problem;
use http::header::CONTENT_TYPE;

/// The routes of all types of the domains with these topics.
pub(crate) fn schemas(topics: &[&str]) -> Router {
    let mut routes = Router::new();
    let types = DOMAINS
        .iter()
        .filter(|domain| topics.contains(&domain.topic));
    for known in types.flat_map(|domain| domain.types) {
        let released = RELEASED.iter().filter(|it| it.event_type == known.name);
        let mut majors = BTreeSet::new();
        for version in released {
            let folder = format!("/schemas/{}/{}", version.event_type, version.version);
            routes = serve(routes, &format!("{folder}/writer.json"), version.writer);
            routes = serve(routes, &format!("{folder}/reader.json"), version.reader);
            majors.extend(
                version
                    .version
                    .split('.')
                    .next()
                    .and_then(|it| it.parse::<u32>().ok()),
            );
        }
        for major in majors {
            if let (Some(path), Some(newest)) = (
                path_of_major(known.schema, major),
                newest_of_major(known.name, major),
            ) {
                routes = serve(routes, &path, newest.reader);
            }
        }
    }
    routes.method_not_allowed_fallback(async || Problem::method_not_allowed())
}

fn serve(routes: Router, path: &str, schema: &'static str) -> Router {
    routes.route(
        path,
        get(async move || ([(CONTENT_TYPE, "application/schema+json")], schema)),
    )
}

/// The path of the URL under which the schema of this major is published: all of a type's differ in
/// their last part only.
fn path_of_major(schema: &str, major: u32) -> Option<String> {
    let (_, rest) = schema.split_once("://")?;
    let (path, _) = rest[rest.find('/')?..].rsplit_once("/v")?;
    Some(format!("{path}/v{major}"))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::{Method, Request, StatusCode};
    use tower::ServiceExt;

    use super::*;

    async fn answer(method: Method, path: &str) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let response = schemas(&["user-events"]).oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn every_released_version_is_served_and_the_newest_where_events_say() {
        for it in RELEASED
            .iter()
            .filter(|it| it.event_type.starts_with("user."))
        {
            let folder = format!("/schemas/{}/{}", it.event_type, it.version);
            let writer = answer(Method::GET, &format!("{folder}/writer.json")).await;
            assert_eq!(writer, (StatusCode::OK, it.writer.to_owned()));
            let reader = answer(Method::GET, &format!("{folder}/reader.json")).await;
            assert_eq!(reader, (StatusCode::OK, it.reader.to_owned()));
        }
        let newest = newest_of_major("user.created", 1).unwrap();
        let named = answer(Method::GET, "/user-created/v1").await;
        assert_eq!(named, (StatusCode::OK, newest.reader.to_owned()));
        let post = answer(Method::POST, "/user-created/v1").await;
        assert_eq!(post.0, StatusCode::METHOD_NOT_ALLOWED);
        assert!(post.1.contains("method_not_allowed"));
    }

    #[tokio::test]
    async fn a_service_that_publishes_nothing_serves_none() {
        let request = Request::get("/schemas/user.created/1.0/reader.json");
        let request = request.body(Body::empty()).unwrap();
        let response = schemas(&[]).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}
