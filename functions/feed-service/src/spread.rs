//! `post.spread_requested`: the post is in the feeds of a part of its author's followers.

use async_trait::async_trait;
use fanout_consume::Failure;
use fanout_contracts::post::SpreadRequested;
use fanout_events::Envelope;
use fanout_posts::{Follow, followers_of};
use fanout_projections::{Projects, Reading, Rows};

use crate::item::Item;

/// Rows for those who follow at this moment. Who follows a moment later gets the post by
/// [`crate::backfill::Backfill`]: the post was stored before this looks for followers, and the follow
/// before that looks for posts, so one of the two sees the other.
pub(crate) struct Spread;

#[async_trait]
impl Projects<SpreadRequested> for Spread {
    async fn rows(
        event: &Envelope<SpreadRequested>,
        reading: &Reading<'_>,
    ) -> Result<Rows, Failure> {
        let asked = &event.data;
        let query = followers_of(&asked.author_id, asked.bucket, asked.buckets);
        let mut rows = Vec::new();
        for follow in reading.all(query).await? {
            let item = Item {
                owner: Follow::from_document(&follow)?.follower,
                post_id: asked.post_id.clone(),
                author_id: asked.author_id.clone(),
                posted_at: asked.posted_at,
            };
            rows.push(item.row());
        }
        Ok(rows.into())
    }
}
