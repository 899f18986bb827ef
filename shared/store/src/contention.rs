//! Waiting out contention.

use std::time::Duration;

use fanout_runtime::IdGenerator;

use crate::{CommitError, CommitReceipt, Documents, Write};

/// How often a commit is tried again when others write the same documents.
const RETRIES: u32 = 5;

/// Commits, and tries again after [`CommitError::Contention`], which says that nothing was written.
/// Firestore asks for this. Every other answer is passed on as it is: after a lost answer only the
/// caller knows whether a repeat is safe.
pub async fn commit_through_contention(
    documents: &dyn Documents,
    ids: &dyn IdGenerator,
    writes: Vec<Write>,
) -> Result<CommitReceipt, CommitError> {
    through_contention(ids, || documents.commit(writes.clone())).await
}

/// The same of any commit.
pub async fn through_contention<Made>(
    ids: &dyn IdGenerator,
    commit: impl Fn() -> Made,
) -> Result<CommitReceipt, CommitError>
where
    Made: Future<Output = Result<CommitReceipt, CommitError>>,
{
    for tries in 0..RETRIES {
        match commit().await {
            Err(CommitError::Contention(_)) => tokio::time::sleep(jitter(ids, tries)).await,
            answer => return answer,
        }
    }
    commit().await
}

/// Up to 20, 40, 80, ... ms, at random, so that those who collided do not collide again.
pub fn jitter(ids: &dyn IdGenerator, tries: u32) -> Duration {
    Duration::from_millis(20 << tries.min(6)).mul_f64(ids.fraction())
}
