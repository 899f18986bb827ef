//! What processes have cost so far.

use std::collections::BTreeSet;
use std::fs::read_to_string;

use crate::measure::Stat;

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
            let cpu_seconds = Stat::of(*id).map(|stat| stat.cpu_seconds());
            Self {
                cpu_seconds: sum.cpu_seconds + cpu_seconds.unwrap_or_default(),
                written_kib: sum.written_kib + written(*id).unwrap_or_default() / 1024.0,
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
    let all = Stat::all();
    let parents = all.iter().filter_map(|it| Some((it.id, it.parent()?)));
    let parents: Vec<(u32, u32)> = parents.collect();
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
