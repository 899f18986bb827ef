//! `post.author_followed`: what the author has posted lately is in the new follower's feed.

use async_trait::async_trait;
use fanout_consume::Failure;
use fanout_contracts::post::AuthorFollowed;
use fanout_events::Envelope;
use fanout_posts::{Post, posts_of};
use fanout_projections::{Projects, Reading, Rows};
use fanout_store::Comparison;

use crate::item::{Item, KEPT};

/// How many posts of an author a new follower is shown: one commit.
const MOST: u32 = 400;

/// Rows for the author's last posts. What is older than rows are kept is merged when it is read.
pub(crate) struct Backfill;

#[async_trait]
impl Projects<AuthorFollowed> for Backfill {
    async fn rows(
        event: &Envelope<AuthorFollowed>,
        reading: &Reading<'_>,
    ) -> Result<Rows, Failure> {
        let AuthorFollowed {
            follower_id,
            followee_id,
        } = &event.data;
        let since = event.timestamp - KEPT;
        let query = posts_of(followee_id)
            .only("posted_at", Comparison::AtLeast, since)
            .limit(MOST);
        let page = reading.query(&query).await?;
        let mut rows = Vec::new();
        for post in &page.documents {
            let post = Post::from_document(post)?;
            let item = Item {
                owner: follower_id.clone(),
                post_id: post.id,
                author_id: post.author_id,
                posted_at: post.posted_at,
            };
            rows.push(item.row());
        }
        Ok(rows.into())
    }
}
