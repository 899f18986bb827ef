//! The system: engine, broker, services and relay, from start to drained.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fanout_bus_local::rest;
use fanout_event_sourcing::DailyRoots;
use fanout_google_cloud::GoogleCloudSettings;
use fanout_kernel::ServiceSpec;
use fanout_outbox::Outbox;
use fanout_processes::{Engine as ProcessEngine, Pace};
use fanout_projections::{Freshness, Rebuilds};
use fanout_root_copies::Folder;
use fanout_runtime::{DRAIN, Environment, Shutdown, SystemClock, error_chain};
use fanout_web::{ServeError, Service, bind, for_this_machine, serve};
use system::{SERVICES, STOCK_KEEPER, daily_roots, stock_first_products, topology};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::warn;

use super::data_dir::{AUDIT_ROOTS, DataDir};
use super::data_watch::DataWatch;
use super::engine::{Bus, Engine, EngineChoice};
use super::page::{Watch, Watched};
use super::roles::{Flagged, read_roles};
use crate::cli::{CONSOLE, CONSOLE_PORT, ConsoleMode, PUBSUB, PUBSUB_PORT, SystemsFlags, UpFlags};

/// How often the local runner does what Cloud Scheduler does each minute.
const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// What is left to the parts that keep to the drain themselves, before they are dropped.
const MOMENT: Duration = Duration::from_millis(500);

/// A running system.
pub struct System {
    urls: Urls,
    notes: Vec<String>,
    running: JoinSet<()>,
    /// Kept until everything has stopped: dropping it stops emulators that we started.
    engine: Engine,
    /// Ours until then.
    data: Arc<DataWatch>,
}

/// Where everything listens, by the names of `--port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls(BTreeMap<&'static str, String>);

