//! Serving and draining: what a container does from its first request to SIGTERM.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::time::Duration;

use axum::extract::Request;
use axum::{Router, middleware};
use http::HeaderValue;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};
use tracing::{error, info, warn};

use crate::connections::{Connections, ReadLimits};
use crate::correlation::with_named_lines;
use crate::routes::Routes;
use fanout_runtime::{
    BoxError, DRAIN, Environment, LogFormat, LogSettings, ProcessEnvironment, Settings, Shutdown,
    error_chain, init_telemetry, raise_descriptor_limit,
};

use fanout_telemetry::{BeforeAnswers, TraceSettings, Traces};

/// What a service's last work has of the drain for itself, however long requests take.
const LAST_WORK: Duration = Duration::from_secs(3);

/// A service ready to be served: its routes, and what is left to do at its end.
pub struct Service {
    router: Router,
    limits: ReadLimits,
    no_grpc: Option<HeaderValue>,
    ending: Ending,
}

/// What is left to do at the end, and how long that may take.
struct Ending {
    drain: Duration,
    on_shutdown: Box<dyn FnOnce() + Send>,
    on_stop: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Service {
    /// A service that has nothing left to do at its end.
    pub fn new(router: Router) -> Self {
        Self {
            router: with_named_lines(router),
            limits: ReadLimits::PRODUCTION,
            no_grpc: None,
            ending: Ending {
                drain: DRAIN,
                on_shutdown: Box::new(|| ()),
                on_stop: None,
            },
        }
    }

    /// The same, with another time for the end than [`DRAIN`].
    pub fn drain(mut self, limit: Duration) -> Self {
        self.ending.drain = limit;
        self
    }

    /// The same, with something around its routes.
    pub fn around(mut self, layer: impl FnOnce(Router) -> Router) -> Self {
        self.router = layer(self.router);
        self
    }

    /// Its routes alone, to be called without a connection.
    pub fn into_routes(self) -> Router {
        self.router
    }

    /// The same, where gRPC clients may come by mistake: each is told this sentence, without `%`, at
    /// once.
    pub fn no_grpc(mut self, sentence: &'static str) -> Self {
        self.no_grpc = Some(HeaderValue::from_static(sentence));
        self
    }

    /// The same, with something to do as soon as the shutdown is asked for: ending what would keep
    /// requests under way longer than needed.
    pub fn on_shutdown(mut self, begin: impl FnOnce() + Send + 'static) -> Self {
        self.ending.on_shutdown = Box::new(begin);
        self
    }

    /// The same, with work for the end. It starts when the last request is done, or 3 s before the
    /// end of the drain if requests go on until then (half of a drain below 6 s); it is dropped at
    /// the end of the drain.
    pub fn on_stop(mut self, work: impl Future<Output = ()> + Send + 'static) -> Self {
        self.ending.on_stop = Some(Box::pin(work));
        self
    }
}

impl Ending {
    /// Lets what is open come to its end; what has not by the end of the drain is answered 503.
    async fn of(self, mut connections: Connections) {
        let requests_alone = self.requests_alone();
        let stopping = Instant::now();
        (self.on_shutdown)();
        // Whether they are done by then or not, the last work has its turn; they may go on beside it.
        let _ = timeout_at(stopping + requests_alone, connections.ended()).await;
        let last_work = async {
            if let Some(work) = self.on_stop {
                work.await;
            }
        };
        let both = async { tokio::join!(connections.ended(), last_work) };
        if timeout_at(stopping + self.drain, both).await.is_err() {
            warn!(
                "something was still under way after the drain of {} s; it is dropped",
                self.drain.as_secs()
            );
            connections.refuse().await;
        }
    }

    /// How long requests have for themselves after SIGTERM.
    fn requests_alone(&self) -> Duration {
        match self.on_stop {
            Some(_) => self.drain - LAST_WORK.min(self.drain / 2),
            None => self.drain,
        }
    }
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program listens there.
    #[error(
        "port {0} is already in use: stop the program that has it, or choose another port with {1}"
    )]
    PortTaken(u16, &'static str),
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {0}")]
    Bind(SocketAddr, #[source] std::io::Error),
}

/// Listens on `address`; a port that is taken is an error that names the port and `hint`, the
/// flag or variable that changes it.
pub async fn bind(address: SocketAddr, hint: &'static str) -> Result<TcpListener, ServeError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => ServeError::PortTaken(address.port(), hint),
        _ => ServeError::Bind(address, error),
    })
}

/// Serves until `shutdown`, then lets requests under way and the service's own last work finish,
/// for as long as the service's drain, [`DRAIN`] by default.
///
/// What is still running then is answered 503, which Pub/Sub takes for a reason to deliver again.
pub async fn serve(listener: TcpListener, service: Service, shutdown: Shutdown) {
    let Service {
        router,
        limits,
        no_grpc,
        ending,
    } = service;
    let routes = Routes::of(router);
    let connections = Connections::accept(listener, routes, limits, no_grpc, &shutdown).await;
    ending.of(connections).await;
}

