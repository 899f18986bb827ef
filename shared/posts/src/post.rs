//! Posts.

use fanout_runtime::Timestamp;
use fanout_store::{
    Collection, Comparison, Direction, Document, Fields, Key, MalformedDocument, Query, ascending,
    descending,
};

/// The collection of posts, by id. A post that was deleted is not in it.
pub const POSTS: &Collection = &Collection::named("posts")
    .indexes(&[&[ascending("author_id"), descending("posted_at")]])
    .no_automatic_indexes();

/// A post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Its id.
    pub id: String,
    /// Who posted it.
    pub author_id: String,
    /// What was posted.
    pub content: String,
    /// When, to the millisecond.
    pub posted_at: Timestamp,
}

impl Post {
    /// Where the post of this id is.
    pub fn key(id: &str) -> Key {
        Key::new(POSTS, id)
    }

    /// As a document.
    pub fn to_fields(&self) -> Fields {
        Fields::new()
            .with("id", self.id.as_str())
            .with("author_id", self.author_id.as_str())
            .with("content", self.content.as_str())
            .with("posted_at", self.posted_at)
    }

    /// The document as a post.
    pub fn from_document(document: &Document) -> Result<Self, MalformedDocument> {
        let fields = &document.fields;
        Ok(Self {
            id: fields.text("id")?.to_owned(),
            author_id: fields.text("author_id")?.to_owned(),
            content: fields.text("content")?.to_owned(),
            posted_at: fields.timestamp("posted_at")?,
        })
    }
}

/// The posts of an author, the newest first.
pub fn posts_of(author_id: &str) -> Query {
    Query::of(POSTS)
        .only("author_id", Comparison::Equal, author_id)
        .order_by("posted_at", Direction::Descending)
}
