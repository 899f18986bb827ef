//! What a service answers where it has no route.

use axum::Router;

use crate::Problem;

/// The routes, with `problem+json` also for a path that is not there (404) and for a method that a
/// path does not take (405). To be called once all routes are there, and before layers that these
/// answers should pass, too.
pub fn with_fallbacks<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes
        .fallback(async || Problem::no_such_path())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::{Method, Request};
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;
    use crate::health_route;

    async fn answer(method: Method, path: &str) -> (http::HeaderMap, Value) {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let app: Router = with_fallbacks(health_route());
        let response = app.oneshot(request).await.unwrap();
        let headers = response.headers().clone();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (headers, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_path_that_is_not_there_is_a_problem() {
        let (headers, body) = answer(Method::GET, "/nothing").await;
        assert_eq!(headers["content-type"], "application/problem+json");
        insta::assert_json_snapshot!(body, @r#"
        {
          "detail": "No route of this service matches the path.",
          "status": 404,
          "title": "There is nothing here",
          "type": "not_found"
        }
        "#);
    }

    #[tokio::test]
    async fn a_method_that_a_path_does_not_take_is_a_problem_that_lists_those_it_takes() {
        let (headers, body) = answer(Method::DELETE, "/health").await;
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_eq!(headers["allow"], "GET,HEAD");
        insta::assert_json_snapshot!(body, @r#"
        {
          "detail": "The header `Allow` lists the methods it takes.",
          "status": 405,
          "title": "The path does not take this method",
          "type": "method_not_allowed"
        }
        "#);
    }
}
