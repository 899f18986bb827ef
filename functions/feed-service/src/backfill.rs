//! `post.author_followed`: what the author has posted lately is in the new follower's feed.

use async_trait::async_trait;
use chrono::TimeDelta;
use fanout_consume::Failure;
use fanout_contracts::post::AuthorFollowed;
use fanout_events::Envelope;
use fanout_posts::{Post, posts_of};
use fanout_projections::{Projects, Reading, Rows};
use fanout_store::Comparison;

use crate::item::{Item, KEPT};

/// How many posts of an author a new follower is shown: one commit.
const MOST: u32 = 400;

/// For how long after the time of a follow a post may be stored that does not see it: a request ends
/// within a minute, and clocks are not far apart.
const UNSEEN: TimeDelta = TimeDelta::minutes(2);

/// Rows for the author's last posts before the follow: the same, however much later this is asked. What
/// comes after it sees it ([`crate::spread::Spread`]); what is older than rows are kept is merged when it
/// is read.
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
            .only("posted_at", Comparison::Less, event.timestamp + UNSEEN)
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
