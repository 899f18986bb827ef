//! `fanout publish --skip`: an event that waits in the outbox, given up.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use fanout_google_cloud::GoogleCloudSettings;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::PublishArgs;
use crate::answer::{facts, printable, write};
use crate::ask_service::ask_service;
use crate::target::{ADVICE, Target};
use crate::trace::shown;

/// What was skipped, now or before.
#[derive(Serialize, Deserialize)]
struct SkippedEvent {
    event_id: String,
    skipped_at: String,
    skip_reason: String,
}

pub(super) async fn skip(
    args: &PublishArgs,
    event_id: &str,
    reason: &str,
) -> anyhow::Result<ExitCode> {
    let skipped = match args.common.find()? {
        // The data file belongs to the system that runs on it.
        Target::Embedded { .. } => {
            let (path, asked) = (["outbox", event_id, "skip"], json!({ "reason": reason }));
            let advice = "start `fanout up`, or say where its ticker listens with --ticker-url";
            ask_service(&args.ticker_url, "--ticker-url", &path, &asked, advice).await
        }
        Target::Google(settings) => in_firestore(settings, event_id, reason).await,
    };
    let skipped = skipped.with_context(|| format!("{} was not skipped", printable(event_id)))?;
    write(&skipped, args.common.json, |skipped| {
        let (at, reason) = (&*skipped.skipped_at, &*skipped.skip_reason);
        let lines = [("at", Some(at)), ("reason", Some(reason))];
        format!("skipped {}\n{}", printable(event_id), facts(12, &lines))
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn in_firestore(
    settings: GoogleCloudSettings,
    event_id: &str,
    reason: &str,
) -> anyhow::Result<SkippedEvent> {
    let connected = settings.connect().await.map_err(|error| anyhow!(error));
    let skipped = connected
        .context(ADVICE)?
        .outbox("fanout")
        .skip(event_id, reason)
        .await?;
    Ok(SkippedEvent {
        event_id: event_id.to_owned(),
        skipped_at: shown(skipped.at),
        skip_reason: skipped.reason,
    })
}
