//! The processes of a system, each with the service that owns it.

use std::collections::BTreeSet;
use std::sync::Arc;

use fanout_events::{Domain, Event, KnownType};

use crate::machine::Machine;
use crate::process::Route;

/// A version of a process, and the service that owns it.
#[derive(Clone)]
pub struct Owned {
    /// The service: the source of the process's events, and where its operators ask.
    pub service: &'static str,
    /// The process.
    pub machine: Arc<dyn Machine>,
}

/// All processes, with every version that may have open instances.
#[derive(Clone, Default)]
pub struct Processes(Arc<Vec<Owned>>);

impl Processes {
    /// These.
    pub fn of(owned: Vec<Owned>) -> Self {
        Self(Arc::new(owned))
    }

    /// Those that a service owns.
    pub fn of_service(&self, service: &str) -> Self {
        let owned = self.0.iter().filter(|owned| owned.service == service);
        Self::of(owned.cloned().collect())
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Owned> {
        self.0.iter()
    }

    /// The names that there are.
    pub fn names(&self) -> BTreeSet<&'static str> {
        self.0.iter().map(|owned| owned.machine.name()).collect()
    }

    /// The process of this name, in this version.
    pub fn find(&self, name: &str, version: u32) -> Option<&Owned> {
        let mut named = self.named(name);
        named.find(|owned| owned.machine.version() == version)
    }

    /// The process of this name, in its newest version.
    pub fn newest(&self, name: &str) -> Option<&Owned> {
        self.named(name).max_by_key(|owned| owned.machine.version())
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Owned> {
        self.0
            .iter()
            .filter(move |owned| owned.machine.name() == name)
    }

    /// The instances that an event belongs to, each once, with the process's name.
    pub(crate) fn routes(&self, event: &Event) -> Vec<(&'static str, Route)> {
        let mut routes: Vec<(&'static str, Route)> = Vec::new();
        for Owned { machine, .. } in self.0.iter() {
            let Some(route) = machine.route(event) else {
                continue;
            };
            let name = machine.name();
            let known = routes
                .iter_mut()
                .find(|(of, known)| *of == name && known.key == route.key);
            match known {
                Some((_, known)) => known.starts |= route.starts,
                None => routes.push((name, route)),
            }
        }
        routes
    }

    /// The types of events that they react to, each once, with its domain.
    pub(crate) fn listens(&self) -> Vec<(&'static Domain, KnownType)> {
        let mut seen = BTreeSet::new();
        let types = self.0.iter().flat_map(|owned| owned.machine.listens());
        types.filter(|(_, known)| seen.insert(known.name)).collect()
    }
}
