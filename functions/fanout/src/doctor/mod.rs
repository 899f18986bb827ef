//! `fanout doctor`: checks the table of services against itself; and, where a project is named, what
//! runs there against the table.

mod live;
mod open_processes;
mod table;

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use fanout_runtime::ProcessEnvironment;
use serde::Serialize;

use crate::answer::{block_on, counted, printable, verdict, write};
use crate::cli::SystemsFlags;
use crate::manifest;
use crate::operator::Operator;
use crate::processes::table as table_of_processes;
use crate::target::{Target, TargetFlags};
use table::Table;

const EXAMPLES: &str = "Examples:
  fanout doctor
  fanout doctor --project my-project --json
  fanout doctor --project my-project --system shop

Exit codes: 0 if everything is as it should be, 1 if something is not or the project cannot be read.

Without --project it looks at the code's own table, and needs nothing that runs; from the repository's
root also at what `fanout manifest` has written. With --project it also reads the project's topics,
subscriptions and services, by Google's REST APIs with your Application Default Credentials, and which
versions of processes are open in its database: one that this build does not have would stand still. Of a
service it compares as which role and account it runs, how long a request may take, that only the public
one is open to everybody, and that its latest revision runs. Grants are not read.";

/// The flags of `fanout doctor`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorFlags {
    /// Answer in JSON
    #[arg(long, env = "FANOUT_JSON")]
    pub json: bool,
    /// Which systems are deployed: what Terraform's variable `systems` says
    #[command(flatten)]
    pub systems: SystemsFlags,
    /// Which system
    #[command(flatten)]
    pub target: TargetFlags,
}

/// What was looked at, and what is not as it should be: a sentence each.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Report {
    looked_at: Vec<String>,
    findings: Vec<String>,
}

/// Checks, and says what it found.
pub fn run(flags: &DoctorFlags) -> anyhow::Result<ExitCode> {
    let report = block_on(check(flags))?;
    write(&report, flags.json, Report::text)?;
    Ok(verdict(report.findings.is_empty()))
}

async fn check(flags: &DoctorFlags) -> anyhow::Result<Report> {
    let mut report = Table::of_the_code().check();
    let (files, findings) = manifest::findings(Path::new("."))?;
    report.looked_at.extend(files);
    report.findings.extend(findings);
    if let Some(project) = &flags.target.project {
        let operator = Operator::connect(&flags.target, &ProcessEnvironment)?;
        let cloud_run = operator.cloud_run.as_ref();
        let live = live::check(&operator.pubsub, cloud_run, project, &flags.systems).await?;
        report.add(live);
        let target = Target::from_flags(&flags.target, &ProcessEnvironment)?;
        match open_processes(&target).await {
            Ok(processes) => report.add(processes),
            Err(error) => {
                let error = printable(&format!("{error:#}"));
                let finding = format!("the open processes could not be read: {error}");
                report.findings.push(finding);
            }
        }
    }
    Ok(report)
}

async fn open_processes(target: &Target) -> anyhow::Result<Report> {
    let documents = target.documents().await?;
    Ok(open_processes::check(documents.as_ref(), &table_of_processes()).await?)
}

impl Report {
    fn add(&mut self, part: Self) {
        self.looked_at.extend(part.looked_at);
        self.findings.extend(part.findings);
    }

    fn text(&self) -> String {
        let findings = self.findings.iter().map(|finding| format!("{finding}\n"));
        let looked_at = self
            .looked_at
            .iter()
            .map(|what| format!("Looked at {what}.\n"));
        let mut text: String = findings.chain(looked_at).collect();
        text += &match self.findings.len() {
            0 => "No finding.\n".to_owned(),
            many => format!("{}.\n", counted(many, "finding")),
        };
        text
    }
}
