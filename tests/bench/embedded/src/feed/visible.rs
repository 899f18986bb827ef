//! How long it takes from a post to its readers.

use std::time::{Duration, Instant};

use axum::body::Body;
use futures_util::future::try_join_all;
use http::Request;
use serde_json::{Value, json};

use super::{Running, asked};
use crate::dialogue::Question;
use crate::latencies::summary;

/// How many readers of a post look for it.
const LOOKING: usize = 10;

impl Running {
    /// Posts one after the other; some readers, evenly chosen, look until they see each of them.
    pub(super) async fn visible(&self, question: &Question) -> anyhow::Result<Value> {
        let Question {
            followers, count, ..
        } = *question;
        let run = question.run.as_str();
        let step = followers.div_ceil(LOOKING).max(1);
        let (started, mut times) = (Instant::now(), Vec::new());
        for number in 0..count {
            let began = Instant::now();
            let body = json!({"author_id": run, "content": format!("post {number}")}).to_string();
            let request = Request::post("/posts").header("content-type", "application/json");
            let post = asked(&self.posts, request.body(Body::from(body))?).await?;
            let readers = (0..followers).skip(number % step).step_by(step);
            let looking =
                readers.map(|reader| self.sees(format!("{run}-{reader}"), &post["id"], began));
            times.extend(try_join_all(looking).await?);
        }
        Ok(summary(started.elapsed(), times))
    }

    async fn sees(&self, reader: String, post: &Value, began: Instant) -> anyhow::Result<Duration> {
        let first = format!("/feeds/{reader}?limit=1");
        loop {
            let feed = asked(&self.feeds, Request::get(&first).body(Body::empty())?).await?;
            if feed["items"][0]["post_id"] == *post {
                return Ok(began.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
