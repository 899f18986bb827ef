//! Sagas that ended long ago.

use anyhow::Context as _;
use fanout_processes::{Status, page_of_processes, process_key};
use fanout_store::{CommitError, Documents, Write};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::flow::FLOW;

/// Documents of one commit.
const OF_A_COMMIT: usize = 400;
/// Commits at once.
const AT_ONCE: usize = 8;

/// Stores so many copies of an instance that has ended, each under a key of its own.
pub(super) async fn fill(documents: &dyn Documents, count: usize) -> anyhow::Result<Value> {
    let ended = page_of_processes(documents, Status::Completed, 1, None)
        .await?
        .found;
    let ended = ended.into_iter().next().context("no saga has ended yet")?;
    let fields = ended.to_fields();
    let copy = |number: usize| {
        let key = format!("old-{number}");
        Write::create(
            process_key(FLOW, &key),
            fields.clone().with("key", key.as_str()),
        )
    };
    let firsts = (0..count).step_by(OF_A_COMMIT);
    let commits = firsts.map(|first| {
        let numbers = first..count.min(first + OF_A_COMMIT);
        documents.commit(numbers.map(copy).collect())
    });
    let commits = stream::iter(commits).buffer_unordered(AT_ONCE);
    commits
        .map_ok(drop)
        .try_collect::<()>()
        .await
        .map_err(|error: CommitError| error)?;
    Ok(json!({"filled": count}))
}
