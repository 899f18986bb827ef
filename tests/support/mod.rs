//! What the tests share: a running system, and waiting for it.

mod lone_consumer;
mod test_system;

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

pub(crate) use fanout_testkit::captured_logs;
pub(crate) use lone_consumer::{LoneConsumer, envelope_around, kernel, ticker_of};
pub(crate) use test_system::{TestSystem, emulators, get_json};

/// How long a condition may take to come true: generous, because test machines are busy.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until `condition` gives a value, and fails with `what` if it does not in time.
pub(crate) async fn eventually<T, F>(what: &str, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
