//! Changing a user while others change it too.

use std::time::Duration;

use fanout_runtime::{BoxError, IdGenerator};
use fanout_store::{CommitError, Violation};
use tokio::time::{Instant, sleep};

use crate::api_error::ApiError;
use crate::user::USERS;

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
            CommitError::Contention(cause) => cause,
            CommitError::Conflict(conflict)
                if conflict.key.is_in(USERS) && conflict.violation == Violation::Changed =>
            {
                conflict.into()
            }
            CommitError::Conflict(_) | CommitError::Store(_) => return Err(error.into()),
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

#[cfg(test)]
mod tests {
    use fanout_store::{Collection, Fields, Key, Write};

    use super::*;
    use crate::user::USER_EMAILS;

    /// The longest wait each time.
    struct Longest;

    impl IdGenerator for Longest {
        fn new_id(&self, prefix: &str) -> String {
            prefix.to_owned()
        }

        fn fraction(&self) -> f64 {
            1.0
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_stands_in_line_for_ten_seconds_with_waits_that_grow_up_to_a_fifth_of_one() {
        let mut attempts = Attempts::new(&Longest);
        let started = Instant::now();
        let mut waits = Vec::new();
        let refused = loop {
            let before = started.elapsed();
            let contention = CommitError::Contention("others were faster".into());
            if let Err(refused) = attempts.again_after(contention).await {
                break refused;
            }
            waits.push((started.elapsed() - before).as_millis());
        };
        assert!(matches!(refused, ApiError::Unavailable(_)), "{refused:?}");
        assert_eq!(waits[..8], [4, 8, 16, 32, 64, 128, 200, 200]);
        let stood = started.elapsed();
        assert!(stood <= Duration::from_secs(10), "{stood:?}");
        assert!(stood + MAX_WAIT > Duration::from_secs(10), "{stood:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_user_that_others_have_changed_is_tried_again() {
        let after = async |collection: &'static Collection, violation| {
            let write = Write::set(Key::new(collection, "a"), Fields::new());
            let conflict = write.conflict(0, violation).into();
            Attempts::new(&Longest).again_after(conflict).await
        };
        assert!(after(USERS, Violation::Changed).await.is_ok());
        let taken = after(USER_EMAILS, Violation::AlreadyExists).await;
        assert!(matches!(taken, Err(ApiError::EmailTaken)), "{taken:?}");
        for (collection, violation) in [
            (USERS, Violation::AlreadyExists),
            (USER_EMAILS, Violation::Changed),
        ] {
            let refused = after(collection, violation).await;
            assert!(matches!(refused, Err(ApiError::Internal(_))), "{refused:?}");
        }
    }
}
