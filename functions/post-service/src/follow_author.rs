//! `PUT` and `DELETE /users/{follower}/following/{followee}`. Asked again, they change nothing.

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use fanout_contracts::post::{AuthorFollowed, AuthorUnfollowed};
use fanout_outbox::{Draft, Origin, UnwritableEvent};
use fanout_posts::{Follow, Followed};
use fanout_store::{CommitError, Write};
use fanout_web::RequestContext;
use http::StatusCode;

use crate::posts::{PostError, Posts};
use crate::request::{origin, pair};

/// How often a change is decided again because the pair changed meanwhile.
const TRIES: u32 = 5;

type InPath = Result<Path<(String, String)>, PathRejection>;

pub(crate) async fn follow_author(
    State(posts): State<Posts>,
    Extension(context): Extension<RequestContext>,
    path: InPath,
) -> Result<StatusCode, PostError> {
    posts.set(&pair(path)?, true, &origin(context)).await
}

pub(crate) async fn unfollow_author(
    State(posts): State<Posts>,
    Extension(context): Extension<RequestContext>,
    path: InPath,
) -> Result<StatusCode, PostError> {
    posts.set(&pair(path)?, false, &origin(context)).await
}

impl Posts {
    async fn set(
        &self,
        follow: &Follow,
        follows: bool,
        origin: &Origin,
    ) -> Result<StatusCode, PostError> {
        for _ in 0..TRIES {
            let found = self.documents.get(&follow.key()).await?;
            let followed = Followed::of(found.as_ref())?;
            if followed.now == follows {
                return Ok(StatusCode::NO_CONTENT);
            }
            let next = Followed {
                version: followed.version + 1,
                now: follows,
            };
            let fields = follow.to_fields(next);
            let write = match found {
                Some(found) => Write::replace(follow.key(), fields, found.update_time),
                None => Write::create(follow.key(), fields),
            };
            let event = event(follow, next)?;
            match self.outbox.store(vec![write], vec![event], origin).await {
                Ok(()) => return Ok(StatusCode::NO_CONTENT),
                Err(CommitError::Conflict(_)) => {}
                Err(error @ (CommitError::Contention(_) | CommitError::Store(_))) => {
                    return Err(error.into());
                }
            }
        }
        Err(PostError::Contended)
    }
}

fn event(follow: &Follow, followed: Followed) -> Result<Draft, UnwritableEvent> {
    let (follower_id, followee_id) = (follow.follower.clone(), follow.followee.clone());
    let (subject, sequence) = (follow.id(), followed.version);
    if followed.now {
        let event = AuthorFollowed {
            follower_id,
            followee_id,
        };
        Draft::of(subject, sequence, &event)
    } else {
        let event = AuthorUnfollowed {
            follower_id,
            followee_id,
        };
        Draft::of(subject, sequence, &event)
    }
}
