//! `fanout doctor`: checks that what Terraform provisions is what the code needs, without a plan and
//! without Google Cloud; and, where a project is named, that what runs there is that too.

mod facts;
mod live;
mod place;
mod report;
mod rule;
mod rules;
mod terraform;

#[cfg(test)]
mod tests;

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, bail};
use clap::Args;
use fanout_runtime::{Environment, ProcessEnvironment};

use crate::answer::write_text;
use facts::Facts;
use live::PubsubApi;
use report::{Checkup, Report};
use rule::Rule;

const EXAMPLES: &str = "Examples:
  fanout doctor
  fanout doctor --var-file terraform/environments/prod.tfvars
  fanout doctor --project my-project --json

Exit codes: 0 if every rule holds, 1 if one does not or cannot be checked, 2 if there is nothing to check.

The folder is read as it is: no plan, no state, no login. Variables without a value stand for
themselves. With --project the topics and subscriptions of the live project are read too, by
Pub/Sub's REST API with your Application Default Credentials (from the emulator if
PUBSUB_EMULATOR_HOST is set); its grants, services and database are not, nor is anything without
--project.";

/// Deep enough for any expression that the parser takes.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// The flags of `fanout doctor`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorFlags {
    /// The Terraform folder
    #[arg(
        long,
        env = "FANOUT_TERRAFORM",
        default_value = "terraform",
        value_name = "DIR"
    )]
    pub terraform: PathBuf,
    /// Values of variables, as for `terraform plan`; repeat for several
    #[arg(
        long = "var-file",
        env = "FANOUT_VAR_FILE",
        value_name = "FILE",
        value_delimiter = ','
    )]
    pub var_files: Vec<PathBuf>,
    /// Check the topics and subscriptions of this live project as well
    #[arg(long, env = "FANOUT_PROJECT", value_name = "ID")]
    pub project: Option<String>,
    /// Answer in JSON
    #[arg(long, env = "FANOUT_JSON")]
    pub json: bool,
}

/// Checks, and says what it found.
pub fn run(flags: &DoctorFlags) -> anyhow::Result<ExitCode> {
    if let Some(sentence) = no_folder(&flags.terraform) {
        complain(&sentence);
        return Ok(ExitCode::from(2));
    }
    let report = check(flags, &ProcessEnvironment)?;
    write_text(&match flags.json {
        true => format!("{}\n", report.json()?),
        false => report.text(),
    })?;
    Ok(match report.findings().next() {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    })
}

/// Why there is nothing to check, and what to do.
fn no_folder(path: &Path) -> Option<String> {
    let shown = path.display();
    let wrong = match fs::read_dir(path) {
        Err(_) => format!("there is no Terraform folder {shown}"),
        Ok(mut entries) => {
            let is_terraform =
                |entry: DirEntry| entry.path().extension().is_some_and(|end| end == "tf");
            if entries.any(|entry| entry.is_ok_and(is_terraform)) {
                return None;
            }
            format!("{shown} holds no Terraform files (*.tf)")
        }
    };
    Some(format!(
        "{wrong}: run this in the repository's root, or name the folder with --terraform DIR"
    ))
}

#[allow(
    clippy::print_stderr,
    reason = "a command tells its user what went wrong"
)]
fn complain(sentence: &str) {
    eprintln!("fanout: {sentence}");
}

fn check(flags: &DoctorFlags, environment: &dyn Environment) -> anyhow::Result<Report> {
    let folder = read_terraform(flags)?;
    let mut checkups = vec![Checkup::of(folder.place.to_string(), &folder)];
    if let Some(project) = &flags.project {
        let (live, from) = read_live(project, environment)?;
        checkups.push(Checkup::of(format!("{} at {from}", live.place), &live));
    }
    Ok(Report {
        checkups,
        live: flags.project.clone(),
    })
}

fn read_terraform(flags: &DoctorFlags) -> anyhow::Result<Facts> {
    let flags = flags.clone();
    let reader = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || {
            terraform::read(&flags.terraform, &flags.var_files, flags.project.as_deref())
        });
    match reader.context("cannot start a thread")?.join() {
        Ok(facts) => facts,
        Err(_panicked) => bail!("reading the folder failed"),
    }
}

fn read_live(project: &str, environment: &dyn Environment) -> anyhow::Result<(Facts, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let api = PubsubApi::of(environment)?;
        Ok((api.read(project).await?, api.name().to_owned()))
    })
}

impl Checkup {
    fn of(what: String, facts: &Facts) -> Self {
        let checks = Rule::ALL.into_iter().filter_map(|rule| rule.check(facts));
        Self {
            what,
            checks: checks.collect(),
        }
    }
}
