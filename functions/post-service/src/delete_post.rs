//! `DELETE /posts/{id}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use fanout_contracts::post::PostDeleted;
use fanout_outbox::Draft;
use fanout_posts::Post;
use fanout_store::{CommitError, Precondition, Write};
use fanout_web::RequestContext;
use http::StatusCode;

use crate::posts::{PostError, Posts};
use crate::request::origin;

/// A post is never changed, so what it was when it was read is what it is when it goes.
pub(crate) async fn delete_post(
    State(posts): State<Posts>,
    Extension(context): Extension<RequestContext>,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, PostError> {
    let Path(id) = path.map_err(|_| PostError::NoSuchPost)?;
    let key = Post::key(&id);
    let found = posts.documents.get(&key).await?;
    let found = found.ok_or(PostError::NoSuchPost)?;
    let Post { id, author_id, .. } = Post::from_document(&found)?;
    let post_id = id.clone();
    let deleted = Draft::of(id, 2, &PostDeleted { post_id, author_id })?;
    let write = Write::delete(key).only_if(Precondition::UpdatedAt(found.update_time));
    let origin = origin(context);
    match posts
        .outbox
        .store(vec![write], vec![deleted], &origin)
        .await
    {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(CommitError::Conflict(_)) => Err(PostError::NoSuchPost),
        Err(error @ (CommitError::Contention(_) | CommitError::Store(_))) => Err(error.into()),
    }
}
