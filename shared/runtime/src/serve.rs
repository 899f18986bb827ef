//! Serving and draining: what a container does from its first request to SIGTERM.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    LogSettings, ProcessEnvironment, Settings, SettingsError, error_chain, init_telemetry,
};

/// How long requests under way may take to finish after SIGTERM: Cloud Run kills after 10 s.
pub const DRAIN: Duration = Duration::from_secs(8);

/// A service ready to be served: its routes, and what is left to do once the last request is done.
pub struct Service {
    router: Router,
    drain: Duration,
    on_stop: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Service {
    /// A service that has nothing left to do at its end.
    pub fn new(router: Router) -> Self {
        Self {
            router,
            drain: DRAIN,
            on_stop: Box::pin(async {}),
        }
    }

    /// The same, with another time for requests under way after SIGTERM than [`DRAIN`].
    pub fn drain(mut self, limit: Duration) -> Self {
        self.drain = limit;
        self
    }

    /// The same, with work for the end: it must fit into what remains of the drain.
    pub fn on_stop(mut self, work: impl Future<Output = ()> + Send + 'static) -> Self {
        self.on_stop = Box::pin(work);
        self
    }
}

/// The process's wish to stop. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

/// Why a server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else listens there.
    #[error(
        "port {port} is already in use: stop the program that has it, or choose another port with {hint}"
    )]
    PortTaken {
        /// The port.
        port: u16,
        /// The flag or variable that changes it.
        hint: &'static str,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The listener failed.
    #[error("serving failed")]
    Serve(#[from] std::io::Error),
}

impl Shutdown {
    /// Stops with Ctrl-C (SIGINT) or SIGTERM.
    pub fn on_signal() -> Self {
        let shutdown = Self::default();
        let trigger = shutdown.clone();
        tokio::spawn(async move {
            wait_for_signal().await;
            trigger.start();
        });
        shutdown
    }

    /// Asks everything that holds a clone to stop.
    pub fn start(&self) {
        self.0.cancel();
    }

    /// Returns once stopping was asked for.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// Whether stopping was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(error) => {
            warn!(%error, "SIGTERM cannot be watched; only Ctrl-C stops this process cleanly");
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    let _ = tokio::signal::ctrl_c().await;
}

/// Listens on `address`; a port that is taken is an error that names the port and `hint`, the
/// flag or variable that changes it.
pub async fn bind(address: SocketAddr, hint: &'static str) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => ServeError::PortTaken {
                port: address.port(),
                hint,
            },
            _ => ServeError::Bind { address, source },
        })
}

/// Serves until `shutdown`, then lets requests under way and the service's own last work finish,
/// for as long as the service's drain, [`DRAIN`] by default.
///
/// What is still running then is dropped, never answered: without an answer Pub/Sub delivers again.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    shutdown: Shutdown,
) -> Result<(), ServeError> {
    let stop = shutdown.clone();
    let drain = service.drain;
    let server = async {
        axum::serve(listener, service.router)
            .with_graceful_shutdown(async move { stop.requested().await })
            .await?;
        service.on_stop.await;
        Ok(())
    };
    let drained = async {
        shutdown.requested().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        served = server => served,
        () = drained => {
            warn!("requests were still under way after the drain of {} s; they are dropped", drain.as_secs());
            Ok(())
        }
    }
}

/// The whole `main` of a container: settings (exit code 2 with every fault if they are bad), logs,
/// the service that `compose` builds, serving on `PORT` (default 8080) until SIGTERM.
pub fn run_service<C, F>(
    name: &'static str,
    read: impl FnOnce(&mut Settings<'_>) -> Option<C>,
    compose: impl FnOnce(C) -> F,
) -> ExitCode
where
    F: Future<Output = Result<Service, Box<dyn std::error::Error + Send + Sync>>>,
{
    let environment = ProcessEnvironment;
    let mut settings = Settings::new(&environment);
    let port = settings.or_default("PORT", "a port number", 8080_u16);
    let logs = LogSettings::read(&mut settings);
    let config = read(&mut settings);
    let (port, logs, config) = match settings.finish(zip3(port, logs, config)) {
        Ok(complete) => complete,
        Err(faults) => return refuse(name, &faults),
    };
    init_telemetry(logs);
    let served = start_runtime().and_then(|runtime| {
        runtime.block_on(async {
            let shutdown = Shutdown::on_signal();
            let composed = compose(config).await?;
            let address = SocketAddr::from(([0, 0, 0, 0], port));
            let listener = bind(address, "the variable PORT").await?;
            info!(service = name, port, "ready");
            serve(listener, composed, shutdown).await?;
            Ok(())
        })
    });
    match served {
        Ok(()) => {
            info!(service = name, "stopped");
            ExitCode::SUCCESS
        }
        Err(cause) => {
            error!(
                service = name,
                error = error_chain(cause.as_ref()),
                "cannot serve"
            );
            ExitCode::FAILURE
        }
    }
}

fn start_runtime() -> Result<tokio::runtime::Runtime, Box<dyn std::error::Error + Send + Sync>> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

fn zip3<A, B, C>(a: Option<A>, b: Option<B>, c: Option<C>) -> Option<(A, B, C)> {
    Some((a?, b?, c?))
}

#[allow(
    clippy::print_stderr,
    reason = "there are no logs yet: settings say how to write them"
)]
fn refuse(name: &str, faults: &SettingsError) -> ExitCode {
    eprintln!("{name} cannot start: {faults}");
    ExitCode::from(2)
}
