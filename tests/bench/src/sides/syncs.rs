//! How often processes wait for the disk: counted by strace, which slows them, so in a run of its own.

use std::fs::read_to_string;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::Side;
use crate::measure::until;

const SYNCING: &str = "trace=fsync,fdatasync,sync_file_range,msync";

/// How often the side's processes call `fsync` and its like meanwhile; `None` where there is no strace, which the
/// report's versions say.
///
/// # Errors
/// If strace is there and may not trace.
pub(crate) fn syncs_during(
    side: &mut Side,
    folder: &Path,
    work: impl FnOnce(&mut Side) -> anyhow::Result<()>,
) -> anyhow::Result<Option<f64>> {
    let counts = folder.join("syncs");
    let processes = side.processes();
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-c", "-q", "-e", SYNCING, "-o"])
        .arg(&counts);
    strace.args(processes.iter().map(|id| format!("-p{id}")));
    strace.stdin(Stdio::null()).stdout(Stdio::null());
    let mut strace = match strace.spawn() {
        Ok(strace) => strace,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("strace cannot be started"),
    };
    let traced = |id: &u32| {
        let status = read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        !status.contains("TracerPid:\t0\n")
    };
    until("strace", Duration::from_secs(10), || {
        if let Some(status) = strace.try_wait()? {
            bail!("strace ended ({status}): it says why above");
        }
        Ok(processes.iter().all(traced))
    })?;
    let worked = work(side);
    kill_process(Pid::from_child(&strace), Signal::INT)?;
    strace.wait()?;
    worked?;
    let table = read_to_string(&counts).context("strace wrote nothing")?;
    Ok(Some(calls(&table)))
}

/// The calls in strace's table: the number before a line's last word, or two before where there were errors.
fn calls(table: &str) -> f64 {
    let lines = table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let named = ["fsync", "fdatasync", "sync_file_range", "msync"];
        let is_count = words.last().is_some_and(|name| named.contains(name));
        words.get(3).filter(|_| is_count)?.parse::<f64>().ok()
    });
    lines.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_summed_whether_some_failed_or_not_and_the_total_is_not_counted_again() {
        let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 93.75    0.000450          15        30           fdatasync
  6.25    0.000030          10         3         1 fsync
------ ----------- ----------- --------- --------- ----------------
100.00    0.000480          14        33         1 total
";
        assert_eq!(calls(table), 33.0);
        assert_eq!(calls(""), 0.0);
    }
}
