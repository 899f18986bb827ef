//! `fanout projections rebuild | rollback | cancel`

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use fanout_google_cloud::GoogleCloudSettings;
use fanout_projections::{RebuildError, Rebuilds, Shown, Standing, find_standing};
use fanout_runtime::{SystemClock, SystemIds};
use fanout_store::Documents;
use serde_json::{Value, json};

use super::progress::Progress;
use super::{MoveFlags, RebuildFlags, list_projections, table};
use crate::answer::{verdict, write};
use crate::ask_service::ask_service;
use crate::target::{ADVICE, Target};

/// How often it is looked how far a rebuild is.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
enum Verb {
    Rebuild { accept_missing: bool },
    RollBack,
    Cancel,
}

pub(super) async fn rebuild(rebuild: &RebuildFlags) -> anyhow::Result<ExitCode> {
    let RebuildFlags {
        accept_missing,
        flags,
    } = rebuild;
    let target = flags.common.find()?;
    let documents = target.documents().await?;
    let before = standing(documents.as_ref(), flags).await?;
    let verb = Verb::Rebuild {
        accept_missing: *accept_missing,
    };
    ask(flags, target, verb).await?;
    // What is being built, or was while this asked.
    let generation = before
        .building
        .map_or(before.newest + 1, |it| it.generation);
    let standing = watch(documents.as_ref(), flags, generation).await?;
    let is_live = standing.live == generation;
    answer(
        standing,
        flags,
        if is_live { "rebuilt" } else { "not rebuilt" },
    )?;
    Ok(verdict(is_live))
}

pub(super) async fn roll_back(flags: &MoveFlags) -> anyhow::Result<ExitCode> {
    in_one_commit(flags, Verb::RollBack, "rolled back").await
}

pub(super) async fn cancel(flags: &MoveFlags) -> anyhow::Result<ExitCode> {
    in_one_commit(flags, Verb::Cancel, "no longer being built").await
}

async fn in_one_commit(flags: &MoveFlags, verb: Verb, done: &str) -> anyhow::Result<ExitCode> {
    let target = flags.common.find()?;
    let documents = target.documents().await?;
    ask(flags, target, verb).await?;
    answer(standing(documents.as_ref(), flags).await?, flags, done)?;
    Ok(ExitCode::SUCCESS)
}

async fn standing(documents: &dyn Documents, flags: &MoveFlags) -> anyhow::Result<Standing> {
    let standing = find_standing(documents, &flags.name).await;
    standing.context("the store could not be read")
}

fn answer(standing: Standing, flags: &MoveFlags, done: &str) -> anyhow::Result<()> {
    let shown = Shown::of(standing);
    write(&shown, flags.common.json, |shown| told(shown, done))
}

/// What was done, and how it stands: what an earlier rebuild came to is a part of that.
fn told(shown: &Shown, done: &str) -> String {
    format!("{} {done}: {}\n", shown.name, list_projections::of(shown))
}

/// Tells how far it is until it is built, or given up.
async fn watch(
    documents: &dyn Documents,
    flags: &MoveFlags,
    generation: u64,
) -> anyhow::Result<Standing> {
    let mut progress = Progress::new();
    loop {
        let standing = standing(documents, flags).await?;
        let building = standing.building.as_ref();
        if building.is_none_or(|it| it.generation != generation) {
            progress.end();
            if standing.newest < generation {
                bail!("the rebuild of {} did not begin", flags.name);
            }
            return Ok(standing);
        }
        if let Some(building) = Shown::of(standing).building {
            progress.tell(&flags.name, &building);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn ask(flags: &MoveFlags, target: Target, verb: Verb) -> anyhow::Result<()> {
    let asked = match target {
        Target::Embedded { .. } => ask_its_service(flags, verb).await,
        Target::Google(settings) => in_firestore(settings, flags, verb).await,
    };
    asked.with_context(|| format!("{} was not moved", flags.name))
}

/// The data file belongs to the system that runs on it.
async fn ask_its_service(flags: &MoveFlags, verb: Verb) -> anyhow::Result<()> {
    let url = match &flags.service_url {
        Some(url) => url.clone(),
        None => {
            let owned = flags.owned()?;
            let spec = system::role(owned.service);
            let spec = spec.with_context(|| format!("no service has {}", flags.name))?;
            format!("http://localhost:{}", spec.port)
        }
    };
    let (name, body) = match verb {
        Verb::Rebuild { accept_missing } => {
            ("rebuild", json!({ "accept_missing": accept_missing }))
        }
        Verb::RollBack => ("rollback", json!({})),
        Verb::Cancel => ("cancel", json!({})),
    };
    let path = ["projections", &flags.name, name];
    let advice =
        "start `fanout up --system social`, or say where the service listens with --service-url";
    let moved = ask_service::<Value>(&url, "--service-url", &path, &body, advice).await;
    moved.map(drop)
}

async fn in_firestore(
    settings: GoogleCloudSettings,
    flags: &MoveFlags,
    verb: Verb,
) -> anyhow::Result<()> {
    let connected = settings.connect().await.map_err(|error| anyhow!(error));
    let documents = connected.context(ADVICE)?.documents;
    let rebuilds = Rebuilds::new(
        table(),
        documents,
        Arc::new(SystemClock),
        Arc::new(SystemIds),
    );
    let moved: Result<Standing, RebuildError> = match verb {
        Verb::Rebuild { accept_missing } => rebuilds.begin(&flags.name, accept_missing).await,
        Verb::RollBack => rebuilds.roll_back(&flags.name).await,
        Verb::Cancel => rebuilds.cancel(&flags.name).await,
    };
    Ok(moved.map(drop)?)
}

#[cfg(test)]
mod tests {
    use fanout_projections::ShownRefused;

    use super::*;

    #[test]
    fn a_way_back_is_told_as_such_also_where_a_rebuild_was_refused_before() {
        let refused = ShownRefused {
            generation: 3,
            at: "2026-11-20T12:00:00Z".parse().unwrap(),
            compared: 7,
            missing: 5,
        };
        let shown = Shown {
            name: "feed".to_owned(),
            live: 1,
            schema: 1,
            building: None,
            previous: Some(2),
            refused: Some(refused),
        };
        let told = told(&shown, "rolled back");
        let expected = "feed rolled back: generation 1 is live, 2 was before, 3 was not used at ";
        assert!(told.starts_with(expected), "{told}");
    }
}
