//! The services of the table, composed on one engine.

use std::path::Path;
use std::sync::Arc;

use fanout_consume::PushAuth;
use fanout_kernel::{Kernel, Place, Role, ServiceSpec};
use fanout_outbox::{Outbox, OutboxSettings};
use fanout_processes::{Engine as ProcessEngine, Processes};
use fanout_projections::{Projections, Rebuilds};
use fanout_runtime::{Environment, Settings, SettingsError, SystemClock, SystemIds, Timings};
use fanout_web::Service;
use system::OrderFlow;

use super::engine::Engine;
use crate::cli::{SystemsFlags, UpFlags};

/// What the flags say, before what is set around them.
pub(super) struct Flagged<'a> {
    order_flow: Option<OrderFlow>,
    around: &'a dyn Environment,
}

impl<'a> Flagged<'a> {
    pub(super) fn by(flags: &UpFlags, around: &'a dyn Environment) -> Self {
        let order_flow = flags.order_flow;
        Self { order_flow, around }
    }
}

impl Environment for Flagged<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let flow = self.order_flow.filter(|_| name == OrderFlow::SETTING);
        let flow = flow.map(|flow| flow.as_str().to_owned());
        flow.or_else(|| self.around.get(name))
    }
}

/// Every role with its settings, in the table's order, and those of their outboxes; all that is wrong
/// with them is one error.
pub(super) fn read_roles(
    environment: &dyn Environment,
    systems: &SystemsFlags,
    folder: &Path,
) -> Result<(Vec<Role>, OutboxSettings), SettingsError> {
    let place = Place::OneMachine {
        folder: folder.to_owned(),
    };
    let mut settings = Settings::new(environment);
    let built: Vec<Option<Role>> = systems
        .roles()
        .map(|spec| (spec.build)(&mut settings, &place))
        .collect();
    let outboxes = OutboxSettings::read(&mut settings);
    let built: Option<Vec<Role>> = built.into_iter().collect();
    settings.finish(built.zip(outboxes))
}

impl Engine {
    pub(super) fn outbox(&self, service: &str) -> Outbox {
        let outbox = Outbox::new(
            Arc::clone(&self.documents),
            Arc::clone(&self.outbox_publisher),
            Arc::new(SystemClock),
            Arc::new(SystemIds),
            service,
        );
        outbox.told(self.outboxes.clone())
    }

    /// What moves these processes, as the ticker does.
    pub(super) fn processes(&self, processes: &Processes) -> ProcessEngine {
        ProcessEngine::new(
            processes.clone(),
            Arc::clone(&self.documents),
            self.outbox(system::TICKER.name),
            Arc::new(SystemClock),
        )
    }

    /// What rebuilds these projections, as the ticker does.
    pub(super) fn rebuilds(&self, projections: &Projections) -> Rebuilds {
        Rebuilds::new(
            projections.clone(),
            Arc::clone(&self.documents),
            Arc::new(SystemClock),
            Arc::new(SystemIds),
        )
    }

    /// Starts every role, in the table's order.
    pub(super) fn start_roles(
        &self,
        systems: &SystemsFlags,
        built: Vec<Role>,
        (processes, projections): (&Processes, &Projections),
    ) -> anyhow::Result<Vec<Service>> {
        let start = |(spec, role): (&'static ServiceSpec, Role)| {
            let kernel = Kernel {
                documents: Arc::clone(&self.documents),
                publisher: Arc::clone(&self.publisher),
                outbox: self.outbox(spec.name),
                clock: Arc::new(SystemClock),
                ids: Arc::new(SystemIds),
                timings: Timings::PRODUCTION,
                processes: processes.clone(),
                projections: projections.clone(),
                push_auth: Some(PushAuth::open_for_one_machine()),
            };
            let started = spec.start(role, kernel);
            started.map_err(|error| anyhow::anyhow!(error).context(spec.name))
        };
        systems.roles().zip(built).map(start).collect()
    }
}
