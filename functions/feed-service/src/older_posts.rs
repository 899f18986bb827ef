//! Posts that are older than rows are kept: merged from the write model, for the reader who asks.

use fanout_posts::{Follow, Post, followed_by, posts_of};
use fanout_runtime::Timestamp;
use fanout_store::{Comparison, Document, Documents, ReadError, all_documents};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::position::Position;
use crate::read_feed::Found;

/// How many authors are asked for at once.
const AT_ONCE: usize = 16;

/// The newest of the posts before this time that come after this place: a query for each author that
/// the reader follows.
pub(crate) async fn older_posts(
    documents: &dyn Documents,
    reader: &str,
    limit: u32,
    after: Option<Position>,
    before: Timestamp,
) -> Result<Found, ReadError> {
    let after = after.as_ref().filter(|it| it.posted_at < before);
    let authors = all_documents(documents, followed_by(reader)).await?;
    let of_author = |author: Document| async move {
        let author = Follow::from_document(&author)?.followee;
        let mut query = posts_of(&author)
            .only("posted_at", Comparison::Less, before)
            .limit(limit.saturating_add(1));
        if let Some(at) = after {
            query = query.after(at.cursor(Post::key(&at.post_id).id().to_owned()));
        }
        let page = documents.query(&query).await?;
        let posts = page.documents.iter().map(Post::from_document);
        Ok::<Vec<Post>, ReadError>(posts.collect::<Result<_, _>>()?)
    };
    let merged = stream::iter(authors).map(of_author);
    let merged: Vec<Vec<Post>> = merged.buffer_unordered(AT_ONCE).try_collect().await?;
    let mut posts: Vec<Post> = merged.into_iter().flatten().collect();
    posts.sort_unstable_by(|one, other| {
        let newest_first = other.posted_at.cmp(&one.posted_at);
        newest_first.then_with(|| other.id.cmp(&one.id))
    });
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = posts.len() > most;
    posts.truncate(most);
    let last = posts.last().filter(|_| more);
    let next = last.map(|post| Position {
        posted_at: post.posted_at,
        post_id: post.id.clone(),
    });
    Ok(Found { posts, next })
}
