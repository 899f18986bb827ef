//! What every benchmark measures with: processes and their cost, load, rounds, and the report of them.

mod builds;
mod cores;
mod http;
mod install;
mod interrupt;
mod load;
mod machine;
mod process;
mod report;
mod rounds;
mod stat;
mod statistics;

pub(crate) use builds::{Binaries, repository};
pub(crate) use cores::Cores;
pub(crate) use http::Connection;
pub(crate) use install::{node_folder, pinned, python_of, redis_server, sources};
pub(crate) use interrupt::Interrupt;
pub(crate) use load::{Load, Loaded};
pub(crate) use machine::{Machine, version_of};
pub(crate) use process::{Process, free_port, until};
pub(crate) use report::{Report, Section};
pub(crate) use rounds::{Contender, Effects, Metric, Round, interleaved, warm_up};
pub(crate) use stat::Stat;
pub(crate) use statistics::{median, milliseconds, percentile};
