//! A stand-in for Cloud Storage's JSON API: what `Bucket` asks of it, behind a check of the token.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use fanout_root_copies::Bucket;
use google_cloud_auth::credentials::{
    CacheableResource, Credentials, CredentialsProvider, EntityTag,
};
use google_cloud_auth::errors::CredentialsError;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, StatusCode};
use serde_json::json;
use tokio::net::TcpListener;

pub(crate) const TOKEN: &str = "tickers-token";
const BUCKET: &str = "my-project-audit";
/// How many objects a page lists.
const PAGE: usize = 3;

#[derive(Default)]
struct Seen {
    objects: Mutex<BTreeMap<String, String>>,
    next_answer: Mutex<Option<(StatusCode, &'static str)>>,
}

pub(crate) struct CloudStorage {
    seen: Arc<Seen>,
    url: String,
}

/// An access token.
#[derive(Debug)]
struct Token(&'static str);

impl CredentialsProvider for Token {
    async fn headers(
        &self,
        _: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let value = format!("Bearer {}", self.0).parse().unwrap();
        Ok(CacheableResource::New {
            entity_tag: EntityTag::new(),
            data: HeaderMap::from_iter([(AUTHORIZATION, value)]),
        })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

impl CloudStorage {
    pub(crate) async fn start() -> Self {
        let seen = Arc::<Seen>::default();
        let routes = Router::new()
            .route("/upload/storage/v1/b/{bucket}/o", post(upload))
            .route("/storage/v1/b/{bucket}/o", get(list))
            .route("/storage/v1/b/{bucket}/o/{object}", get(read))
            .layer(from_fn_with_state(Arc::clone(&seen), guard))
            .with_state(Arc::clone(&seen));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { seen, url }
    }

    /// The bucket, for who shows this token.
    pub(crate) fn bucket(&self, token: &'static str) -> Bucket {
        let credentials = Credentials::from(Token(token));
        Bucket::new(&self.url, BUCKET.to_owned(), credentials).unwrap()
    }

    /// The next request that is let in does what it does, and is answered with this.
    pub(crate) fn answer_next(&self, status: u16) {
        self.answer_next_with(status, "");
    }

    /// The same, with this as the body.
    pub(crate) fn answer_next_with(&self, status: u16, body: &'static str) {
        let status = StatusCode::from_u16(status).unwrap();
        *self.seen.next_answer.lock().unwrap() = Some((status, body));
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.seen.objects.lock().unwrap().keys().cloned().collect()
    }
}

async fn guard(State(seen): State<Arc<Seen>>, request: Request, next: Next) -> Response {
    let expected = format!("Bearer {TOKEN}");
    let shown = request.headers().get(AUTHORIZATION);
    if shown.is_none_or(|shown| shown.as_bytes() != expected.as_bytes()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let answer = next.run(request).await;
    match seen.next_answer.lock().unwrap().take() {
        Some(answer) => answer.into_response(),
        None => answer,
    }
}

type Asked = Query<HashMap<String, String>>;

async fn upload(
    State(seen): State<Arc<Seen>>,
    Path(bucket): Path<String>,
    Query(asked): Asked,
    body: String,
) -> StatusCode {
    assert_eq!(
        (bucket.as_str(), asked["uploadType"].as_str()),
        (BUCKET, "media")
    );
    let mut objects = seen.objects.lock().unwrap();
    let is_there = objects.contains_key(&asked["name"]);
    // Without the precondition an upload replaces what is there.
    if is_there && asked.get("ifGenerationMatch").is_some_and(|it| it == "0") {
        return StatusCode::PRECONDITION_FAILED;
    }
    objects.insert(asked["name"].clone(), body);
    StatusCode::OK
}

async fn list(State(seen): State<Arc<Seen>>, Query(asked): Asked) -> Json<serde_json::Value> {
    let objects = seen.objects.lock().unwrap();
    let after = asked["pageToken"].as_str();
    let names = objects
        .keys()
        .filter(|name| name.starts_with(&asked["prefix"]));
    let names: Vec<_> = names
        .filter(|name| name.as_str() > after)
        .take(PAGE)
        .collect();
    let next = names.last().filter(|_| names.len() == PAGE);
    let items = names.iter().map(|name| json!({"name": name}));
    Json(json!({"items": items.collect::<Vec<_>>(), "nextPageToken": next}))
}

async fn read(
    State(seen): State<Arc<Seen>>,
    Path((bucket, object)): Path<(String, String)>,
    Query(asked): Asked,
) -> Result<String, StatusCode> {
    assert_eq!((bucket.as_str(), asked["alt"].as_str()), (BUCKET, "media"));
    let objects = seen.objects.lock().unwrap();
    objects.get(&object).cloned().ok_or(StatusCode::NOT_FOUND)
}
