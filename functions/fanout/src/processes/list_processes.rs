//! `fanout processes list`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use fanout_processes::{Status, StoredProcess, page_of_processes};
use fanout_store::{Documents, StoreError};
use serde::Serialize;

use super::ListFlags;
use super::page_token::PageToken;
use crate::answer::{printable, write};
use crate::trace::shown;

#[derive(Serialize)]
struct List {
    processes: Vec<Listed>,
    /// The ids of documents that cannot be read.
    unreadable: Vec<String>,
    /// Of each status of which there are more: asks for those.
    next_page_tokens: BTreeMap<&'static str, String>,
}

/// A process in the list.
#[derive(Serialize)]
struct Listed {
    status: &'static str,
    process: String,
    version: u32,
    key: String,
    /// The step that it waits for, or that failed.
    step: Option<String>,
    reason: Option<String>,
    wake_at: Option<String>,
    started_at: String,
    updated_at: String,
}

pub(super) async fn list(flags: &ListFlags) -> anyhow::Result<ExitCode> {
    let target = flags.common.find()?;
    let documents = target.documents().await?;
    let asked = flags.status.as_deref().and_then(Status::parse);
    let after = flags.page_token.clone();
    let list = look(documents.as_ref(), asked, after, flags.limit).await;
    let list = list.context("the store could not be read")?;
    write(&list, flags.common.json, text)?;
    Ok(ExitCode::SUCCESS)
}

/// The processes of one status, or by default all that have not ended.
async fn look(
    documents: &dyn Documents,
    asked: Option<Status>,
    after: Option<PageToken>,
    limit: u32,
) -> Result<List, StoreError> {
    let asked = after.as_ref().map(|after| after.status).or(asked);
    let statuses = Status::ALL.into_iter().filter(|status| match asked {
        Some(asked) => *status == asked,
        None => status.is_open(),
    });
    let (mut found, mut next_page_tokens) = (Vec::new(), BTreeMap::new());
    let mut unreadable = Vec::new();
    for status in statuses {
        let after = after.clone().map(PageToken::into_cursor);
        let page = page_of_processes(documents, status, limit, after).await?;
        if let Some(last) = &page.last {
            let token = PageToken::after(last, status).to_string();
            next_page_tokens.insert(status.as_str(), token);
        }
        found.extend(page.found);
        unreadable.extend(page.unreadable);
    }
    found.sort_by_key(|stored| std::cmp::Reverse(stored.updated_at));
    Ok(List {
        processes: found.iter().map(Listed::of).collect(),
        unreadable,
        next_page_tokens,
    })
}

impl Listed {
    fn of(stored: &StoredProcess) -> Self {
        let failure = stored.instance.failure.as_ref();
        let mut steps = stored.instance.steps.iter();
        let awaited = steps.find(|step| step.due_at.is_some());
        let failed = failure.and_then(|failure| failure.step.clone());
        Self {
            status: stored.instance.status.as_str(),
            process: stored.name.clone(),
            version: stored.version,
            key: stored.instance.key.clone(),
            step: awaited.map(|step| step.step.clone()).or(failed),
            reason: failure.map(|failure| failure.reason.clone()),
            wake_at: stored.wake_at.map(shown),
            started_at: shown(stored.started_at),
            updated_at: shown(stored.updated_at),
        }
    }
}

