//! What a network and a service do now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

/// What happens to the requests of one service; by default, nothing.
#[derive(Debug, Default)]
pub struct Weather {
    down: AtomicBool,
    /// Each how-manieth answer is lost; 0 for none.
    losing: AtomicUsize,
    slow_ms: AtomicU64,
    requests: AtomicUsize,
}

impl Weather {
    /// The service is down, or up again.
    pub fn is_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Each so-manieth request is answered with an error after it has done its work.
    pub fn loses_each(&self, nth: usize) {
        self.losing.store(nth, Ordering::Relaxed);
    }

    /// Each request takes this long.
    pub fn is_slow(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.slow_ms.store(by, Ordering::Relaxed);
    }

    /// How many requests have come through.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// These routes, in this weather.
    pub fn over(self: &Arc<Self>, routes: Router) -> Router {
        routes.layer(from_fn_with_state(Arc::clone(self), through))
    }
}

async fn through(State(weather): State<Arc<Weather>>, request: Request, next: Next) -> Response {
    let unavailable = || StatusCode::SERVICE_UNAVAILABLE.into_response();
    if weather.down.load(Ordering::Relaxed) {
        return unavailable();
    }
    let slow = weather.slow_ms.load(Ordering::Relaxed);
    if slow > 0 {
        tokio::time::sleep(Duration::from_millis(slow)).await;
    }
    let number = weather.requests.fetch_add(1, Ordering::Relaxed);
    let answer = next.run(request).await;
    match weather.losing.load(Ordering::Relaxed) {
        0 => answer,
        each if number % each == each - 1 => unavailable(),
        _ => answer,
    }
}
