//! `PUSH_AUTH=oidc`: only the subscription's own identity may push.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use axum::{Json, Router, routing::get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use fanout_consume::{PushAuth, PushAuthError};
use fanout_runtime::{Clock, SystemClock};
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::eventually;

const AUDIENCE: &str = "https://crm-service.example.com/pubsub/push";
const PUSHER: &str = "crm-push@project.iam.gserviceaccount.com";

/// A signer of tokens: Google, or another.
struct Signer(KeyPair);

impl Signer {
    fn new() -> Self {
        Self(KeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    fn keys(&self) -> Value {
        let public = self.0.public_key();
        json!({"keys": [{
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "key-1",
            "n": BASE64.encode(public.modulus().big_endian_without_leading_zero()),
            "e": BASE64.encode(public.exponent().big_endian_without_leading_zero()),
        }]})
    }

    fn token(&self, claims: &Value) -> String {
        self.token_of_key("key-1", claims)
    }

    fn token_of_key(&self, id: &str, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": id});
        let signed = format!(
            "{}.{}",
            BASE64.encode(header.to_string()),
            BASE64.encode(claims.to_string())
        );
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{signed}.{}", BASE64.encode(signature))
    }
}

/// What Pub/Sub puts into a push token, changed by `change`.
fn claims(change: Value) -> Value {
    let now = SystemClock.now().timestamp();
    let mut claims = json!({
        "iss": "https://accounts.google.com", "aud": AUDIENCE, "sub": "1", "iat": now,
        "exp": now + 3600, "email": PUSHER, "email_verified": true,
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    headers.insert(AUTHORIZATION, value);
    headers
}

/// Where keys are fetched.
struct KeyServer {
    auth: PushAuth,
    keys: Arc<Mutex<Value>>,
    fetches: Arc<AtomicUsize>,
    hangs: Arc<AtomicBool>,
}

impl KeyServer {
    async fn of(signer: &Signer, hanging: bool) -> Self {
        let keys = Arc::new(Mutex::new(signer.keys()));
        let published = Arc::clone(&keys);
        let (fetches, hangs) = (Arc::new(AtomicUsize::new(0)), Arc::new(hanging.into()));
        let (counted, hung) = (Arc::clone(&fetches), Arc::<AtomicBool>::clone(&hangs));
        let serve = async move || {
            counted.fetch_add(1, Ordering::SeqCst);
            if hung.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            Json(published.lock().unwrap().clone())
        };
        let app = Router::new().route("/keys", get(serve));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let auth = PushAuth::oidc(AUDIENCE, PUSHER, Some(&url));
        Self {
            auth,
            keys,
            fetches,
            hangs,
        }
    }

    async fn check(&self, token: &str) -> Result<(), PushAuthError> {
        self.auth.check(&bearer(token)).await
    }
}

/// Time passes that no timer of this test waits for.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

async fn auth_with_keys_of(signer: &Signer) -> PushAuth {
    KeyServer::of(signer, false).await.auth
}

#[tokio::test]
async fn the_subscriptions_own_token_is_let_in_however_many_come_at_once() {
    let google = Signer::new();
    let auth = auth_with_keys_of(&google).await;
    let headers = bearer(&google.token(&claims(json!({}))));
    let checks = (0..20).map(|_| auth.check(&headers));
    assert!(join_all(checks).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_token_of_another_identity_is_refused_as_such() {
    let google = Signer::new();
    let auth = auth_with_keys_of(&google).await;
    for change in [
        json!({"email": "email-push@project.iam.gserviceaccount.com"}),
        json!({"email_verified": false}),
        json!({"email": null}),
    ] {
        let refused = auth.check(&bearer(&google.token(&claims(change)))).await;
        assert!(
            matches!(refused, Err(PushAuthError::SomebodyElse)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_token_that_google_did_not_sign_for_this_service_is_invalid() {
    let google = Signer::new();
    let auth = auth_with_keys_of(&google).await;
    let good = claims(json!({}));
    let tokens = [
        Signer::new().token(&good),
        google.token(&claims(json!({"aud": "https://other.example.com"}))),
        google.token(&claims(json!({"iss": "https://evil.example.com"}))),
        google.token(&claims(json!({"exp": 1}))),
        google
            .token(&good)
            .replace("eyJhbGciOiJSUzI1NiIs", "eyJhbGciOiJub25lIiwi"),
        "nonsense".to_owned(),
    ];
    for token in tokens {
        let refused = auth.check(&bearer(&token)).await;
        assert!(
            matches!(refused, Err(PushAuthError::Invalid(_))),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn no_token_is_missing_and_unreachable_keys_are_unavailable() {
    let google = Signer::new();
    let auth = auth_with_keys_of(&google).await;
    let refused = auth.check(&HeaderMap::new()).await;
    assert!(
        matches!(refused, Err(PushAuthError::Missing)),
        "{refused:?}"
    );
    let closed = PushAuth::oidc(AUDIENCE, PUSHER, Some("http://127.0.0.1:1/keys"));
    let refused = closed
        .check(&bearer(&google.token(&claims(json!({})))))
        .await;
    assert!(
        matches!(refused, Err(PushAuthError::Unavailable(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn while_the_key_server_hangs_good_tokens_are_let_in_and_forged_ones_ask_it_once_a_minute() {
    let google = Signer::new();
    let server = KeyServer::of(&google, false).await;
    let good = google.token(&claims(json!({})));
    let forged = Signer::new().token_of_key("key-2", &claims(json!({})));
    server.check(&good).await.unwrap();
    // Just fetched, so that a key which is not there is none of Google's.
    let refused = server.check(&forged).await;
    assert!(
        matches!(refused, Err(PushAuthError::Invalid(_))),
        "{refused:?}"
    );
    assert_eq!(server.fetches.load(Ordering::SeqCst), 1);
    server.hangs.store(true, Ordering::SeqCst);
    for fetches in [2, 3] {
        pass(Duration::from_secs(61)).await;
        let began = Instant::now();
        for _ in 0..30 {
            let refused = server.check(&forged).await;
            assert!(
                matches!(refused, Err(PushAuthError::Unavailable(_))),
                "{refused:?}"
            );
            server.check(&good).await.unwrap();
        }
        // Were the server waited for, each would take 3 s.
        assert!(began.elapsed() < Duration::from_secs(60));
        eventually("the fetch", || async {
            assert!(server.check(&forged).await.is_err());
            (server.fetches.load(Ordering::SeqCst) == fetches).then_some(())
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_server_that_hangs_from_the_start_holds_a_push_for_three_seconds_and_no_longer() {
    let google = Signer::new();
    let server = KeyServer::of(&google, true).await;
    let good = google.token(&claims(json!({})));
    let began = Instant::now();
    let checks = join_all((0..30).map(|_| server.check(&good))).await;
    let unavailable = |it: &Result<(), _>| matches!(it, Err(PushAuthError::Unavailable(_)));
    assert!(checks.iter().all(unavailable), "{checks:?}");
    assert!(
        began.elapsed() <= Duration::from_millis(3100),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_key_that_google_publishes_later_is_found() {
    let (google, later) = (Signer::new(), Signer::new());
    let server = KeyServer::of(&google, false).await;
    let (old, new) = (json!({}), later.token_of_key("key-2", &claims(json!({}))));
    server.check(&google.token(&claims(old))).await.unwrap();
    assert!(server.check(&new).await.is_err());
    let mut keys = later.keys();
    keys["keys"][0]["kid"] = "key-2".into();
    *server.keys.lock().unwrap() = keys;
    pass(Duration::from_secs(61)).await;
    eventually("the new key", || async { server.check(&new).await.ok() }).await;
}

#[tokio::test]
async fn keys_that_could_not_be_fetched_for_a_day_are_trusted_no_more() {
    let google = Signer::new();
    let server = KeyServer::of(&google, false).await;
    let good = google.token(&claims(json!({"exp": i64::from(i32::MAX)})));
    server.check(&good).await.unwrap();
    server.hangs.store(true, Ordering::SeqCst);
    pass(Duration::from_secs(23 * 60 * 60)).await;
    server.check(&good).await.unwrap();
    pass(Duration::from_secs(60 * 60)).await;
    let refused = server.check(&good).await;
    assert!(
        matches!(refused, Err(PushAuthError::Unavailable(_))),
        "{refused:?}"
    );
}
