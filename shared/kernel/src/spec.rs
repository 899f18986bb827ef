//! What a service says of itself.

use fanout_runtime::{BoxError, Settings};
use fanout_store::Collection;
use fanout_web::Service;

use crate::schemas::schemas;
use crate::{Kernel, Place, Role};

/// One service, as the rest of the system needs to know it.
pub struct ServiceSpec {
    /// Its name: the role of its container, its service account, and the source of its events.
    pub name: &'static str,
    /// The system it belongs to; none for what serves all of them.
    pub system: Option<&'static str>,
    /// The port it listens on, on one machine.
    pub port: u16,
    /// A path to look at, for the welcome text.
    pub look_at: &'static str,
    /// The topics that its events go to.
    pub publishes: &'static [&'static str],
    /// What it reacts to, if it does.
    pub subscriber: Option<Subscriber>,
    /// What it keeps, beside what the kernel keeps for every service.
    pub collections: &'static [&'static Collection],
    /// Variables of its container that differ from the code's defaults or are to be seen.
    pub env: &'static [(&'static str, &'static str)],
    /// Variables of its container that are secrets, each with the secret's name.
    pub secrets: &'static [(&'static str, &'static str)],
    /// What its container may use.
    pub limits: Limits,
    /// Whether everybody may call it; at most one service is like that.
    pub public: bool,
    /// Reads the settings that are its own. `None` only after a fault.
    pub build: fn(&mut Settings<'_>, &Place) -> Option<Role>,
}

/// What a container may use, in Cloud Run's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory, such as `256Mi`.
    pub memory: &'static str,
    /// Processors, such as `1`.
    pub cpu: &'static str,
    /// Requests that one instance works on at once.
    pub concurrency: u32,
    /// Instances at most.
    pub max_instances: u32,
}

impl Limits {
    /// Enough for a service of this size.
    pub const USUAL: Self = Self {
        memory: "256Mi",
        cpu: "1",
        concurrency: 80,
        max_instances: 10,
    };
}

/// Who reacts to events: a consumer, and what it is subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscriber {
    /// The consumer's name: part of its marks, its subscriptions and its dead-letter topic.
    pub consumer: &'static str,
    /// The topics it listens to, at least one.
    pub topics: &'static [Subscribed],
}

/// A topic, and the types of its events that a consumer handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscribed {
    /// The topic's short name.
    pub topic: &'static str,
    /// The types of events.
    pub types: &'static [&'static str],
}

impl ServiceSpec {
    /// Its name in `--port` and in lists: without the `-service` at its end.
    pub fn short_name(&self) -> &'static str {
        self.name.strip_suffix("-service").unwrap_or(self.name)
    }

    /// The service on this kernel, which also serves the schemas of what it publishes. When it stops, it first publishes what it was about to.
    pub fn start(&self, role: Role, kernel: Kernel) -> Result<Service, BoxError> {
        let (drain, outbox) = (kernel.timings.drain, kernel.outbox.clone());
        let service = (role.start)(kernel)?.around(|routes| routes.merge(schemas(self.publishes)));
        let drained = async move { outbox.drain().await };
        Ok(service.drain(drain).on_stop(drained))
    }
}

impl Subscriber {
    /// The name of its subscription to a topic.
    pub fn subscription(&self, topic: &str) -> String {
        format!("{topic}-{}", self.consumer)
    }

    /// The name of its own dead-letter topic, and of the pull subscription on that.
    pub fn dead_letters(&self) -> String {
        format!("{}-{}-dead-letters", self.first_topic(), self.consumer)
    }

    /// Its subscription to its first topic. All of its subscriptions push to the same address.
    pub fn first_subscription(&self) -> String {
        self.subscription(self.first_topic())
    }

    fn first_topic(&self) -> &'static str {
        self.topics
            .first()
            .map_or("", |subscribed| subscribed.topic)
    }

    /// The types of events that it handles, of all topics.
    pub fn types(&self) -> impl Iterator<Item = &'static str> {
        let types = self.topics.iter().map(|subscribed| subscribed.types);
        types.flatten().copied()
    }
}
