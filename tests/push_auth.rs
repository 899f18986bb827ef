//! `PUSH_AUTH=oidc`: only the subscription's own identity may push.

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

const AUDIENCE: &str = "https://crm-service.example.com/pubsub/push";
const PUSHER: &str = "crm-push@project.iam.gserviceaccount.com";

/// Somebody who signs tokens; Google, or somebody else.
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
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"});
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

async fn auth_with_keys_of(signer: &Signer) -> PushAuth {
    let keys = signer.keys();
    let app = Router::new().route("/keys", get(async move || Json(keys)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    PushAuth::oidc(AUDIENCE, PUSHER, Some(&url))
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
async fn a_token_of_another_identity_is_somebody_elses() {
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
