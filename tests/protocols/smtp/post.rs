//! The email service with a mail server to send to.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use fanout_mail::{SmtpLimits, SmtpMailer, SmtpServer};
use fanout_runtime::Timings;
use fanout_testkit::consumer_tests::deliver;
use http::Request;
use serde_json::Value;
use tower::ServiceExt;

use super::super::delivered::redriven;
use super::super::scene::{Scene, created};
use crate::support::captured_logs;

/// An address that must never show up in a log or an attribute.
pub(super) const ADDRESS: &str = "secret.person@example.org";

/// Long enough for a server to show that it hangs, and nothing else is to be waited for.
pub(super) const MOMENT: Duration = Duration::from_millis(200);

/// The email service.
pub(super) struct Post {
    pub(super) scene: Scene,
    pub(super) app: Router,
}

/// A delivery's outcome, and what was logged of it.
pub(super) struct Delivered {
    pub(super) outcome: String,
    pub(super) logs: String,
}

impl Post {
    /// Sends to this port of this machine, in the open.
    pub(super) async fn to(port: u16) -> Self {
        Self::with_limits(port, SmtpLimits::PRODUCTION).await
    }

    pub(super) async fn with_limits(port: u16, limits: SmtpLimits) -> Self {
        Self::by(mailer(port, limits)).await
    }

    /// The same, with so much time for each delivery.
    pub(super) async fn with_budget(port: u16, budget: Duration) -> Self {
        let timings = Timings {
            handler_budget: budget,
            ..Timings::PRODUCTION
        };
        let limits = SmtpLimits {
            answer: budget / 10,
            ..SmtpLimits::PRODUCTION
        };
        Self::of(Scene::with_timings(timings).await, mailer(port, limits))
    }

    /// Sends with this mailer.
    pub(super) async fn by(mailer: SmtpMailer) -> Self {
        Self::of(Scene::new().await, mailer)
    }

    fn of(scene: Scene, mailer: SmtpMailer) -> Self {
        let app = scene.email(Arc::new(mailer));
        Self { scene, app }
    }

    /// Delivers the sign-up of a user, who has the address that must not show.
    pub(super) async fn deliver(&self, event_id: &str, user_id: &str) -> Delivered {
        self.deliver_event(&sign_up(event_id, user_id)).await
    }

    pub(super) async fn deliver_event(&self, event: &Value) -> Delivered {
        let (answer, logs) = captured_logs(deliver(&self.app, event.to_string())).await;
        assert!(!logs.contains("secret.person"), "{logs}");
        Delivered {
            outcome: answer.outcome,
            logs,
        }
    }

    /// What comes of it when an operator redrives it.
    pub(super) async fn redrive(&self, event_id: &str, user_id: &str) -> String {
        redriven(&self.app, &sign_up(event_id, user_id)).await
    }

    /// The statuses of the records of a user, through `GET /emails`.
    pub(super) async fn statuses(&self, user_id: &str) -> Vec<String> {
        statuses(&self.app, user_id).await
    }
}

fn mailer(port: u16, limits: SmtpLimits) -> SmtpMailer {
    let url = format!("smtp://127.0.0.1:{port}");
    SmtpMailer::new(SmtpServer::parse(&url).unwrap(), limits).unwrap()
}

pub(super) fn sign_up(event_id: &str, user_id: &str) -> Value {
    let mut event = created(event_id, user_id);
    event["data"]["email"] = ADDRESS.into();
    event
}

async fn statuses(app: &Router, user_id: &str) -> Vec<String> {
    let request = Request::get(format!("/emails?user_id={user_id}"));
    let request = request.body(Body::empty()).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    let body = to_bytes(answer.into_body(), 100_000).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let emails = body["emails"].as_array().unwrap().iter();
    let status = |email: &Value| email["status"].as_str().unwrap().to_owned();
    emails.map(status).collect()
}
