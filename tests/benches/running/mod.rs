//! A release build of `fanout up` as a child process, and what is measured of it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A `fanout up` of its own, killed when dropped.
pub(crate) struct Up {
    child: Child,
    /// From the start of the process to its ready line.
    pub(crate) ready_in: Duration,
    urls: Vec<(String, String)>,
    _data: Option<tempfile::TempDir>,
}

impl Up {
    /// Starts it with empty data, and with these flags more.
    pub(crate) fn start(binaries: &Path, flags: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut up = Self::start_in(data.path(), binaries, flags);
        up._data = Some(data);
        up
    }

    /// Starts it with this data.
    pub(crate) fn start_in(data: &Path, binaries: &Path, flags: &[&str]) -> Self {
        let started = Instant::now();
        let mut child = Command::new(binaries.join("fanout"))
            .args(["up", "--port", "all=0", "--data-dir"])
            .arg(data)
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut urls = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some((name, rest)) = line.trim().split_once("-service") {
                let base = rest
                    .trim()
                    .splitn(4, '/')
                    .take(3)
                    .collect::<Vec<_>>()
                    .join("/");
                urls.push((name.to_owned(), base.replace("localhost", "127.0.0.1")));
            }
            if line.starts_with("ready") {
                break;
            }
        }
        Self {
            child,
            ready_in: started.elapsed(),
            urls,
            _data: None,
        }
    }

    /// Where a service listens.
    pub(crate) fn url(&self, name: &str) -> &str {
        &self.urls.iter().find(|(found, _)| found == name).unwrap().1
    }

    /// Linux only; elsewhere 0.
    pub(crate) fn rss_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
        kib.unwrap_or_default() / 1024.0
    }

    /// CPU seconds used so far, of the process itself. Linux only; elsewhere 0.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        /// Linux counts them in hundredths for programs, whatever its own clock.
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        // After the name in parentheses: user and system time are the 12th and 13th field.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = fields.split_whitespace().skip(11).take(2);
        ticks
            .filter_map(|ticks| ticks.parse::<f64>().ok())
            .sum::<f64>()
            / TICKS_PER_SECOND
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Builds what is measured.
pub(crate) fn build_release_binaries() {
    let built = Command::new("cargo")
        .args(["build", "--release", "--locked"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status()
        .unwrap();
    assert!(built.success(), "the release binaries could not be built");
}

/// Where the binaries are: beside this benchmark's own folder `deps`.
pub(crate) fn binaries() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent().and_then(Path::parent).unwrap().to_owned()
}

/// The median, in milliseconds.
pub(crate) fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

/// The 99th percentile, in milliseconds.
pub(crate) fn p99(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() * 99 / 100].as_secs_f64() * 1000.0
}
