//! How long things took.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

/// Does something `count` times, `at_once` at a time; answers how long all and each of them took.
pub(crate) async fn timed<F>(
    count: usize,
    at_once: usize,
    each: impl Fn(usize) -> F,
) -> anyhow::Result<Value>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let started = Instant::now();
    let each = |number| {
        let work = each(number);
        async move {
            let began = Instant::now();
            work.await.map(|()| began.elapsed())
        }
    };
    let mut running = stream::iter((0..count).map(each)).buffer_unordered(at_once.max(1));
    let mut times = Vec::with_capacity(count);
    while let Some(took) = running.next().await {
        times.push(took?);
    }
    Ok(summary(started.elapsed(), times))
}

/// Seconds for all, and milliseconds for each of them.
pub(crate) fn summary(all: Duration, mut times: Vec<Duration>) -> Value {
    times.sort();
    let share = |share: f64| {
        let place = (times.len() as f64 * share).ceil() as usize;
        let time = times.get(place.saturating_sub(1));
        time.map(|time| time.as_secs_f64() * 1000.0)
    };
    json!({"seconds": all.as_secs_f64(), "p50_ms": share(0.5), "p99_ms": share(0.99)})
}
