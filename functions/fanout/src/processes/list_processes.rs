//! `fanout processes list`

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use fanout_processes::{Status, StoredProcess, find_processes};
use serde::Serialize;

use super::ListFlags;
use crate::answer::{printable, write};
use crate::trace::shown;

#[derive(Serialize)]
struct List {
    processes: Vec<Listed>,
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
    let statuses = Status::ALL.into_iter().filter(|status| match asked {
        Some(asked) => *status == asked,
        None => status.is_open(),
    });
    let mut found = Vec::new();
    for status in statuses {
        let some = find_processes(documents.as_ref(), status, flags.limit).await;
        found.extend(some.context("the store could not be read")?);
    }
    found.sort_by_key(|stored| std::cmp::Reverse(stored.updated_at));
    let processes = found.iter().map(Listed::of).collect();
    write(&List { processes }, flags.common.json, text)?;
    Ok(ExitCode::SUCCESS)
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
    if list.processes.is_empty() {
        out.push_str("no processes\n");
    }
    out
}
