//! A service whose settings have been read, before it is connected to anything.

use std::path::PathBuf;

use axum::Router;
use fanout_consume::ConsumerDeps;
use fanout_runtime::BoxError;
use fanout_web::Service;

use crate::{Kernel, Subscriber};

/// Where a service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a container of its own: what it needs must be set.
    Container,
    /// With all others in one process, where what is not set has a default.
    OneMachine {
        /// Where it may keep what belongs into no store.
        folder: PathBuf,
    },
}

/// A service with its settings.
pub struct Role {
    pub(crate) start: Start,
    /// What who starts it on one machine should know.
    pub note: Option<String>,
}

type Start = Box<dyn FnOnce(Kernel) -> Result<Service, BoxError> + Send>;

impl Role {
    /// A role that is started like this.
    pub fn new(start: impl FnOnce(Kernel) -> Result<Service, BoxError> + Send + 'static) -> Self {
        Self {
            start: Box::new(start),
            note: None,
        }
    }

    /// A role with the routes that `app` makes of what its consumer needs.
    pub fn reacting(
        subscriber: &'static Subscriber,
        app: impl FnOnce(ConsumerDeps) -> Router + Send + 'static,
    ) -> Self {
        Self::new(|kernel| Ok(Service::new(app(kernel.consumer(subscriber)?))))
    }

    /// The same, with something that who starts it on one machine should know.
    pub fn noting(self, note: impl Into<String>) -> Self {
        Self {
            note: Some(note.into()),
            ..self
        }
    }
}
