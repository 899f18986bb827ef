//! `fanout up`: the whole system in one process.

mod data_dir;
mod data_watch;
mod engine;
mod metrics_route;
mod page;
mod roles;
mod system;
mod welcome;

use std::process::ExitCode;
use std::time::Instant;

use fanout_runtime::{
    LogFormat, LogSettings, ProcessEnvironment, Settings, Shutdown, init_telemetry,
    keep_files_private, raise_descriptor_limit,
};
use fanout_telemetry::{Metrics, TraceSettings, Traces};
use tracing::error;

pub use data_dir::DataDir;
pub use engine::EngineChoice;
pub use metrics_route::metrics_route;
pub use system::{System, Urls};

use crate::answer::exit_code;
use crate::cli::UpFlags;
use crate::console::hub_listener;
use page::Watch;

/// Runs the system until Ctrl-C, SIGTERM or SIGHUP; a second Ctrl-C does not wait for anything. Where
/// logs are JSON, a failure is a line of them.
pub fn run(flags: &UpFlags) -> anyhow::Result<ExitCode> {
    let watch = Watch::of(flags);
    let ended = start_telemetry(flags, watch.as_ref()).and_then(|traces| {
        let ended = run_system(flags, watch);
        if let Some(traces) = traces {
            traces.stop();
        }
        ended
    });
    match (ended, flags.log) {
        (Ok(()), _) => Ok(ExitCode::SUCCESS),
        (Err(error), LogFormat::Text) => Err(error),
        (Err(error), LogFormat::Json) => {
            error!(error = format!("{error:#}"), "fanout up failed");
            Ok(exit_code(&error))
        }
    }
}

/// Starts logs, metrics and traces; with faulty settings, logs alone.
fn start_telemetry(flags: &UpFlags, watch: Option<&Watch>) -> anyhow::Result<Option<Traces>> {
    let mut settings = Settings::new(&ProcessEnvironment);
    let logs = LogSettings::of_format(flags.log, &mut settings);
    let traces = TraceSettings::read(&mut settings);
    let started = settings.finish(logs.zip(traces));
    let started = started
        .map_err(anyhow::Error::from)
        .and_then(|(logs, traces)| {
            let traces = traces.map(|traces| Traces::start(&traces, "fanout"));
            Ok((logs, traces.transpose()?))
        });
    match started {
        Ok((logs, traces)) => {
            let counting = Metrics::of_process().counting();
            let reading = traces.as_ref().map(Traces::reading);
            let watching = watch.map(|watch| hub_listener(&watch.hub));
            let more = std::iter::once(counting).chain(reading).chain(watching);
            init_telemetry(logs, more.collect());
            Ok(traces)
        }
        Err(error) => {
            init_telemetry(LogSettings::of_faults(flags.log), Vec::new());
            Err(error)
        }
    }
}

fn run_system(flags: &UpFlags, watch: Option<Watch>) -> anyhow::Result<()> {
    let started = Instant::now();
    raise_descriptor_limit();
    keep_files_private();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let stopped = runtime.block_on(async {
        let shutdown = Shutdown::on_signal();
        let engine = EngineChoice::from_flags(flags, &ProcessEnvironment)?;
        let system = tokio::select! {
            system = System::start(flags, watch, engine, &ProcessEnvironment, shutdown.clone()) => system?,
            () = shutdown.requested() => return Ok(()),
        };
        welcome::print(&system, flags, started.elapsed());
        shutdown.requested().await;
        welcome::print_stopping(flags);
        system.stopped().await
    });
    // Looking up a host's name blocks its thread, and may take longer than the end.
    runtime.shutdown_background();
    stopped
}
