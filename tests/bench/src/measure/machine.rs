//! On what it was measured.

use std::fs::read_to_string;
use std::process::Command;

use serde_json::{Value, json};

use super::builds::repository;

/// This machine, and the revision that is measured.
pub(crate) struct Machine {
    pub(super) revision: String,
    pub(super) date: String,
    /// How many processes wanted a core in the minute before.
    pub(super) load: String,
    facts: Vec<(&'static str, String)>,
}

impl Machine {
    /// Looks at `/proc` and asks the programs that say the rest.
    pub(crate) fn look() -> anyhow::Result<Self> {
        let repository = repository();
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            first_line(git.arg("-C").arg(&repository).args(arguments))
        };
        let revision = git(&["rev-parse", "--short=12", "HEAD"]);
        let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
        let revision = revision.map(|revision| match changed.as_deref() {
            Some("") => revision,
            None => format!("{revision}, perhaps with changes"),
            Some(_) => format!("{revision} with changes"),
        });
        let cpuinfo = read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        let model = model.map(|model| model.trim_start_matches([' ', '\t', ':']).to_owned());
        let cores = std::thread::available_parallelism()?.to_string();
        let meminfo = read_to_string("/proc/meminfo").unwrap_or_default();
        let memory = meminfo
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"));
        let memory = memory.and_then(|it| it.trim().split(' ').next()?.parse::<f64>().ok());
        let load = read_to_string("/proc/loadavg").unwrap_or_default();
        let facts = [
            ("CPU", model),
            ("cores", Some(cores)),
            (
                "memory",
                memory.map(|kib| format!("{:.0} GiB", kib / f64::from(1 << 20))),
            ),
            ("kernel", version_of("uname", &["-sr"])),
            ("rustc", version_of("rustc", &["--version"])),
        ];
        let known = |(name, fact): (_, Option<String>)| Some((name, fact?));
        let facts = facts.into_iter().filter_map(known).collect();
        let unknown = || "unknown".to_owned();
        Ok(Self {
            revision: revision.unwrap_or_else(|| "an unknown revision".to_owned()),
            date: version_of("date", &["-u", "+%F"]).unwrap_or_else(unknown),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            facts,
        })
    }

    /// A version of something that takes part.
    pub(super) fn add(&mut self, name: &'static str, version: String) {
        if !self.facts.iter().any(|(known, _)| *known == name) {
            self.facts.push((name, version));
        }
    }

    pub(super) fn text(&self) -> String {
        let facts = self.facts.iter();
        let facts: Vec<String> = facts
            .map(|(name, fact)| format!("{name}: {fact}"))
            .collect();
        format!("{}.", facts.join(" · "))
    }

    pub(super) fn json(&self) -> Value {
        let facts = self.facts.iter();
        facts
            .map(|(name, fact)| ((*name).to_owned(), json!(fact)))
            .collect()
    }
}

/// The first line that a program says of itself; `None` if it is not there.
pub(crate) fn version_of(program: &str, arguments: &[&str]) -> Option<String> {
    first_line(Command::new(program).args(arguments))
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    output.status.success().then_some(line)
}
