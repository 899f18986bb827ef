//! A program that is asked.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::cost::{Cost, with_descendants};
use crate::measure::Interrupt;

/// A number of an answer.
pub(crate) fn number(answer: &Value, name: &str) -> anyhow::Result<f64> {
    let number = answer[name].as_f64();
    number.with_context(|| format!("{answer} has no {name}"))
}

/// A running program, killed with all that it started when dropped.
pub(crate) struct Side {
    child: Child,
    group: Pid,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    errors: PathBuf,
    /// Servers that work for it, and were not started by it.
    beside: Vec<u32>,
    started: Instant,
}

impl Side {
    /// Starts it, and waits until it can be asked. What it says otherwise goes into `folder`.
    pub(crate) fn start(
        command: &mut Command,
        folder: &Path,
        beside: &[u32],
    ) -> anyhow::Result<Self> {
        let errors = folder.join("stderr");
        let log = File::options().create(true).append(true).open(&errors)?;
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        command.process_group(0);
        let started = Instant::now();
        let mut child = Interrupt::starting(|| {
            let child = command.spawn().context("a side cannot be started")?;
            let group = Pid::from_child(&child);
            Ok((child, group))
        })?;
        let group = Pid::from_child(&child);
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut side = Self {
            child,
            group,
            input: input.context("no input")?,
            output: BufReader::new(output.context("no output")?),
            errors,
            beside: beside.to_vec(),
            started,
        };
        side.answer()?;
        Ok(side)
    }

    /// When it was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&mut self, question: &Value) -> anyhow::Result<Value> {
        writeln!(self.input, "{question}")?;
        self.answer()
    }

    fn answer(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let said = || {
            let said = std::fs::read_to_string(&self.errors).unwrap_or_default();
            let lines: Vec<&str> = said.lines().collect();
            lines[lines.len().saturating_sub(10)..].join("\n")
        };
        let answer: Value = serde_json::from_str(&line)
            .with_context(|| format!("it answers {line:?}: {}", said()))?;
        if let Some(failed) = answer.get("failed") {
            bail!("{failed}: {}", said());
        }
        Ok(answer)
    }

    /// All its processes, and those beside it.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let roots = [self.child.id()]
            .into_iter()
            .chain(self.beside.iter().copied());
        with_descendants(&roots.collect::<Vec<u32>>())
    }

    /// What it has cost.
    pub(crate) fn cost(&self) -> Cost {
        Cost::of(&self.processes())
    }

    /// Ends all its own processes at once, without a word; those beside it go on.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let own = with_descendants(&[self.child.id()]);
        Interrupt::ended(self.group);
        // Some may have a group of their own. They are gone, or go.
        for id in own {
            let id = i32::try_from(id).ok().and_then(Pid::from_raw);
            let _ = id.map(|id| kill_process(id, Signal::KILL));
        }
        let _ = self.child.wait();
    }
}
