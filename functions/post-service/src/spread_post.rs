//! `post.created`: the post is to be shown to its author's followers, a part of them at a time. Each
//! part is an event of its own, with a mark and repeats of its own.

use async_trait::async_trait;
use fanout_consume::{Failure, Plan, StoreEffect, UnitOfWork, View};
use fanout_contracts::post::{PostCreated, SpreadRequested};
use fanout_events::Envelope;
use fanout_outbox::Draft;
use fanout_posts::{BUCKETS, followers_of};
use fanout_store::StoreError;

/// Up to how many followers get a post in one commit.
pub const IN_ONE_COMMIT: usize = 400;
/// Up to how many followers there are so many parts that none is likely to be larger than a commit.
const SOME: usize = 3_000;
const PARTS_OF_SOME: u64 = 16;

/// Asks for a post to be shown.
///
/// Above 10,000 followers a post is better merged into a feed when that is read than written into each:
/// here no part would be asked for then, and the feed would look for the posts of such authors as it
/// does for those that are older than its rows. That is not built: they get 256 parts, like all others.
pub struct SpreadPost;

#[async_trait]
impl StoreEffect<PostCreated> for SpreadPost {
    async fn plan(&self, event: &Envelope<PostCreated>, view: &View<'_>) -> Result<Plan, Failure> {
        let PostCreated {
            post_id,
            author_id,
            posted_at,
            ..
        } = &event.data;
        let buckets = parts(view, author_id).await?;
        let mut work = UnitOfWork::default();
        for bucket in 1..=buckets {
            let requested = SpreadRequested {
                post_id: post_id.clone(),
                author_id: author_id.clone(),
                posted_at: *posted_at,
                bucket,
                buckets,
            };
            let subject = format!("{post_id}:{bucket}");
            work = work.emit(Draft::request(&requested)?.about(subject, 1));
        }
        Ok(Plan::Apply(work))
    }
}

/// Into how many parts an author's followers are cut. Who follows later is shown the post for that.
async fn parts(view: &View<'_>, author: &str) -> Result<u64, StoreError> {
    let mut followers = 0;
    let mut query = followers_of(author, 1, 1);
    loop {
        let page = view.query(&query).await?;
        followers += page.documents.len();
        match page.next {
            Some(next) if followers <= SOME => query = query.after(next),
            Some(_) | None => break,
        }
    }
    Ok(match followers {
        0 => 0,
        1..=IN_ONE_COMMIT => 1,
        more if more <= SOME => PARTS_OF_SOME,
        _ => BUCKETS,
    })
}
