//! Where cards are printed. Its calls can go wrong like those of every other port.

use std::sync::Arc;

use fanout_testkit::faults::{FaultyPort, PortCall};

use crate::crash_simulation::acts::{acts_now, begins_to_act};
use crate::crash_simulation::services::Service;
use crate::crash_simulation::sim::Sim;

#[derive(Clone)]
pub(crate) struct Printer {
    pub(crate) sim: Arc<Sim>,
    pub(crate) port: FaultyPort,
}

/// The printer did not say that it has printed.
pub(crate) struct Silent {
    pub(crate) may_have_printed: bool,
}

impl Printer {
    /// Prints a card; gives its number.
    pub(crate) async fn print(&self, event_id: &str) -> Result<String, Silent> {
        begins_to_act(&self.sim, Service::Desk, event_id);
        let call = PortCall {
            operation: "printer.print",
            detail: event_id.to_owned(),
            changes: true,
        };
        let (sim, event_id) = (Arc::clone(&self.sim), event_id.to_owned());
        let effect = async move {
            acts_now(&sim, Service::Desk, event_id.clone());
            Ok(format!("no_{event_id}"))
        };
        let lost = |may_have_printed| Silent { may_have_printed };
        self.port.call(call, effect, lost, |_| "silent").await
    }
}