/// The same of a service that is still being made, which takes a round trip to its store or two.
/// Meanwhile `/health` is answered, and all other requests wait. If it cannot be made, they are dropped.
async fn serve_once_made(
    listener: TcpListener,
    making: impl Future<Output = Result<Service, BoxError>>,
    shutdown: Shutdown,
) -> Result<(), BoxError> {
    let (routes, limits) = (Routes::default(), ReadLimits::PRODUCTION);
    let accepting = Connections::accept(listener, routes.clone(), limits, None, &shutdown);
    let mut accepting = pin!(accepting);
    let service = tokio::select! {
        biased;
        made = making => made?,
        connections = &mut accepting => {
            connections.refuse().await;
            return Ok(());
        }
    };
    routes.set(service.router);
    service.ending.of(accepting.await).await;
    Ok(())
}

/// The whole `main` of a container: settings (exit code 2 with every fault if they are bad), logs,
/// the service that `compose` builds, serving on `PORT` (default 8080) until SIGTERM. It listens while
/// the service is being built: `/health` is answered, all other requests wait. So what a [`Service`] says
/// of connections, such as [`Service::no_grpc`], comes too late here and does not count.
pub fn run_service<C, F>(
    name: &'static str,
    read: impl FnOnce(&mut Settings<'_>) -> Option<C>,
    compose: impl FnOnce(C) -> F,
) -> ExitCode
where
    F: Future<Output = Result<Service, BoxError>>,
{
    let environment = ProcessEnvironment;
    let mut settings = Settings::new(&environment);
    let port = settings.or_default("PORT", "a port number", 8080_u16);
    let logs = LogSettings::read(&mut settings);
    let traces = TraceSettings::read(&mut settings);
    let config = read(&mut settings);
    let complete = port.zip(logs).zip(traces).zip(config);
    let (((port, logs), traces), config) = match settings.finish(complete) {
        Ok(complete) => complete,
        Err(faults) => return refuse(name, &faults.to_string(), &environment),
    };
    let traces = match traces
        .map(|settings| Traces::start(&settings, name))
        .transpose()
    {
        Ok(traces) => traces,
        Err(error) => return refuse(name, &error_chain(&error), &environment),
    };
    init_telemetry(logs, traces.iter().map(Traces::reading).collect());
    let spans = traces.as_ref().and_then(Traces::before_answers);
    raise_descriptor_limit();
    let served = start_runtime().and_then(|runtime| {
        let served = runtime.block_on(async {
            let shutdown = Shutdown::on_signal();
            let address = SocketAddr::from(([0, 0, 0, 0], port));
            let listener = bind(address, "the variable PORT").await?;
            let making = async {
                let mut composed = compose(config).await?;
                if let Some(spans) = spans {
                    composed = composed.around(|router| answering_after(router, spans));
                }
                info!(service = name, port, "ready");
                Ok(composed)
            };
            serve_once_made(listener, making, shutdown).await
        });
        // Looking up a host's name blocks its thread, and may take longer than the end.
        runtime.shutdown_background();
        served
    });
    if let Some(traces) = traces {
        traces.stop();
    }
    match served {
        Ok(()) => {
            info!(service = name, "stopped");
            ExitCode::SUCCESS
        }
        Err(cause) => {
            let error = error_chain(cause.as_ref());
            error!(service = name, error, "cannot serve");
            ExitCode::FAILURE
        }
    }
}

/// Each answer waits until the spans of its request are sent.
fn answering_after(router: Router, spans: BeforeAnswers) -> Router {
    router.layer(middleware::from_fn(
        move |request: Request, next: middleware::Next| {
            let spans = spans.clone();
            async move {
                let answer = next.run(request).await;
                spans.flush().await;
                answer
            }
        },
    ))
}

/// On one processor one thread: several would only wake each other.
fn start_runtime() -> Result<tokio::runtime::Runtime, BoxError> {
    let alone = std::thread::available_parallelism().is_ok_and(|processors| processors.get() == 1);
    let mut runtime = if alone {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    Ok(runtime.enable_all().build()?)
}

fn refuse(name: &str, faults: &str, environment: &dyn Environment) -> ExitCode {
    let format = LogFormat::read(&mut Settings::new(environment));
    init_telemetry(
        LogSettings::of_faults(format.unwrap_or(LogFormat::Json)),
        Vec::new(),
    );
    error!(service = name, error = %faults, "cannot start");
    ExitCode::from(2)
}

#[cfg(test)]
mod flush_tests;
#[cfg(test)]
mod starting_tests;
#[cfg(test)]
mod tests;
