//! `operations`: what a sign-up and each reaction are billed for in Firestore, as `fanout capacity` counts it.

use std::process::Command;

use anyhow::ensure;
use serde_json::{Value, json};

use crate::Options;
use crate::measure::{Binaries, Report, Section};

const KINDS: [&str; 3] = ["reads", "writes", "deletes"];
/// What each further consumer is.
const STEPS: [&str; 4] = [
    "a sign-up with its mail",
    "its count in analytics",
    "its contact in the CRM",
    "each further reaction that writes one document",
];

const TEXT: &str = "Billed operations, expiry included, as `fanout capacity` says them. `tests/capacity.rs` \
counts what the services do to both stores, and fails where that differs.";

/// Asks the command.
pub(crate) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let binaries = Binaries::of(options)?;
    let mut rows = Vec::new();
    let mut figures = Vec::new();
    let mut before = [0; KINDS.len()];
    for (step, consumers) in STEPS.iter().zip(1..) {
        let mut fanout = Command::new(binaries.path("fanout")?);
        fanout.args([
            "capacity",
            "--signups-per-day",
            "1M",
            "--json",
            "--consumers",
        ]);
        let output = fanout.arg(format!("{consumers}")).output()?;
        ensure!(output.status.success(), "fanout capacity: {output:?}");
        let estimate: Value = serde_json::from_slice(&output.stdout)?;
        let of_all = &estimate["firestore"]["per_signup"];
        let of_all = KINDS.map(|kind| of_all[kind].as_u64().unwrap_or_default());
        let mut row = vec![(*step).to_owned()];
        row.extend((0..KINDS.len()).map(|kind| (of_all[kind] - before[kind]).to_string()));
        rows.push(row);
        figures.push(json!({"consumers": consumers, "reads_writes_deletes": of_all}));
        before = of_all;
    }
    let columns = std::iter::once("").chain(KINDS);
    report.add(Section {
        title: "Operations",
        text: TEXT.to_owned(),
        columns: columns.map(str::to_owned).collect(),
        rows,
        json: figures.into(),
    })
}
