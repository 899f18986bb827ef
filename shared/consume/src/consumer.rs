//! What a consumer is: a name, and what it does with each type of event that it wants.

use std::collections::BTreeMap;
use std::sync::Arc;

use fanout_events::{Domain, EventType, KnownType};

use crate::effect::{EventEffect, OutsideEffect, StoreEffect};
use crate::handler::{Handler, in_store, of_known, outside};

/// A consumer. Give it to [`super::push_route()`].
///
/// ```
/// use async_trait::async_trait;
/// use fanout_consume::{Consumer, Failure, Plan, StoreEffect, View};
/// use fanout_contracts::user::UserCreated;
/// use fanout_events::Envelope;
///
/// struct Greet;
///
/// #[async_trait]
/// impl StoreEffect<UserCreated> for Greet {
///     async fn plan(&self, _: &Envelope<UserCreated>, _: &View<'_>) -> Result<Plan, Failure> {
///         Ok(Plan::Apply(Default::default()))
///     }
/// }
///
/// let greeter = Consumer::named("greeter").on::<UserCreated>(Greet);
/// assert_eq!(greeter.handles().collect::<Vec<_>>(), ["user.created"]);
/// ```
#[derive(Clone)]
pub struct Consumer {
    /// Its name, part of every mark: a consumer that is renamed forgets what it has done.
    pub name: &'static str,
    handlers: BTreeMap<&'static str, Handler>,
    domains: Vec<&'static Domain>,
}

impl Consumer {
    /// A consumer that wants nothing yet.
    pub fn named(name: &'static str) -> Self {
        Self {
            name,
            handlers: BTreeMap::new(),
            domains: Vec::new(),
        }
    }

    /// Reacts to events of type `T` with an effect in the document store.
    pub fn on<T: EventType>(self, effect: impl StoreEffect<T>) -> Self {
        self.handling(T::DOMAIN, T::TYPE, in_store(effect))
    }

    /// Reacts to events of type `T` with an effect outside the store.
    pub fn acting_on<T: EventType>(self, effect: impl OutsideEffect<T>) -> Self {
        self.handling(T::DOMAIN, T::TYPE, outside(effect))
    }

    /// Reacts to events of a type that is only named, one of this domain's, with an effect in the
    /// document store.
    pub fn on_known(
        self,
        domain: &'static Domain,
        known: KnownType,
        effect: Arc<dyn EventEffect>,
    ) -> Self {
        self.handling(domain, known.name, of_known(known, effect))
    }

    fn handling(mut self, domain: &'static Domain, name: &'static str, handler: Handler) -> Self {
        self.handlers.insert(name, handler);
        if !self.domains.iter().any(|known| known.name == domain.name) {
            self.domains.push(domain);
        }
        self
    }

    /// The types that it wants; events of others are answered `ignored`.
    pub fn handles(&self) -> impl Iterator<Item = &'static str> {
        self.handlers.keys().copied()
    }

    /// The domains whose topics it listens to.
    pub fn domains(&self) -> &[&'static Domain] {
        &self.domains
    }

    pub(super) fn handler(&self, event_type: &str) -> Option<&Handler> {
        self.handlers.get(event_type)
    }
}
