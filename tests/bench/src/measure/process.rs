//! A process that is measured: what it costs, with all that it starts.

use std::fs::{File, read_to_string};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use super::interrupt::Interrupt;
use super::stat::Stat;

/// How much of the output is shown when something goes wrong.
const SHOWN_LINES: usize = 15;
/// How long a process may take to end when asked.
const END_TIME_LIMIT: Duration = Duration::from_secs(10);

/// A running process group, killed when dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
    group: Pid,
    output: PathBuf,
    started: Instant,
}

impl Process {
    /// Starts it on these cores (a list as `taskset -c` takes it), with its output in a file.
    pub(crate) fn start(
        name: &str,
        command: &Command,
        cores: &str,
        output: &Path,
    ) -> anyhow::Result<Self> {
        let log = File::create(output).with_context(|| output.display().to_string())?;
        let mut pinned = pinned(command, cores);
        pinned
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        // A group of its own: counted and ended with all that it starts.
        pinned.process_group(0);
        let started = Instant::now();
        let (child, group) = Interrupt::starting(|| {
            let child = pinned
                .spawn()
                .with_context(|| format!("{name} cannot be started"))?;
            let group = Pid::from_child(&child);
            Ok(((child, group), group))
        })?;
        Ok(Self {
            name: name.to_owned(),
            child,
            group,
            output: output.to_owned(),
            started,
        })
    }

    /// When it was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Waits until `is_ready` says so.
    ///
    /// # Errors
    /// If it ends before, or the time is over: with the last of its output.
    pub(crate) fn until_ready(
        &mut self,
        limit: Duration,
        mut is_ready: impl FnMut() -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + limit;
        while !is_ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}):\n{}", self.name, self.last_output());
            }
            if Instant::now() >= deadline {
                bail!(
                    "{} is not ready after {limit:?}:\n{}",
                    self.name,
                    self.last_output()
                );
            }
            pause(Duration::from_micros(500));
        }
        Ok(())
    }

    /// CPU seconds used so far, user and system, of all in the group and of their ended children.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.members().iter().map(Stat::cpu_seconds).sum()
    }

    /// Memory that is resident now, in MiB, of all in the group.
    pub(crate) fn rss_mib(&self) -> f64 {
        let rss = |stat: &Stat| {
            let status = read_to_string(format!("/proc/{}/status", stat.id)).ok()?;
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.trim().split(' ').next()?.parse::<f64>().ok()
        };
        self.members().iter().filter_map(rss).sum::<f64>() / 1024.0
    }

    fn members(&self) -> Vec<Stat> {
        let group = u32::try_from(self.group.as_raw_nonzero().get()).ok();
        let mut all = Stat::all();
        all.retain(|stat| stat.group() == group);
        all
    }

    /// The last lines that it wrote.
    pub(crate) fn last_output(&self) -> String {
        let output = std::fs::read(&self.output).unwrap_or_default();
        let output = String::from_utf8_lossy(&output);
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }

    /// Asks it to end, by SIGTERM as a platform does, and waits until it has.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        kill_process_group(self.group, Signal::TERM)?;
        let deadline = Instant::now() + END_TIME_LIMIT;
        while self.child.try_wait()?.is_none() {
            if Instant::now() >= deadline {
                bail!("{} does not end:\n{}", self.name, self.last_output());
            }
            pause(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        Interrupt::ended(self.group);
        let _ = self.child.wait();
    }
}

/// The same command, kept to these cores.
fn pinned(command: &Command, cores: &str) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", cores]).arg(command.get_program());
    pinned.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => pinned.env(name, value),
            None => pinned.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        pinned.current_dir(folder);
    }
    pinned
}

/// A port that is free now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// Waits until `is_done` is so.
///
/// # Errors
/// If it is not within the time: `what` says what was waited for.
pub(crate) fn until(
    what: &str,
    limit: Duration,
    mut is_done: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + limit;
    while !is_done()? {
        if Instant::now() >= deadline {
            bail!("after {limit:?} still waiting: {what}");
        }
        pause(Duration::from_millis(10));
    }
    Ok(())
}

/// Between two looks.
fn pause(time: Duration) {
    std::thread::park_timeout(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_and_memory_of_children_count_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        // The shell waits, its child works.
        shell.args(["-c", "sh -c 'while :; do :; done'; true"]);
        let cores = super::super::Cores::of_this_process().unwrap();
        let output = folder.path().join("output");
        let process = Process::start("shell", &shell, &cores.all, &output).unwrap();
        let group = process.group;
        let limit = Duration::from_secs(60);
        until("it works", limit, || Ok(process.cpu_seconds() >= 0.1)).unwrap();
        assert!(process.rss_mib() > 0.1);
        drop(process);
        let gone = || Ok(kill_process_group(group, Signal::KILL).is_err());
        until("the group is gone", limit, gone).unwrap();
    }

    #[test]
    fn a_process_that_ends_too_early_says_what_it_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo no such thing; exit 3"]);
        let output = folder.path().join("output");
        let cores = super::super::Cores::of_this_process().unwrap();
        let mut process = Process::start("shell", &shell, &cores.all, &output).unwrap();
        let error = process.until_ready(Duration::from_secs(60), || false);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.contains("no such thing"), "{error}");
    }
}
