//! The page beside the system: what watches from the start, and the service once all else is there.

use std::sync::Arc;

use fanout_bus::Topology;
use fanout_kernel::ServiceSpec;
use fanout_processes::Processes;
use fanout_projections::Projections;
use fanout_runtime::{Environment, IdGenerator as _, Settings, Shutdown, SystemClock, SystemIds};
use fanout_telemetry::{Metrics, TraceSettings};
use fanout_web::Service;
use tokio::net::TcpListener;

use super::engine::{Bus, Engine};
use super::metrics_route;
use super::system::Urls;
use crate::cli::{ConsoleMode, PUBSUB, UpFlags};
use crate::console::{FaultSwitches, Hub, Page, Parts, SeenPublisher, TRACE_ID, routes};
use crate::operator::Operator;
use crate::target::TargetFlags;

/// What sees the system run, and can break it.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) hub: Arc<Hub>,
    switches: Arc<FaultSwitches>,
}

impl Watch {
    /// None where there is to be no page.
    pub(crate) fn of(flags: &UpFlags) -> Option<Self> {
        (flags.console != ConsoleMode::Off).then(|| Self {
            hub: Arc::default(),
            switches: Arc::default(),
        })
    }

    /// Sees what the engine publishes.
    pub(super) fn watch(&self, engine: &mut Engine) {
        for publisher in [&mut engine.publisher, &mut engine.outbox_publisher] {
            *publisher = Arc::new(SeenPublisher {
                bus: Arc::clone(publisher),
                hub: Arc::clone(&self.hub),
            });
        }
    }

    /// The service with this in front of it.
    fn in_front_of(&self, spec: &ServiceSpec, service: Service) -> Service {
        match &spec.subscriber {
            Some(subscriber) => service.around(|routes| {
                self.switches
                    .in_front_of(subscriber.consumer, &self.hub, routes)
            }),
            None => service,
        }
    }

    /// The page's own service.
    fn page(
        &self,
        system: Watched<'_>,
        listener: &TcpListener,
        environment: &dyn Environment,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Service> {
        let Watched {
            flags,
            engine,
            wanted,
            urls,
            processes,
            projections,
            listener: _,
        } = system;
        let target = TargetFlags {
            project: None,
            database: "(default)".to_owned(),
            data_dir: flags.data_dir.clone(),
            pubsub_url: Some(urls.of(PUBSUB).to_owned()),
        };
        let broker = match &engine.bus {
            Bus::Embedded(broker) => Some(broker.clone()),
            Bus::Emulators { .. } => None,
        };
        let metrics = metrics_route(
            Metrics::of_process().clone(),
            broker.clone(),
            Arc::new(SystemClock),
        );
        let page = Page::new(Parts {
            port: listener.local_addr()?.port(),
            token: SystemIds.new_id("page"),
            read_only: flags.console == ConsoleMode::ReadOnly,
            hub: Arc::clone(&self.hub),
            switches: Arc::clone(&self.switches),
            clock: Arc::new(SystemClock),
            documents: Arc::clone(&engine.documents),
            publisher: Arc::clone(&engine.publisher),
            operator: Operator::connect(&target, environment)?,
            broker,
            wanted,
            services: flags.systems.roles().collect(),
            urls: urls.clone(),
            processes: engine.processes(processes),
            projections: projections.clone(),
            rebuilds: engine.rebuilds(projections),
            trace_url: trace_url(flags, environment),
            data_dir: flags.data_dir.clone(),
            shutdown: shutdown.clone(),
        });
        Ok(Service::new(routes(&page, metrics)))
    }
}

/// Where a trace can be looked at: where the flag says, else at Google's if they are sent there.
fn trace_url(flags: &UpFlags, environment: &dyn Environment) -> Option<String> {
    let sent = || TraceSettings::read(&mut Settings::new(environment))??.page_of(TRACE_ID);
    flags.trace_url.clone().or_else(sent)
}

/// What the page is about.
pub(super) struct Watched<'a> {
    pub(super) flags: &'a UpFlags,
    pub(super) engine: &'a Engine,
    pub(super) wanted: Topology,
    pub(super) urls: &'a Urls,
    pub(super) processes: &'a Processes,
    pub(super) projections: &'a Projections,
    /// Where the page is, if there is to be one.
    pub(super) listener: Option<&'a TcpListener>,
}

impl Watched<'_> {
    /// The services, watched if there is to be a page, and the page.
    pub(super) fn by(
        self,
        watch: Option<Watch>,
        services: Vec<Service>,
        environment: &dyn Environment,
        shutdown: &Shutdown,
    ) -> anyhow::Result<(Vec<Service>, Option<Service>)> {
        let (Some(watch), Some(listener)) = (watch, self.listener) else {
            return Ok((services, None));
        };
        let services = self.flags.systems.roles().zip(services);
        let services = services.map(|(spec, service)| watch.in_front_of(spec, service));
        let services = services.collect();
        let page = watch.page(self, listener, environment, shutdown)?;
        Ok((services, Some(page)))
    }
}
