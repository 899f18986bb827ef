//! Changing a user while others change it too.

use std::time::Duration;

use fanout_runtime::BoxError;
use fanout_runtime::IdGenerator;
use fanout_store::{CommitError, Violation};
use tokio::time::{Instant, sleep};

use crate::api_error::ApiError;
use crate::user::{USER_EMAILS, USERS};

/// How long a change stands in line behind others of the same user.
const LIMIT: Duration = Duration::from_secs(10);

/// The longest wait before another try.
const MAX_WAIT: Duration = Duration::from_millis(200);

/// A change that may have to be made again, from what the user is by then.
pub(crate) struct Attempts<'a> {
    ids: &'a dyn IdGenerator,
    until: Instant,
    failed: u32,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(ids: &'a dyn IdGenerator) -> Self {
        Self {
            ids,
            until: Instant::now() + LIMIT,
            failed: 0,
        }
    }

    /// What a failed commit means: `Ok`, after a moment, if others were faster and the change is to
    /// be made again; else the answer.
    pub(crate) async fn again_after(&mut self, error: CommitError) -> Result<(), ApiError> {
        let cause: BoxError = match error {
            CommitError::Conflict(conflict) => {
                let is = |collection, violation| {
                    conflict.key.is_in(collection) && conflict.violation == violation
                };
                if is(USER_EMAILS, Violation::AlreadyExists) {
                    return Err(ApiError::EmailTaken);
                }
                if !is(USERS, Violation::Changed) {
                    return Err(ApiError::Internal(conflict.into()));
                }
                conflict.into()
            }
            CommitError::Contention(cause) => cause,
            CommitError::Store(error) => return Err(error.into()),
        };
        // At random, so that those who collided do not collide again.
        let most = Duration::from_millis(4 << self.failed.min(6)).min(MAX_WAIT);
        let wait = most.mul_f64(self.ids.fraction());
        if Instant::now() + wait > self.until {
            return Err(ApiError::Unavailable(cause));
        }
        self.failed += 1;
        sleep(wait).await;
        Ok(())
    }
}
