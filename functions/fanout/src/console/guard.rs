//! Who may use the page: a browser on this machine that shows the page itself. Any page that a browser
//! shows can send requests to a port of this machine; `Host`, `Origin` and a secret tell them apart.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use fanout_web::{Problem, media_type};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::Page;

/// The largest form.
const MOST_BYTES: usize = 1024 * 1024;
/// The form's field with the page's secret.
pub(crate) const TOKEN: &str = "token";
const X_TOKEN: &str = "x-fanout-token";
/// How near the page that asks is: the browser says it.
const SITE: &str = "sec-fetch-site";
const FORM: &str = "application/x-www-form-urlencoded";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The fields of a form that was let in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The value of a field, without spaces around it; empty if it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.trim())
    }

    pub(crate) fn number<T: std::str::FromStr + Default>(&self, name: &str) -> T {
        self.get(name).parse().unwrap_or_default()
    }
}

/// Lets a request in or refuses it; in this order: host, method, origin, secret, media type.
pub(crate) async fn let_in(
    State(page): State<Arc<Page>>,
    request: Request,
    next: Next,
) -> Response {
    let mut answer = match check(&page, request).await {
        Ok(request) => {
            page.remember().await;
            next.run(request).await
        }
        Err(refused) => refused.into_response(),
    };
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // With `no-referrer` browsers send forms with `Origin: null`.
        (REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    let kept = answer.headers_mut().entry(CACHE_CONTROL);
    kept.or_insert(HeaderValue::from_static("no-store"));
    answer
}

async fn check(page: &Page, request: Request) -> Result<Request, Problem> {
    let port = page.port;
    let target = request.uri().authority().map(|it| it.as_str());
    let named = one(request.headers(), &HOST);
    if !named.is_some_and(|host| is_ours(host, port))
        || target.is_some_and(|host| !is_ours(host, port))
    {
        let why = "Open it as http://localhost and its port.";
        return Err(refuse(
            "foreign_host",
            "The request is for another host",
            why,
        ));
    }
    let (reads, ours) = match *request.method() {
        Method::GET | Method::HEAD => (true, is_read_here(request.headers())),
        Method::POST => (false, comes_from_us(request.headers(), port)),
        _ => return Err(Problem::method_not_allowed()),
    };
    if !ours {
        let why = "Only the page itself may send it.";
        return Err(refuse(
            "foreign_origin",
            "The request comes from elsewhere",
            why,
        ));
    }
    if reads {
        return Ok(request);
    }
    read_form(page, request).await
}

/// The request with the fields of its form, if it brings the secret.
async fn read_form(page: &Page, request: Request) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, MOST_BYTES).await.map_err(|_| {
        let detail = "A form has at most 1 MiB.";
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The form is too large",
            detail,
        )
    })?;
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let fields = Fields(fields);
    let header = one(&parts.headers, &HeaderName::from_static(X_TOKEN));
    let token = header.unwrap_or_else(|| fields.get(TOKEN));
    if !same(token.as_bytes(), page.token.as_bytes()) {
        let why = "Load the page again: it belongs to another run of `fanout up`.";
        return Err(refuse(
            "foreign_token",
            "The page's secret is not right",
            why,
        ));
    }
    if media_type(&parts.headers).as_deref() != Some(FORM) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "It is no form",
            format!("Send the header `Content-Type: {FORM}`."),
        ));
    }
    if page.read_only {
        let why = "Start it with `--console on` to change something from here.";
        return Err(refuse("read_only", "The page is read-only", why));
    }
    parts.extensions.insert(fields);
    Ok(Request::from_parts(parts, axum::body::Body::empty()))
}

fn refuse(slug: &'static str, title: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, slug, title, detail.to_owned())
}

/// The value of a header that is there once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok())?
}

fn is_ours(authority: &str, port: u16) -> bool {
    let host = authority.strip_suffix(&format!(":{port}"));
    host.is_some_and(|host| {
        ["localhost", "127.0.0.1"]
            .iter()
            .any(|it| host.eq_ignore_ascii_case(it))
    })
}

/// Whether the page itself reads it, or it is opened in a tab. Another page that reads it, as a picture
/// for one, sees nothing of the answer; but looks are logged, and what the page keeps is bounded. Nor may
/// it have the browser fetch what might be opened later. Only browsers say who asks.
fn is_read_here(headers: &HeaderMap) -> bool {
    let says = |name: &'static str, value: &str| {
        one(headers, &HeaderName::from_static(name)).is_some_and(|said| said == value)
    };
    let untold = !headers.contains_key(SITE);
    let ours = says(SITE, "same-origin") || says(SITE, "none");
    let opened = says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document");
    untold || ours || (opened && !headers.contains_key("sec-purpose"))
}

fn comes_from_us(headers: &HeaderMap, port: u16) -> bool {
    let origin = one(headers, &ORIGIN).and_then(|it| it.strip_prefix("http://"));
    let site = headers.get(SITE);
    origin.is_some_and(|host| is_ours(host, port)) && site.is_none_or(|site| site == "same-origin")
}

/// Compares in a time that tells nothing of where they differ.
fn same(given: &[u8], kept: &[u8]) -> bool {
    let pairs = given.iter().zip(kept);
    let differs = pairs.fold(0, |seen, (a, b)| seen | (a ^ b));
    given.len() == kept.len() && differs == 0
}
