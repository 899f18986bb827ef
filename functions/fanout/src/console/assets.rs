//! What the browser loads besides pages: compiled in, byte for byte as it stands in `assets/`.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use fanout_web::Problem;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use sha2::{Digest as _, Sha256};

const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// Name, media type and content.
type Asset = (&'static str, &'static str, &'static [u8]);

static ASSETS: [Asset; 7] = [
    (
        "console.css",
        CSS,
        include_bytes!("../../assets/console.css"),
    ),
    ("console.js", JS, include_bytes!("../../assets/console.js")),
    (
        "favicon.svg",
        "image/svg+xml",
        include_bytes!("../../assets/favicon.svg"),
    ),
    (
        "htmx.min.js",
        JS,
        include_bytes!("../../assets/vendor/htmx.min.js"),
    ),
    (
        "hx-sse.min.js",
        JS,
        include_bytes!("../../assets/vendor/hx-sse.min.js"),
    ),
    (
        "uPlot.iife.min.js",
        JS,
        include_bytes!("../../assets/vendor/uPlot.iife.min.js"),
    ),
    (
        "uPlot.min.css",
        CSS,
        include_bytes!("../../assets/vendor/uPlot.min.css"),
    ),
];

/// What is added to every address, so that a browser keeps nothing of another build.
pub(crate) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut all = Sha256::new();
        for (_, _, content) in ASSETS {
            all.update(content);
        }
        hex_of(all.finalize().as_slice())
    })
}

fn hex_of(digest: &[u8]) -> String {
    digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// `GET /assets/{name}`
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, _, _)| *known == name) {
        Some((_, media, content)) => (
            [
                (CONTENT_TYPE, *media),
                (CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ],
            *content,
        )
            .into_response(),
        None => Problem::no_such_path().into_response(),
    }
}
