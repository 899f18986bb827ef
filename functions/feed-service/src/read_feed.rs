//! `GET /feeds/{user_id}?limit=&page_token=`: the posts of the authors that a user follows, the newest
//! first.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use fanout_events::is_identifier;
use fanout_posts::{Followed, Post};
use fanout_projections::{Generations, row_key, rows_of};
use fanout_runtime::{Clock, Timestamp, serialize_rfc3339};
use fanout_store::{Comparison, Direction, Document, Documents, Key, ReadError};
use fanout_web::{Problem, given, page_after, page_limit, parameters};
use serde::{Deserialize, Serialize};

use crate::item::{FEED_ITEMS, Item, KEPT, row_id};
use crate::older_posts::older_posts;
use crate::position::Position;

/// How many posts a page has without a `limit`.
const USUAL: u32 = 50;

#[derive(Clone)]
pub(crate) struct Feeds {
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) generations: Generations,
}

#[derive(Deserialize)]
pub(crate) struct Parameters {
    limit: Option<String>,
    page_token: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Page {
    items: Vec<Shown>,
    /// Asks for what comes after; `null` where nothing does.
    next_page_token: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    post_id: String,
    author_id: String,
    content: String,
    #[serde(serialize_with = "serialize_rfc3339")]
    posted_at: Timestamp,
}

/// Posts of a feed, and where to go on.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) posts: Vec<Post>,
    pub(crate) next: Option<Position>,
}

pub(crate) async fn read_feed(
    State(feeds): State<Feeds>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let reader = path.ok().map(|Path(reader)| reader);
    let reader = reader.filter(|reader| is_identifier(reader));
    let reader =
        reader.ok_or_else(|| Problem::invalid_field("user_id", "must be an identifier"))?;
    let asked = parameters(query)?;
    let limit = match given(asked.limit.as_deref()) {
        Some(limit) => page_limit(Some(limit))?,
        None => USUAL,
    };
    let after = page_after(asked.page_token.as_deref(), Position::parse)?;
    let found = feeds.read(&reader, limit, after).await;
    let Found { posts, next } = found.map_err(Problem::unread)?;
    Ok(Json(Page {
        items: posts.into_iter().map(Shown::of).collect(),
        next_page_token: next.map(|next| next.token()),
    }))
}

impl Feeds {
    async fn read(
        &self,
        reader: &str,
        limit: u32,
        after: Option<Position>,
    ) -> Result<Found, ReadError> {
        let rows_since = self.clock.now() - KEPT;
        let found = self.rows(reader, limit, after.clone(), rows_since).await?;
        // A returning reader is not shown an empty page.
        if found.posts.is_empty() {
            let documents = self.documents.as_ref();
            return older_posts(documents, reader, limit, after, rows_since).await;
        }
        Ok(found)
    }

    /// From the rows of the generation that is live at this moment. Where they end, what is older may
    /// follow.
    async fn rows(
        &self,
        reader: &str,
        limit: u32,
        after: Option<Position>,
        since: Timestamp,
    ) -> Result<Found, ReadError> {
        let generation = self.generations.live().await?;
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = Found {
            posts: Vec::new(),
            next: after,
        };
        loop {
            let mut query = rows_of(FEED_ITEMS, generation)
                .only("owner", Comparison::Equal, reader)
                .only("posted_at", Comparison::AtLeast, since)
                .order_by("posted_at", Direction::Descending)
                .limit(limit);
            if let Some(at) = &found.next {
                let id = row_key(FEED_ITEMS, generation, &row_id(reader, &at.post_id));
                query = query.after(at.cursor(id.id().to_owned()));
            }
            let page = self.documents.query(&query).await?;
            for (item, post) in self.shown(&page.documents).await? {
                if found.posts.len() == most {
                    return Ok(found);
                }
                found.next = Some(item.position());
                found.posts.extend(post);
            }
            if page.next.is_none() {
                return Ok(found);
            }
        }
    }

    /// The rows with their posts; without, where the post is gone or its author followed no more.
    async fn shown(&self, rows: &[Document]) -> Result<Vec<(Item, Option<Post>)>, ReadError> {
        let items: Result<Vec<Item>, _> = rows
            .iter()
            .map(|row| Item::from_fields(&row.fields))
            .collect();
        let items = items?;
        let posts = items.iter().map(|item| Post::key(&item.post_id));
        let authors: BTreeMap<&str, Key> = items
            .iter()
            .map(|item| (item.author_id.as_str(), item.follow().key()))
            .collect();
        let keys: Vec<Key> = posts.chain(authors.values().cloned()).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut read = self.documents.get_many(&keys).await?;
        let follows = read.split_off(items.len());
        let mut followed = BTreeMap::new();
        for (author, follow) in authors.into_keys().zip(follows) {
            followed.insert(author.to_owned(), Followed::of(follow.as_ref())?.now);
        }
        let mut shown = Vec::new();
        for (item, post) in items.into_iter().zip(read) {
            let follows = followed.get(&item.author_id).copied().unwrap_or_default();
            let post = post.filter(|_| follows);
            let post = post.as_ref().map(Post::from_document).transpose()?;
            shown.push((item, post));
        }
        Ok(shown)
    }
}

impl Item {
    fn position(&self) -> Position {
        Position {
            posted_at: self.posted_at,
            post_id: self.post_id.clone(),
        }
    }
}

impl Shown {
    fn of(post: Post) -> Self {
        Self {
            post_id: post.id,
            author_id: post.author_id,
            content: post.content,
            posted_at: post.posted_at,
        }
    }
}
