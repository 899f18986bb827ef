//! What processes have cost so far.

use std::collections::BTreeSet;
use std::fs::{read_dir, read_to_string};

/// Of some processes with all that they started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    /// User and system time.
    pub(crate) cpu_seconds: f64,
    /// What was written to disk, as the kernel counts it.
    pub(crate) written_kib: f64,
}

impl Cost {
    /// Of these processes until now.
    pub(crate) fn of(processes: &[u32]) -> Self {
        processes.iter().fold(Self::default(), |sum, id| {
            let (ticks, written) = (ticks(*id), written(*id));
            Self {
                cpu_seconds: sum.cpu_seconds + ticks.unwrap_or_default() / TICKS_PER_SECOND,
                written_kib: sum.written_kib + written.unwrap_or_default() / 1024.0,
            }
        })
    }

    /// Since an earlier moment.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            written_kib: self.written_kib - before.written_kib,
        }
    }
}

/// Linux counts them in hundredths for programs, whatever its own clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// What follows a process's name in its line, from its state on.
fn stat(id: u32) -> Option<Vec<String>> {
    let stat = read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// User and system time, and the same of children that were waited for.
fn ticks(id: u32) -> Option<f64> {
    let fields = stat(id)?;
    let ticks = fields.get(11..=14)?.iter();
    Some(ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum())
}

/// Bytes, also of children that were waited for.
fn written(id: u32) -> Option<f64> {
    let io = read_to_string(format!("/proc/{id}/io")).ok()?;
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "))?;
    line.parse().ok()
}

/// These processes, and all that they started and still run.
pub(super) fn with_descendants(roots: &[u32]) -> Vec<u32> {
    let entries = read_dir("/proc").into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let parents: Vec<(u32, u32)> = names
        .filter_map(|name| {
            let id = name.parse().ok()?;
            Some((id, stat(id)?.get(1)?.parse().ok()?))
        })
        .collect();
    let mut found: BTreeSet<u32> = roots.iter().copied().collect();
    loop {
        let before = found.len();
        let children = parents.iter().filter(|(_, parent)| found.contains(parent));
        let children: Vec<u32> = children.map(|(id, _)| *id).collect();
        found.extend(children);
        if found.len() == before {
            return found.into_iter().collect();
        }
    }
}
