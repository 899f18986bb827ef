//! `fanout publish --skip`: an event that waits in the outbox, given up.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use fanout_google_cloud::GoogleCloudSettings;
use fanout_runtime::Environment;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::PublishArgs;
use crate::answer::{printable, write};
use crate::google_api::{GoogleApi, GoogleApiError};
use crate::operator::{Operator, base_url};
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
    environment: &dyn Environment,
) -> anyhow::Result<ExitCode> {
    let skipped = match Target::from_flags(&args.target, environment)? {
        Target::Embedded { .. } => ask_the_ticker(args, event_id, reason, environment).await,
        Target::Google(settings) => in_firestore(settings, event_id, reason).await,
    };
    let skipped = skipped.with_context(|| format!("{} was not skipped", printable(event_id)))?;
    write(&skipped, args.json, |skipped| {
        let (at, reason) = (&skipped.skipped_at, printable(&skipped.skip_reason));
        let event_id = printable(event_id);
        format!(
            "skipped {event_id}\n  {:<12} {at}\n  {:<12} {reason}\n",
            "at", "reason"
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The data file belongs to the system that runs on it.
async fn ask_the_ticker(
    args: &PublishArgs,
    event_id: &str,
    reason: &str,
    environment: &dyn Environment,
) -> anyhow::Result<SkippedEvent> {
    let http = Operator::connect(&args.target, environment)?.http;
    let advice = "start `fanout up`, or say where its ticker listens with --ticker-url";
    let mut url = base_url(&args.ticker_url, "--ticker-url")?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["outbox", event_id, "skip"]);
    }
    let ticker = GoogleApi::new(http, None, advice);
    let skipped = ticker.post(url, &json!({ "reason": reason })).await;
    skipped.map_err(GoogleApiError::in_its_words)
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
