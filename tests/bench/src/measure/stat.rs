//! What the kernel says of a process.

use std::fs::{read_dir, read_to_string};
use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::Pid;

/// A process as `/proc` has it.
pub(crate) struct Stat {
    pub(crate) id: u32,
    /// Its line, from its state on: what follows the name, which is in parentheses and may hold anything.
    fields: String,
}

impl Stat {
    /// `None` once it has gone.
    pub(crate) fn of(id: u32) -> Option<Self> {
        let stat = read_to_string(format!("/proc/{id}/stat")).ok()?;
        let (_, fields) = stat.rsplit_once(')')?;
        let fields = fields.to_owned();
        Some(Self { id, fields })
    }

    /// Every process there is.
    pub(crate) fn all() -> Vec<Self> {
        let entries = read_dir("/proc").into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names
            .filter_map(|name| Self::of(name.parse().ok()?))
            .collect()
    }

    pub(crate) fn parent(&self) -> Option<u32> {
        self.number(1)
    }

    pub(crate) fn group(&self) -> Option<u32> {
        self.number(2)
    }

    /// User and system time of its threads, those that have ended too, and of children that it has waited for.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        /// Linux counts those of ended children in hundredths for programs, whatever its own clock.
        const TICKS_PER_SECOND: f64 = 100.0;
        let id = i32::try_from(self.id).map(Pid::from_raw).ok();
        let own = id.and_then(|id| ClockId::pid_cpu_clock_id(id).ok()?.now().ok());
        let own = own.map_or(Duration::ZERO, Duration::from);
        let of_children: u32 = [13, 14].into_iter().filter_map(|it| self.number(it)).sum();
        own.as_secs_f64() + f64::from(of_children) / TICKS_PER_SECOND
    }

    fn number(&self, place: usize) -> Option<u32> {
        self.fields.split_whitespace().nth(place)?.parse().ok()
    }
}