fn text(list: &List) -> String {
    let mut out = String::new();
    for one in &list.processes {
        let (step, reason) = (one.step.as_deref(), one.reason.as_deref());
        let _ = writeln!(
            out,
            "{:<12} {:<8} {}  {}  {} {}",
            one.status,
            one.process,
            printable(&one.key),
            one.updated_at,
            printable(step.unwrap_or("-")),
            printable(reason.unwrap_or("")),
        );
    }
    for id in &list.unreadable {
        let _ = writeln!(
            out,
            "{} cannot be read: somebody changed it by hand; mend it in the collection `processes`",
            printable(id)
        );
    }
    if list.processes.is_empty() && list.unreadable.is_empty() {
        out.push_str("no processes\n");
    }
    for (status, token) in &list.next_page_tokens {
        let _ = writeln!(
            out,
            "there are more that are {status}: --page-token {token}"
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;
    use fanout_processes::Instance;
    use fanout_runtime::Timestamp;
    use fanout_store::Write;
    use fanout_store_sqlite::{Database, SqliteDocuments};
    use fanout_testkit::ManualClock;

    use super::*;

    /// The order `number`; every second one changed at the same moment as the one before.
    fn order(number: u32, status: Status) -> StoredProcess {
        let at = Timestamp::UNIX_EPOCH + TimeDelta::milliseconds(i64::from(number / 2));
        StoredProcess {
            name: "order".to_owned(),
            version: 1,
            instance: Instance {
                key: format!("ord_{number}"),
                status,
                state: serde_json::json!({}),
                steps: Vec::new(),
                failure: None,
            },
            emitted: 0,
            wake_at: None,
            correlation_id: None,
            started_at: at,
            updated_at: at,
            ended_at: None,
        }
    }

    async fn store() -> SqliteDocuments {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock).await.unwrap();
        let running = (1..=5).map(|number| order(number, Status::Running));
        let stored = running.chain([order(6, Status::Stuck)]);
        let writes = stored.map(|it| Write::set(it.key(), it.to_fields()));
        documents.commit(writes.collect()).await.unwrap();
        documents
    }

    fn keys(list: &List) -> Vec<&str> {
        let keys = list.processes.iter().map(|it| it.key.as_str());
        keys.collect()
    }

    #[tokio::test]
    async fn a_list_that_is_cut_off_says_so_and_how_it_goes_on() {
        let documents = store().await;
        let first = look(&documents, None, None, 2).await.unwrap();
        assert_eq!(keys(&first), ["ord_6", "ord_5", "ord_4"]);
        let token = &first.next_page_tokens["running"];
        let more = format!("there are more that are running: --page-token {token}\n");
        assert!(text(&first).ends_with(&more), "{}", text(&first));
        let after = PageToken::parse(token).unwrap();
        let second = look(&documents, None, Some(after), 2).await.unwrap();
        assert_eq!(keys(&second), ["ord_3", "ord_2"]);
        let after = PageToken::parse(&second.next_page_tokens["running"]).unwrap();
        let last = look(&documents, None, Some(after), 2).await.unwrap();
        assert_eq!(keys(&last), ["ord_1"]);
        assert!(last.next_page_tokens.is_empty());
        assert!(!text(&last).contains("more"));
    }

    /// It hides no other.
    #[tokio::test]
    async fn a_process_that_cannot_be_read_is_named() {
        let documents = store().await;
        let changed = order(7, Status::Stuck);
        let fields = changed.to_fields().with("steps", "none");
        let write = Write::set(changed.key(), fields);
        documents.commit(vec![write]).await.unwrap();
        let first = look(&documents, Some(Status::Stuck), None, 1)
            .await
            .unwrap();
        assert_eq!(keys(&first), [""; 0]);
        let said = format!("{} cannot be read", changed.key().id());
        assert!(text(&first).contains(&said), "{}", text(&first));
        let after = PageToken::parse(&first.next_page_tokens["stuck"]).unwrap();
        let second = look(&documents, None, Some(after), 1).await.unwrap();
        assert_eq!(keys(&second), ["ord_6"]);
        let left = (second.unreadable.len(), second.next_page_tokens.len());
        assert_eq!(left, (0, 0));
    }

    #[test]
    fn a_token_that_was_never_given_out_is_refused() {
        let made = |text: &str| fanout_web::seal_page_token(text, "");
        for text in [
            "",
            "ord_1",
            &made("processes/1/running"),
            &made("processes/1/asleep/1/order:ord_1"),
            &made("processes/1/running/x/order:ord_1"),
            &made("processes/1/running/7000000000000000/order:ord_1"),
            &made("processes/1/running/1/"),
            &made("processes/1/running/1/a/b"),
            &made("processes/2/running/1/order:ord_1"),
        ] {
            assert!(PageToken::parse(text).is_err(), "{text}");
        }
    }
}
