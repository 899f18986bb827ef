//! Keeping what runs on one machine to that machine.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode};

use crate::Problem;

/// The routes for programs on this machine alone: a request must be sent to `localhost` or a loopback
/// address by name, and by no web page from elsewhere.
///
/// Any page that a browser shows can send requests to a port of this machine, and read the answers
/// too once its own name leads here. Both tell by `Origin` and `Host`, which no page can change.
pub fn for_this_machine(routes: Router) -> Router {
    routes.layer(from_fn(let_in))
}

async fn let_in(request: Request, next: Next) -> Response {
    // In the form that proxies are sent, the target names a host too.
    let target = request.uri().authority();
    let refused =
        if !is_sent_here(request.headers()) || target.is_some_and(|it| !is_here(it.as_str())) {
            (
                "foreign_host",
                "The request is for another host",
                "Send it to localhost or 127.0.0.1.",
            )
        } else if !comes_from_here(request.headers()) {
            (
                "foreign_origin",
                "The request comes from another origin",
                "Only pages of this machine may send it.",
            )
        } else {
            return next.run(request).await;
        };
    let (slug, title, detail) = refused;
    Problem::new(StatusCode::FORBIDDEN, slug, title, detail).into_response()
}

fn is_sent_here(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(is_here)
}

fn comes_from_here(headers: &HeaderMap) -> bool {
    headers.get_all(ORIGIN).iter().all(|origin| {
        let host = origin.to_str().ok().and_then(|it| it.split_once("://"));
        host.is_some_and(|(scheme, host)| matches!(scheme, "http" | "https") && is_here(host))
    })
}

/// Whether `host` or `host:port` names this machine.
fn is_here(authority: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|digit| digit.is_ascii_digit());
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        Some(_) | None => authority,
    };
    let in_brackets = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    match in_brackets {
        Some(address) => address.parse().is_ok_and(|it: Ipv6Addr| it.is_loopback()),
        None => {
            host.eq_ignore_ascii_case("localhost")
                || host.parse().is_ok_and(|it: Ipv4Addr| it.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{health_route, with_fallbacks};

    async fn status(target: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::get(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let routes = for_this_machine(with_fallbacks(health_route()));
        routes.oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn only_requests_that_name_this_machine_get_through() {
        for host in [
            "localhost",
            "LocalHost:8080",
            "127.0.0.1:1",
            "127.1.2.3",
            "[::1]:80",
            "[::1]",
        ] {
            assert_eq!(status("/health", &[("host", host)]).await, 200, "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example:8080",
            "evil.example:127",
            "u@localhost",
            "localhost:x",
            "10.0.0.1",
            "0.0.0.0",
            "127.0.0.1.nip.io",
            "[::2]",
            "[localhost]",
            "::1",
        ] {
            assert_eq!(status("/health", &[("host", host)]).await, 403, "{host}");
            assert_eq!(status("/nothing", &[("host", host)]).await, 403, "{host}");
        }
        assert_eq!(status("/health", &[]).await, 403);
        let absolute = "http://evil.example/health";
        assert_eq!(status(absolute, &[("host", "localhost")]).await, 403);
    }

    #[tokio::test]
    async fn a_web_page_from_elsewhere_does_not() {
        let from =
            async |origin| status("/health", &[("host", "localhost"), ("origin", origin)]).await;
        for origin in [
            "http://localhost:8090",
            "https://127.0.0.1",
            "http://[::1]:1",
        ] {
            assert_eq!(from(origin).await, 200, "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://evil.example",
            "localhost",
            "file://localhost",
            "http://localhost.evil",
        ] {
            assert_eq!(from(origin).await, 403, "{origin}");
        }
        let two = [
            ("host", "localhost"),
            ("origin", "http://localhost"),
            ("origin", "http://evil.example"),
        ];
        assert_eq!(status("/health", &two).await, 403);
    }
}
