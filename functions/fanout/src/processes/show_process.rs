//! `fanout processes show`

use std::fmt::Write as _;
use std::process::ExitCode;

use fanout_processes::{StepRecord, StoredProcess};

use super::ShowFlags;
use crate::answer::{printable, write};
use crate::trace::shown;

pub(super) async fn show(flags: &ShowFlags) -> anyhow::Result<ExitCode> {
    let target = flags.common.find()?;
    let documents = target.documents().await?;
    let stored = flags.which.find(documents.as_ref()).await?;
    write(&stored.to_json(), flags.common.json, |_| text(&stored))?;
    Ok(ExitCode::SUCCESS)
}

/// The process, a line per fact and a line per step.
pub(super) fn text(stored: &StoredProcess) -> String {
    let instance = &stored.instance;
    let mut out = format!(
        "{} {}: {}\n",
        printable(&stored.name),
        printable(&instance.key),
        instance.status.as_str()
    );
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(out, "  {name:<12} {}", printable(value));
    };
    line("version", &stored.version.to_string());
    line("started", &shown(stored.started_at));
    line("updated", &shown(stored.updated_at));
    if let Some(wake_at) = stored.wake_at {
        line("wakes", &shown(wake_at));
    }
    if let Some(ended_at) = stored.ended_at {
        line("ended", &shown(ended_at));
    }
    if let Some(correlation_id) = &stored.correlation_id {
        line("request", correlation_id);
    }
    if let Some(failure) = &instance.failure {
        let step = failure.step.as_deref().map(|step| format!("{step}: "));
        let step = step.unwrap_or_default();
        line("reason", &format!("{step}{}", failure.reason));
        if let Some(detail) = &failure.detail {
            line("detail", detail);
        }
    }
    for step in &instance.steps {
        line(&step.step, &of_step(step));
    }
    out
}

fn of_step(step: &StepRecord) -> String {
    let mut said = format!("{} since {}", step.status.as_str(), shown(step.at));
    if step.attempt > 1 {
        let _ = write!(said, ", asked for {} times", step.attempt);
    }
    if let Some(due_at) = step.due_at {
        let _ = write!(said, ", due {}", shown(due_at));
    }
    if let Some(reason) = &step.reason {
        let _ = write!(said, " ({reason})");
    }
    said
}
