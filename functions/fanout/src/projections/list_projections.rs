//! `fanout projections list`

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use fanout_projections::{Shown, find_standing};
use serde::Serialize;

use super::table;
use crate::answer::{AnswerFlags, write};
use crate::trace::shown;

#[derive(Serialize)]
struct List {
    projections: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    service: &'static str,
    #[serde(flatten)]
    standing: Shown,
}

pub(super) async fn list(flags: &AnswerFlags) -> anyhow::Result<ExitCode> {
    let target = flags.find()?;
    let documents = target.documents().await?;
    let mut projections = Vec::new();
    for owned in table().all() {
        let standing = find_standing(documents.as_ref(), owned.projection.name).await;
        let standing = standing.context("the store could not be read")?;
        projections.push(Listed {
            service: owned.service,
            standing: Shown::of(standing),
        });
    }
    write(&List { projections }, flags.json, text)?;
    Ok(ExitCode::SUCCESS)
}

fn text(list: &List) -> String {
    let mut out = String::new();
    for Listed { service, standing } in &list.projections {
        let _ = writeln!(out, "{}  {service}  {}", standing.name, of(standing));
    }
    out
}

/// What there is to say of a projection, in one line.
pub(super) fn of(standing: &Shown) -> String {
    let mut out = format!("generation {} is live", standing.live);
    if let Some(previous) = standing.previous {
        let _ = write!(out, ", {previous} was before");
    }
    if let Some(building) = &standing.building {
        let (number, stage, percent) = (building.generation, building.stage, building.percent);
        let _ = write!(out, ", {number} is being built: {stage}, {percent} %");
    }
    if let Some(refused) = &standing.refused {
        let _ = write!(
            out,
            ", {} was not used at {}: it lacked {} of {} rows",
            refused.generation,
            shown(refused.at),
            refused.missing,
            refused.compared,
        );
    }
    out
}
