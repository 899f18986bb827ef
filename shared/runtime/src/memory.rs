//! How much memory the process may use.

use std::fs::read_to_string;

/// What is assumed where the system does not say: the least that Cloud Run gives.
const FALLBACK: u64 = 128 * 1024 * 1024;

/// The limit of the process's container, or else the machine's memory, in bytes.
pub fn memory_limit() -> u64 {
    let limit = |path| read_to_string(path).ok()?.trim().parse().ok();
    [
        limit("/sys/fs/cgroup/memory.max"),
        limit("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        of_the_machine(),
    ]
    .into_iter()
    .flatten()
    .min()
    .unwrap_or(FALLBACK)
}

/// Linux says it in kibibytes: `MemTotal:  16374528 kB`.
fn of_the_machine() -> Option<u64> {
    let text = read_to_string("/proc/meminfo").ok()?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = total.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_use_something() {
        assert!(memory_limit() >= 16 * 1024 * 1024);
    }
}
