//! Feeds rebuilt from their events, while posts arrive and readers read.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use fanout_contracts::post::SpreadRequested;
use fanout_outbox::{Draft, Origin};
use fanout_posts::Post;
use fanout_projections::Rebuilds;
use fanout_runtime::{Clock as _, SystemClock, whole_milliseconds};
use fanout_store::Write;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use http::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Running, asked};
use crate::dialogue::Question;
use crate::latencies::summary;

/// Authors, each with one reader.
const AUTHORS: usize = 100;
/// Posts of one commit while the store is filled.
const OF_A_COMMIT: usize = 50;
/// Posts that arrive at once at most, or those that wait for the rebuild's commits would hold up the next.
const ARRIVING: usize = 64;
/// Posts of a page that is read.
const PAGE: usize = 100;

/// What is read of a page.
#[derive(Deserialize)]
struct Page {
    items: Vec<Shown>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Shown {
    post_id: String,
}

fn author(run: &str, number: usize) -> String {
    format!("{run}-{}", number % AUTHORS)
}

fn post_id(run: &str, number: usize) -> String {
    format!("pst_{run}-{number:08}")
}

impl Running {
    /// So many posts as post-service leaves them: the post, and the request to show it.
    pub(super) async fn fill(&self, question: &Question) -> anyhow::Result<Value> {
        let Question { count, ref run, .. } = *question;
        let reader = |number| format!("{run}-{number}-reader");
        let pairs = (0..AUTHORS).map(|number| (reader(number), author(run, number)));
        self.follow(pairs.collect()).await?;
        let firsts = (0..count).step_by(OF_A_COMMIT);
        let commits = firsts.map(|first| self.post(run, first..count.min(first + OF_A_COMMIT)));
        stream::iter(commits)
            .buffer_unordered(4)
            .try_collect::<()>()
            .await?;
        self.settle().await?;
        Ok(json!({"filled": count}))
    }

    async fn post(&self, run: &str, numbers: std::ops::Range<usize>) -> anyhow::Result<()> {
        let posted_at = whole_milliseconds(SystemClock.now());
        let (mut writes, mut drafts) = (Vec::new(), Vec::new());
        for number in numbers {
            let (id, author_id) = (post_id(run, number), author(run, number));
            let asked = SpreadRequested {
                post_id: id.clone(),
                author_id: author_id.clone(),
                posted_at,
                bucket: 1,
                buckets: 1,
            };
            drafts.push(Draft::of(id.as_str(), 2, &asked)?);
            let content = format!("post {number}");
            let post = Post {
                id: id.clone(),
                author_id,
                content,
                posted_at,
            };
            writes.push(Write::create(Post::key(&id), post.to_fields()));
        }
        let events = self.outbox.events_of(drafts, &Origin::default())?;
        let committed = self.outbox.commit(writes, events).await?;
        self.outbox.publish_now(committed).await;
        Ok(())
    }

    /// Rebuilds all feeds; `rate` posts a second arrive meanwhile, and a reader reads whole feeds.
    pub(super) async fn rebuild(&self, question: &Question) -> anyhow::Result<Value> {
        let Question {
            count,
            rate,
            ref run,
            ..
        } = *question;
        let over = AtomicBool::new(false);
        let started = Instant::now();
        let rebuilding = async {
            self.rebuilds.begin(feed_service::FEED, false).await?;
            loop {
                self.rebuilds.advance(Rebuilds::RUN_LIMIT).await;
                if self
                    .rebuilds
                    .standing(feed_service::FEED)
                    .await?
                    .building
                    .is_none()
                {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            over.store(true, Ordering::Relaxed);
            anyhow::Ok(started.elapsed())
        };
        let due = |number| async move {
            let due = Duration::from_secs_f64((number - count) as f64 / rate as f64);
            tokio::time::sleep(due.saturating_sub(started.elapsed())).await;
            number
        };
        let posting = stream::iter(count..)
            .then(due)
            .take_while(|_| std::future::ready(!over.load(Ordering::Relaxed)))
            .map(|number| self.post(run, number..number + 1))
            .buffer_unordered(ARRIVING)
            .try_fold(count, |posted, ()| std::future::ready(Ok(posted + 1)));
        let reading = self.read_until(run, count, &over);
        let before = self.generations.live().await?;
        let (took, posted, (missing, times)) = tokio::try_join!(rebuilding, posting, reading)?;
        anyhow::ensure!(
            self.generations.live().await? != before,
            "the new generation is not live"
        );
        self.settle().await?;
        let (mut missing_after, mut repeated_after) = (0, 0);
        for author in 0..AUTHORS {
            let (missing, repeated) = self.missing(run, author, posted).await?;
            missing_after += missing;
            repeated_after += repeated;
        }
        Ok(json!({
            "seconds": took.as_secs_f64(), "posted": posted - count, "missing": missing,
            "missing_after": missing_after, "repeated_after": repeated_after,
            "read_p99_ms": summary(took, times)["p99_ms"],
        }))
    }

    /// Reads one feed after the other: how many rows at worst a feed lacked, and how long it took.
    async fn read_until(
        &self,
        run: &str,
        settled: usize,
        over: &AtomicBool,
    ) -> anyhow::Result<(usize, Vec<Duration>)> {
        let (mut worst, mut times, mut number) = (0, Vec::new(), 0);
        while !over.load(Ordering::Relaxed) {
            let began = Instant::now();
            let (missing, _) = self.missing(run, number % AUTHORS, settled).await?;
            times.push(began.elapsed());
            worst = worst.max(missing);
            number += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok((worst, times))
    }

    /// How many of an author's posts with numbers below `posts` are not in the reader's feed, and how many rows of it
    /// are of a post that has one already.
    async fn missing(
        &self,
        run: &str,
        author: usize,
        posts: usize,
    ) -> anyhow::Result<(usize, usize)> {
        let feed = format!("/feeds/{run}-{author}-reader?limit={PAGE}");
        let (mut path, mut rows, mut found) = (feed.clone(), 0, BTreeSet::new());
        loop {
            let page = asked(&self.feeds, Request::get(&path).body(Body::empty())?).await?;
            let page: Page = serde_json::from_value(page)?;
            rows += page.items.len();
            found.extend(page.items.into_iter().map(|shown| shown.post_id));
            match page.next_page_token {
                Some(token) => path = format!("{feed}&page_token={token}"),
                None => break,
            }
        }
        let wanted = (author..posts)
            .step_by(AUTHORS)
            .map(|number| post_id(run, number));
        let missing = wanted.filter(|post| !found.contains(post)).count();
        Ok((missing, rows - found.len()))
    }
}
