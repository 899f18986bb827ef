//! The same commands in Google Cloud, as far as a stand-in on this machine can be that: it gives
//! access tokens as Google's token server does, and answers nobody who brings none.

use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::operated::{Ended, operator_command};

/// What the stand-in was asked, with a valid token.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

pub(crate) struct Cloud {
    url: String,
    asked: Asked,
    _runtime: tokio::runtime::Runtime,
}

async fn token() -> Json<Value> {
    Json(json!({"access_token": "the-token", "expires_in": 3600, "token_type": "Bearer"}))
}

async fn only_with_token(State(asked): State<Asked>, request: Request, next: Next) -> Response {
    let bearer = request.headers().get(AUTHORIZATION).cloned();
    if bearer.is_none_or(|value| value != "Bearer the-token") {
        let error = json!({"code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTHENTICATED"});
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": error }))).into_response();
    }
    let path = request.uri().path().to_owned();
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1_000_000).await.unwrap();
    let ask = serde_json::from_slice(&body).unwrap_or_default();
    asked.lock().unwrap().push((path, ask));
    next.run(Request::from_parts(parts, body.into())).await
}

impl Cloud {
    pub(crate) fn start() -> Self {
        let asked = Asked::default();
        let pubsub = Router::new()
            .route(
                "/v1/projects/p1/topics/user-events:publish",
                post(|| async { Json(json!({"messageIds": ["11223344556677"]})) }),
            )
            .route(
                "/v1/projects/p1/subscriptions/{call}",
                // Google's answer to a pull that finds nothing.
                post(|| async { Json(json!({})) }),
            )
            .layer(from_fn_with_state(asked.clone(), only_with_token));
        let app = Router::new().route("/token", post(token)).merge(pubsub);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            url,
            asked,
            _runtime: runtime,
        }
    }

    /// Runs the command with Application Default Credentials from a file, as `gcloud auth
    /// application-default login` leaves one.
    pub(crate) fn run(&self, arguments: &[&str], with_credentials: bool) -> Ended {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("credentials.json");
        let credentials = json!({
            "type": "authorized_user", "client_id": "id", "client_secret": "secret",
            "refresh_token": "refresh", "token_uri": format!("{}/token", self.url),
        });
        std::fs::write(&file, credentials.to_string()).unwrap();
        let mut command = operator_command(arguments);
        command
            .env("HOME", home.path())
            .env("FANOUT_PROJECT", "p1")
            .env("FANOUT_PUBSUB_URL", &self.url);
        if with_credentials {
            command.env("GOOGLE_APPLICATION_CREDENTIALS", &file);
        } else {
            command.env(
                "GOOGLE_APPLICATION_CREDENTIALS",
                home.path().join("absent.json"),
            );
        }
        Ended::of(command)
    }
}

#[test]
fn in_google_cloud_the_calls_carry_the_token_of_the_default_credentials() {
    let cloud = Cloud::start();
    let data = r#"{"user_id":"usr_1","email":"test@example.com","name":"Test User"}"#;
    let ended = cloud.run(&["publish", "user.created", "--data", data], true);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("11223344556677"), "{ended:?}");
    let (path, ask) = cloud.asked.lock().unwrap().pop().unwrap();
    assert_eq!(path, "/v1/projects/p1/topics/user-events:publish");
    assert_eq!(ask["messages"][0]["orderingKey"], "usr_1");
    assert_eq!(ask["messages"][0]["attributes"]["ce-type"], "user.created");

    let ended = cloud.run(&["dead-letters", "list", "--consumer", "crm"], true);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "crm: no dead letters\n"),
        "{ended:?}"
    );
    let asked = std::mem::take(&mut *cloud.asked.lock().unwrap());
    // Google may say that there is nothing when there is something.
    assert_eq!(asked.len(), 3, "{asked:?}");
    let pull = "/v1/projects/p1/subscriptions/user-events-crm-dead-letters:pull";
    assert!(asked.iter().all(|(path, _)| path == pull), "{asked:?}");
}

#[test]
fn without_credentials_it_says_how_to_get_some() {
    let cloud = Cloud::start();
    let ended = cloud.run(&["dead-letters", "list"], false);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .stderr
            .contains("run `gcloud auth application-default login`"),
        "{ended:?}"
    );
    assert!(cloud.asked.lock().unwrap().is_empty());
}