impl<const N: usize> From<[(&'static str, String); N]> for Urls {
    fn from(all: [(&'static str, String); N]) -> Self {
        Self(all.into())
    }
}

/// Ports that are ours, before anything is started on them.
struct Listeners {
    services: Vec<TcpListener>,
    /// The REST face's; on Google's emulators that is theirs.
    rest: Option<TcpListener>,
    /// The page's, where there is one.
    page: Option<TcpListener>,
}

impl System {
    /// Starts everything but the page; it stops with `shutdown`.
    pub async fn start(
        flags: &UpFlags,
        choice: EngineChoice,
        environment: &dyn Environment,
        shutdown: Shutdown,
    ) -> anyhow::Result<Self> {
        Self::start_watched(flags, None, choice, environment, shutdown).await
    }

    /// The same, with the page where there is something that it is told by.
    pub(crate) async fn start_watched(
        flags: &UpFlags,
        watch: Option<Watch>,
        choice: EngineChoice,
        environment: &dyn Environment,
        shutdown: Shutdown,
    ) -> anyhow::Result<Self> {
        let flagged = Flagged::by(flags, environment);
        let (built, outboxes) = read_roles(&flagged, &flags.systems, &flags.data_dir)?;
        let notes = built.iter().filter_map(|role| role.note.clone()).collect();
        // Ports first: a second start by mistake is told which port is taken, and touches nothing.
        let embedded = matches!(choice, EngineChoice::Embedded);
        let listeners = Listeners::bind(flags, embedded).await?;
        let mut data = DataDir::prepare(&flags.data_dir, flags.fresh)?;
        let mut engine = Engine::start(choice, &data, &flags.delivery, outboxes).await?;
        if let Some(watch) = &watch {
            watch.watch(&mut engine);
        }
        if let Bus::Embedded(_) = &engine.bus {
            data.keep(data.database())?;
        }
        let urls = listeners.urls(&flags.systems, engine.emulators())?;
        let wanted = topology(flags.delivery.redelivery(), |subscriber| {
            let listens = |spec: &&&ServiceSpec| spec.subscriber.as_ref() == Some(subscriber);
            let mut services = SERVICES.iter().filter(|spec| flags.systems.mean(spec));
            let service = services.find(listens)?;
            Some(format!("{}/pubsub/push", urls.of(service.short_name())))
        });
        engine.set_up(&wanted).await?;
        if flags.systems.mean(STOCK_KEEPER) {
            stock_first_products(engine.documents.as_ref()).await?;
        }
        let pace = Pace::divided_by(flags.step_deadlines);
        let processes = system::processes(pace, |spec| flags.systems.mean(spec));
        // All is in this process: each looks for itself which generations there are.
        let projections = system::projections(Freshness::EachTime, |spec| flags.systems.mean(spec));
        let owned = (&processes, &projections);
        let services = engine.start_roles(&flags.systems, built, owned)?;
        let watched = Watched {
            flags,
            engine: &engine,
            wanted,
            urls: &urls,
            processes: &processes,
            projections: &projections,
            listener: listeners.page.as_ref(),
        };
        let (services, page) = watched.by(watch, services, environment, &shutdown)?;
        let moving = (
            engine.processes(&processes),
            engine.rebuilds(&projections),
            roots_kept_in(&flags.data_dir, &engine),
        );
        let data = DataWatch::new(data, shutdown.clone());
        let running = Running {
            services,
            page,
            moving,
        };
        Ok(Self {
            urls,
            notes,
            running: run_all(listeners, &engine, running, &data, &shutdown),
            engine,
            data,
        })
    }

    /// Where everything listens.
    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// The emulators that the system runs on, if it does.
    pub fn emulators(&self) -> Option<&GoogleCloudSettings> {
        self.engine.emulators()
    }

    /// What the services have to say of how they run here.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Waits until everything has stopped, after the shutdown was asked for; at most [`DRAIN`] and
    /// a moment, so that what keeps to the drain itself can say what it drops. What still runs then
    /// is dropped: everything accepted is stored, and goes on with the next start. An error if the
    /// data directory was removed.
    pub async fn stopped(mut self) -> anyhow::Result<()> {
        let all = async {
            while let Some(ended) = self.running.join_next().await {
                ended?;
            }
            anyhow::Ok(())
        };
        match timeout(DRAIN + MOMENT, all).await {
            Ok(stopped) => stopped?,
            Err(_) => warn!("something was still running after the drain; it is dropped"),
        }
        self.data.verdict()
    }
}

/// What is served, and what wakes processes.
struct Running {
    services: Vec<Service>,
    page: Option<Service>,
    moving: (ProcessEngine, Rebuilds, DailyRoots),
}

/// What keeps daily roots, with copies beside the data: in the cloud they lie where they are locked.
fn roots_kept_in(data_dir: &Path, engine: &Engine) -> DailyRoots {
    let roots = daily_roots(Arc::clone(&engine.documents), Arc::new(SystemClock));
    roots.copied_to(Arc::new(Folder::at(data_dir.join(AUDIT_ROOTS))))
}

fn run_all(
    listeners: Listeners,
    engine: &Engine,
    all: Running,
    data: &Arc<DataWatch>,
    shutdown: &Shutdown,
) -> JoinSet<()> {
    let mut running = JoinSet::new();
    let guarded = |routes| for_this_machine(data.guard(routes));
    running.spawn(Arc::clone(data).run());
    for (service, listener) in all.services.into_iter().zip(listeners.services) {
        running.spawn(serve(listener, service.around(guarded), shutdown.clone()));
    }
    if let (Some(page), Some(listener)) = (all.page, listeners.page) {
        running.spawn(serve(listener, page, shutdown.clone()));
    }
    if let (Bus::Embedded(broker), Some(listener)) = (&engine.bus, listeners.rest) {
        let face = Service::new(guarded(rest::app(broker.clone()))).no_grpc(rest::NO_GRPC);
        running.spawn(serve(listener, face, shutdown.clone()));
        let (broker, shutdown) = (broker.clone(), shutdown.clone());
        running.spawn(async move { broker.run(shutdown).await });
    }
    let (waking, rebuilds, roots) = all.moving;
    let ticker = engine.outbox(system::TICKER.name);
    running.spawn(tick_each_second(ticker, waking, shutdown.clone()));
    running.spawn(rebuild_each_second(rebuilds, shutdown.clone()));
    running.spawn(keep_roots_each_second(roots, shutdown.clone()));
    running
}

async fn tick_each_second(outbox: Outbox, processes: ProcessEngine, shutdown: Shutdown) {
    let tick = || async {
        let (relayed, woken) = tokio::join!(outbox.relay(), processes.wake_due());
        for error in relayed.err().into_iter().chain(woken.err()) {
            let error = error_chain(&error);
            warn!(error, "a tick failed; again in a second");
        }
    };
    each_second(&shutdown, || outbox.stop_relaying(), tick).await;
}

/// Beside the ticks: what waits to be published does not wait for a rebuild.
async fn rebuild_each_second(rebuilds: Rebuilds, shutdown: Shutdown) {
    let rebuild = || async {
        rebuilds.advance(Rebuilds::RUN_LIMIT).await;
    };
    each_second(&shutdown, || rebuilds.stop(), rebuild).await;
}

/// Beside the ticks, too: there may be many accounts, and each is asked for its last event.
async fn keep_roots_each_second(roots: DailyRoots, shutdown: Shutdown) {
    let keep = || async {
        if let Err(error) = roots.keep(DailyRoots::RUN_LIMIT).await {
            let error = error_chain(&error);
            warn!(error, "the daily roots of the events could not be kept");
        }
    };
    each_second(&shutdown, || roots.stop(), keep).await;
}

/// Until the shutdown, at which a run that is under way is told to end between two commits.
async fn each_second<F: Future<Output = ()>>(
    shutdown: &Shutdown,
    stop: impl FnOnce(),
    run: impl Fn() -> F,
) {
    let stopping = async {
        shutdown.requested().await;
        stop();
    };
    let ticking = async {
        while !shutdown.is_requested() {
            run().await;
            tokio::select! {
                () = shutdown.requested() => {}
                () = tokio::time::sleep(TICK_INTERVAL) => {}
            }
        }
    };
    tokio::join!(stopping, ticking);
}

impl Urls {
    /// Every name, with its URL.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, url)| (*name, url.as_str()))
    }

    /// The URL of one of the names of `--port`; empty for another name.
    pub fn of(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl Listeners {
    async fn bind(flags: &UpFlags, rest_face: bool) -> Result<Self, ServeError> {
        let mut services = Vec::new();
        for spec in flags.systems.roles() {
            services.push(local(flags.port(spec.short_name(), spec.port)).await?);
        }
        let mut rest = None;
        if rest_face {
            rest = Some(local(flags.port(PUBSUB, PUBSUB_PORT)).await?);
        }
        let mut page = None;
        if flags.console != ConsoleMode::Off {
            page = Some(local(flags.port(CONSOLE, CONSOLE_PORT)).await?);
        }
        Ok(Self {
            services,
            rest,
            page,
        })
    }

    fn urls(
        &self,
        systems: &SystemsFlags,
        emulators: Option<&GoogleCloudSettings>,
    ) -> std::io::Result<Urls> {
        let mut urls = BTreeMap::new();
        for (spec, listener) in systems.roles().zip(&self.services) {
            urls.insert(spec.short_name(), url(listener)?);
        }
        for (name, listener) in [(PUBSUB, &self.rest), (CONSOLE, &self.page)] {
            if let Some(listener) = listener {
                urls.insert(name, url(listener)?);
            }
        }
        if let Some(at) = emulators.and_then(|it| it.emulators.as_ref()) {
            urls.insert(PUBSUB, format!("http://{}", at.pubsub));
        }
        Ok(Urls(urls))
    }
}

async fn local(port: u16) -> Result<TcpListener, ServeError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    bind(address, "--port NAME=PORT").await
}

fn url(listener: &TcpListener) -> std::io::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}
