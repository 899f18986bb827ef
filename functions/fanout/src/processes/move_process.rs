//! `fanout processes retry | skip | compensate | abandon`

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use fanout_google_cloud::GoogleCloudSettings;
use fanout_processes::{Engine, StoredProcess, Verb};
use fanout_runtime::SystemClock;
use serde_json::{Value, json};

use super::{MoveFlags, show_process, table};
use crate::answer::{printable, write};
use crate::ask_service::ask_service;
use crate::target::{ADVICE, Target};
use crate::trace::shown;

pub(super) async fn operate(flags: &MoveFlags, verb: Verb) -> anyhow::Result<ExitCode> {
    let target = flags.common.find()?;
    let documents = target.documents().await?;
    let found = flags.which.find(documents.as_ref()).await?;
    let moved = match target {
        Target::Embedded { .. } => ask_its_service(flags, &found, &verb).await,
        Target::Google(settings) => in_firestore(settings, &found, &verb).await,
    };
    let key = printable(&found.instance.key);
    moved.with_context(|| format!("{} {key} was not moved", found.name))?;
    let stored = flags.which.find(documents.as_ref()).await?;
    write(&stored.to_json(), flags.common.json, |_| {
        let at = shown(stored.updated_at);
        format!("{} at {at}\n{}", verb.name(), show_process::text(&stored))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The data file belongs to the system that runs on it.
async fn ask_its_service(
    flags: &MoveFlags,
    found: &StoredProcess,
    verb: &Verb,
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
    let key = found.instance.key.as_str();
    let path = ["processes", &found.name, key, verb.name()];
    let advice = "start `fanout up`, or say where the process's service listens with --service-url";
    let asked = asked(verb);
    let moved = ask_service::<Value>(&url, "--service-url", &path, &asked, advice).await;
    moved.map(drop)
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
    let connected = settings.connect().await.map_err(|error| anyhow!(error));
    let google_cloud = connected.context(ADVICE)?;
    let outbox = google_cloud.outbox("fanout");
    let documents = Arc::clone(&google_cloud.documents);
    let engine = Engine::new(table(), documents, outbox.clone(), Arc::new(SystemClock));
    engine
        .operate(&found.name, &found.instance.key, verb)
        .await?;
    outbox.drain().await;
    Ok(())
}
