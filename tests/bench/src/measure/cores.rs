//! Which cores do what: a contender has one of its own, and what loads it and the emulators have the others.

use std::fs::read_to_string;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The cores of this machine that this process may use, parted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cores {
    /// Of the contender: one, as in a container with one CPU.
    pub(crate) contender: String,
    /// Of everything else.
    pub(crate) others: String,
    /// All of them, for a contender that is a whole system.
    pub(crate) all: String,
}

impl Cores {
    /// As Linux allows this process.
    pub(crate) fn of_this_process() -> anyhow::Result<Self> {
        let status =
            read_to_string("/proc/self/status").context("only Linux says what it costs")?;
        let allowed = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        Self::parted(
            allowed
                .context("Linux does not say which cores there are")?
                .trim(),
        )
    }

    /// From a list such as `0-3,8`. Of one core alone both parts are that one.
    fn parted(all: &str) -> anyhow::Result<Self> {
        let mut cores: Vec<u32> = Vec::new();
        for part in all.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u32, u32) = (first.parse()?, last.parse()?);
            cores.extend(first..=last);
        }
        let contender = cores.last().context("there is no core")?.to_string();
        let others = &cores[..cores.len().max(2) - 1];
        let others: Vec<String> = others.iter().map(u32::to_string).collect();
        Ok(Self {
            contender,
            others: others.join(","),
            all: all.to_owned(),
        })
    }

    /// Keeps this process, with what it will start, to these cores.
    pub(crate) fn keep_this_process_to(cores: &str) -> anyhow::Result<()> {
        let own = std::process::id().to_string();
        let kept = Command::new("taskset").args(["-acp", cores, &own]).output();
        let kept = kept.context("taskset, of util-linux, is not there")?;
        ensure!(kept.status.success(), "taskset: {kept:?}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parted(all: &str) -> (String, String) {
        let cores = Cores::parted(all).unwrap();
        (cores.contender, cores.others)
    }

    #[test]
    fn the_contender_has_the_last_core_and_the_rest_have_the_others() {
        assert_eq!(parted("0-1"), ("1".into(), "0".into()));
        assert_eq!(parted("0-2,8"), ("8".into(), "0,1,2".into()));
        assert_eq!(parted("5"), ("5".into(), "5".into()));
    }
}
