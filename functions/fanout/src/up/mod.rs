//! `fanout up`: the whole system in one process.

mod data_dir;
mod engine;
mod services;
mod system;
mod welcome;

use std::time::Instant;

use fanout_runtime::{
    Environment, LogSettings, ProcessEnvironment, Settings, Shutdown, init_telemetry,
};

pub use data_dir::DataDir;
pub use engine::EngineChoice;
pub use system::{System, Urls};

use crate::cli::UpFlags;
use crate::mail_route::MailRoute;

/// Runs the system until Ctrl-C or SIGTERM; a second Ctrl-C does not wait for anything.
pub fn run(flags: &UpFlags) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut settings = Settings::new(&ProcessEnvironment);
    let logs = LogSettings::of_format(flags.log, &mut settings);
    init_telemetry(settings.finish(logs)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let stopped = runtime.block_on(async {
        let shutdown = Shutdown::on_signal();
        let engine = EngineChoice::from_flags(flags, &ProcessEnvironment)?;
        let mail = MailRoute::from_environment(&ProcessEnvironment)?;
        let system = tokio::select! {
            system = System::start(flags, engine, mail, shutdown.clone()) => system?,
            () = shutdown.requested() => return Ok(()),
        };
        welcome::print(&system, flags, started.elapsed());
        shutdown.requested().await;
        welcome::print_stopping();
        system.stopped().await
    });
    // What blocks a thread still (a name that is looked up) does not hold up the end.
    runtime.shutdown_background();
    stopped
}

/// `PATH`, for finding an installed Google Cloud SDK.
fn search_path(environment: &dyn Environment) -> String {
    environment.get("PATH").unwrap_or_default()
}
