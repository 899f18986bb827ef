//! `fanout processes retry | skip | compensate | abandon`

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use fanout_google_cloud::GoogleCloudSettings;
use fanout_outbox::EVENTS_KEPT;
use fanout_processes::{Engine, StoredProcess, Verb};
use fanout_runtime::{Environment, SystemClock};
use serde_json::{Value, json};

use super::list_processes::shown;
use super::{MoveFlags, show_process, table};
use crate::answer::{printable, write_json, write_text};
use crate::operator::{Operator, base_url};
use crate::store;
use crate::target::Target;

/// How long the running system may take.
const CALL_LIMIT: Duration = Duration::from_secs(30);

pub(super) async fn operate(
    flags: &MoveFlags,
    verb: Verb,
    environment: &dyn Environment,
) -> anyhow::Result<ExitCode> {
    let target = Target::from_flags(&flags.common.target, environment)?;
    let documents = store::open(&target).await?;
    let found = flags.which.find(documents.as_ref()).await?;
    let moved = match &target {
        Target::Embedded { .. } => ask_its_service(flags, &found, &verb, environment).await,
        Target::Emulators(at) => {
            let settings = GoogleCloudSettings {
                database: flags.common.target.database.clone(),
                ..at.google_cloud()
            };
            in_firestore(settings, &found, &verb).await
        }
        Target::Cloud { project, database } => {
            let settings = GoogleCloudSettings {
                project: project.clone(),
                database: database.clone(),
                events_kept: EVENTS_KEPT,
                emulators: None,
            };
            in_firestore(settings, &found, &verb).await
        }
    };
    let key = printable(&found.instance.key);
    moved.with_context(|| format!("{} {key} was not moved", found.name))?;
    let stored = flags.which.find(documents.as_ref()).await?;
    if flags.common.json {
        write_json(&stored.to_json())?;
    } else {
        let at = shown(stored.updated_at);
        write_text(&format!(
            "{} at {at}\n{}",
            verb.name(),
            show_process::text(&stored)
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The data file belongs to the system that runs on it.
async fn ask_its_service(
    flags: &MoveFlags,
    found: &StoredProcess,
    verb: &Verb,
    environment: &dyn Environment,
) -> anyhow::Result<()> {
    let url = match &flags.service_url {
        Some(url) => url.clone(),
        None => {
            let table = table();
            let owned = table.newest(&found.name);
            let spec = owned.and_then(|owned| system::role(owned.service));
            let spec =
                spec.with_context(|| format!("no service has the process {}", found.name))?;
            format!("http://localhost:{}", spec.port)
        }
    };
    let http = Operator::connect(&flags.common.target, environment)?.http;
    let mut address = base_url(&url, "--service-url")?;
    if let Ok(mut path) = address.path_segments_mut() {
        let key = found.instance.key.as_str();
        path.pop_if_empty()
            .extend(["processes", &found.name, key, verb.name()]);
    }
    let ask = http.post(address).json(&asked(verb));
    let answer = ask.timeout(CALL_LIMIT).send().await;
    let answer = answer.map_err(reqwest::Error::without_url).with_context(|| {
        format!(
            "{url} cannot be reached: start `fanout up`, or say where the process's service listens with --service-url"
        )
    })?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(reqwest::Error::without_url)?;
    if status.is_success() {
        return Ok(());
    }
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let of_field = problem.pointer("/errors/0/message");
    match of_field.or(problem.get("detail")).and_then(Value::as_str) {
        Some(detail) => bail!("{}", printable(detail)),
        None => bail!("{url} answers {status}"),
    }
}

fn asked(verb: &Verb) -> Value {
    match verb {
        Verb::Retry | Verb::Compensate { .. } => json!({}),
        Verb::Skip { step } => json!({ "step": step }),
        Verb::Abandon { reason } => json!({ "reason": reason }),
    }
}

async fn in_firestore(
    settings: GoogleCloudSettings,
    found: &StoredProcess,
    verb: &Verb,
) -> anyhow::Result<()> {
    let advice = if settings.emulators.is_some() {
        "cannot connect to Google's emulators: do they run?"
    } else {
        "cannot connect to Google Cloud: are you logged in (`gcloud auth application-default login`)?"
    };
    let connected = settings.connect().await.map_err(|error| anyhow!(error));
    let google_cloud = connected.context(advice)?;
    let outbox = google_cloud.outbox("fanout");
    let documents = Arc::clone(&google_cloud.documents);
    let engine = Engine::new(table(), documents, outbox.clone(), Arc::new(SystemClock));
    engine
        .operate(&found.name, &found.instance.key, verb)
        .await?;
    outbox.drain().await;
    Ok(())
}
