//! `POST /posts {"author_id","content"}`

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use fanout_contracts::post::PostCreated;
use fanout_outbox::{Draft, Origin};
use fanout_posts::Post;
use fanout_runtime::{Timestamp, serialize_rfc3339, whole_milliseconds};
use fanout_store::{CommitError, UpdateTime, Write};
use fanout_web::{Remembered, Repeatable, RequestContext};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::posts::{PostError, Posts};
use crate::request::{Asked, origin};

/// How often a record under the request's key may vanish or run out before it is given up.
const TRIES: u32 = 3;

#[derive(Serialize)]
struct Shown {
    id: String,
    author_id: String,
    content: String,
    #[serde(serialize_with = "serialize_rfc3339")]
    posted_at: Timestamp,
}

pub(crate) async fn create_post(
    State(posts): State<Posts>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, PostError> {
    let asked = Asked::read(&headers, body).await?;
    let asks = [asked.author_id.as_str(), &asked.content];
    let repeatable = Repeatable::from(&headers, "posts", &asks)?;
    let post = Post {
        id: posts.ids.new_id("pst"),
        author_id: asked.author_id,
        content: asked.content,
        posted_at: whole_milliseconds(posts.clock.now()),
    };
    let post = posts.store(post, repeatable, &origin(context)).await?;
    let shown = Shown {
        id: post.id,
        author_id: post.author_id,
        content: post.content,
        posted_at: post.posted_at,
    };
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

impl Posts {
    /// Stores the post with its event, in one commit; answers the first one to a repeat.
    async fn store(
        &self,
        post: Post,
        repeatable: Option<Repeatable>,
        origin: &Origin,
    ) -> Result<Post, PostError> {
        let created = PostCreated {
            post_id: post.id.clone(),
            author_id: post.author_id.clone(),
            content: post.content.clone(),
            posted_at: post.posted_at,
        };
        let created = Draft::of(post.id.as_str(), 1, &created)?.at(post.posted_at);
        let mut expired: Option<UpdateTime> = None;
        for _ in 0..TRIES {
            let record = repeatable
                .as_ref()
                .map(|it| it.remember(&post.id, post.posted_at, expired));
            let stored = Write::create(Post::key(&post.id), post.to_fields());
            let writes = [stored].into_iter().chain(record).collect();
            match self
                .outbox
                .store(writes, vec![created.clone()], origin)
                .await
            {
                Ok(()) => return Ok(post),
                Err(CommitError::Conflict(_)) => {}
                Err(error @ (CommitError::Contention(_) | CommitError::Store(_))) => {
                    return Err(error.into());
                }
            }
            let Some(repeatable) = &repeatable else { break };
            expired = match self.documents.get(repeatable.key()).await? {
                None => None,
                Some(record) => match repeatable.compare(&record, self.clock.now())? {
                    // As it was posted, whatever has become of it.
                    Remembered::Same { id, at } => {
                        return Ok(Post {
                            id,
                            posted_at: at,
                            ..post
                        });
                    }
                    Remembered::Another => return Err(PostError::IdempotencyKeyReused),
                    Remembered::Expired(version) => Some(version),
                },
            };
        }
        Err(PostError::Contended)
    }
}
