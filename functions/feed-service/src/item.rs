//! A row of a feed: that a post is in it, and where.

use async_trait::async_trait;
use chrono::TimeDelta;
use fanout_posts::{Follow, Followed, Post};
use fanout_projections::{GENERATION, Reading, Row, Shows};
use fanout_runtime::Timestamp;
use fanout_store::{Collection, Fields, MalformedDocument, ReadError, ascending, descending};
use sha2::{Digest, Sha256};

/// The collection of rows.
pub const FEED_ITEMS: &Collection = &Collection::named("feed_items")
    .indexes(&[
        &[ascending(GENERATION)],
        &[
            ascending(GENERATION),
            ascending("owner"),
            descending("posted_at"),
        ],
    ])
    .no_automatic_indexes()
    .expires_by("expires_at");

/// For how long after its posting a post has rows. Older ones are merged when a feed is read that far.
pub const KEPT: TimeDelta = TimeDelta::days(30);

/// That a post is in a reader's feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) owner: String,
    pub(crate) post_id: String,
    pub(crate) author_id: String,
    pub(crate) posted_at: Timestamp,
}

impl Item {
    /// The row: the same, whichever event makes it.
    pub(crate) fn row(&self) -> Row {
        let fields = Fields::new()
            .with("owner", self.owner.as_str())
            .with("post_id", self.post_id.as_str())
            .with("author_id", self.author_id.as_str())
            .with("posted_at", self.posted_at)
            .with("expires_at", self.posted_at + KEPT);
        Row::fixed(FEED_ITEMS, &row_id(&self.owner, &self.post_id), fields)
    }

    pub(crate) fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        Ok(Self {
            owner: fields.text("owner")?.to_owned(),
            post_id: fields.text("post_id")?.to_owned(),
            author_id: fields.text("author_id")?.to_owned(),
            posted_at: fields.timestamp("posted_at")?,
        })
    }

    /// The pair of its reader and its author.
    pub(crate) fn follow(&self) -> Follow {
        Follow {
            follower: self.owner.clone(),
            followee: self.author_id.clone(),
        }
    }
}

/// Rows of one feed lie in the order of their posts' ids, whatever the reader's name is made of.
pub(crate) fn row_id(owner: &str, post_id: &str) -> String {
    let mut owner = hex::encode(Sha256::digest(owner));
    owner.truncate(32);
    format!("{owner}.{post_id}")
}

/// A row shows as long as its post is there and its author followed.
pub(crate) struct StillInFeed;

#[async_trait]
impl Shows for StillInFeed {
    async fn shows(row: &Fields, reading: &Reading<'_>) -> Result<bool, ReadError> {
        let item = Item::from_fields(row)?;
        let keys = [Post::key(&item.post_id), item.follow().key()];
        let mut found = reading.get_many(&keys).await?.into_iter();
        let (post, follow) = (found.next().flatten(), found.next().flatten());
        Ok(post.is_some() && Followed::of(follow.as_ref())?.now)
    }
}
