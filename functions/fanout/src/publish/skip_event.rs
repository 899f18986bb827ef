//! `fanout publish --skip`: an event that waits in the outbox, given up.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use chrono::SecondsFormat;
use fanout_google_cloud::GoogleCloudSettings;
use fanout_outbox::EVENTS_KEPT;
use fanout_runtime::Environment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::PublishArgs;
use crate::answer::{printable, write_json, write_text};
use crate::operator::{Operator, base_url};
use crate::target::Target;

/// How long the running system may take.
const CALL_LIMIT: Duration = Duration::from_secs(30);

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
        Target::Emulators(at) => {
            let settings = GoogleCloudSettings {
                database: args.target.database.clone(),
                ..at.google_cloud()
            };
            in_firestore(settings, event_id, reason).await
        }
        Target::Cloud { project, database } => {
            let settings = GoogleCloudSettings {
                project,
                database,
                events_kept: EVENTS_KEPT,
                schemas_at: None,
                emulators: None,
            };
            in_firestore(settings, event_id, reason).await
        }
    };
    let skipped = skipped.with_context(|| format!("{} was not skipped", printable(event_id)))?;
    if args.json {
        write_json(&skipped)?;
    } else {
        let lines = [
            ("at", &skipped.skipped_at),
            ("reason", &skipped.skip_reason),
        ];
        let lines = lines.map(|(name, value)| format!("  {name:<12} {}\n", printable(value)));
        write_text(&format!(
            "skipped {}\n{}",
            printable(event_id),
            lines.concat()
        ))?;
    }
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
    let mut url = base_url(&args.ticker_url, "--ticker-url")?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["outbox", event_id, "skip"]);
    }
    let ask = http.post(url).json(&json!({ "reason": reason }));
    let answer = ask.timeout(CALL_LIMIT).send().await;
    let answer = answer.map_err(reqwest::Error::without_url).with_context(|| {
        format!(
            "{} cannot be reached: start `fanout up`, or say where its ticker listens with --ticker-url",
            args.ticker_url
        )
    })?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(reqwest::Error::without_url)?;
    if status.is_success() {
        return serde_json::from_slice(&body)
            .map_err(|_| anyhow!("{} is not the ticker of a `fanout up`", args.ticker_url));
    }
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let of_field = problem.pointer("/errors/0/message");
    match of_field.or(problem.get("detail")).and_then(Value::as_str) {
        Some(detail) => bail!("{}", printable(detail)),
        None => bail!("{} answers {status}", args.ticker_url),
    }
}

async fn in_firestore(
    settings: GoogleCloudSettings,
    event_id: &str,
    reason: &str,
) -> anyhow::Result<SkippedEvent> {
    let advice = if settings.emulators.is_some() {
        "cannot connect to Google's emulators: do they run?"
    } else {
        "cannot connect to Google Cloud: are you logged in (`gcloud auth application-default login`)?"
    };
    let connected = settings.connect().await.map_err(|error| anyhow!(error));
    let outbox = connected.context(advice)?.outbox("fanout");
    let skipped = outbox.skip(event_id, reason).await?;
    Ok(SkippedEvent {
        event_id: event_id.to_owned(),
        skipped_at: skipped.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        skip_reason: skipped.reason,
    })
}
